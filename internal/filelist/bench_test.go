package filelist

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"exporter/internal/parts"
	"exporter/pipeline"
)

// BenchmarkSource_Listings reads a list of 100,000 files as they are in a directory: for all of them, and for one part of a thousand.
func BenchmarkSource_Listings(b *testing.B) {
	const files = 100_000
	listing := pipeline.Listing{Key: "directory:d", Files: func(yield func(pipeline.File, error) bool) {
		for i := range files {
			sum := sha256.Sum256(fmt.Append(nil, i))
			id := func(at int) string {
				return fmt.Sprintf("%x-%x-%x-%x-%x", sum[at:at+4], sum[at:at+2], sum[at:at+2], sum[at:at+2], sum[at:at+6])
			}
			ok := yield(pipeline.File{
				ID: id(0), DirectoryID: "dir-182bd5e5-6e1a-4fe4-a799-aa6d9a6ab26e", DirectoryFileID: "dfl-" + id(8), ProjectID: id(0),
				DisplayName: new(fmt.Sprintf("Invoice %d of 2026.pdf", i)), Metadata: json.RawMessage(`{"customer":"some customer","pages":12}`),
				CreatedAt: listedAt, UpdatedAt: listedAt.Add(time.Duration(i) * time.Second),
			}, nil)
			if !ok {
				return
			}
		}
	}}
	list := write(b, listing)
	plan := parts.New(1000)
	for name, takes := range map[string]func(pipeline.FileKey) bool{
		"all": nil, "one part of 1000": func(key pipeline.FileKey) bool { return plan.Of(key) == 3 },
	} {
		b.Run(name, func(b *testing.B) {
			s, err := sourceOf(list, takes)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				count := 0
				for _, err := range s.Listings(context.Background())[0].Files {
					if err != nil {
						b.Fatal(err)
					}
					count++
				}
				if count != files {
					b.Fatalf("%d files are read, want %d", count, files)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/files, "ns/file")
			b.ReportMetric(float64(len(list))/files, "bytes/file")
		})
	}
	b.Run("write", func(b *testing.B) {
		for b.Loop() {
			if _, err := Write(context.Background(), &bytes.Buffer{}, header, []pipeline.Listing{listing}, nil); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/files, "ns/file")
	})
}
