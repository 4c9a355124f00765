package dataset

import (
	"context"
	"errors"
	"sync"
	"time"

	"exporter/internal/store"
	"exporter/internal/whole"
	"exporter/manifest"
	"exporter/pipeline"
)

// later is an export as it is by now: since its tables were opened a run or a compaction may have stored a picture elsewhere, and removed
// what they name. The zero later knows nothing.
type later struct {
	mu    sync.Mutex
	dir   store.ReadCloser
	table *manifest.Snapshot
	// opened is when its opening began.
	opened time.Time
}

// moved returns where the blob of a row is by now, which was found to be missing where the row says; nil where it is nowhere.
func (s *export) moved(ctx context.Context, row *pipeline.Row) (*pipeline.Location, error) {
	missed := time.Now()
	if _, isLost := s.lost.Load(row.Location.Path); isLost {
		return nil, nil
	}
	l := &s.later
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.table != nil {
		if at, err := l.find(ctx, row); err != nil || at != nil && at.Path != row.Location.Path {
			return at, err
		}
	}
	// Rows are committed before what they named is removed: what is opened from now on knows of that.
	if !l.opened.After(missed) {
		if err := errors.Join(l.close(), l.open(s.ctx, s.path)); err != nil {
			return nil, s.readError(err)
		}
	}
	at, err := l.find(ctx, row)
	if err == nil && at != nil && at.Path == row.Location.Path {
		// With it, all that was in it is gone.
		s.lost.Store(row.Location.Path, true)
	}
	return at, err
}

// open opens the export anew: a reader that is open may know the log of a bucket as it was a moment ago.
func (l *later) open(ctx context.Context, path string) (err error) {
	l.opened = time.Now()
	if l.dir, err = whole.Open(ctx, path, nil); err != nil {
		return err
	}
	if l.table, err = manifest.Glance(ctx, l.dir); err != nil {
		return errors.Join(err, l.close())
	}
	return nil
}

// find returns where the blob of a row is; nil where it is not stored any more.
func (l *later) find(ctx context.Context, row *pipeline.Row) (*pipeline.Location, error) {
	found, err := l.table.Asset(ctx, row.Key())
	if err != nil || found == nil || found.Status != pipeline.Stored || found.Content.SHA256 != row.Content.SHA256 {
		return nil, err
	}
	return &found.Location, nil
}

func (l *later) close() error {
	var errs []error
	if l.table != nil {
		errs = append(errs, l.table.Close())
	}
	if l.dir != nil {
		errs = append(errs, l.dir.Close())
	}
	l.table, l.dir = nil, nil
	return errors.Join(errs...)
}
