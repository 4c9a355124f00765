package bucket_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"exporter/internal/store"
	"exporter/internal/store/bucket"
	"exporter/internal/store/bucket/buckettest"
	"exporter/internal/testmain"
)

// as returns the options of a writer on a machine, with all waiting times as they really are.
func as(host string) bucket.Options {
	return bucket.Options{Direct: []string{"blobs/", "shards/"}, Host: host, Process: 7}
}

func put(t *testing.T, b store.Store, key, content string) {
	t.Helper()
	if err := store.PutBytes(t.Context(), b, key, []byte(content)); err != nil {
		t.Fatal(err)
	}
}

// wantHeld fails unless a key holds exactly this for a reader that comes now.
func wantHeld(t *testing.T, m *buckettest.Memory, key, want string) {
	t.Helper()
	r, err := bucket.Open(t.Context(), m.Client(nil), prefix, as("reader"))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := store.ReadBytes(t.Context(), r, key, 1<<20); err != nil || string(got) != want {
		t.Errorf("%s holds %.60q, %v, want %.60q", key, got, err, want)
	}
}

func closed(t *testing.T, b *bucket.Bucket) {
	t.Helper()
	if err := b.Close(); err != nil {
		t.Error(err)
	}
}

// machine is one that may be cut off from the store.
type machine struct{ off atomic.Bool }

func (m *machine) fate(r buckettest.Request) buckettest.Fate {
	if m.off.Load() {
		return buckettest.Fate{Err: buckettest.Lost(r.Kind, r.Key)}
	}
	return buckettest.Fate{}
}

func TestOwn_OwnerAlive_GivesWayBeforeItWrites(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory(t)
		first := own(t, m.Client(nil), as("one"))
		put(t, first, "a", "of one")
		before, began := m.Keys(), time.Now()
		_, err := bucket.Own(t.Context(), m.Client(nil), prefix, as("two"))
		if !errors.Is(err, store.ErrOwned) || !strings.Contains(err.Error(), `process 7 on "one", since`) {
			t.Errorf("got error %v, want %v that names the owner", err, store.ErrOwned)
		}
		if took := time.Since(began); took > time.Minute+10*time.Second {
			t.Errorf("it took %v to find that the owner is alive, which says so each minute", took)
		}
		// The owner has written that it is alive, and nobody anything else.
		added := slices.DeleteFunc(m.Keys(), func(key string) bool { return slices.Contains(before, key) })
		if len(added) != 1 || !strings.Contains(added[0], "/.exporter/log/") {
			t.Errorf("%q were written meanwhile, want one entry", added)
		}
		put(t, first, "a", "of one again")
		closed(t, first)
		wantHeld(t, m, "a", "of one again")
	})
}

func TestOwn_Released_TakesItAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory(t)
		for i := range 5 {
			began := time.Now()
			b := own(t, m.Client(nil), as("one"))
			if b.IsNew() != (i == 0) || time.Since(began) > 0 {
				t.Errorf("export %d: IsNew is %v, after %v", i, b.IsNew(), time.Since(began))
			}
			put(t, b, fmt.Sprint("key-", i), "x")
			closed(t, b)
		}
		for i := range 5 {
			wantHeld(t, m, fmt.Sprint("key-", i), "x")
		}
	})
}

func TestOwn_OwnerKilled_WaitsThenTakesIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, dead := newMemory(t), &machine{}
		first := own(t, m.Client(dead.fate), as("one"))
		put(t, first, "a", "kept")
		dead.off.Store(true)
		began := time.Now()
		second := own(t, m.Client(nil), as("two"))
		if took := time.Since(began); took < bucket.DefaultPatience || took > bucket.DefaultPatience+10*time.Second {
			t.Errorf("it took %v, want %v", took, bucket.DefaultPatience)
		}
		put(t, second, "b", "too")
		closed(t, second)
		wantHeld(t, m, "a", "kept")
		wantHeld(t, m, "b", "too")
		_ = first.Close()
	})
}

