package manifest

import (
	"fmt"
	"math/rand/v2"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"exporter/internal/store"
	"exporter/internal/store/storetest"
	"exporter/internal/testmain"
	"exporter/pipeline"
)

// rowsOfQuery returns pages, sizes and reasons of what a query yields, which reads no key beside.
func rowsOfQuery(t *testing.T, st store.Reader, q Query) (rows []string) {
	t.Helper()
	s, err := Glance(t.Context(), st)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	number := numbersOf(AssetColumns())
	q.Columns = []int{number["page_index"], number["size"], number["reason"]}
	for r, err := range s.QueryAssets(t.Context(), q) {
		if err != nil {
			t.Fatal(err)
		}
		rows = append(rows, fmt.Sprint(r.Int(q.Columns[0]), " ", r.Int(q.Columns[1]), r.Text(q.Columns[2])))
	}
	return rows
}

func numbersOf(columns []Column) map[string]int {
	numbers := map[string]int{}
	for n, c := range columns {
		numbers[c.Name] = n
	}
	return numbers
}

// rowsThat returns the same of the rows that a function wants.
func rowsThat(t *testing.T, st store.Reader, wants func(*pipeline.Row) bool) (rows []string) {
	t.Helper()
	s, err := OpenSnapshot(t.Context(), st)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for r, err := range s.Rows(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if wants(r) {
			rows = append(rows, fmt.Sprint(r.PageIndex, " ", r.Content.Size, r.Reason))
		}
	}
	return rows
}

// queries are some that leave rows out in every way, and the same in Go.
func queries() map[string]struct {
	Query
	wants func(*pipeline.Row) bool
} {
	number := numbersOf(AssetColumns())
	size, status, page := number["size"], number["status"], number["page_index"]
	failed := []string{string(pipeline.Failed)}
	return map[string]struct {
		Query
		wants func(*pipeline.Row) bool
	}{
		"all":    {Query{}, func(*pipeline.Row) bool { return true }},
		"failed": {Query{Only: status, Values: failed}, func(r *pipeline.Row) bool { return r.Status == pipeline.Failed }},
		"none":   {Query{Only: status, Values: []string{"a", "z"}}, func(*pipeline.Row) bool { return false }},
		"page": {
			Query{Tests: []int{page}, Matches: func(r Record) bool { return r.Int(page) == 3 }},
			func(r *pipeline.Row) bool { return r.PageIndex == 3 },
		},
		"failed on a page": {
			Query{Only: status, Values: append(failed, string(pipeline.Skipped)), Tests: []int{size, page}, Matches: func(r Record) bool {
				return r.IsNull(size) && r.Int(page)%2 == 0
			}},
			func(r *pipeline.Row) bool { return r.Status != pipeline.Stored && r.PageIndex%2 == 0 },
		},
		"one file": {Query{Of: &pipeline.Owner{FileID: "file-0017"}}, func(r *pipeline.Row) bool { return r.FileID == "file-0017" }},
		"one job": {
			Query{Of: &pipeline.Owner{FileID: "file-0017", JobID: "job"}},
			func(r *pipeline.Row) bool { return r.FileID == "file-0017" && r.JobID == "job" },
		},
		"failed of one": {
			Query{Of: &pipeline.Owner{FileID: "file-0017"}, Only: status, Values: failed},
			func(r *pipeline.Row) bool { return r.FileID == "file-0017" && r.Status == pipeline.Failed },
		},
		"no file": {Query{Of: &pipeline.Owner{FileID: "file-001"}}, func(*pipeline.Row) bool { return false }},
	}
}

