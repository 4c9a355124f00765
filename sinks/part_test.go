package sinks_test

import (
	"errors"
	"io/fs"
	"testing"

	"exporter/internal/store"
	"exporter/internal/store/storetest"
	"exporter/pipeline"
	"exporter/sinks"
)

// What is in a part is read where the tables lead there, and belongs to whoever owns the part.
func TestRemoveBlobs_OfAPart_LeavesThem(t *testing.T) {
	const own, ofPart = "blobs/1c/a/page_screenshots/0.jpg", "parts/part=0003/blobs/1c/a/page_screenshots/0.jpg"
	st := storetest.NewMemory(nil)
	for _, key := range []string{own, ofPart} {
		if err := store.PutBytes(t.Context(), st, key, []byte("blob")); err != nil {
			t.Fatal(err)
		}
	}
	if err := sinks.RemoveBlobs(t.Context(), st, []pipeline.Location{{Path: own}, {Path: ofPart}}); err != nil {
		t.Fatal(err)
	}
	if _, err := st.Open(t.Context(), own); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("its own blob: %v, want none", err)
	}
	r, err := sinks.Open(t.Context(), st, pipeline.Location{Path: ofPart}, 4)
	if err != nil {
		t.Fatalf("the blob of the part: %v", err)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
}

func TestNames_OfParts_LeadIntoBlobsAndShardsAlone(t *testing.T) {
	for name, want := range map[string]struct {
		isBlob, isShard bool
		folder          string
	}{
		"parts/part=0003/blobs/1c/a/page_screenshots/0.jpg":  {true, false, "parts/part=0003/blobs/1c/a/"},
		"parts/before/blobs/a/page_screenshots/0.jpg":        {true, false, "parts/before/blobs/a/"},
		"parts/part=0003/shards/shard-000000.tar.zst":        {false, true, ""},
		"parts/part=0003/shards/x.tar":                       {false, false, ""},
		"parts/part=0003/manifest.parquet":                   {false, false, ""},
		"parts/part=0003/.exporter/lock":                     {false, false, ""},
		"parts/part=0003/blobs/../../../secret":              {false, false, ""},
		"parts/../blobs/1c/a/0.jpg":                          {false, false, ""},
		"parts/part=0003/parts/b/blobs/1c/a/0.jpg":           {false, false, ""},
		"/parts/part=0003/blobs/1c/a/page_screenshots/0.jpg": {false, false, ""},
	} {
		if got := sinks.IsBlob(name); got != want.isBlob {
			t.Errorf("IsBlob(%q) = %v, want %v", name, got, want.isBlob)
		}
		if got := sinks.IsShard(name); got != want.isShard {
			t.Errorf("IsShard(%q) = %v, want %v", name, got, want.isShard)
		}
		if got := sinks.FolderOf(name); want.isBlob && got != want.folder {
			t.Errorf("FolderOf(%q) = %q, want %q", name, got, want.folder)
		}
		if sinks.IsOwnShard(name) || sinks.IsBlobName(name) {
			t.Errorf("%q is taken for one of the export itself", name)
		}
	}
}