// A writer that was cut off, and comes back when another has the export, changes nothing any more.
func TestBucket_Fenced_ChangesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, cut := newMemory(t), &machine{}
		ghost := own(t, m.Client(cut.fate), as("ghost"))
		put(t, ghost, "table", "of the ghost")
		put(t, ghost, "blobs/old", "old")
		cut.off.Store(true)
		owner := own(t, m.Client(nil), as("owner"))
		put(t, owner, "table", "of the owner")
		put(t, owner, "blobs/new", "new")
		cut.off.Store(false)
		big := store.Bytes(strings.Repeat("x", 2<<20))
		ctx := t.Context()
		batch := ghost.NewBatch()
		for what, change := range map[string]func() error{
			"put":         func() error { return store.PutBytes(ctx, ghost, "table", []byte("of the ghost again")) },
			"put large":   func() error { return ghost.Put(ctx, "table", big, int64(len(big))) },
			"create":      func() error { return ghost.Create(ctx, "new", []byte("x")) },
			"remove":      func() error { return ghost.Remove(ctx, "table") },
			"remove blob": func() error { return ghost.Remove(ctx, "blobs/new", "blobs/old") },
			"replace":     func() error { return store.PutBytes(ctx, ghost, "blobs/new", []byte("other")) },
			"put blob":    func() error { return batch.Put(ctx, "blobs/new", store.Bytes("other"), 5) },
		} {
			if err := change(); !errors.Is(err, store.ErrOwned) || !strings.Contains(err.Error(), `on "owner"`) {
				t.Errorf("%s: got error %v, want %v that names the owner", what, err, store.ErrOwned)
			}
		}
		if err := ghost.Close(); err != nil {
			t.Errorf("close the ghost: %v", err)
		}
		put(t, owner, "later", "x")
		closed(t, owner)
		wantHeld(t, m, "table", "of the owner")
		wantHeld(t, m, "blobs/old", "old")
		wantHeld(t, m, "blobs/new", "new")
	})
}

// After a day, entries that were folded are removed. A writer that sleeps so long finds its next number free, and changes nothing all the
// same.
func TestBucket_GhostAfterADay_CannotRewriteHistory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, asleep := newMemory(t), &machine{}
		ghost := own(t, m.Client(asleep.fate), as("ghost"))
		put(t, ghost, "table", "of the ghost")
		asleep.off.Store(true)
		owner := own(t, m.Client(nil), as("owner"))
		for i := range 200 {
			put(t, owner, "table", fmt.Sprint("of the owner ", i))
		}
		closed(t, owner)
		time.Sleep(25 * time.Hour)
		closed(t, own(t, m.Client(nil), as("owner")))
		first := prefix + "/.exporter/log/0000000001"
		if slices.Contains(m.Keys(), first) {
			t.Fatalf("%s is there after a day, and so the ghost is not tempted", first)
		}
		asleep.off.Store(false)
		err := store.PutBytes(t.Context(), ghost, "table", []byte("of the ghost again"))
		if !errors.Is(err, store.ErrOwned) {
			t.Errorf("got error %v, want %v", err, store.ErrOwned)
		}
		if err := ghost.Close(); err != nil {
			t.Error(err)
		}
		wantHeld(t, m, "table", "of the owner 199")
		owner = own(t, m.Client(nil), as("owner"))
		put(t, owner, "table", "last")
		closed(t, owner)
		wantHeld(t, m, "table", "last")
	})
}

// A writer whose machine slept, so that it has not even tried to say that it is alive, looks at the log before it removes or replaces anything.
func TestBucket_Asleep_RemovesNothing(t *testing.T) {
	for name, sleep := range map[string]time.Duration{"ForAnHour": time.Hour, "UntilItsEntriesAreGone": 50 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m, sleeper := newMemory(t), as("sleeper")
				sleeper.Beat = 1000 * time.Hour
				ghost := own(t, m.Client(nil), sleeper)
				put(t, ghost, "blobs/old", "old")
				owner := own(t, m.Client(nil), as("owner"))
				for range 100 {
					put(t, owner, "table", "x")
				}
				closed(t, owner)
				time.Sleep(sleep / 2)
				closed(t, own(t, m.Client(nil), as("owner")))
				time.Sleep(sleep / 2)
				for what, change := range map[string]func() error{
					"remove":  func() error { return ghost.Remove(t.Context(), "blobs/old") },
					"replace": func() error { return store.PutBytes(t.Context(), ghost, "blobs/old", []byte("other")) },
				} {
					if err := change(); !errors.Is(err, store.ErrOwned) {
						t.Errorf("%s: got error %v, want %v", what, err, store.ErrOwned)
					}
				}
				closed(t, ghost)
				wantHeld(t, m, "blobs/old", "old")
			})
		})
	}
}

