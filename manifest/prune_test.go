package manifest

import (
	"errors"
	"slices"
	"testing"

	"exporter/pipeline"
)

func TestLedger_Prune_DisownsBeforeBlobsGo(t *testing.T) {
	dir := openDir(t, t.TempDir())
	l := openLedger(t, dir)
	var rows []*pipeline.Row
	// More than are disowned at once; every third vanished, one of them had failed.
	const n = 3*pruneBatch + 300
	for page := range int32(n) {
		row := storedRow("f", page)
		if page%3 == 0 {
			row.VanishedAt = testTime
		}
		if page == 3 {
			row.Status, row.Reason = pipeline.Failed, "http_404: gone"
		}
		rows = append(rows, row)
	}
	gone := &pipeline.FileRow{File: *testFile("g"), Status: pipeline.Complete, Gone: pipeline.Gone{VanishedAt: testTime}}
	kept := &pipeline.FileRow{File: *testFile("f"), Status: pipeline.Complete}
	if err := l.Commit(t.Context(), pipeline.Rows{Assets: rows, Files: []*pipeline.FileRow{gone, kept}}); err != nil {
		t.Fatal(err)
	}
	removed := 0
	err := l.Prune(t.Context(), Removal{Selects: vanished, Allow: allowAll, RemoveBlobs: func(blobs []pipeline.Location) error {
		for _, row := range collect(t, openSnapshotOf(t, dir)) {
			if row.Status == pipeline.Stored && slices.ContainsFunc(blobs, func(at pipeline.Location) bool { return at.Path == row.Location.Path }) {
				t.Fatalf("the blob of %v is to be removed while its row is %+v", row.Key(), row)
			}
		}
		removed += len(blobs)
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	if want := n/3 - 1; removed != want {
		t.Errorf("%d blobs were removed, want %d", removed, want)
	}
	if err := l.Compact(t.Context()); err != nil {
		t.Fatal(err)
	}
	s := openSnapshotOf(t, dir)
	left := collect(t, s)
	for _, row := range left {
		if row.PageIndex%3 == 0 || row.Status != pipeline.Stored {
			t.Errorf("row of page %d is %s", row.PageIndex, row.Status)
		}
	}
	if want := n - n/3; len(left) != want {
		t.Errorf("%d rows are left, want %d", len(left), want)
	}
	if state, err := s.File(t.Context(), gone.Key()); state != nil || err != nil {
		t.Errorf("the row of the vanished file is left: %+v, %v", state, err)
	}
	if state, err := s.File(t.Context(), kept.Key()); state == nil || err != nil {
		t.Errorf("the row of the other file is gone: %v", err)
	}
}

func TestLedger_Prune_StopsWhereBlobsCannotBeRemoved(t *testing.T) {
	dir := openDir(t, t.TempDir())
	l := openLedger(t, dir)
	row := storedRow("f", 0)
	row.VanishedAt = testTime
	if err := l.Commit(t.Context(), pipeline.Rows{Assets: []*pipeline.Row{row}}); err != nil {
		t.Fatal(err)
	}
	failed := errors.New("read-only")
	removal := Removal{Selects: vanished, Allow: allowAll, RemoveBlobs: func([]pipeline.Location) error { return failed }}
	if err := l.Prune(t.Context(), removal); !errors.Is(err, failed) {
		t.Errorf("got %v, want %v", err, failed)
	}
	if rows := collect(t, openSnapshotOf(t, dir)); len(rows) != 1 || rows[0].Status != pipeline.Skipped || rows[0].Reason != pipeline.ReasonPruned {
		t.Errorf("rows %+v, want one that is skipped because it was pruned", rows)
	}
}

func vanished(c Candidate) bool { return !c.VanishedAt.IsZero() }

func allowAll(Extent) error { return nil }

func keepBlobs([]pipeline.Location) error { return nil }

// Whatever is known of a file goes, and of others nothing. While its assets go, a run that comes in between would ask for it again.
func TestLedger_Prune_File_TakesAllOfIt(t *testing.T) {
	dir := openDir(t, t.TempDir())
	l := openLedger(t, dir)
	failed := storedRow("f", 1)
	failed.Status, failed.Reason = pipeline.Failed, "http_404: gone"
	expired := storedRow("f", 2)
	expired.ExpiredAt = testTime
	orphan := storedRow("no-row", 0)
	orphan.File.DirectoryID = "away"
	f := &pipeline.FileRow{File: *testFile("f"), Status: pipeline.Partial, Sources: []pipeline.SourceKey{"directory:away"}}
	noID := &pipeline.FileRow{File: pipeline.File{DirectoryFileID: "dfl-1"}, Status: pipeline.Skipped, Sources: f.Sources}
	kept := &pipeline.FileRow{File: *testFile("g"), Status: pipeline.Complete, Sources: []pipeline.SourceKey{"directory:away", "project"}}
	err := l.Commit(t.Context(), pipeline.Rows{Assets: []*pipeline.Row{storedRow("f", 0), failed, expired, orphan, storedRow("g", 0)}, Files: []*pipeline.FileRow{f, noID, kept}})
	if err != nil {
		t.Fatal(err)
	}
	var extent Extent
	err = l.Prune(t.Context(), Removal{
		Selects: func(c Candidate) bool { return !slices.Contains(c.Sources, pipeline.ProjectSource) },
		At:      testTime,
		Allow:   func(e Extent) error { extent = e; return nil },
		RemoveBlobs: func([]pipeline.Location) error {
			state, err := openSnapshotOf(t, dir).File(t.Context(), f.Key())
			if err != nil || state == nil || state.Status != pipeline.Skipped || state.Gone {
				t.Errorf("the file is %+v, %v while its assets go, want one to ask for again", state, err)
			}
			return nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	// Here a run is killed: whoever merges next drops the rows.
	if err := openLedger(t, dir).Compact(t.Context()); err != nil {
		t.Fatal(err)
	}
	size := storedRow("f", 0).Content.Size
	if want := (Extent{Files: 2, Assets: 4, Stored: 3, Bytes: 3 * size, AllStored: 4}); extent != want {
		t.Errorf("the extent is %+v, want %+v", extent, want)
	}
	s := openSnapshotOf(t, dir)
	if left := collect(t, s); len(left) != 1 || left[0].FileID != "g" || left[0].Status != pipeline.Stored {
		t.Errorf("rows %+v are left, want that of the other file", left)
	}
	for file, err := range s.Known(t.Context()) {
		if err != nil || file.Key != kept.Key() {
			t.Errorf("the row of %v is left, %v", file.Key, err)
		}
	}
}
