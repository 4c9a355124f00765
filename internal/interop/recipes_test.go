package interop

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// recipe returns the Python that docs/recipes.md shows under a heading.
func recipe(t *testing.T, heading string) string {
	t.Helper()
	return shown(t, "recipes.md", "## "+heading)
}

// shown returns the Python that a document shows under a heading.
func shown(t *testing.T, name, heading string) string {
	t.Helper()
	doc, err := os.ReadFile(filepath.Join("..", "..", "docs", name))
	if err != nil {
		t.Fatal(err)
	}
	_, section, found := strings.Cut(string(doc), "\n"+heading+"\n")
	section, _, _ = strings.Cut(section, "\n#")
	code := regexp.MustCompile("(?s)```python\n(.+?)```").FindStringSubmatch(section)
	if !found || code == nil {
		t.Fatalf("docs/%s shows no Python under %q", name, heading)
	}
	return code[1]
}

// runRecipe runs Python, with what comes before and after it, beside the export.
func (e *export) runRecipe(t *testing.T, before, code, after string) []byte {
	t.Helper()
	dir := t.TempDir()
	must(t, os.Symlink(e.out, filepath.Join(dir, "export")))
	c := python(t, "-c", before+code+after)
	c.Dir = dir
	return output(t, c)
}

// The nodes of a retriever find the bytes that they were made of, screenshots and figures, and nothing else.
func TestRecipes_RetrievedNodes_FindTheirPictures(t *testing.T) {
	t.Parallel()
	e := exported(t, recordedCorpus(t))
	got := e.runRecipe(t, `
import hashlib
import json
import os
from types import SimpleNamespace

import duckdb

retrieved = []
for file_id, page, name in duckdb.sql("SELECT file_id, page_index, figure_name FROM 'export/manifest.parquet'").fetchall():
    metadata = {"file_id": file_id, "page_index": page, "file_name": "of the document"}
    if name is not None:
        metadata["figure_name"] = name
    retrieved.append(SimpleNamespace(metadata=metadata))
retrieved.append(SimpleNamespace(metadata={"file_id": "unknown", "page_index": 0}))
`, recipe(t, "The image of a retriever's node"), `
for row in pictures.itertuples():
    data = open(os.path.join("export", row.file_name), "rb").read()
    name = row.figure_name if isinstance(row.figure_name, str) else ""
    print(json.dumps([row.file_id, int(row.page_index), name, hashlib.sha256(data).hexdigest()]))
`)
	type found [4]any
	var rows []found
	for line := range strings.Lines(string(got)) {
		rows = append(rows, decodeLine[found](t, []byte(line)))
	}
	var want []found
	for _, a := range e.assets {
		want = append(want, found{a.FileID, a.PageIndex, a.key().name, *a.SHA256})
	}
	checkSame(t, "pictures", want, rows)
}

// Each page of a parse job has its own pictures, and its links lead to their files.
func TestRecipes_ParsedPages_HaveTheirPictures(t *testing.T) {
	t.Parallel()
	e := variedExport(t)
	got := e.runRecipe(t, "", recipe(t, "The text of a parse job and its pictures"), `
import json
for (job, page), markdown in text.items():
    pictures = next(p for j, n, _, p in pages if (j, n) == (job, page))
    print(json.dumps([job, page, sorted(pictures.items()), markdown]))
`)
	type page struct {
		job  string
		page int
		name string
		file string
	}
	rows := query(t, openDuckDB(t), "SELECT job_id, page_number, upstream_name, file_name FROM "+quoteSQL(e.manifest())+
		" WHERE origin = 'parse' AND upstream_name LIKE '%image%'",
		func(p *page) []any { return []any{&p.job, &p.page, &p.name, &p.file} })
	if len(rows) == 0 {
		t.Fatal("no page has a crop")
	}
	texts := map[string]bool{}
	for line := range strings.Lines(string(got)) {
		texts[line] = true
	}
	for _, p := range rows {
		found := false
		for text := range texts {
			found = found || strings.Contains(text, p.job) && strings.Contains(text, "]("+p.file+")")
		}
		if !found {
			t.Errorf("no page of job %s links %s, the file of %s", p.job, p.file, p.name)
		}
		if _, err := os.Stat(e.path(p.file)); err != nil {
			t.Error(err)
		}
	}
	pages := query(t, openDuckDB(t), "SELECT page_number FROM "+quoteSQL(e.path("pages.parquet")), scalar[int32])
	if len(texts) != len(pages) {
		t.Errorf("%d pages, want %d", len(texts), len(pages))
	}
}
