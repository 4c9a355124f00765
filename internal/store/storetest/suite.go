// Package storetest checks that stores keep the promises of package store, and has one in memory that keeps no other.
package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"exporter/internal/store"
)

// Run checks what a store promises as long as nothing fails. open returns one that is empty; the test closes it.
func Run(t *testing.T, open func(t *testing.T) store.Store) {
	for _, c := range []struct {
		name  string
		check func(*checked)
	}{
		{"Put_Replaces", (*checked).putReplaces},
		{"Put_WrongSize_KeepsTheOldOne", (*checked).putOfWrongSize},
		{"Put_BesideReaders_IsWhole", (*checked).putBesideReaders},
		{"Open_KeepsItsVersion", (*checked).openKeepsItsVersion},
		{"Open_Missing", (*checked).openMissing},
		{"List_InOrderOfKeys", (*checked).listInOrder},
		{"List_OfNothing", (*checked).listOfNothing},
		{"Create_Exists", (*checked).createExists},
		{"Create_OneOfMany", (*checked).createOneOfMany},
		{"Batch_StoresAll", (*checked).batchStoresAll},
		{"Batch_Two_DoNotMix", (*checked).batchesDoNotMix},
		{"Growing_GoesOn", (*checked).growingGoesOn},
		{"Growing_Finish_Replaces", (*checked).growingReplaces},
		{"Growing_IsFoundUnfinished_WhereItIsKept", (*checked).growingIsFound},
		{"Reopen_GrowsOn_OrChangesNothing", (*checked).reopen},
		{"Remove_WhatIsThereOrNot", (*checked).remove},
		{"Remove_BesidePut", (*checked).removeBesidePut},
		{"Spool_IsReadAgain", (*checked).spoolIsReadAgain},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := &checked{T: t, Store: open(t), ctx: t.Context()}
			c.check(s)
			s.must(s.Close())
		})
	}
}

// checked is a store that is under test.
type checked struct {
	*testing.T
	store.Store
	ctx context.Context
}

func (s *checked) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

func (s *checked) put(key, content string) {
	s.Helper()
	s.must(store.PutBytes(s.ctx, s, key, []byte(content)))
}

// has fails unless an object holds exactly this.
func (s *checked) has(key, want string) {
	s.Helper()
	if got, err := read(s.ctx, s.Store, key); err != nil || got != want {
		s.Fatalf("%s holds %.60q, %v, want %.60q", key, got, err, want)
	}
}

// lists fails unless exactly these keys are listed below a prefix, in this order and with the right sizes.
func (s *checked) lists(prefix string, want ...string) {
	s.Helper()
	var got []string
	for e, err := range s.List(s.ctx, prefix) {
		s.must(err)
		got = append(got, e.Key)
		if content, err := read(s.ctx, s.Store, e.Key); err != nil || int64(len(content)) != e.Size || e.Irregular {
			s.Errorf("%+v is listed, and %d bytes can be read: %v", e, len(content), err)
		}
	}
	if !slices.Equal(got, want) {
		s.Fatalf("below %q are %q, want %q", prefix, got, want)
	}
}

// read returns all that an object holds.
func read(ctx context.Context, r store.Reader, key string) (string, error) {
	b, err := store.ReadBytes(ctx, r, key, 1<<20)
	return string(b), err
}

func (s *checked) putReplaces() {
	s.put("run.json", "a long first one")
	s.put("run.json", "short")
	s.has("run.json", "short")
	s.put("a/b/c", "")
	s.has("a/b/c", "")
	s.lists("", "a/b/c", "run.json")
}

func (s *checked) putOfWrongSize() {
	s.put("x", "old")
	for _, size := range []int64{0, 3, 5} {
		if err := s.Put(s.ctx, "x", store.Bytes("four"), size); err == nil {
			s.Errorf("4 bytes were put as %d", size)
		}
	}
	s.has("x", "old")
}

