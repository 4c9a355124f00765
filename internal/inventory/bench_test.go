package inventory

import (
	"fmt"
	"testing"

	"exporter/internal/store/storetest"
	"exporter/manifest"
	"exporter/pipeline"
)

// nobodyListens counts what it is told.
type nobodyListens struct{ files, assets int }

func (n *nobodyListens) File(*File) error   { n.files++; return nil }
func (n *nobodyListens) Asset(*Asset) error { n.assets++; return nil }

// benchInventory is that of an export of 20,000 assets, of which one in a thousand failed.
func benchInventory(b *testing.B) *Inventory {
	b.Helper()
	st := storetest.NewMemory(nil)
	ledger, err := manifest.Open(b.Context(), st, manifest.Info{Version: "bench", Source: "{}", Sink: "{}"})
	if err != nil {
		b.Fatal(err)
	}
	var rows pipeline.Rows
	for i := range 20_000 {
		file := &pipeline.File{ID: fmt.Sprintf("file-%06d", i/100)}
		row := &pipeline.Row{
			Asset: pipeline.Asset{FileID: pipeline.ID(file.ID), Kind: pipeline.Screenshot, PageIndex: int32(i % 100), Origin: pipeline.OriginFile},
			File:  file, Status: pipeline.Stored, Content: pipeline.Content{Size: int64(i), MediaType: "image/jpeg", Width: 10, Height: 10},
			Location: pipeline.Location{Path: fmt.Sprint("blobs/", i)},
		}
		if i%1000 == 7 {
			row.Status, row.Reason = pipeline.Failed, "http_404: not there"
		}
		rows.Assets = append(rows.Assets, row)
		if i%100 == 99 {
			rows.Files = append(rows.Files, &pipeline.FileRow{File: *file, Status: pipeline.Complete, Sources: []pipeline.SourceKey{"project"}})
		}
	}
	if err := ledger.Commit(b.Context(), rows); err != nil {
		b.Fatal(err)
	}
	if err := ledger.Compact(b.Context()); err != nil {
		b.Fatal(err)
	}
	if err := ledger.Close(); err != nil {
		b.Fatal(err)
	}
	snapshot, err := manifest.Glance(b.Context(), st)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { snapshot.Close() })
	return New(snapshot, nil)
}

// BenchmarkInventory_List lists what failed, and sums up all.
func BenchmarkInventory_List(b *testing.B) {
	v := benchInventory(b)
	for name, o := range map[string]Options{"failed": {Failed: true}, "summary": {SummaryOnly: true}} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				n := &nobodyListens{}
				sum, err := v.List(b.Context(), o, n)
				if err != nil {
					b.Fatal(err)
				}
				if got := sum.Assets[Failed]; got != 20 || o.Failed && n.assets != 20 {
					b.Fatalf("%d failed, %d were listed, want 20", got, n.assets)
				}
			}
		})
	}
}
