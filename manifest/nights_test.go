package manifest

import (
	"fmt"
	"testing"

	"exporter/internal/store/storetest"
	"exporter/internal/testmain"
	"exporter/pipeline"
)

// Nights whose rows come behind all others do not write a row group anew until it is full: of what they copy they make few row groups.
func TestLedger_Compact_AscendingNights_WriteFewRowsAnew(t *testing.T) {
	testmain.Long(t)
	const nights, newRows = 60, 40
	type group struct {
		rows        int64
		least, most string
	}
	st := storetest.NewMemory(nil)
	known, rewritten := map[group]bool{}, int64(0)
	for night := range nights {
		l := openLedger(t, st)
		var rows []*pipeline.Row
		for page := range newRows {
			rows = append(rows, storedRow(fmt.Sprintf("file-%03d", night), int32(page)))
		}
		if err := l.Commit(t.Context(), pipeline.Rows{Assets: rows}); err != nil {
			t.Fatal(err)
		}
		if err := l.Compact(t.Context()); err != nil {
			t.Fatal(err)
		}
		f := parquetOf(t, readFile(t, st, AssetsName))
		groups := map[group]bool{}
		for _, g := range f.RowGroups() {
			least, most := boundsOf(g, columnOf(f.Schema(), "file_id"))
			one := group{g.NumRows(), string(least), string(most)}
			groups[one] = true
			if !known[one] {
				rewritten += one.rows
			}
		}
		known = groups
		if most := f.NumRows()/int64(groupRowsOf(f.NumRows(), rowGroupRows)) + 3; int64(len(f.RowGroups())) > most {
			t.Fatalf("night %d: %d row groups for %d rows, want %d at most", night, len(f.RowGroups()), f.NumRows(), most)
		}
	}
	if most := int64(nights * newRows * mostRewritten); rewritten > most {
		t.Errorf("%d nights of %d rows wrote %d rows, want %d at most", nights, newRows, rewritten, most)
	}
}