// What a query yields is what it asks for of all rows, of one table with many row groups, of parts alone, and of parts of which rows take
// the place of older ones.
func TestSnapshot_Query_SameAsReadingAll(t *testing.T) {
	testmain.Long(t)
	rng := rand.New(rand.NewPCG(5, 6))
	st := storetest.NewMemory(nil)
	l := smallGroups(openLedger(t, st), 300)
	commit := func(count int, share int) {
		rows := map[pipeline.AssetKey]*pipeline.Row{}
		for range count {
			row := storedRow(fmt.Sprintf("file-%04d", rng.IntN(40)), int32(rng.IntN(200)))
			row.Content.Size = rng.Int64N(1000)
			if rng.IntN(4) == 0 {
				row.JobID = "job"
			}
			if rng.IntN(share) == 0 {
				row = failedRow(row)
			}
			rows[row.Key()] = row
		}
		var all []*pipeline.Row
		for _, row := range rows {
			all = append(all, row)
		}
		if err := l.Commit(t.Context(), pipeline.Rows{Assets: all}); err != nil {
			t.Fatal(err)
		}
	}
	check := func(when string) {
		for name, q := range queries() {
			all := rowsThat(t, st, q.wants)
			for _, skip := range []int{0, 1, 299, 300, 1000, len(all) - 1, len(all), len(all) + 1} {
				q.Skip = int64(max(skip, 0))
				got, want := rowsOfQuery(t, st, q.Query), all[min(len(all), int(q.Skip)):]
				if !slices.Equal(got, want) {
					t.Errorf("%s, %s, without %d: got %d rows, want %d", when, name, skip, len(got), len(want))
				}
			}
		}
	}
	commit(2000, 5)
	commit(500, 2)
	check("parts alone")
	if err := l.Compact(t.Context()); err != nil {
		t.Fatal(err)
	}
	check("one table")
	l = smallGroups(openLedger(t, st), 300)
	commit(200, 3)
	check("a part over the table")
	if n := len(rowsThat(t, st, queries()["failed of one"].wants)); n == 0 {
		t.Error("no row of the file failed")
	}
}

func failedRow(row *pipeline.Row) *pipeline.Row {
	row.Status, row.Reason = pipeline.Failed, "http_404: not there"
	row.Content, row.Location = pipeline.Content{}, pipeline.Location{}
	return row
}

