package manifest

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"

	"exporter/internal/store/storetest"
	"exporter/internal/testmain"
	"exporter/pipeline"
)

// smallGroups makes the row groups of a ledger's tables so small that few rows are many of them.
func smallGroups(l *Ledger, rows int) *Ledger {
	l.assets.groupRows, l.files.groupRows = rows, rows
	return l
}

// nightOf returns some rows of a run: new files, rows of known ones, files without an id, and what is to go.
func nightOf(rng *rand.Rand, night int) (assets []*pipeline.Row, files []*pipeline.FileRow) {
	seen := map[pipeline.AssetKey]bool{}
	add := func(row *pipeline.Row) {
		row.Attempts = night
		row.Content.SHA256[3] = byte(rng.Uint32())
		if rng.IntN(12) == 0 {
			row.Status, row.Reason, row.Gone = pipeline.Skipped, pipeline.ReasonPruned, pipeline.Gone{VanishedAt: testTime}
			row.Content, row.Location, row.FetchedAt = pipeline.Content{}, pipeline.Location{}, row.Gone.MissedAt
		}
		if !seen[row.Key()] {
			assets = append(assets, row)
		}
		seen[row.Key()] = true
	}
	for range 1 + rng.IntN(3) {
		id := fmt.Sprintf("file-%03d", rng.IntN(200))
		for page := range 1 + rng.IntN(9) {
			add(storedRow(id, int32(page)))
			add(figureRow(id, int32(page), fmt.Sprint("figure ", rng.IntN(3))))
		}
		file := &pipeline.FileRow{File: *testFile(id), Status: pipeline.Complete, Sources: []pipeline.SourceKey{"directory:d"}}
		files = append(files, file)
	}
	for range rng.IntN(3) {
		n := rng.IntN(150)
		job := *testFile("")
		job.JobID = fmt.Sprintf("pjb-%03d", n)
		if n%2 == 0 {
			job.ID = fmt.Sprintf("file-%03d", n)
		}
		for page := range 1 + rng.IntN(5) {
			row := storedRow(job.ID, int32(page))
			row.JobID, row.Origin, row.File = pipeline.ID(job.JobID), pipeline.OriginParse, &job
			row.Details = &pipeline.Details{UpstreamName: fmt.Sprint("page ", page)}
			add(row)
		}
		files = append(files, &pipeline.FileRow{File: job, Status: pipeline.Complete, Sources: []pipeline.SourceKey{"jobs"}})
	}
	if rng.IntN(5) == 0 {
		noID := pipeline.File{DirectoryFileID: fmt.Sprint("df-", rng.IntN(9))}
		files = append(files, &pipeline.FileRow{File: noID, Status: pipeline.Skipped, Error: pipeline.ReasonNoFileID})
	}
	slices.SortFunc(files, func(a, b *pipeline.FileRow) int { return a.Key().Compare(b.Key()) })
	return assets, slices.CompactFunc(files, func(a, b *pipeline.FileRow) bool { return a.Key() == b.Key() })
}

// After each of many nights, tables of which row groups were copied have the rows, the encodings and the indexes of those that are
// merged as a whole, and every row is found.
func TestLedger_Compact_CopiedRowGroups_AreAsMerged(t *testing.T) {
	testmain.Long(t)
	for seed := range uint64(3) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(seed, 1))
			copying, merging := storetest.NewMemory(nil), storetest.NewMemory(nil)
			groupRows, copied := 40+rng.IntN(100), map[string]int{}
			for night := 1; night <= 15; night++ {
				assets, files := nightOf(rng, night)
				before := map[string][]byte{}
				if night > 1 {
					before[AssetsName], before[FilesName] = readFile(t, copying, AssetsName), readFile(t, copying, FilesName)
				}
				// A table that another version wrote is merged as a whole.
				other := testInfo
				other.Version = fmt.Sprint("v", night)
				for st, info := range map[*storetest.Memory]Info{copying: testInfo, merging: other} {
					l, err := Open(t.Context(), st, info)
					if err == nil {
						err = smallGroups(l, groupRows).Commit(t.Context(), pipeline.Rows{Assets: assets, Files: files})
					}
					if err == nil {
						err = l.Compact(t.Context())
					}
					if err != nil {
						t.Fatal(err)
					}
				}
				for _, name := range []string{AssetsName, FilesName} {
					got, want := readFile(t, copying, name), readFile(t, merging, name)
					copied[name] += countCopied(t, before[name], got)
					compareTables(t, name, got, want)
					if night%7 == 0 {
						checkIndexes(t, name, parquetOf(t, got))
					}
				}
				if night%7 == 0 {
					checkLookUps(t, copying)
				}
				if t.Failed() {
					t.Fatalf("after night %d", night)
				}
			}
			for _, name := range []string{AssetsName, FilesName} {
				if copied[name] == 0 {
					t.Errorf("no row group of %s was copied", name)
				}
			}
		})
	}
}

