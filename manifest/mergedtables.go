package manifest

import (
	"context"
	"errors"
	"io/fs"

	"exporter/internal/store"
)

// MergedTables are tables that are not in any export yet.
type MergedTables struct {
	// Merged says of what they were merged.
	Merged Merged
	// rows counts those of each kind.
	rows   [kinds]int64
	tables []mergedTable
}

// mergedTable is a table, and what holds it.
type mergedTable struct {
	name  string
	spool store.Spool
}

// Rows returns how many rows there are.
func (t *MergedTables) Rows() TableRows {
	return TableRows{Files: t.rows[kindFiles], Pages: t.rows[kindPages], Assets: t.rows[kindAssets]}
}

// Put puts the tables in the place of those of an export. Until it has returned nil, some may be others; the next merge puts them all again.
func (t *MergedTables) Put(ctx context.Context, to store.Store) error {
	hasPages := false
	for _, m := range t.tables {
		if err := to.Put(ctx, m.name, m.spool, m.spool.Size()); err != nil {
			return err
		}
		hasPages = hasPages || m.name == PagesName
	}
	if hasPages {
		return nil
	}
	return to.Remove(ctx, PagesName)
}

// Over returns a reader of what r reads, in which the tables are in the place of those that are there. It closes r and the tables.
func (t *MergedTables) Over(r store.ReadCloser) store.ReadCloser { return &tablesOver{r, t} }

// Close closes the tables, which are gone then, unless they were put.
func (t *MergedTables) Close() (err error) {
	for _, m := range t.tables {
		err = errors.Join(err, m.spool.Close())
	}
	t.tables = nil
	return err
}

// tablesOver has tables over what a reader reads.
type tablesOver struct {
	store.ReadCloser
	tables *MergedTables
}

// Open implements store.Reader.
func (o *tablesOver) Open(ctx context.Context, key string) (store.Object, error) {
	for _, m := range o.tables.tables {
		if m.name == key {
			return spooled{m.spool}, nil
		}
	}
	if IsFinal(key) {
		// It is of another merge.
		return nil, &fs.PathError{Op: "open", Path: key, Err: fs.ErrNotExist}
	}
	return o.ReadCloser.Open(ctx, key)
}

// Close implements io.Closer.
func (o *tablesOver) Close() error { return errors.Join(o.tables.Close(), o.ReadCloser.Close()) }

// spooled is a store.Object that a spool holds, which another closes.
type spooled struct{ store.Spool }

// Close implements io.Closer.
func (spooled) Close() error { return nil }
