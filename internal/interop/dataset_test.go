package interop

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// dataset is what "exporter dataset" made of an export.
type dataset struct {
	of        *export
	form, dir string
	// columns are those beside the picture, objects not among them; nil for the default ones.
	columns []string
	// splits are those of each configuration that has pictures.
	splits map[string][]string
}

// dataset makes a dataset.
func (e *export) dataset(t *testing.T, form string, args ...string) *dataset {
	t.Helper()
	d := &dataset{of: e, form: form, dir: filepath.Join(t.TempDir(), "ds"), splits: map[string][]string{}}
	c, stderr := e.exporter(t.Context(), append([]string{"dataset", e.out, d.dir, "--format", form}, args...)...)
	e.finish(t, c, stderr, 0)
	var report struct {
		Configs []struct {
			Name   string
			Splits []struct{ Name string }
		}
	}
	text, err := os.ReadFile(filepath.Join(d.dir, "dataset.json"))
	must(t, err)
	must(t, json.Unmarshal(text, &report))
	for _, config := range report.Configs {
		for _, split := range config.Splits {
			d.splits[config.Name] = append(d.splits[config.Name], split.Name)
		}
	}
	return d
}

// everyColumn makes a dataset that has all columns that can be asked for, and that the tables of an export have.
func (e *export) everyColumn(t *testing.T, form string) *dataset {
	t.Helper()
	var names []string
	for _, c := range datasetColumns(t) {
		if c.name != "text" && c.name != "phash" && c.name != "near_group" {
			names = append(names, c.name)
		}
	}
	d := e.dataset(t, form, "--columns", strings.Join(names, ","))
	d.columns = names
	return d
}

// datasetColumn is a column as docs/datasets.md has it.
type datasetColumn struct {
	name, typ string
	isDefault bool
}

func datasetColumns(t *testing.T) (columns []datasetColumn) {
	t.Helper()
	doc, err := os.ReadFile(filepath.Join("..", "..", "docs", "datasets.md"))
	must(t, err)
	_, section, _ := strings.Cut(string(doc), "\n## Columns\n")
	section, _, _ = strings.Cut(section, "\n## ")
	for _, row := range regexp.MustCompile("(?m)^\\| ((?:`[a-z0-9_]+`(?:, )?)+) \\| ([a-z0-9]+) \\| (yes|no|asked for) \\|").FindAllStringSubmatch(section, -1) {
		for name := range strings.SplitSeq(row[1], ", ") {
			columns = append(columns, datasetColumn{strings.Trim(name, "`"), row[2], row[3] == "yes"})
		}
	}
	if len(columns) == 0 {
		t.Fatal("docs/datasets.md has no table of columns")
	}
	return columns
}

// name tells datasets apart.
func (d *dataset) name() string {
	switch {
	case d.columns != nil:
		return "every column"
	case d.of.hasPages():
		return "parse jobs"
	}
	return "recorded"
}

// hasPages tells whether an export has texts of pages, and objects on them.
func (e *export) hasPages() bool { return e.corpus == nil }

// leftOut returns the columns by which the pictures are known that were left out for a reason, one by one.
func (d *dataset) leftOut(t *testing.T) map[pictureKey]bool {
	t.Helper()
	keys := map[pictureKey]bool{}
	text, err := os.ReadFile(filepath.Join(d.dir, "left-out.jsonl"))
	if !errors.Is(err, fs.ErrNotExist) {
		must(t, err)
	}
	for line := range strings.Lines(string(text)) {
		keys[keyOfPicture(decodeLine[map[string]any](t, []byte(line)))] = true
	}
	return keys
}

// pictureKey is file_id, job_id, page_index, figure_name and upstream_name; nil and absent are the same.
type pictureKey [5]any

func keyOfPicture(columns map[string]any) (k pictureKey) {
	for i, name := range []string{"file_id", "job_id", "page_index", "figure_name", "upstream_name"} {
		k[i] = columns[name]
	}
	return k
}