// What is tried again after a sleep is not tried before the log was looked at.
func TestBucket_SleepsWhileItTries_ChangesNothing(t *testing.T) {
	for kind, change := range map[string]func(context.Context, store.Store) error{
		"remove": func(ctx context.Context, s store.Store) error { return s.Remove(ctx, "blobs/a") },
		"put": func(ctx context.Context, s store.Store) error {
			return store.PutBytes(ctx, s, "manifest.parquet", []byte("old"))
		},
	} {
		t.Run(kind, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m, asleep := newMemory(t), &machine{}
				ghost := own(t, m.Client(func(r buckettest.Request) buckettest.Fate {
					if r.Kind == kind && !strings.Contains(r.Key, "/.exporter/") {
						asleep.off.Store(true)
					}
					return asleep.fate(r)
				}), as("ghost"))
				done := make(chan error)
				go func() { done <- change(t.Context(), ghost) }()
				time.Sleep(time.Second)
				owner := own(t, m.Client(nil), as("owner"))
				put(t, owner, "blobs/a", "of the owner")
				put(t, owner, "manifest.parquet", "of the owner")
				asleep.off.Store(false)
				if err := <-done; !errors.Is(err, store.ErrOwned) {
					t.Errorf("got error %v, want %v", err, store.ErrOwned)
				}
				closed(t, ghost)
				for _, key := range []string{"blobs/a", "manifest.parquet"} {
					body, _, err := m.Client(nil).Get(t.Context(), prefix+"/"+key, 0, 100, "")
					if err != nil {
						t.Fatal(err)
					}
					if got, err := io.ReadAll(body); err != nil || string(got) != "of the owner" {
						t.Errorf("%s holds %q, %v", key, got, err)
					}
				}
				closed(t, owner)
			})
		})
	}
}

// What is unique is never replaced by a new one, whatever a list lacked.
func TestBucket_UniqueKeyIsTaken_IsNotOverwritten(t *testing.T) {
	o := quick()
	o.Unique = []string{"shards/"}
	m := newMemory(t)
	b := own(t, m.Client(nil), o)
	for i, content := range []string{"first", "first", "second"} {
		g, err := b.Grow(t.Context(), "shards/1")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := g.Write([]byte(content)); err != nil {
			t.Fatal(err)
		}
		if err := g.Finish(t.Context()); errors.Is(err, store.ErrExists) != (i == 2) {
			t.Errorf("%d: got error %v", i, err)
		}
	}
	closed(t, b)
	wantHeld(t, m, "shards/1", "first")
}

// What takes longer to send than requests are tried is tried again all the same.
func TestBucket_SlowUploads_AreTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory(t)
		failures := 0
		b := own(t, m.Client(func(r buckettest.Request) (f buckettest.Fate) {
			if strings.HasSuffix(r.Key, "shards/1") && r.Kind == "create" && failures < 2 {
				failures++
				f.Before, f.Err = func() { time.Sleep(10 * time.Minute) }, buckettest.Lost(r.Kind, r.Key)
			}
			return f
		}), as("one"))
		g, err := b.Grow(t.Context(), "shards/1")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := g.Write([]byte("large")); err != nil {
			t.Fatal(err)
		}
		if err := g.Finish(t.Context()); err != nil || failures != 2 {
			t.Errorf("after %d failures: %v", failures, err)
		}
		closed(t, b)
		wantHeld(t, m, "shards/1", "large")
	})
}

// An entry of which nobody knows whether it was written, as no answer came for long, is settled before the next one: its writer stays the owner.
func TestBucket_UnsureEntry_IsSettled(t *testing.T) {
	for _, isWritten := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			m := newMemory(t)
			var silent atomic.Bool
			b := own(t, m.Client(func(r buckettest.Request) buckettest.Fate {
				if silent.Load() && r.Kind != "list" {
					return buckettest.Fate{Err: buckettest.Lost(r.Kind, r.Key), Done: isWritten && r.Kind == "create"}
				}
				return buckettest.Fate{}
			}), as("one"))
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			silent.Store(true)
			if err := store.PutBytes(ctx, b, "a", []byte("unsure")); err == nil {
				t.Error("no answer came, and there is no error")
			}
			silent.Store(false)
			put(t, b, "b", "sure")
			closed(t, b)
			wantHeld(t, m, "a", "unsure")
			wantHeld(t, m, "b", "sure")
		})
	}
}

