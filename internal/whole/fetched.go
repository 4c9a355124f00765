package whole

import (
	"context"
	"errors"
	"io/fs"
	"iter"
	"maps"
	"slices"
	"strings"

	"exporter/internal/store"
	"exporter/manifest"
)

const (
	// keptInMemory is how many bytes of a table that was fetched are in memory: most of what a part commits is smaller.
	keptInMemory = 256 << 10
	// fetchTries is how often the tables of a part are fetched again that commits meanwhile.
	fetchTries = 5
)

// fetched are the tables of an export in a bucket, all of one moment, in memory and in temporary files: a merge goes over many tables at once, column by
// column, and would keep blocks of each in memory, or ask for them again and again.
type fetched struct {
	tables map[string]store.Spool
}

var _ store.ReadCloser = (*fetched)(nil)

// fetch fetches the tables of an export.
func fetch(ctx context.Context, from store.Reader) (f *fetched, err error) {
	for range fetchTries {
		if f, err = fetchOnce(ctx, from); !errors.Is(err, fs.ErrNotExist) {
			return f, err
		}
	}
	return f, err
}

func fetchOnce(ctx context.Context, from store.Reader) (f *fetched, err error) {
	f = &fetched{tables: map[string]store.Spool{}}
	defer func() {
		if err != nil {
			err = errors.Join(err, f.Close())
			f = nil
		}
	}()
	names, err := manifest.TableNames(ctx, from)
	if err != nil {
		return f, err
	}
	for _, name := range names {
		err := f.add(ctx, from, name)
		if err != nil && !(errors.Is(err, fs.ErrNotExist) && manifest.IsFinal(name)) {
			return f, err
		}
	}
	return f, nil
}

// add fetches a table.
func (f *fetched) add(ctx context.Context, from store.Reader, name string) (err error) {
	o, err := from.Open(ctx, name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, o.Close()) }()
	spool := store.Buffered(func() (store.Spool, error) { return store.TempSpool("") }, keptInMemory)
	if _, err := store.ContentOf(o).WriteTo(spool); err != nil {
		return errors.Join(err, spool.Close())
	}
	f.tables[name] = spool
	return nil
}

// Open implements store.Reader.
func (f *fetched) Open(_ context.Context, key string) (store.Object, error) {
	spool, ok := f.tables[key]
	if !ok {
		return nil, &fs.PathError{Op: "open", Path: key, Err: fs.ErrNotExist}
	}
	return fetchedTable{spool}, nil
}

// List implements store.Reader.
func (f *fetched) List(_ context.Context, prefix string) iter.Seq2[store.Entry, error] {
	return func(yield func(store.Entry, error) bool) {
		for _, key := range slices.Sorted(maps.Keys(f.tables)) {
			if strings.HasPrefix(key, prefix) && !yield(store.Entry{Key: key, Size: f.tables[key].Size()}, nil) {
				return
			}
		}
	}
}

// Close implements io.Closer: the tables are gone.
func (f *fetched) Close() (err error) {
	for _, spool := range f.tables {
		err = errors.Join(err, spool.Close())
	}
	return err
}

// fetchedTable is a table that is open, as long as those that were fetched are.
type fetchedTable struct{ store.Spool }

// Close implements io.Closer.
func (fetchedTable) Close() error { return nil }
