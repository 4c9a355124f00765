package sample_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"image"
	_ "image/jpeg"
	_ "image/png"
	"io/fs"
	"maps"
	"net/url"
	"path"
	"slices"
	"strings"
	"testing"

	"exporter/internal/emulator/sample"

	"github.com/google/go-cmp/cmp"
)

// document is a document of the corpus as its lists describe it.
type document struct {
	folder      string
	name        string
	fileID      *string
	fields      map[string]json.RawMessage
	screenshots []blob
	figures     []blob
}

// blob is an element of one of the lists.
type blob struct {
	path   string
	name   string
	page   int
	size   int
	fileID string
	fields map[string]json.RawMessage
}

func (d *document) deleted() bool {
	deleted, present := d.fields["deleted_at"]
	return present && string(deleted) != "null"
}

// field returns a field's JSON, or "absent".
func field(fields map[string]json.RawMessage, name string) string {
	value, present := fields[name]
	if !present {
		return "absent"
	}
	return string(value)
}

func readJSON(t *testing.T, name string, into any) {
	t.Helper()
	if err := json.Unmarshal(readFile(t, name), into); err != nil {
		t.Fatalf("parse %s: %v", name, err)
	}
}

func readFile(t *testing.T, name string) []byte {
	t.Helper()
	data, err := fs.ReadFile(sample.FS(), name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func value[T any](t *testing.T, fields map[string]json.RawMessage, name string) T {
	t.Helper()
	var v T
	if err := json.Unmarshal(fields[name], &v); err != nil {
		t.Fatalf("parse %s of %s: %v", name, fields, err)
	}
	return v
}

func documents(t *testing.T) []*document {
	t.Helper()
	component := strings.NewReplacer("+", "%20", "%21", "!", "%27", "'", "%28", "(", "%29", ")", "%2A", "*")
	names, err := fs.Glob(sample.FS(), "*/*/file.json")
	if err != nil {
		t.Fatal(err)
	}
	var all []*document
	for _, name := range names {
		d := &document{folder: path.Dir(name)}
		readJSON(t, name, &d.fields)
		d.name, d.fileID = value[string](t, d.fields, "display_name"), value[*string](t, d.fields, "file_id")
		var screenshots, figures []map[string]json.RawMessage
		readJSON(t, path.Join(d.folder, "page_screenshots.json"), &screenshots)
		readJSON(t, path.Join(d.folder, "page-figures.json"), &figures)
		for _, fields := range screenshots {
			b := blob{page: value[int](t, fields, "page_index"), size: value[int](t, fields, "image_size")}
			b.fileID, b.fields = value[string](t, fields, "file_id"), fields
			b.path = path.Join(d.folder, "page_screenshots", fmt.Sprint(b.page)+".jpg")
			d.screenshots = append(d.screenshots, b)
		}
		for _, fields := range figures {
			b := blob{page: value[int](t, fields, "page_index"), size: value[int](t, fields, "figure_size")}
			b.fileID, b.fields = value[string](t, fields, "file_id"), fields
			b.name = value[string](t, fields, "figure_name")
			b.path = path.Join(d.folder, "page-figures", fmt.Sprint(b.page), component.Replace(url.QueryEscape(b.name)))
			d.figures = append(d.figures, b)
		}
		all = append(all, d)
	}
	return all
}

func TestFS_Corpus_LargeEnoughAndSmallEnough(t *testing.T) {
	var bytes int64
	err := fs.WalkDir(sample.FS(), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		bytes += info.Size()
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if bytes >= 1_000_000 {
		t.Errorf("the corpus has %d bytes, want less than 1 MB: the program holds them", bytes)
	}
	live, pages, figures, noise := 0, 0, 0, 0
	for _, d := range documents(t) {
		if d.deleted() || d.fileID == nil {
			continue
		}
		live++
		pages += len(d.screenshots)
		figures += len(d.figures)
		for _, f := range d.figures {
			if field(f.fields, "is_likely_noise") == "true" {
				noise++
			}
		}
	}
	if live < 6 || pages < 40 || figures < 40 || noise == 0 {
		t.Errorf("%d documents, %d pages, %d figures, %d of them noise; want at least 6, 40, 40 and 1",
			live, pages, figures, noise)
	}
}

func TestFS_Sums_MatchEveryFile(t *testing.T) {
	got, want := make(map[string]string), make(map[string]string)
	for line := range strings.Lines(string(readFile(t, "SHA256SUMS"))) {
		sum, name, found := strings.Cut(strings.TrimSuffix(line, "\n"), "  ")
		if !found {
			t.Fatalf("SHA256SUMS has the line %q", line)
		}
		got[name] = sum
	}
	err := fs.WalkDir(sample.FS(), ".", func(name string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() && name != "SHA256SUMS" {
			want[name] = fmt.Sprintf("%x", sha256.Sum256(readFile(t, name)))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("SHA256SUMS (-files +listed):\n%s", diff)
	}
}

func TestFS_Lists_NameExactlyThePictures(t *testing.T) {
	listed := make(map[string]bool)
	for _, d := range documents(t) {
		for _, b := range slices.Concat(d.screenshots, d.figures) {
			if listed[b.path] {
				t.Errorf("%s is listed twice", b.path)
			}
			listed[b.path] = true
			if d.fileID == nil || b.fileID != *d.fileID {
				t.Errorf("%s is listed with file_id %q, which is not that of %q", b.path, b.fileID, d.name)
			}
			data := readFile(t, b.path)
			if len(data) != b.size {
				t.Errorf("%s has %d bytes and is listed with %d", b.path, len(data), b.size)
			}
			if _, _, err := image.Decode(bytes.NewReader(data)); err != nil {
				t.Errorf("decode %s: %v", b.path, err)
			}
		}
	}
	for _, pattern := range []string{"*/*/page_screenshots/*", "*/*/page-figures/*/*"} {
		found, err := fs.Glob(sample.FS(), pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range found {
			if !listed[name] {
				t.Errorf("%s is in no list", name)
			}
			delete(listed, name)
		}
	}
	if len(listed) > 0 {
		t.Errorf("listed, but in no folder of pictures: %q", slices.Sorted(maps.Keys(listed)))
	}
}

func TestFS_Stats_CountTheCorpus(t *testing.T) {
	var got map[string]any
	readJSON(t, "STATS.json", &got)
	delete(got, "note")
	delete(got, "toolchain")
	directories, err := fs.Glob(sample.FS(), "*/directory.json")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]any{"directories": float64(len(directories))}
	add := func(name string, n int) {
		before, _ := want[name].(float64)
		want[name] = before + float64(n)
	}
	for _, d := range documents(t) {
		add("documents", 1)
		add("pages", len(d.screenshots))
		add("figures", len(d.figures))
		for _, b := range slices.Concat(d.screenshots, d.figures) {
			add("image_bytes", b.size)
			add("bytes", b.size)
		}
		for _, f := range d.figures {
			switch field(f.fields, "is_likely_noise") {
			case "true":
				add("noise", 1)
			case "absent":
				add("noise_field_omitted", 1)
			}
		}
		for _, name := range []string{"file.json", "page_screenshots.json", "page-figures.json"} {
			add("bytes", len(readFile(t, path.Join(d.folder, name))))
		}
	}
	for _, name := range directories {
		add("bytes", len(readFile(t, name)))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("STATS.json (-counted +read):\n%s", diff)
	}
}
