package interop

import (
	"bytes"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Croissant documents are valid, and mlcroissant finds by them what the tables of the export say, each picture with its size and its split. The
// recipe of docs/datasets.md does so with pages.
func TestPython_Croissant_EqualsTheTables(t *testing.T) {
	t.Parallel()
	e := exported(t, recordedCorpus(t))
	for _, form := range []string{"parquet", "imagefolder"} {
		t.Run(form, func(t *testing.T) {
			t.Parallel()
			d := e.dataset(t, form)
			c := python(t, filepath.Join("python", "croissant.py"), filepath.Join(d.dir, "croissant.json"), "figures")
			// It says which recommended properties, such as a license, there are not.
			c.Stderr = t.Output()
			var got []map[string]any
			for line := range bytes.Lines(output(t, c)) {
				record := decodeLine[map[string]any](t, line)
				if record["split"] != "train" {
					t.Errorf("%v is in another split", record)
				}
				image, hasImage := record["image"].(map[string]any)
				if hasImage != (form == "parquet") || hasImage && (image["width"] != record["width"] || image["height"] != record["height"]) {
					t.Errorf("%v is decoded to %v", record, image)
				}
				for _, name := range []string{"record_set", "split", "image", "file_name"} {
					delete(record, name)
				}
				got = append(got, record)
			}
			want := d.rows(t, "figures")
			if diff := cmp.Diff(want, got); diff != "" || len(want) == 0 {
				t.Errorf("%d pictures (-want +got):\n%s", len(got), head(diff))
			}
		})
	}
}