func parquetOf(t *testing.T, content []byte) *parquet.File {
	t.Helper()
	f, err := parquet.OpenFile(bytes.NewReader(content), int64(len(content)))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// groupBytes returns the row groups of a table, as they lie there.
func groupBytes(t *testing.T, content []byte) (groups []string) {
	t.Helper()
	if content == nil {
		return nil
	}
	for _, g := range parquetOf(t, content).Metadata().RowGroups {
		at := rowGroup{format: g}.bytes()
		groups = append(groups, string(content[at.first:at.end()]))
	}
	return groups
}

// hasValues tells whether a column of a row group has any that is not null.
func hasValues(g parquet.RowGroup, column int) bool {
	return g.ColumnChunks()[column].(*parquet.FileColumnChunk).NullCount() < g.NumRows()
}

// firstWithValues returns the first chunk of a column that has any; nil where none does.
func firstWithValues(f *parquet.File, column int) *format.ColumnMetaData {
	for i, g := range f.RowGroups() {
		if hasValues(g, column) {
			return &f.Metadata().RowGroups[i].Columns[column].MetaData
		}
	}
	return nil
}

// countCopied counts the row groups that were there before.
func countCopied(t *testing.T, before, after []byte) (count int) {
	t.Helper()
	old := groupBytes(t, before)
	for _, g := range groupBytes(t, after) {
		if slices.Contains(old, g) {
			count++
		}
	}
	return count
}

// compareTables compares a table with one of the same rows, of which the row groups may be others.
func compareTables(t *testing.T, name string, got, want []byte) {
	t.Helper()
	g, w := parquetOf(t, got), parquetOf(t, want)
	wanted, found := rowsOf(w), rowsOf(g)
	if len(found) != len(wanted) {
		t.Errorf("%s: %d rows, want %d", name, len(found), len(wanted))
		return
	}
	for i, row := range found {
		if !row.Equal(wanted[i]) {
			t.Errorf("%s: row %d is %+v, want %+v", name, i, row, wanted[i])
			return
		}
	}
	if g.NumRows() == 0 || len(w.RowGroups()) == 0 {
		return
	}
	first := int64(len(parquetMagic))
	for i, group := range g.Metadata().RowGroups {
		if int(group.Ordinal) != i || group.FileOffset != first {
			t.Errorf("%s: row group %d has the ordinal %d and begins at byte %d, want %d", name, i, group.Ordinal, group.FileOffset, first)
		}
		first = rowGroup{format: group}.bytes().end()
		if diff := cmp.Diff(w.Metadata().RowGroups[0].SortingColumns, group.SortingColumns); diff != "" {
			t.Errorf("%s: row group %d is sorted otherwise:\n%s", name, i, diff)
		}
		for c, chunk := range group.Columns {
			// A column without a value has no dictionary and no bloom filter.
			like := firstWithValues(w, c)
			if like == nil || !hasValues(g.RowGroups()[i], c) {
				continue
			}
			if diff := cmp.Diff(encodingsOf(*like), encodingsOf(chunk.MetaData)); diff != "" {
				t.Errorf("%s: row group %d, column %s is encoded otherwise:\n%s", name, i, like.PathInSchema, diff)
			}
			if (chunk.MetaData.BloomFilterOffset > 0) != (like.BloomFilterOffset > 0) {
				t.Errorf("%s: row group %d, column %s has its bloom filter at %d", name, i, like.PathInSchema, chunk.MetaData.BloomFilterOffset)
			}
		}
	}
}

// encodingsOf returns how the pages of a column chunk are encoded.
func encodingsOf(m format.ColumnMetaData) (all []string) {
	for _, s := range m.EncodingStats {
		all = append(all, fmt.Sprint(s.PageType, s.Encoding))
	}
	return append(all, fmt.Sprint(m.Encoding, m.Codec, m.Type))
}

// rowsOf returns all rows of a table.
func rowsOf(f *parquet.File) (all []parquet.Row) {
	for _, g := range f.RowGroups() {
		rows := g.Rows()
		defer rows.Close()
		buffer := make([]parquet.Row, 64)
		for err := error(nil); err == nil; {
			var n int
			n, err = rows.ReadRows(buffer)
			for _, row := range buffer[:n] {
				all = append(all, row.Clone())
			}
		}
	}
	return all
}

// checkIndexes compares the page indexes and the bloom filters of a table with its pages.
func checkIndexes(t *testing.T, name string, f *parquet.File) {
	t.Helper()
	for i, g := range f.RowGroups() {
		for c, chunk := range g.ColumnChunks() {
			pages, err := chunk.OffsetIndex()
			bounds, boundsErr := chunk.ColumnIndex()
			if err != nil || boundsErr != nil || pages.NumPages() != bounds.NumPages() {
				t.Fatalf("%s: row group %d, column %d: page indexes of %v and %v, %v, %v", name, i, c, pages, bounds, err, boundsErr)
			}
			for p := range pages.NumPages() {
				reader := chunk.Pages()
				err := reader.SeekToRow(pages.FirstRowIndex(p))
				var page parquet.Page
				if err == nil {
					page, err = reader.ReadPage()
				}
				if err != nil {
					t.Fatalf("%s: row group %d, column %d, page %d: %v", name, i, c, p, err)
				}
				checkPage(t, fmt.Sprintf("%s: row group %d, column %d, page %d", name, i, c, p), page, bounds, p, chunk.BloomFilter())
				reader.Close()
			}
		}
	}
}

func checkPage(t *testing.T, what string, page parquet.Page, bounds parquet.ColumnIndex, p int, filter parquet.BloomFilter) {
	t.Helper()
	values := make([]parquet.Value, page.NumValues())
	if n, _ := page.Values().ReadValues(values); n != len(values) {
		t.Fatalf("%s: %d values, want %d", what, n, len(values))
	}
	nulls := int64(0)
	for _, v := range values {
		if v.IsNull() {
			nulls++
			continue
		}
		if least := bounds.MinValue(p); v.Kind() == parquet.ByteArray && bytes.Compare(v.ByteArray(), least.ByteArray()) < 0 {
			t.Errorf("%s has %q, less than %q", what, v, least)
		}
		if filter == nil {
			continue
		}
		if ok, err := filter.Check(v); err != nil || !ok {
			t.Errorf("%s has %q, which its bloom filter does not, %v", what, v, err)
		}
	}
	if bounds.NullCount(p) != nulls {
		t.Errorf("%s has %d nulls, its index says %d", what, nulls, bounds.NullCount(p))
	}
}

// checkLookUps looks up every asset and every file, by what is told of pages.
func checkLookUps(t *testing.T, st *storetest.Memory) {
	t.Helper()
	s, err := Glance(t.Context(), st)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for row, err := range s.Rows(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if found, err := s.Asset(t.Context(), row.Key()); err != nil || found == nil || found.Attempts != row.Attempts {
			t.Errorf("asset %v: got %v, %v", row.Key(), found, err)
		}
	}
	for row, err := range s.Files(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if found, err := s.FileRow(t.Context(), row.Key()); err != nil || found == nil {
			t.Errorf("file %v: got %v, %v", row.Key(), found, err)
		}
	}
}

// What the rows need of shards is counted in row groups that are copied, too.
func TestLedger_Compact_CopiedRowGroups_CountAsOccupied(t *testing.T) {
	testmain.Long(t)
	st := storetest.NewMemory(nil)
	for night := range 40 {
		l := smallGroups(openLedger(t, st), 64)
		id := fmt.Sprintf("file-%02d", night*7%40)
		if err := l.Commit(t.Context(), pipeline.Rows{Assets: []*pipeline.Row{figureRow(id, 0, "a"), figureRow(id, 1, "b"), storedRow(id, 2)}}); err != nil {
			t.Fatal(err)
		}
		if err := l.Compact(t.Context()); err != nil {
			t.Fatal(err)
		}
		members := int64(2 * (night + 1))
		want := map[string]Occupied{"shards/shard-000000.tar.zst": {Members: members, Bytes: 1000 * members}}
		if diff := cmp.Diff(want, l.Occupied()); diff != "" {
			t.Fatalf("night %d (-want +got):\n%s", night, diff)
		}
	}
}

// However nights add rows, row groups stay few and full: new rows go where there is room, and what has become small is joined.
func TestLedger_Compact_RowGroups_StayFewAndFull(t *testing.T) {
	testmain.Long(t)
	for name, id := range map[string]func(rng *rand.Rand, night int) string{
		"ascending": func(_ *rand.Rand, night int) string { return fmt.Sprintf("%06d", night) },
		"random":    func(rng *rand.Rand, _ int) string { return fmt.Sprintf("%06d", rng.IntN(1_000_000)) },
	} {
		t.Run(name, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(1, 1))
			st := storetest.NewMemory(nil)
			for night := range 100 {
				l := smallGroups(openLedger(t, st), 64)
				var rows []*pipeline.Row
				for page := range 4 {
					rows = append(rows, storedRow(id(rng, night), int32(page)))
				}
				if err := l.Commit(t.Context(), pipeline.Rows{Assets: rows}); err != nil {
					t.Fatal(err)
				}
				if err := l.Compact(t.Context()); err != nil {
					t.Fatal(err)
				}
				f := parquetOf(t, readFile(t, st, AssetsName))
				total := f.NumRows()
				if groups, most := len(f.RowGroups()), groupRowsOf(total, 64); int64(groups) > 2*total/int64(most)+2 {
					t.Fatalf("night %d: %d row groups for %d rows, of which one may have %d", night, groups, total, most)
				}
				for i, g := range f.Metadata().RowGroups {
					if g.NumRows > 64 {
						t.Fatalf("night %d: row group %d has %d rows", night, i, g.NumRows)
					}
				}
			}
		})
	}
}

// A run that is stopped while it copies ends with the cause.
func TestLedger_Compact_Cancelled_StopsCopying(t *testing.T) {
	st := storetest.NewMemory(nil)
	for night := range 20 {
		l := smallGroups(openLedger(t, st), 64)
		if err := l.Commit(t.Context(), pipeline.Rows{Assets: []*pipeline.Row{storedRow(fmt.Sprintf("file-%02d", night), 0)}}); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		if night == 19 {
			cancel()
		}
		err := l.Compact(ctx)
		cancel()
		if (err != nil) != (night == 19) {
			t.Fatalf("night %d: %v", night, err)
		}
	}
}
