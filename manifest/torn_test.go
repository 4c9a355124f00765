package manifest

import (
	"errors"
	"strings"
	"testing"

	"exporter/internal/store/storetest"
	"exporter/pipeline"
)

// A commit that is cut short between its two parts is none, however often that happens, and nothing of it comes back to life.
func TestLedger_CommitTorn_CountsForNothing(t *testing.T) {
	fail := false
	st := storetest.NewMemory(func(o storetest.Operation) error {
		if fail && strings.HasSuffix(o.Key, ".assets.parquet") {
			return errors.New("no")
		}
		return nil
	})
	file := func(id string, stored int64) []*pipeline.FileRow {
		return []*pipeline.FileRow{{File: *testFile(id), Status: pipeline.Complete, Counts: pipeline.Counts{Stored: stored}}}
	}
	l := openLedger(t, st)
	if err := l.Commit(t.Context(), pipeline.Rows{Assets: []*pipeline.Row{storedRow("a", 0)}, Files: file("a", 1)}); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		fail = true
		if err := openLedger(t, st).Commit(t.Context(), pipeline.Rows{Assets: []*pipeline.Row{storedRow("a", 1)}, Files: file("a", 2)}); err == nil {
			t.Fatal("the commit did not fail")
		}
		fail = false
		state, err := openSnapshotOf(t, st).File(t.Context(), pipeline.FileKey{FileID: "a"})
		if err != nil || state == nil || state.Stored != 1 {
			t.Fatalf("the file's state is %+v, %v, want that of the first commit", state, err)
		}
	}
	// One that fails is not merged either.
	l = openLedger(t, st)
	fail = true
	if err := l.Commit(t.Context(), pipeline.Rows{Assets: []*pipeline.Row{storedRow("a", 1)}, Files: file("a", 2)}); err == nil {
		t.Fatal("the commit did not fail")
	}
	if fail = false; l.Compact(t.Context()) != nil {
		t.Fatal("a ledger of which a commit failed cannot be merged")
	}
	if state, err := openSnapshotOf(t, st).File(t.Context(), pipeline.FileKey{FileID: "a"}); err != nil || state.Stored != 1 {
		t.Fatalf("merged, the file's state is %+v, %v, want that of the first commit", state, err)
	}
	l = openLedger(t, st)
	if err := l.Commit(t.Context(), pipeline.Rows{Assets: []*pipeline.Row{storedRow("b", 0)}, Files: file("b", 1)}); err != nil {
		t.Fatal(err)
	}
	for _, when := range []string{"in parts", "merged"} {
		s := openSnapshotOf(t, st)
		state, err := s.File(t.Context(), pipeline.FileKey{FileID: "a"})
		if err != nil || state == nil || state.Stored != 1 {
			t.Errorf("%s: the file's state is %+v, %v, want that of the first commit", when, state, err)
		}
		if rows := collect(t, s); len(rows) != 2 {
			t.Errorf("%s: %d rows, want 2", when, len(rows))
		}
		if when == "in parts" {
			if err := l.Compact(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
}
