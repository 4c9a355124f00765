package sample_test

import (
	"encoding/json"
	"io/fs"
	"net/http"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"exporter/internal/emulator/sample"
)

// TestFS_Documents_ShowEveryCase holds the corpus to what the package's comment promises of documents.
func TestFS_Documents_ShowEveryCase(t *testing.T) {
	all := documents(t)
	number := regexp.MustCompile(`: \d{17,}`)
	inMetadata := func(part string) func(d *document) bool {
		return func(d *document) bool { return strings.Contains(field(d.fields, "metadata"), part) }
	}
	cases := map[string]func(d *document) bool{
		"deleted softly":            (*document).deleted,
		"without file_id":           func(d *document) bool { return d.fileID == nil },
		"with pages but no figures": func(d *document) bool { return len(d.figures) == 0 && len(d.screenshots) > 0 },
		"with figures but no pages": func(d *document) bool { return len(d.screenshots) == 0 && len(d.figures) > 0 },
		"whose pages count from one": func(d *document) bool {
			return len(d.screenshots) > 0 && d.screenshots[0].page == 1
		},
		"with a page left out": func(d *document) bool {
			n := len(d.screenshots)
			return n > 0 && d.screenshots[n-1].page > d.screenshots[0].page+n-1
		},
		"whose figures are out of order": func(d *document) bool {
			return !slices.IsSortedFunc(d.figures, func(a, b blob) int { return a.page - b.page })
		},
		"with the name of another": func(d *document) bool {
			return slices.ContainsFunc(all, func(o *document) bool {
				return o != d && o.name == d.name && path.Dir(o.folder) == path.Dir(d.folder)
			})
		},
		"named in Japanese":           func(d *document) bool { return strings.ContainsAny(d.name, "星パ") },
		"named with an emoji":         func(d *document) bool { return strings.ContainsAny(d.name, "🐚🍞") },
		"without deleted_at":          func(d *document) bool { return field(d.fields, "deleted_at") == "absent" },
		"without metadata":            func(d *document) bool { return field(d.fields, "metadata") == "absent" },
		"with metadata null":          func(d *document) bool { return field(d.fields, "metadata") == "null" },
		"with empty metadata":         func(d *document) bool { return field(d.fields, "metadata") == "{}" },
		"with a number beyond 2^53":   func(d *document) bool { return number.MatchString(field(d.fields, "metadata")) },
		"with a boolean in metadata":  inMetadata(": true"),
		"with a fraction in metadata": inMetadata(": 0."),
		"with a list in metadata":     inMetadata(": [\n"),
		"with an empty list":          inMetadata(": []"),
	}
	for name, holds := range cases {
		if !slices.ContainsFunc(all, holds) {
			t.Errorf("no document %s", name)
		}
	}
}

// TestFS_Pictures_ShowEveryCase holds the corpus to what the package's comment promises of pictures.
func TestFS_Pictures_ShowEveryCase(t *testing.T) {
	var screenshots, figures []blob
	for _, d := range documents(t) {
		screenshots, figures = append(screenshots, d.screenshots...), append(figures, d.figures...)
	}
	is := func(b blob, mediaType string) bool { return http.DetectContentType(readFile(t, b.path)) == mediaType }
	has := func(name, value string) func(b blob) bool {
		return func(b blob) bool { return field(b.fields, name) == value }
	}
	named := func(pattern string) func(b blob) bool {
		matches := regexp.MustCompile(pattern)
		return func(b blob) bool { return matches.MatchString(b.name) }
	}
	type check struct {
		name  string
		among []blob
		holds func(b blob) bool
	}
	checks := []check{
		{"screenshot that is a PNG", screenshots, func(b blob) bool { return is(b, "image/png") }},
		{"screenshot that is a JPEG", screenshots, func(b blob) bool { return is(b, "image/jpeg") }},
		{"figure that is a PNG", figures, func(b blob) bool { return is(b, "image/png") && named(`\.png$`)(b) }},
		{"JPEG that is named .png", figures, func(b blob) bool { return is(b, "image/jpeg") && named(`\.png$`)(b) }},
		{"figure in upper case", figures, named(`\.JPG$`)},
		{"figure with a space", figures, named(` `)},
		{"figure in Japanese", figures, named(`\p{Han}`)},
		{"figure with a plain name", figures, named(`^page_\d+_figure_\d+\.jpg$`)},
	}
	for _, verdict := range []string{"true", "false", "null", "absent"} {
		checks = append(checks,
			check{"figure with is_likely_noise " + verdict, figures, has("is_likely_noise", verdict)})
	}
	for _, metadata := range []string{"null", "{}", "absent"} {
		checks = append(checks,
			check{"screenshot with metadata " + metadata, screenshots, has("metadata", metadata)},
			check{"figure with metadata " + metadata, figures, has("metadata", metadata)})
	}
	for _, c := range checks {
		if !slices.ContainsFunc(c.among, c.holds) {
			t.Errorf("no %s", c.name)
		}
	}
}

// TestFS_Noise_RepeatsByteForByte looks for the logo, which stands in several documents.
func TestFS_Noise_RepeatsByteForByte(t *testing.T) {
	seen := make(map[string]map[string]bool)
	for _, d := range documents(t) {
		for _, f := range d.figures {
			if field(f.fields, "is_likely_noise") == "true" {
				content := string(readFile(t, f.path))
				if seen[content] == nil {
					seen[content] = make(map[string]bool)
				}
				seen[content][d.folder] = true
			}
		}
	}
	most := 0
	for _, folders := range seen {
		most = max(most, len(folders))
	}
	if most < 3 {
		t.Errorf("the most frequent piece of noise is in %d documents, want at least 3", most)
	}
}

// TestFS_Directories_OfOneProject checks the two directories against the files that they list.
func TestFS_Directories_OfOneProject(t *testing.T) {
	names, err := fs.Glob(sample.FS(), "*/directory.json")
	if err != nil {
		t.Fatal(err)
	}
	if len(names) != 2 {
		t.Fatalf("%d directories, want 2", len(names))
	}
	projects := make(map[string]bool)
	for _, name := range names {
		var fields map[string]json.RawMessage
		readJSON(t, name, &fields)
		if got, want := value[string](t, fields, "id"), path.Dir(name); got != want {
			t.Errorf("directory %q lies in the folder %q", got, want)
		}
		projects[value[string](t, fields, "project_id")] = true
	}
	for _, d := range documents(t) {
		projects[value[string](t, d.fields, "project_id")] = true
		got := path.Join(value[string](t, d.fields, "directory_id"), value[string](t, d.fields, "id"))
		if got != d.folder {
			t.Errorf("the file %q lies in the folder %q", got, d.folder)
		}
	}
	if len(projects) != 1 {
		t.Errorf("%d projects, want 1", len(projects))
	}
}
