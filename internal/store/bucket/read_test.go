package bucket_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"exporter/internal/store"
	"exporter/internal/store/bucket"
	"exporter/internal/store/bucket/buckettest"
)

// large is content that is too large for an entry and for a block, and everywhere another one.
func large(seed uint64) []byte {
	b := make([]byte, 3<<20+123)
	random := rand.NewChaCha8([32]byte{byte(seed)})
	_, _ = random.Read(b)
	return b
}

// What counts stays when what does not is removed after a day, and what a reader may have begun with until then.
func TestOwn_Garbage_GoesAfterADay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory(t)
		objects := func() (n int) {
			for _, key := range m.Keys() {
				if strings.Contains(key, "/.exporter/objects/") {
					n++
				}
			}
			return n
		}
		b := own(t, m.Client(nil), as("one"))
		put(t, b, "manifest.parquet", string(large(1)))
		put(t, b, "small", "in an entry")
		closed(t, b)
		b = own(t, m.Client(nil), as("one"))
		put(t, b, "manifest.parquet", string(large(2)))
		for range 200 {
			put(t, b, "other", "x")
		}
		closed(t, b)
		time.Sleep(23 * time.Hour)
		closed(t, own(t, m.Client(nil), as("one")))
		if n := objects(); n != 2 {
			t.Errorf("there are %d objects, want both versions", n)
		}
		time.Sleep(2 * time.Hour)
		closed(t, own(t, m.Client(nil), as("one")))
		if n := objects(); n != 1 {
			t.Errorf("after a day there are %d objects, want the one that counts", n)
		}
		entries := 0
		for _, key := range m.Keys() {
			if strings.Contains(key, "/.exporter/log/") {
				entries++
			}
		}
		// One of those that were folded holds what counts.
		if entries > 80 {
			t.Errorf("after a day there are %d entries", entries)
		}
		wantHeld(t, m, "small", "in an entry")
		r, err := bucket.Open(t.Context(), m.Client(nil), prefix, as("reader"))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := store.ReadBytes(t.Context(), r, "manifest.parquet", 8<<20); err != nil || !bytes.Equal(got, large(2)) {
			t.Errorf("manifest.parquet holds %d other bytes: %v", len(got), err)
		}
	})
}

// A list that is late hides no entry.
func TestOpen_LateList_FindsTheLastEntry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory(t)
		b := own(t, m.Client(nil), as("one"))
		put(t, b, ".exporter/parts/a", "first")
		closed(t, b)
		m.Vice = buckettest.ListsNothing
		wantHeld(t, m, ".exporter/parts/a", "first")
	})
}

// A reader that is open for long sees what is committed meanwhile.
func TestReader_SeesLaterCommits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory(t)
		b := own(t, m.Client(nil), as("one"))
		r, err := bucket.Open(t.Context(), m.Client(nil), prefix, as("reader"))
		if err != nil {
			t.Fatal(err)
		}
		for i := range 150 {
			put(t, b, "a", fmt.Sprint(i))
			if i%50 != 0 {
				continue
			}
			time.Sleep(5 * time.Second)
			if got, err := store.ReadBytes(t.Context(), r, "a", 100); err != nil || string(got) != fmt.Sprint(i) {
				t.Errorf("it sees %q, %v, want %d", got, err, i)
			}
		}
		if owned, err := r.IsOwned(t.Context()); err != nil || !owned {
			t.Errorf("IsOwned() = %v, %v, want true", owned, err)
		}
		closed(t, b)
		time.Sleep(5 * time.Second)
		if owned, err := r.IsOwned(t.Context()); err != nil || owned {
			t.Errorf("IsOwned() = %v, %v after its end, want false", owned, err)
		}
	})
}

// A writer that was killed when a checkpoint had just been made has the export no longer than any other.
func TestReader_IsOwned_AfterACheckpoint(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, dead := newMemory(t), &machine{}
		b := own(t, m.Client(dead.fate), as("one"))
		for !slices.ContainsFunc(m.Keys(), func(key string) bool { return strings.Contains(key, "/.exporter/checkpoints/") }) {
			put(t, b, ".exporter/parts/1", "x")
		}
		dead.off.Store(true)
		for _, want := range []bool{true, false} {
			r, err := bucket.Open(t.Context(), m.Client(nil), prefix, as("reader"))
			if err != nil {
				t.Fatal(err)
			}
			if owned, err := r.IsOwned(t.Context()); err != nil || owned != want {
				t.Errorf("IsOwned() = %v, %v, want %v", owned, err, want)
			}
			time.Sleep(10 * time.Minute)
		}
		_ = b.Close()
	})
}

