package manifest

import (
	"os"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"exporter/pipeline"
)

// An export of schema 1, with a part that was not merged yet, is read, goes on, and is raised where it is written anew.
func TestLedger_Schema1_GoesOn(t *testing.T) {
	path := t.TempDir()
	if err := os.CopyFS(path, os.DirFS("testdata/schema1")); err != nil {
		t.Fatal(err)
	}
	dir := openDir(t, path)
	vanished := storedRow("gone", 0)
	vanished.VanishedAt = testTime
	want := []*pipeline.Row{figureRow("a", 1, "F.jpg"), storedRow("a", 0), storedRow("b", 0), vanished}
	if diff := cmp.Diff(want, collect(t, openSnapshotOf(t, dir))); diff != "" {
		t.Errorf("rows of schema 1 (-want +got):\n%s", diff)
	}
	s := openSnapshotOf(t, dir)
	for _, tt := range []struct {
		id      string
		sources []pipeline.SourceKey
	}{{"a", []pipeline.SourceKey{"directory:d"}}, {"b", []pipeline.SourceKey{"pipeline:p"}}} {
		state, err := s.File(t.Context(), pipeline.FileKey{FileID: tt.id})
		if err != nil || state == nil || !state.AskedAt.Equal(testTime) || !slices.Equal(state.Sources, tt.sources) {
			t.Errorf("state of file %s: %+v, %v; want it asked when it was listed, and in %v", tt.id, state, err, tt.sources)
		}
	}
	if versions := schemasOf(t, s); !slices.Equal(versions, []string{"1", "1", "1", "1"}) {
		t.Errorf("schemas before: %q", versions)
	}

	l := openLedger(t, dir)
	row := storedRow("c", 0)
	row.DeclaredType, row.MissedAt, row.Content.Orientation = "image/png", testTime, 6
	file := &pipeline.FileRow{File: *testFile("c"), Status: pipeline.Complete, AskedAt: testTime, Sources: []pipeline.SourceKey{"project"}}
	if err := l.Commit(t.Context(), pipeline.Rows{Assets: []*pipeline.Row{row}, Files: []*pipeline.FileRow{file}}); err != nil {
		t.Fatal(err)
	}
	want = slices.Insert(want, 3, row)
	if diff := cmp.Diff(want, collect(t, openSnapshotOf(t, dir))); diff != "" {
		t.Errorf("rows of both schemas (-want +got):\n%s", diff)
	}
	if err := l.Compact(t.Context()); err != nil {
		t.Fatal(err)
	}
	s = openSnapshotOf(t, dir)
	if diff := cmp.Diff(want, collect(t, s)); diff != "" {
		t.Errorf("rows after the merge (-want +got):\n%s", diff)
	}
	if versions := schemasOf(t, s); !slices.Equal(versions, []string{Schema, Schema}) {
		t.Errorf("schemas after: %q, want %s", versions, Schema)
	}
}

// schemasOf returns the versions of all files that count.
func schemasOf(t *testing.T, s *Snapshot) (versions []string) {
	t.Helper()
	for _, table := range slices.Concat(s.assets.tables(), s.files.tables()) {
		versions = append(versions, table.meta.schema)
	}
	return versions
}