func (s *checked) putBesideReaders() {
	versions := []string{strings.Repeat("old", 30_000), strings.Repeat("a newer one", 20_000)}
	s.put("x", versions[0])
	done := make(chan struct{})
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				if got, err := read(s.ctx, s.Store, "x"); err == nil && !slices.Contains(versions, got) {
					s.Errorf("a reader found a mixture of %d bytes", len(got))
				} else if errors.Is(err, fs.ErrNotExist) {
					s.Error("a reader found neither the old object nor the new one")
				}
			}
		})
	}
	for i := range 20 {
		s.put("x", versions[i%2])
	}
	close(done)
	readers.Wait()
}

func (s *checked) openKeepsItsVersion() {
	old := strings.Repeat("old", 100_000)
	s.put("x", old)
	o, err := s.Open(s.ctx, "x")
	s.must(err)
	first := make([]byte, 10)
	_, err = o.ReadAt(first, 0)
	s.must(err)
	s.put("x", strings.Repeat("new", 100_000))
	s.must(s.Remove(s.ctx, "x"))
	rest, err := io.ReadAll(io.NewSectionReader(o, 10, o.Size()-10))
	if got := string(first) + string(rest); err == nil && got != old {
		s.Errorf("after the object was replaced, %d bytes are those of neither version", len(got))
	}
	s.must(o.Close())
}

func (s *checked) openMissing() {
	s.put("a/b", "x")
	for _, key := range []string{"x", "a/c", "c/d/e"} {
		if _, err := s.Open(s.ctx, key); !errors.Is(err, fs.ErrNotExist) {
			s.Errorf("open %s: got error %v, want %v", key, err, fs.ErrNotExist)
		}
	}
}

func (s *checked) listInOrder() {
	// In the order of bytes, '-' and '.' come before '/', and '0' behind it.
	keys := []string{"a-b", "a.b", "a/b", "a/b.c/d", "a/b0", "a/é", "a0", "b/10", "b/9"}
	for _, key := range slices.Backward(keys) {
		s.put(key, key+"!")
	}
	s.lists("", keys...)
	s.lists("a/", "a/b", "a/b.c/d", "a/b0", "a/é")
	s.lists("a/b.c/", "a/b.c/d")
	for e, err := range s.List(s.ctx, "") {
		s.must(err)
		if e.Key != keys[0] {
			s.Errorf("the first one is %q", e.Key)
		}
		break
	}
}

func (s *checked) listOfNothing() {
	s.lists("")
	s.lists("no/")
	s.put("no/x", "")
	s.must(s.Remove(s.ctx, "no/x"))
	s.lists("no/")
}

func (s *checked) createExists() {
	s.must(s.Create(s.ctx, "log/1", []byte("first")))
	if err := s.Create(s.ctx, "log/1", []byte("second")); !errors.Is(err, store.ErrExists) {
		s.Errorf("got error %v, want %v", err, store.ErrExists)
	}
	s.has("log/1", "first")
	s.must(s.Remove(s.ctx, "log/1"))
	s.must(s.Create(s.ctx, "log/1", []byte("third")))
	s.has("log/1", "third")
}

func (s *checked) createOneOfMany() {
	for round := range 10 {
		key := fmt.Sprint("log/", round)
		var won atomic.Int64
		var all sync.WaitGroup
		for i := range 16 {
			all.Go(func() {
				switch err := s.Create(s.ctx, key, []byte(fmt.Sprint("of ", i))); {
				case err == nil:
					if previous := won.Swap(int64(i) + 1); previous != 0 {
						s.Errorf("%d and %d have both created %s", previous-1, i, key)
					}
				case !errors.Is(err, store.ErrExists):
					s.Errorf("got error %v, want %v", err, store.ErrExists)
				}
			})
		}
		all.Wait()
		s.has(key, fmt.Sprint("of ", won.Load()-1))
	}
}

// contents are objects for a batch, in some folders.
func contents(folder string, count int) map[string]string {
	c := map[string]string{}
	for i := range count {
		c[fmt.Sprintf("%s/%d/pages/%d.jpg", folder, i%7, i)] = strings.Repeat(fmt.Sprint(folder, i), 100)
	}
	return c
}