// What is read of an object is of one version, or an error.
func TestObject_Replaced_IsNoMixture(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory(t)
		b := own(t, m.Client(nil), as("one"))
		put(t, b, "blobs/a", string(large(1)))
		o, err := b.Open(t.Context(), "blobs/a")
		if err != nil {
			t.Fatal(err)
		}
		begin := make([]byte, 10)
		if _, err := o.ReadAt(begin, 0); err != nil || !bytes.Equal(begin, large(1)[:10]) {
			t.Fatalf("it begins with %x, %v", begin, err)
		}
		put(t, b, "blobs/a", string(large(2)))
		rest, err := io.ReadAll(io.NewSectionReader(o, 10, o.Size()-10))
		if !errors.Is(err, bucket.ErrChanged) {
			t.Errorf("after it was replaced, %d bytes were read, %v, want %v", len(rest), err, bucket.ErrChanged)
		}
		closed(t, b)
	})
}

// Whatever is read of an object, it is what is there, however many read it at once.
func TestObject_ReadAt_AnyRange(t *testing.T) {
	m := newMemory(t)
	b := own(t, m.Client(nil), quick())
	content := large(3)
	put(t, b, "blobs/a", string(content))
	put(t, b, ".exporter/parts/a", string(content[:1<<20]))
	for key, want := range map[string][]byte{"blobs/a": content, ".exporter/parts/a": content[:1<<20]} {
		o, err := b.Open(t.Context(), key)
		if err != nil {
			t.Fatal(err)
		}
		if o.Size() != int64(len(want)) {
			t.Fatalf("%s has %d bytes, want %d", key, o.Size(), len(want))
		}
		done := make(chan error)
		for reader := range uint64(4) {
			go func() {
				random := rand.New(rand.NewPCG(reader, 1))
				for range 50 {
					at, count := random.Int64N(o.Size()+10), random.IntN(2<<20)
					p := make([]byte, count)
					n, err := o.ReadAt(p, at)
					left := want[min(at, o.Size()):]
					left = left[:min(len(left), count)]
					if !bytes.Equal(p[:n], left) || (n < count) != (err == io.EOF) && count > 0 || err != nil && err != io.EOF {
						done <- fmt.Errorf("ReadAt of %d bytes at %d: %d bytes, %w", count, at, n, err)
						return
					}
				}
				done <- nil
			}()
		}
		for range 4 {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
	}
	closed(t, b)
}

// A log that somebody has tampered with is not believed.
func TestOpen_ForgedLog_IsRefused(t *testing.T) {
	entry := func(number, epoch int, event, rest string) string {
		return fmt.Sprintf(`{"version":1,"number":%d,"epoch":%d,"nonce":"N","event":%q,"writer":{"host":"h","process":1}%s}`+"\n", number, epoch, event, rest)
	}
	for name, log := range map[string]map[int]string{
		"WrongNumber":     {1: entry(2, 1, "own", "")},
		"NoNonce":         {1: strings.Replace(entry(1, 1, "own", ""), `"N"`, `""`, 1)},
		"NewerVersion":    {1: strings.Replace(entry(1, 1, "own", ""), `"version":1`, `"version":2`, 1)},
		"NoJSON":          {1: "x\n"},
		"NoEnd":           {1: strings.TrimSuffix(entry(1, 1, "own", ""), "\n")},
		"CommitWithoutAn": {1: entry(1, 1, "commit", "")},
		"OtherEpoch":      {1: entry(1, 1, "own", ""), 2: entry(2, 2, "commit", "")},
		"EpochSkipped":    {1: entry(1, 1, "own", ""), 2: entry(2, 3, "own", "")},
		"Gap":             {1: entry(1, 1, "own", ""), 3: entry(3, 1, "commit", "")},
		"PathAbove":       {1: entry(1, 1, "own", `,"changes":[{"key":"../x","size":1}]`)},
		"ObjectAbove":     {1: entry(1, 1, "own", `,"changes":[{"key":"x","object":"../../secret","size":1}]`)},
		"OwnKey":          {1: entry(1, 1, "own", `,"changes":[{"key":".exporter/log/0000000009","size":1}]`)},
		"CopyAbove":       {1: entry(1, 1, "own", `,"copies":{"../victim":"v"}`)},
		"CopyPrivate":     {1: entry(1, 1, "own", `,"copies":{".exporter/parts/1":"v"}`)},
		"ObjectOfBlob":    {1: entry(1, 1, "own", `,"changes":[{"key":"x","object":"blobs/a","size":1}]`)},
		"NegativeSize":    {1: entry(1, 1, "own", `,"changes":[{"key":"x","size":-1}]`)},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMemory(t)
			for number, text := range log {
				key := fmt.Sprintf("%s/.exporter/log/%010d", prefix, number)
				if _, err := m.Client(nil).Put(t.Context(), key, store.Bytes(text), int64(len(text))); err != nil {
					t.Fatal(err)
				}
			}
			before := m.Keys()
			if r, err := bucket.Open(t.Context(), m.Client(nil), prefix, quick()); err == nil {
				t.Errorf("it was opened: %v", r)
			}
			if b, err := bucket.Own(t.Context(), m.Client(nil), prefix, quick()); err == nil {
				t.Errorf("it was owned: %v", b.Close())
			}
			if after := m.Keys(); !slices.Equal(before, after) {
				t.Errorf("there are %q, want %q as before", after, before)
			}
		})
	}
}

