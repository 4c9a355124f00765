package sinks

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"math/rand/v2"
	"testing"
	"time"

	"exporter/internal/durable"
	"exporter/internal/store"
	"exporter/pipeline"
)

// benchAsset returns an asset of which no two are the same.
func benchAsset(n int) *pipeline.Asset {
	return &pipeline.Asset{
		FileID: pipeline.ID(fmt.Sprintf("182bd5e5-6e1a-4fe4-a799-%012d", n/100)), Kind: pipeline.Figure, PageIndex: int32(n % 100),
		FigureName: "page_1_figure_1.jpg",
	}
}

// benchBlobs returns blobs that cannot be compressed, and of which no two are alike: more than an encoder remembers.
func benchBlobs(size int) []*pipeline.Blob {
	random := rand.NewChaCha8([32]byte{1})
	blobs := make([]*pipeline.Blob, 1+(8<<20)/size)
	for i := range blobs {
		content := make([]byte, size)
		_, _ = random.Read(content) // never fails
		blobs[i] = pipeline.NewBlob(pipeline.Content{Size: int64(size), MediaType: "image/jpeg"}, bytes.NewReader(content), nil)
		blobs[i].FetchedAt = time.Now()
	}
	return blobs
}

func BenchmarkMemberName(b *testing.B) {
	asset := benchAsset(1)
	b.ReportAllocs()
	for b.Loop() {
		PlainName(asset, "image/jpeg")
	}
}

func BenchmarkSinks_Put(b *testing.B) {
	archive := func(compress bool) func(store.Store) (pipeline.Sink, error) {
		return func(s store.Store) (pipeline.Sink, error) {
			o := DefaultArchiveOptions()
			o.Compress = compress
			return NewArchive(context.Background(), s, o, func() iter.Seq2[*pipeline.Row, error] {
				return func(func(*pipeline.Row, error) bool) {}
			})
		}
	}
	for _, sink := range []struct {
		name string
		open func(store.Store) (pipeline.Sink, error)
	}{
		{"local", func(s store.Store) (pipeline.Sink, error) { return NewLocal(s), nil }},
		{"archive", archive(true)},
		{"archive uncompressed", archive(false)},
	} {
		for _, size := range []int{2_000, 100_000} {
			b.Run(fmt.Sprintf("%s/%d", sink.name, size), func(b *testing.B) { benchmarkPut(b, sink.open, size) })
		}
	}
}

// benchmarkPut puts blobs, without what makes them durable.
func benchmarkPut(b *testing.B, open func(store.Store) (pipeline.Sink, error), size int) {
	dir, err := durable.Open(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	defer dir.Close()
	sink, err := open(store.OnFS(dir))
	if err != nil {
		b.Fatal(err)
	}
	defer sink.Close()
	blobs := benchBlobs(size)
	b.SetBytes(int64(size))
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		if _, err := sink.Put(b.Context(), benchAsset(n), blobs[n%len(blobs)], nil); err != nil {
			b.Fatal(err)
		}
		n++
	}
}
