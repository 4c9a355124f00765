package derived_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"strings"
	"sync"
	"testing"

	"exporter/internal/derived"
	"exporter/internal/durable/durabletest"
	"exporter/internal/store"
	"exporter/internal/store/storetest"
)

const (
	prefix  = ".exporter/derived/"
	version = "decoders 1"
)

type facts map[[32]byte]derived.Fact

// some returns facts of all kinds about pictures with numbers.
func some(from, to int) facts {
	all := facts{}
	for i := from; i < to; i++ {
		f := derived.Fact{State: derived.Decoded, PHash: uint64(i) * 0x9e3779b97f4a7c15, HasPHash: true}
		switch i % 5 {
		case 1:
			f = derived.Fact{State: derived.Broken, Problem: fmt.Sprintf("unexpected EOF in row %d", i%7)}
		case 2:
			f = derived.Fact{State: derived.Unsupported, Problem: "no decoder"}
		case 3:
			f = derived.Fact{State: derived.Decoded}
		}
		all[sum(i)] = f
	}
	return all
}

func sum(i int) [32]byte { return sha256.Sum256(binary.BigEndian.AppendUint64(nil, uint64(i))) }

func open(t testing.TB, r store.Reader, version string) *derived.Table {
	t.Helper()
	table, err := derived.Open(t.Context(), r, prefix, version)
	if err != nil {
		t.Fatal(err)
	}
	return table
}

func add(table *derived.Table, fs facts) {
	for sum, f := range fs {
		table.Add(sum, f)
	}
}

// differ says in what a table is not the facts.
func differ(table *derived.Table, want facts) error {
	if table.Len() != len(want) {
		return fmt.Errorf("%d facts, want %d", table.Len(), len(want))
	}
	for sum, f := range want {
		if got, ok := table.Get(sum); !ok || got != f {
			return fmt.Errorf("%x: %+v, %t, want %+v", sum, got, ok, f)
		}
	}
	return nil
}

func check(t testing.TB, table *derived.Table, want facts) {
	t.Helper()
	if err := differ(table, want); err != nil {
		t.Fatal(err)
	}
}

func save(t testing.TB, table *derived.Table, s store.Store) {
	t.Helper()
	if err := table.Save(t.Context(), s); err != nil {
		t.Fatal(err)
	}
}

func TestTable_Save_IsReadBack(t *testing.T) {
	s := storetest.NewMemory(nil)
	table := open(t, s, version)
	check(t, table, nil)
	if table.Ignored() != nil {
		t.Errorf("nothing is there, and is ignored: %v", table.Ignored())
	}
	first := some(0, 3000)
	add(table, first)
	check(t, table, first)
	save(t, table, s)

	again := open(t, s, version)
	if again.Ignored() != nil {
		t.Fatal(again.Ignored())
	}
	check(t, again, first)
	if _, ok := again.Get(sum(-1)); ok {
		t.Error("what was never added is there")
	}
	more := some(2000, 5000)
	add(again, more)
	save(t, again, s)
	maps.Copy(first, more)
	check(t, open(t, s, version), first)
}

// The same facts are the same bytes, in whatever order they come; nothing new, nothing written.
func TestTable_Save_IsReproducible(t *testing.T) {
	var files [2][]byte
	for i := range files {
		s := storetest.NewMemory(nil)
		table := open(t, s, version)
		add(table, some(0, 500))
		save(t, table, s)
		var err error
		if files[i], err = store.ReadBytes(t.Context(), s, prefix+derived.FileName, 1<<20); err != nil {
			t.Fatal(err)
		}
		before := s.Operations()
		save(t, table, s)
		add(table, some(0, 500))
		save(t, table, s)
		if s.Operations() != before {
			t.Error("nothing new was written")
		}
	}
	if !bytes.Equal(files[0], files[1]) {
		t.Error("the same facts are other bytes")
	}
}

