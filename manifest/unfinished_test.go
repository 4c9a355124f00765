package manifest

import (
	"slices"
	"testing"

	"exporter/pipeline"
)

// A file of which only assets have rows is known by them, and is among the files in its place.
func TestLedger_Unfinished_IsKnownByItsAssets(t *testing.T) {
	dir := openDir(t, t.TempDir())
	l := openLedger(t, dir)
	rows := []*pipeline.Row{storedRow("a", 0), storedRow("b", 0), storedRow("b", 1), storedRow("c", 0), storedRow("d", 0)}
	var files []*pipeline.FileRow
	for _, id := range []string{"a", "c"} {
		files = append(files, &pipeline.FileRow{File: *testFile(id), Status: pipeline.Complete, Sources: []pipeline.SourceKey{"directory:d"}})
	}
	if err := l.Commit(t.Context(), rows, files); err != nil {
		t.Fatal(err)
	}
	s := openSnapshotOf(t, dir)
	state, err := s.File(t.Context(), pipeline.FileKey{FileID: "b"})
	if err != nil || state == nil || state.Status != pipeline.Partial || !slices.Equal(state.Sources, []pipeline.SourceKey{"directory:d"}) {
		t.Errorf("state: %+v, %v; want it partial, in directory:d", state, err)
	}
	var ids []string
	for row, err := range s.Files(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if ids = append(ids, row.ID); row.ID == "b" && (row.Stored != 2 || row.Bytes != 2000 || row.Status != pipeline.Partial) {
			t.Errorf("row: %+v, want it partial with 2 stored", row)
		}
	}
	if want := []string{"a", "b", "c", "d"}; !slices.Equal(ids, want) {
		t.Errorf("files %q, want %q", ids, want)
	}
	known := 0
	for range s.States() {
		known++
	}
	if known != len(ids) {
		t.Errorf("%d states, want %d", known, len(ids))
	}
}