// However long the log has become, a reader needs few requests, as it is folded.
func TestOpen_LongLog_FewRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory(t)
		b := own(t, m.Client(nil), as("one"))
		for i := range 1000 {
			put(t, b, fmt.Sprintf(".exporter/parts/%d", i%10), fmt.Sprint(i))
		}
		closed(t, b)
		before := m.Requests()
		wantHeld(t, m, ".exporter/parts/9", "999")
		if requests := m.Requests() - before; requests > 80 {
			t.Errorf("a reader needs %d requests", requests)
		}
	})
}

// Two writers come and go, are killed, and lose requests and answers, some of which are carried out much later.
func TestBucket_TwoWriters_LoseNothing(t *testing.T) {
	testmain.Long(t)
	for seed := range uint64(20) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newMemory(t)
				c := buckettest.Commits{Client: m.Client, Prefix: prefix, Options: as("writer"), Each: 120, Pause: 20 * time.Second, Seed: seed}
				c.Run(t)
			})
		})
	}
}

// What readers find under a key itself is what the log says, also where a writer was killed before it had put it there, or one that had lost
// the export has overwritten it.
func TestOwn_MendsCopies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory(t)
		copies := func() string {
			body, _, err := m.Client(nil).Get(t.Context(), prefix+"/manifest.parquet", 0, 1000, "")
			if err != nil {
				return err.Error()
			}
			b := make([]byte, 1000)
			n, _ := body.Read(b)
			return string(b[:n])
		}
		dead := &machine{}
		stops := func(r buckettest.Request) buckettest.Fate {
			if r.Kind == "put" && strings.HasSuffix(r.Key, "/manifest.parquet") {
				dead.off.Store(true)
			}
			return dead.fate(r)
		}
		b := own(t, m.Client(nil), as("one"))
		put(t, b, "manifest.parquet", "first")
		put(t, b, "other.parquet", "goes")
		closed(t, b)
		b = own(t, m.Client(stops), as("two"))
		if err := store.PutBytes(t.Context(), b, "manifest.parquet", []byte("second")); err == nil {
			t.Error("the copy was not made, and there is no error")
		}
		_ = b.Close()
		if got := copies(); got != "first" {
			t.Fatalf("the copy is %q, want the one from before", got)
		}
		wantHeld(t, m, "manifest.parquet", "second")
		closed(t, own(t, m.Client(nil), as("three")))
		if got := copies(); got != "second" {
			t.Errorf("the copy is %q, want %q", got, "second")
		}
		if _, err := m.Client(nil).Put(t.Context(), prefix+"/manifest.parquet", store.Bytes("ghost!"), 6); err != nil {
			t.Fatal(err)
		}
		b = own(t, m.Client(nil), as("three"))
		if got := copies(); got != "second" {
			t.Errorf("the copy is %q, want %q", got, "second")
		}
		if err := b.Remove(t.Context(), "manifest.parquet"); err != nil {
			t.Fatal(err)
		}
		closed(t, b)
		if got := copies(); !strings.Contains(got, fs.ErrNotExist.Error()) {
			t.Errorf("the copy is %q, want none", got)
		}
	})
}

// An export that was copied into a bucket is read, and goes on.
func TestOwn_CopiedExport_GoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory(t)
		for _, key := range []string{"manifest.parquet", ".exporter/parts/1", "blobs/a", "run.json"} {
			if _, err := m.Client(nil).Put(t.Context(), prefix+"/"+key, store.Bytes("copied"), 6); err != nil {
				t.Fatal(err)
			}
			wantHeld(t, m, key, "copied")
		}
		b := own(t, m.Client(nil), as("one"))
		put(t, b, "manifest.parquet", "new")
		if err := b.Remove(t.Context(), ".exporter/parts/1"); err != nil {
			t.Fatal(err)
		}
		closed(t, b)
		wantHeld(t, m, "manifest.parquet", "new")
		wantHeld(t, m, "run.json", "copied")
		r, err := bucket.Open(t.Context(), m.Client(nil), prefix, as("reader"))
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for e, err := range r.List(t.Context(), "") {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, e.Key)
		}
		if want := []string{"blobs/a", "manifest.parquet", "run.json"}; !slices.Equal(got, want) {
			t.Errorf("%q are listed, want %q", got, want)
		}
	})
}
