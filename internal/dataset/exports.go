package dataset

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"slices"
	"sync"

	"exporter/internal/store"
	"exporter/internal/store/place"
	"exporter/internal/whole"
	"exporter/manifest"
	"exporter/pipeline"
	"exporter/sinks"
)

// export is an export that is read, as of its last commit.
type export struct {
	path  string
	dir   store.ReadCloser
	table *manifest.Snapshot
	// hasPages tells whether any page has text.
	hasPages bool
	// isFar says that it is in a bucket.
	isFar bool
	// lost are the paths of shards and blobs that are missing, and that the tables still name.
	lost sync.Map
	// later is what has become of it, and ctx that of all that is read of it.
	later later
	ctx   context.Context
}

// openExport opens the export at a place.
func openExport(ctx context.Context, path string, log *slog.Logger) (*export, error) {
	dir, err := whole.Open(ctx, path, log)
	_, isNoPlace := errors.AsType[*place.Error](err)
	_, isNoPlan := errors.AsType[*whole.PlanError](err)
	switch {
	case isNoPlan:
		return nil, &UsageError{err}
	case isOfParts(err):
		return nil, fmt.Errorf("read the parts of %q: %w", path, err)
	case isNoPlace || err != nil && place.IsBucket(path):
		return nil, openError(path, err)
	case err != nil:
		return nil, &UsageError{fmt.Errorf("%q: %w: name the directory of an export", path, err)}
	}
	table, err := manifest.OpenSnapshot(ctx, dir)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("read the tables of %q: %w", path, err), dir.Close())
	}
	s := &export{path: path, dir: dir, table: table, isFar: place.IsBucket(path), ctx: ctx}
	if table.Info() == nil {
		return nil, errors.Join(&UsageError{fmt.Errorf("%q is no export: it has no manifest.parquet", path)}, s.close())
	}
	for _, err := range table.PagesFrom(ctx, pipeline.Owner{}) {
		s.hasPages = err == nil
		if err != nil {
			return nil, errors.Join(fmt.Errorf("read the tables of %q: %w", path, err), s.close())
		}
		break
	}
	if !s.hasPages {
		err = table.LostPages(ctx)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("read the tables of %q: %w", path, err), s.close())
	}
	return s, nil
}

// isOfParts tells whether an error says what is wrong with the parts of an export.
func isOfParts(err error) bool {
	_, isPart := errors.AsType[*manifest.PartError](err)
	_, isDamage := errors.AsType[*pipeline.DamageError](err)
	return isPart || isDamage
}

func (s *export) close() error { return errors.Join(s.later.close(), s.table.Close(), s.dir.Close()) }

// exports are some exports.
type exports []*export

// openExports opens exports, and closes them where one of them cannot be opened.
func openExports(ctx context.Context, paths []string, log *slog.Logger) (all exports, err error) {
	for _, path := range paths {
		s, err := openExport(ctx, path, log)
		if err != nil {
			return nil, errors.Join(err, all.close())
		}
		all = append(all, s)
	}
	return all, nil
}

// areFar tells whether any of them is in a bucket.
func (all exports) areFar() bool {
	return slices.ContainsFunc(all, func(s *export) bool { return s.isFar })
}

func (all exports) close() error {
	var errs []error
	for _, s := range all {
		errs = append(errs, s.close())
	}
	return errors.Join(errs...)
}

// rows yields the rows of all exports, sorted by key, each with the number of its export. Of rows with one key that of the export that was named
// first comes first.
func (all exports) rows(ctx context.Context) iter.Seq2[numberedRow, error] {
	return func(yield func(numberedRow, error) bool) {
		heads := make([]*head, len(all))
		for number, s := range all {
			next, stop := iter.Pull2(s.table.Rows(ctx))
			defer stop()
			heads[number] = &head{next: next}
			if err := heads[number].advance(); err != nil {
				yield(numberedRow{}, s.readError(err))
				return
			}
		}
		for {
			first := -1
			for number, h := range heads {
				if h.row != nil && (first < 0 || h.key.Compare(heads[first].key) < 0) {
					first = number
				}
			}
			if first < 0 {
				return
			}
			if !yield(numberedRow{heads[first].row, first}, nil) {
				return
			}
			if err := heads[first].advance(); err != nil {
				yield(numberedRow{}, all[first].readError(err))
				return
			}
		}
	}
}

func (s *export) readError(err error) error {
	return fmt.Errorf("read the tables of %q: %w", s.path, err)
}

// numberedRow is a row and the number of its export.
type numberedRow struct {
	*pipeline.Row
	from int
}

// head is the next row of an export; nil where there is none left.
type head struct {
	next func() (*pipeline.Row, error, bool)
	row  *pipeline.Row
	key  pipeline.AssetKey
}

func (h *head) advance() error {
	row, err, ok := h.next()
	if err != nil || !ok {
		h.row = nil
		return err
	}
	h.row, h.key = row, row.Key()
	return nil
}

// fileCursor finds the rows of the files of samples, which come in the order of their keys.
type fileCursor struct {
	of   *export
	next func() (*pipeline.FileRow, error, bool)
	stop func()
	row  *pipeline.FileRow
	// job is the row that was found last by its job.
	job *pipeline.FileRow
}

func newFileCursor(ctx context.Context, of *export) *fileCursor {
	next, stop := iter.Pull2(of.table.Files(ctx))
	return &fileCursor{of: of, next: next, stop: stop}
}

// find returns the row of an owner; nil where there is none. Files are sorted as their assets are; jobs are few and looked up.
func (c *fileCursor) find(ctx context.Context, owner pipeline.Owner) (*pipeline.FileRow, error) {
	if owner.JobID != "" {
		if c.job != nil && c.job.JobID == string(owner.JobID) {
			return c.job, nil
		}
		row, err := c.of.table.FileRow(ctx, pipeline.FileKey{JobID: string(owner.JobID)})
		if err != nil {
			return nil, c.of.readError(err)
		}
		c.job = row
		return row, nil
	}
	for c.row == nil || c.row.JobID == "" && c.row.ID < string(owner.FileID) {
		row, err, ok := c.next()
		if err != nil {
			return nil, c.of.readError(err)
		}
		if !ok {
			return nil, nil
		}
		c.row = row
	}
	if c.row.JobID != "" || c.row.ID != string(owner.FileID) {
		return nil, nil
	}
	return c.row, nil
}

// nameOf returns the name of a sample.
func nameOf(row *pipeline.Row) string { return sinks.PlainName(&row.Asset, row.Content.MediaType) }