func TestTable_Add_MergesWithWhatIsThere(t *testing.T) {
	hashed := derived.Fact{State: derived.Decoded, PHash: 7, HasPHash: true}
	broken := derived.Fact{State: derived.Broken, Problem: "cut"}
	for _, c := range []struct {
		name           string
		old, add, want derived.Fact
	}{
		{"a hash comes later", derived.Fact{State: derived.Decoded}, hashed, hashed},
		{"a hash is kept", hashed, derived.Fact{State: derived.Decoded}, hashed},
		{"another hash", hashed, derived.Fact{State: derived.Decoded, HasPHash: true}, derived.Fact{State: derived.Decoded, HasPHash: true}},
		{"another state", hashed, broken, broken},
		{"a text that is too long", hashed, derived.Fact{State: derived.Broken, Problem: strings.Repeat("x", 1000)}, hashed},
		{"a text that is none", hashed, derived.Fact{State: derived.Broken, Problem: "\xff"}, hashed},
		{"no state", hashed, derived.Fact{}, hashed},
	} {
		s := storetest.NewMemory(nil)
		table := open(t, s, version)
		table.Add(sum(1), c.old)
		save(t, table, s)
		table = open(t, s, version)
		table.Add(sum(1), c.add)
		save(t, table, s)
		if got, _ := open(t, s, version).Get(sum(1)); got != c.want {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
}

// Texts that are all different do not fill the memory.
func TestTable_Add_ManyProblems_AreBounded(t *testing.T) {
	table := open(t, storetest.NewMemory(nil), version)
	for i := range 10_000 {
		table.Add(sum(i), derived.Fact{State: derived.Broken, Problem: fmt.Sprint("problem ", i)})
	}
	if n := table.Len(); n == 0 || n == 10_000 {
		t.Errorf("%d facts with texts of their own are kept", n)
	}
}

func TestOpen_OtherDecoders_ForgetsAll(t *testing.T) {
	s := storetest.NewMemory(nil)
	table := open(t, s, version)
	add(table, some(0, 10))
	save(t, table, s)
	other := open(t, s, "decoders 2")
	check(t, other, nil)
	if err := other.Ignored(); err == nil || !strings.Contains(err.Error(), `"decoders 1"`) {
		t.Errorf("ignored: %v, want the old version", err)
	}
	other.Add(sum(3), derived.Fact{State: derived.Decoded})
	save(t, other, s)
	check(t, open(t, s, "decoders 2"), facts{sum(3): {State: derived.Decoded}})
}

// Whatever byte is another one, and wherever the file ends: nothing wrong is believed, and the run goes on.
func TestOpen_DamagedFile_IsIgnored(t *testing.T) {
	s := storetest.NewMemory(nil)
	table := open(t, s, version)
	add(table, some(0, 300))
	save(t, table, s)
	good, err := store.ReadBytes(t.Context(), s, prefix+derived.FileName, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	damaged := [][]byte{nil, []byte("PAR1"), []byte("PAR1\x00\x00\x00\x00PAR1"), bytes.Repeat([]byte{0xff}, 4000), []byte(strings.Repeat("no Parquet ", 99))}
	for at := 0; at < len(good); at += 1 + len(good)/300 {
		flipped := bytes.Clone(good)
		flipped[at] ^= 0x10
		damaged = append(damaged, flipped, good[:at])
	}
	for at := len(good) - 40; at < len(good); at++ {
		flipped := bytes.Clone(good)
		flipped[at] ^= 0x81
		damaged = append(damaged, flipped)
	}
	for i, data := range damaged {
		if err := store.PutBytes(t.Context(), s, prefix+derived.FileName, data); err != nil {
			t.Fatal(err)
		}
		table := open(t, s, version)
		if table.Ignored() == nil || table.Len() > 0 {
			t.Errorf("damaged file %d of %d bytes: %d facts, ignored: %v", i, len(data), table.Len(), table.Ignored())
		}
	}
	add(table, some(0, 301))
	save(t, table, s)
	check(t, open(t, s, version), some(0, 301))
}

func TestOpen_StoreFails_GoesOnWithNothing(t *testing.T) {
	s := storetest.NewMemory(storetest.FailAt(1, storetest.ErrCrashed))
	if err := store.PutBytes(t.Context(), s, "a", nil); !errors.Is(err, storetest.ErrCrashed) {
		t.Fatal(err)
	}
	table := open(t, s, version)
	if !errors.Is(table.Ignored(), storetest.ErrCrashed) {
		t.Errorf("ignored: %v, want the error of the store", table.Ignored())
	}
	if add(table, some(0, 3)); table.Save(t.Context(), s) == nil {
		t.Error("nothing was saved, and nobody was told")
	}
}

func TestOpen_Cancelled_Fails(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	cause := errors.New("enough")
	cancel(cause)
	if _, err := derived.Open(ctx, storetest.NewMemory(nil), prefix, version); !errors.Is(err, cause) {
		t.Errorf("%v, want the cause of the end", err)
	}
}

// A crash at any operation leaves what was saved before it, or what was being saved.
func TestTable_Save_Crashes_LoseLittle(t *testing.T) {
	stages := []facts{nil, some(0, 100), some(0, 150)}
	for name, newDisk := range storetest.Disks() {
		crashes := 0
		for n := 1; ; n++ {
			disk := newDisk(func(number int) error {
				if number >= n {
					return storetest.ErrCrashed
				}
				return nil
			})
			saved, err := saveStages(t.Context(), disk, stages)
			if err == nil {
				break
			}
			if !errors.Is(err, storetest.ErrCrashed) {
				t.Fatal(err)
			}
			crashes++
			for seed, drop := range []durabletest.Drop{durabletest.DropNone, durabletest.DropAll, durabletest.DropHalf, durabletest.DropHalf} {
				s, err := disk.Recover(drop, uint64(n*4+seed)).Open()
				if err != nil {
					t.Fatal(err)
				}
				table := open(t, s, version)
				if table.Ignored() != nil {
					t.Fatalf("%s, crash at operation %d, %s dropped: %v", name, n, drop, table.Ignored())
				}
				if differ(table, stages[saved]) != nil && (saved+1 == len(stages) || differ(table, stages[saved+1]) != nil) {
					t.Fatalf("%s, crash at operation %d, %s dropped: %d facts, %d were saved", name, n, drop, table.Len(), len(stages[saved]))
				}
			}
		}
		if crashes < 4 {
			t.Errorf("%s: %d crashes, want some at each step", name, crashes)
		}
	}
}

// saveStages saves one set of facts after the other, and returns the number of the last one that is saved.
func saveStages(ctx context.Context, disk storetest.Disk, stages []facts) (saved int, err error) {
	s, err := disk.Open()
	if err != nil {
		return 0, err
	}
	table, err := derived.Open(ctx, s, prefix, version)
	if err != nil {
		return 0, err
	}
	for i := 1; i < len(stages); i++ {
		add(table, stages[i])
		if err := table.Save(ctx, s); err != nil {
			return i - 1, err
		}
	}
	return len(stages) - 1, nil
}

func TestTable_Concurrently(t *testing.T) {
	s := storetest.NewMemory(nil)
	table := open(t, s, version)
	const workers, each = 4, 100
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for sum, f := range some(w*each, (w+1)*each) {
				table.Add(sum, f)
				if got, ok := table.Get(sum); !ok || got != f {
					t.Errorf("%x: %+v, %t, want %+v", sum, got, ok, f)
				}
			}
			if err := table.Save(t.Context(), s); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	check(t, open(t, s, version), some(0, workers*each))
}

func BenchmarkTable(b *testing.B) {
	const count = 20_000
	fs := some(0, count)
	s := storetest.NewMemory(nil)
	for b.Loop() {
		table, err := derived.Open(b.Context(), s, prefix, version)
		if err != nil {
			b.Fatal(err)
		}
		add(table, fs)
		if err := table.Save(b.Context(), s); err != nil {
			b.Fatal(err)
		}
	}
}

// What is of no picture any more goes, and all else stays, whichever decoders found it out.
func TestRetain_DropsWhatIsOfNoPicture(t *testing.T) {
	st, err := storetest.Disks()["directory"](func(int) error { return nil }).Open()
	if err != nil {
		t.Fatal(err)
	}
	table, err := derived.Open(t.Context(), st, "facts/", "decoders 1")
	if err != nil {
		t.Fatal(err)
	}
	for i := range 100 {
		table.Add([32]byte{byte(i)}, derived.Fact{State: derived.Decoded, PHash: uint64(i), HasPHash: true})
	}
	if err := table.Save(t.Context(), st); err != nil {
		t.Fatal(err)
	}
	retain := func(step int) *derived.Table {
		t.Helper()
		err := derived.Retain(t.Context(), st, "facts/", func(yield func([32]byte, error) bool) {
			for i := 0; step > 0 && i < 200; i += step {
				if !yield([32]byte{byte(i)}, nil) {
					return
				}
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		kept, err := derived.Open(t.Context(), st, "facts/", "decoders 1")
		if err != nil || kept.Ignored() != nil {
			t.Fatal(err, kept.Ignored())
		}
		return kept
	}
	if kept := retain(1); kept.Len() != 100 {
		t.Errorf("%d facts are left of pictures that are there, want 100", kept.Len())
	}
	kept := retain(3)
	if f, ok := kept.Get([32]byte{33}); kept.Len() != 34 || !ok || f.PHash != 33 {
		t.Errorf("%d facts are left, %+v of picture 33, want 34", kept.Len(), f)
	}
	if kept := retain(0); kept.Len() != 0 {
		t.Errorf("%d facts are left of no picture", kept.Len())
	}
	if _, err := st.Open(t.Context(), "facts/"+derived.FileName); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the empty table is there: %v", err)
	}
}
