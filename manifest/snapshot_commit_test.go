package manifest

import (
	"context"
	"iter"
	"testing"

	"exporter/internal/store"
	"exporter/internal/store/storetest"
	"exporter/pipeline"
)

// interrupted is a store in which something happens before the commit log is listed for the second time.
type interrupted struct {
	store.Store
	lists  int
	happen func()
}

func (s *interrupted) List(ctx context.Context, prefix string) iter.Seq2[store.Entry, error] {
	if s.lists++; s.lists == 2 {
		s.happen()
	}
	return s.Store.List(ctx, prefix)
}

// A run commits, and ends, while a snapshot is taken. What is complete in the snapshot has its assets.
func TestOpenSnapshot_RunEndsMeanwhile_CompleteFilesHaveTheirAssets(t *testing.T) {
	st := storetest.NewMemory(nil)
	export := func(id string) {
		l := openLedger(t, st)
		file := &pipeline.FileRow{File: *testFile(id), Status: pipeline.Complete, Counts: pipeline.Counts{Stored: 1}}
		if err := l.Commit(t.Context(), pipeline.Rows{Assets: []*pipeline.Row{storedRow(id, 0)}, Files: []*pipeline.FileRow{file}}); err != nil {
			t.Fatal(err)
		}
		if err := l.Compact(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	export("a")
	s, err := OpenSnapshot(t.Context(), &interrupted{Store: st, happen: func() { export("b") }})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for file, err := range s.Files(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		rows, err := s.Assets(t.Context(), pipeline.Owner{FileID: pipeline.ID(file.ID)})
		if err != nil || int64(len(rows)) != file.Stored {
			t.Errorf("file %s has %d stored assets and %d rows: %v", file.ID, file.Stored, len(rows), err)
		}
	}
	if rows := collect(t, s); len(rows) == 0 {
		t.Error("the snapshot has no rows")
	}
}