// add puts objects into a batch, all at once.
func (s *checked) add(b store.Batch, objects map[string]string) {
	s.Helper()
	var all sync.WaitGroup
	for key, content := range objects {
		all.Go(func() {
			if err := b.Put(s.ctx, key, store.Bytes(content), int64(len(content))); err != nil {
				s.Error(err)
			}
		})
	}
	all.Wait()
}

func (s *checked) batchStoresAll() {
	s.must(s.NewBatch().Sync(s.ctx))
	// Few and many may go different ways.
	for folder, count := range map[string]int{"few": 5, "many": 150} {
		b, objects := s.NewBatch(), contents(folder, count)
		s.add(b, objects)
		if err := b.Put(s.ctx, "wrong", store.Bytes("four"), 5); err == nil {
			s.Error("4 bytes were put as 5")
		}
		s.must(b.Sync(s.ctx))
		for key, content := range objects {
			s.has(key, content)
		}
		listed := 0
		for _, err := range s.List(s.ctx, folder+"/") {
			s.must(err)
			listed++
		}
		if listed != count {
			s.Errorf("%d objects are listed, want %d", listed, count)
		}
	}
	s.lists("wrong")
}

func (s *checked) batchesDoNotMix() {
	first, second := s.NewBatch(), s.NewBatch()
	s.add(first, contents("first", 10))
	s.add(second, contents("second", 10))
	s.must(second.Sync(s.ctx))
	s.add(first, contents("third", 10))
	s.must(first.Sync(s.ctx))
	for _, folder := range []string{"first", "second", "third"} {
		for key, content := range contents(folder, 10) {
			s.has(key, content)
		}
	}
}

func (s *checked) remove() {
	s.must(s.Remove(s.ctx))
	for _, key := range []string{"a/b/c", "a/d", "e", "a/b/f"} {
		s.put(key, "x")
	}
	s.must(s.Remove(s.ctx, "a/b/c", "no", "no/such", "e", "a/b/f"))
	s.lists("", "a/d")
	s.put("a/b/c", "again")
	s.has("a/b/c", "again")
}

func (s *checked) removeBesidePut() {
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			key := fmt.Sprint("a/b/", i)
			for range 20 {
				if err := store.PutBytes(s.ctx, s, key, []byte("x")); err != nil {
					s.Error(err)
				}
				if err := s.Remove(s.ctx, key); err != nil {
					s.Error(err)
				}
			}
		})
	}
	all.Wait()
	s.lists("")
}

func (s *checked) spoolIsReadAgain() {
	sp, err := s.Spool()
	s.must(err)
	s.isReadAgain(sp)
	for _, inMemory := range []int{0, 100_000, 1 << 20} {
		s.isReadAgain(store.Buffered(s.Spool, inMemory))
	}
}

// isReadAgain uses an empty spool, and closes it.
func (s *checked) isReadAgain(sp store.Spool) {
	want := strings.Repeat("spooled", 30_000)
	for chunk := range slices.Chunk([]byte(want), 50_000) {
		_, err := sp.Write(chunk)
		s.must(err)
	}
	if sp.Size() != int64(len(want)) {
		s.Errorf("it has %d bytes, want %d", sp.Size(), len(want))
	}
	for range 2 {
		var got bytes.Buffer
		n, err := sp.WriteTo(&got)
		if err != nil || n != int64(len(want)) || got.String() != want {
			s.Fatalf("%d bytes, %v, want %d", n, err, len(want))
		}
	}
	part := make([]byte, 7)
	if _, err := sp.ReadAt(part, 70_000); err != nil || string(part) != "spooled" {
		s.Errorf("read %q, %v", part, err)
	}
	s.lists("")
	s.must(s.Put(s.ctx, "manifest.parquet", sp, int64(len(want))))
	s.must(sp.Close())
	s.has("manifest.parquet", want)
	s.must(s.Remove(s.ctx, "manifest.parquet"))
}
