package pipeline

import (
	"errors"
	"testing"
)

// Wherever a run ends that replaces blobs, the next one finds out what it has to fetch again.
func TestRun_EndsWhileReplacing_NextRunCompletes(t *testing.T) {
	for n := 1; ; n++ {
		source, store := testSource(2), newFakeStore(t)
		mustRun(t, testOptions(source, store))

		commits := 0
		store.commitErr = func() error {
			if commits++; commits == n {
				return errFake
			}
			return nil
		}
		// One of the blobs is of another size now, and cannot be fetched.
		source.assets["file-001"][0].ListedSize = new(int64(777))
		source.blobErr = func(a *Asset) error {
			if size, _ := a.ExpectedSize(); size == 777 {
				return &Failure{Class: "http_404", Attempts: 1, Err: errFake}
			}
			return nil
		}
		source.stopped = false
		store.nextRun()
		o := testOptions(source, store)
		o.Refetch, o.CheckpointRows = true, 1
		err := Run(t.Context(), o)
		if err != nil && !errors.Is(err, errFake) {
			t.Fatal(err)
		}
		for _, row := range store.rows {
			if f := store.files[FileKey{FileID: string(row.FileID)}]; row.Status == Failed && f.Status == Complete {
				t.Errorf("commit %d fails: the file of %v is complete, but its row says %s", n, row.Key(), row.Reason)
			}
		}

		store.commitErr, source.blobErr, source.stopped = nil, nil, false
		store.nextRun()
		mustRun(t, testOptions(source, store))
		for key, row := range store.rows {
			// What was not begun to be replaced is as it was, and its file is not known to have changed.
			if row.Status != Stored {
				t.Errorf("commit %d fails: after the next run %v is %s: %s", n, key, row.Status, row.Reason)
			}
		}
		if err == nil {
			if n < 4 {
				t.Errorf("a run that replaces blobs has %d commits, want 3 at least", n-1)
			}
			return
		}
	}
}
