package sinks

import (
	"context"
	"iter"
	"testing"

	"exporter/internal/durable"
	"exporter/internal/durable/durabletest"
	"exporter/internal/store"
	"exporter/pipeline"
)

// countingStore counts the bytes that are read of objects, and those that are written to objects that grow.
type countingStore struct {
	store.Store
	read, written int64
}

func (c *countingStore) Open(ctx context.Context, key string) (store.Object, error) {
	o, err := c.Store.Open(ctx, key)
	return countingObject{o, c}, err
}

func (c *countingStore) Grow(ctx context.Context, key string) (store.Growing, error) {
	g, err := c.Store.Grow(ctx, key)
	return countingGrowing{g, c}, err
}

func (c *countingStore) Reopen(ctx context.Context, key string) (store.Growing, error) {
	g, err := c.Store.Reopen(ctx, key)
	return countingGrowing{g, c}, err
}

type countingObject struct {
	store.Object
	c *countingStore
}

func (o countingObject) ReadAt(p []byte, at int64) (int, error) {
	n, err := o.Object.ReadAt(p, at)
	o.c.read += int64(n)
	return n, err
}

type countingGrowing struct {
	store.Growing
	c *countingStore
}

func (g countingGrowing) Write(p []byte) (int, error) {
	n, err := g.Growing.Write(p)
	g.c.written += int64(n)
	return n, err
}

func (g countingGrowing) ReadAt(p []byte, at int64) (int, error) {
	n, err := g.Growing.ReadAt(p, at)
	g.c.read += int64(n)
	return n, err
}

// A year of nights of twenty new pictures each leaves no more shards than their bytes ask for, and one. No night writes more to shards
// than the first by a tenth, nor reads more of them than that.
func TestArchive_YearOfNights_NoneIsDearer(t *testing.T) {
	for _, compress := range []bool{true, false} {
		fsys := durabletest.NewMemory(nil)
		if err := durable.Prepare(fsys); err != nil {
			t.Fatal(err)
		}
		const shardSize = 1 << 20
		s := &countingStore{Store: store.OnFS(fsys)}
		o := ArchiveOptions{Compress: compress, Level: "fastest", ShardSize: shardSize, FrameSize: 64 << 10, GoOn: true}
		var first, all int64
		for night := range 365 {
			s.read, s.written = 0, 0
			spendNight(t, s, o, night)
			if night == 0 {
				first = s.written
			}
			if s.written > first+first/10 || s.read > first/10 {
				t.Fatalf("night %d wrote %d bytes and read %d, the first wrote %d", night+1, s.written, s.read, first)
			}
		}
		shards := 0
		for e, err := range s.List(t.Context(), ShardDir+"/") {
			if err != nil {
				t.Fatal(err)
			}
			shards++
			all += e.Size
		}
		if most := 1 + int((all+shardSize-1)/shardSize); shards > most {
			t.Errorf("%d shards for %d bytes, want %d at most", shards, all, most)
		}
	}
}

// spendNight stores twenty pictures.
func spendNight(t *testing.T, s store.Store, o ArchiveOptions, night int) {
	t.Helper()
	nothing := func() iter.Seq2[*pipeline.Row, error] { return func(func(*pipeline.Row, error) bool) {} }
	a, err := NewArchive(t.Context(), s, o, nothing)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 20 {
		page := screenshot("f", 20*night+i)
		if _, err := a.Put(t.Context(), &page, testBlob(noise(20*night+i, 2_000)), nil); err != nil {
			t.Fatal(err)
		}
	}
	batch, err := a.Cut(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := batch.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := a.Seal(t.Context()); err != nil {
		t.Fatal(err)
	}
}