// rows returns the columns of all pictures of a configuration, by what the tables of the export say, in the order of their keys. Timestamps are
// microseconds since the epoch.
func (d *dataset) rows(t *testing.T, config string) []map[string]any {
	t.Helper()
	isPages := config == "pages"
	var names, list []string
	for _, c := range datasetColumns(t) {
		isWanted := c.isDefault
		if d.columns != nil {
			isWanted = slices.Contains(d.columns, c.name)
		} else if c.name == "text" {
			isWanted = isPages && d.of.hasPages()
		}
		if !isWanted {
			continue
		}
		source := "a." + c.name
		switch {
		case c.name == "text":
			source = "if(p.error IS NULL, p.markdown, NULL)"
		case c.name == "unique_id":
			source = "f.unique_id"
		case c.typ == "timestamp":
			source = "epoch_us(a." + c.name + ")"
		}
		names, list = append(names, c.name), append(list, source)
	}
	if isPages && d.of.hasPages() {
		names, list = append(names, "objects"), append(list, objectsOf(d.of))
	}
	pages := "(SELECT NULL AS file_id, NULL AS job_id, NULL AS page_number WHERE false)"
	if d.of.hasPages() {
		pages = quoteSQL(d.of.path("pages.parquet"))
	}
	kind := map[string]string{"pages": "screenshot", "figures": "figure"}[config]
	statement := "SELECT " + strings.Join(list, ", ") + " FROM read_parquet(" + quoteSQL(d.of.manifest()) + ", file_row_number = true) a" +
		" LEFT JOIN " + quoteSQL(d.of.filesManifest()) + " f ON f.file_id = a.file_id AND f.job_id IS NULL" +
		" LEFT JOIN " + pages + " p ON p.file_id IS NOT DISTINCT FROM a.file_id AND p.job_id IS NOT DISTINCT FROM a.job_id AND p.page_number = a.page_number" +
		" WHERE a.status = 'stored' AND a.kind = '" + kind + "' ORDER BY a.file_row_number"
	values := query(t, openDuckDB(t), statement, func(row *[]any) (fields []any) {
		*row = make([]any, len(list))
		for i := range *row {
			fields = append(fields, &(*row)[i])
		}
		return fields
	})
	var rows []map[string]any
	for _, v := range values {
		row := map[string]any{}
		for i, name := range names {
			row[name] = v[i]
		}
		rows = append(rows, row)
	}
	return plain(t, rows)
}

// objectsOf is what lies on the page p of a screenshot a, in its pixels.
func objectsOf(e *export) string {
	return `(SELECT {
		bbox: coalesce(list([o.x0, o.y0, o.x1 - o.x0, o.y1 - o.y0] ORDER BY o.n), []), category: coalesce(list(o.category ORDER BY o.n), []),
		label: coalesce(list(o.label ORDER BY o.n), []), caption: coalesce(list(o.caption ORDER BY o.n), []),
		confidence: coalesce(list(o.confidence ORDER BY o.n), []), upstream_name: coalesce(list(o.upstream_name ORDER BY o.n), [])
	} FROM (
		SELECT m.*, m.file_row_number AS n, greatest(0, m.bbox_x * a.width / p.width) AS x0, greatest(0, m.bbox_y * a.height / p.height) AS y0,
			least(a.width, (m.bbox_x + m.bbox_width) * a.width / p.width) AS x1, least(a.height, (m.bbox_y + m.bbox_height) * a.height / p.height) AS y1
		FROM read_parquet(` + quoteSQL(e.manifest()) + `, file_row_number = true) m
		WHERE m.kind = 'figure' AND m.bbox_x IS NOT NULL AND m.page_number = a.page_number AND m.job_id IS NOT DISTINCT FROM a.job_id AND m.file_id IS NOT DISTINCT FROM a.file_id
	) o WHERE o.x0 < o.x1 AND o.y0 < o.y1)`
}

// plain returns what JSON makes of rows, but for timestamps: microseconds since the epoch.
func plain(t *testing.T, rows []map[string]any) (decoded []map[string]any) {
	t.Helper()
	text, err := json.Marshal(rows)
	must(t, err)
	must(t, json.Unmarshal(text, &decoded))
	for _, row := range decoded {
		for name, value := range row {
			text, isText := value.(string)
			if !isText || !strings.HasSuffix(name, "_at") {
				continue
			}
			at, err := time.Parse(time.RFC3339Nano, text)
			must(t, err)
			row[name] = float64(at.UnixMicro())
		}
	}
	return decoded
}

// files returns the SHA-256 of every file of a dataset.
func (d *dataset) files(t *testing.T) map[string]string {
	t.Helper()
	sums := map[string]string{}
	must(t, filepath.WalkDir(d.dir, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		if name := strings.TrimPrefix(path, d.dir+"/"); !strings.HasPrefix(name, ".exporter/") {
			data, err := os.ReadFile(path)
			sums[name] = sum(data)
			return err
		}
		return nil
	}))
	return sums
}