// Neither is a checkpoint.
func TestOpen_ForgedCheckpoint_IsRefused(t *testing.T) {
	for name, text := range map[string]string{
		"NoObjects":   `{"version":1,"number":5,"objects":null}`,
		"NoCopies":    `{"version":1,"number":5,"objects":{},"copies":null}`,
		"OtherNumber": `{"version":1,"number":6,"objects":{}}`,
		"Newer":       `{"version":2,"number":5,"objects":{}}`,
		"CopyAbove":   `{"version":1,"number":5,"objects":{},"copies":{"../../victim":"v"}}`,
		"KeyAbove":    `{"version":1,"number":5,"objects":{"../x":{"object":".exporter/objects/x","size":1}}}`,
		"ObjectAbove": `{"version":1,"number":5,"objects":{"x":{"object":"../secret","size":1}}}`,
		"NoJSON":      `x`,
	} {
		m := newMemory(t)
		replace(t, m.Client(nil), prefix+"/.exporter/checkpoints/0000000005", text)
		if r, err := bucket.Open(t.Context(), m.Client(nil), prefix, quick()); err == nil {
			t.Errorf("%s: it was opened: %v", name, r)
		}
	}
}

// A key that was adopted and removed holds nothing, also where its object could not be removed.
func TestBucket_AdoptedAndRemoved_IsGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory(t)
		for _, key := range []string{"manifest.parquet", ".exporter/parts/1"} {
			if _, err := m.Client(nil).Put(t.Context(), prefix+"/"+key, store.Bytes("copied"), 6); err != nil {
				t.Fatal(err)
			}
		}
		var refuses atomic.Bool
		b := own(t, m.Client(func(r buckettest.Request) buckettest.Fate {
			if r.Kind == "remove" && refuses.Load() {
				return buckettest.Fate{Err: &bucket.Error{Op: r.Kind, Key: r.Key, Err: fs.ErrPermission}}
			}
			return buckettest.Fate{}
		}), as("one"))
		refuses.Store(true)
		if err := b.Remove(t.Context(), ".exporter/parts/1"); !errors.Is(err, fs.ErrPermission) {
			t.Errorf("got error %v, want %v", err, fs.ErrPermission)
		}
		if o, err := b.Open(t.Context(), ".exporter/parts/1"); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("it was opened: %v, %v", o, err)
		}
		for e, err := range b.List(t.Context(), ".exporter/") {
			t.Errorf("%v is listed, %v", e, err)
		}
		closed(t, b)
	})
}

func TestBucket_Grow_Twice(t *testing.T) {
	b := own(t, newMemory(t).Client(nil), quick())
	g, err := b.Grow(t.Context(), "shards/1")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Grow(t.Context(), "shards/1"); err == nil {
		t.Error("a key was opened twice")
	}
	if err := g.Close(); err != nil {
		t.Error(err)
	}
	closed(t, b)
}
