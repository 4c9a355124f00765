package bucket_test

import (
	"fmt"
	"slices"
	"testing"

	"exporter/internal/store"
	"exporter/internal/store/bucket"
	"exporter/internal/store/bucket/buckettest"
)

// The names of folders are found by asking once for each, however much is in them, and in those that are passed over.
func TestFolders_ManyObjects_AskOnceForEachFolder(t *testing.T) {
	lists := 0
	m := buckettest.NewMemory()
	put := m.Client(nil)
	for _, key := range []string{"parts.json", "parts/before/blobs/a", "parts/before/manifest.parquet", "parts/before 2/x", "parts/", "parts/note.txt", "partsx/y/z", "parts/ü/x"} {
		if _, err := put.Put(t.Context(), prefix+"/"+key, store.Bytes("x"), 1); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 50 {
		for n := range 40 {
			if _, err := put.Put(t.Context(), fmt.Sprintf("%s/parts/part=%04d/blobs/%d", prefix, i, n), store.Bytes("x"), 1); err != nil {
				t.Fatal(err)
			}
		}
	}
	client := m.Client(func(r buckettest.Request) buckettest.Fate {
		if r.Kind == "list" {
			lists++
		}
		return buckettest.Fate{}
	})
	got, err := bucket.Folders(t.Context(), client, prefix+"/parts", "part=", as("reader"))
	if want := []string{"before", "before 2", "ü"}; err != nil || !slices.Equal(sorted(got), want) {
		t.Errorf("Folders = %q, %v, want %q", got, err, want)
	}
	if lists == 0 || lists > 6 {
		t.Errorf("it asked for %d lists", lists)
	}
	got, err = bucket.Folders(t.Context(), client, prefix+"/parts", "", as("reader"))
	if err != nil || len(got) != 53 {
		t.Errorf("all folders: %q, %v, want 53", got, err)
	}
	for begin, want := range map[string]bool{"part=": true, "part=9": false, "nothing": false} {
		if got, err := bucket.HasFolder(t.Context(), client, prefix+"/parts", begin, as("reader")); got != want || err != nil {
			t.Errorf("a folder that begins with %s: %v, %v, want %v", begin, got, err, want)
		}
	}
	if got, err := bucket.Folders(t.Context(), client, prefix+"/none", "part=", as("reader")); len(got) > 0 || err != nil {
		t.Errorf("of nothing: %q, %v", got, err)
	}
	lists = 0
	folders, objects, err := bucket.Names(t.Context(), client, prefix+"/parts", as("reader"))
	if err != nil || len(folders) != 53 || !slices.Equal(objects, []string{"note.txt"}) || lists != 1 {
		t.Errorf("all names: %q and %q, %v, by %d lists, want 53 folders and a note by one", folders, objects, err, lists)
	}
}

func sorted(names []string) []string {
	slices.Sort(names)
	return names
}