// A query reads tables of schema 1, and parts over them, as other readers do.
func TestSnapshot_Query_Schema1(t *testing.T) {
	path := t.TempDir()
	if err := os.CopyFS(path, os.DirFS("testdata/schema1")); err != nil {
		t.Fatal(err)
	}
	dir := openDir(t, path)
	for name, q := range queries() {
		if got, want := rowsOfQuery(t, dir, q.Query), rowsThat(t, dir, q.wants); !slices.Equal(got, want) {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
}

// Files are read from a key on, whether it is there or not.
func TestSnapshot_QueryFiles_From(t *testing.T) {
	st := storetest.NewMemory(nil)
	_, files := findable(t, st)
	s, err := Glance(t.Context(), st)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	id := numbersOf(FileColumns())["file_id"]
	for _, from := range []string{"", "file", files[3].ID, files[3].ID + "x", files[len(files)-2].ID, "g"} {
		var got, want []string
		for r, err := range s.QueryFiles(t.Context(), Query{From: &pipeline.FileKey{FileID: from}, Columns: []int{id}}) {
			if err != nil {
				t.Fatal(err)
			}
			if r.Text(id) != "" {
				got = append(got, r.Text(id))
			}
		}
		for _, f := range files {
			if f.ID != "" && strings.Compare(f.ID, from) >= 0 {
				want = append(want, f.ID)
			}
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("from %q: got %d files, want %d", from, len(got), len(want))
		}
	}
}

// Assets are read from a key on, whether it is there or not, also those of one owner alone, of one table and of several.
func TestSnapshot_QueryAssets_From(t *testing.T) {
	st := storetest.NewMemory(nil)
	l := smallGroups(openLedger(t, st), 300)
	commit := func(every int32) {
		var rows []*pipeline.Row
		for i := int32(0); i < 3000; i += every {
			rows = append(rows, storedRow(fmt.Sprintf("file-%04d", i/100), i))
		}
		if err := l.Commit(t.Context(), pipeline.Rows{Assets: rows}); err != nil {
			t.Fatal(err)
		}
	}
	check := func(when string) {
		all := rowsThat(t, st, func(*pipeline.Row) bool { return true })
		for _, at := range []int{0, 1, 1234, len(all) - 1} {
			row := storedRow(fmt.Sprintf("file-%04d", at/100), int32(at))
			key := row.Key()
			if got := rowsOfQuery(t, st, Query{FromAsset: &key}); !slices.Equal(got, all[at:]) {
				t.Errorf("%s, from row %d: got %d rows, want %d", when, at, len(got), len(all)-at)
			}
			of := key.Owner()
			if got, want := rowsOfQuery(t, st, Query{FromAsset: &key, Of: &of, Skip: 2}), all[min(at+2, at/100*100+100):at/100*100+100]; !slices.Equal(got, want) {
				t.Errorf("%s, from row %d of its file: got %d rows, want %d", when, at, len(got), len(want))
			}
		}
		between := pipeline.AssetKey{FileID: "file-0003x"}
		if got := rowsOfQuery(t, st, Query{FromAsset: &between}); !slices.Equal(got, all[400:]) {
			t.Errorf("%s, from what is not there: got %d rows, want %d", when, len(got), len(all)-400)
		}
	}
	commit(1)
	if err := l.Compact(t.Context()); err != nil {
		t.Fatal(err)
	}
	check("one table")
	commit(7)
	check("a part over it")
	s, err := Glance(t.Context(), st)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if assets, _, isExact := s.Count(); isExact || assets != 3000+429 {
		t.Errorf("got %d rows, exact %t, want 3429 that are not", assets, isExact)
	}
}

// Where few rows of a large row group are wanted, with many or few between them, each is found with all of its columns, and no dictionary is read more
// than once.
func TestSnapshot_Query_FewRowsOfMany(t *testing.T) {
	const count = 20_000
	rng := rand.New(rand.NewPCG(7, 8))
	var rows, want []*pipeline.Row
	next := 3
	for i := range count {
		row := storedRow(fmt.Sprintf("%08d-%x", i, rng.Uint64()), int32(i))
		row.File.DisplayName = new(strings.Repeat("x", rng.IntN(90)))
		if i == next {
			row = failedRow(row)
			row.Reason += strings.Repeat(" ", rng.IntN(40))
			want = append(want, row)
			next += 1 + rng.IntN([]int{3, 2 * coalesced, 6 * coalesced}[rng.IntN(3)])
		}
		rows = append(rows, row)
	}
	st := storetest.NewMemory(nil)
	content := encode(t, rows)
	writeFile(t, st, AssetsName, content)
	r := &bytesRead{Reader: st}
	s, err := Glance(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	number := numbersOf(AssetColumns())
	id, page, reason, name := number["file_id"], number["page_index"], number["reason"], number["display_name"]
	q := Query{Only: number["status"], Values: []string{string(pipeline.Failed)}, Columns: []int{id, page, reason, name}}
	n := 0
	for r, err := range s.QueryAssets(t.Context(), q) {
		if err != nil {
			t.Fatal(err)
		}
		if n >= len(want) {
			t.Fatalf("more than %d rows", len(want))
		}
		w := want[n]
		if r.Text(id) != string(w.FileID) || r.Int(page) != int64(w.PageIndex) || r.Text(reason) != w.Reason || r.Text(name) != *w.File.DisplayName {
			t.Fatalf("row %d is of %s, page %d, %q, want %s, page %d, %q", n, r.Text(id), r.Int(page), r.Text(reason), w.FileID, w.PageIndex, w.Reason)
		}
		n++
	}
	if n != len(want) || n < 10 {
		t.Errorf("%d rows, want %d", n, len(want))
	}
	if read := r.count.Load(); read > int64(len(content)) {
		t.Errorf("%d bytes were read of %d", read, len(content))
	}
}
