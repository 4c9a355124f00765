package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"exporter/internal/durable"
)

const (
	// syncWorkers is how many files are synced at once: enough for a file system to group them into few journal commits.
	syncWorkers = 16
	// syncAllFrom is the number of files from which on it costs less to sync the whole file system than one file after another.
	syncAllFrom = 64
)

// dirBatch is a Batch of a Dir: files that have temporary names until they are synced.
type dirBatch struct {
	dir *Dir

	mu    sync.Mutex
	files []tempFile
	bytes int64
}

type tempFile struct{ temp, key string }

// NewBatch implements Store.
func (d *Dir) NewBatch() Batch { return &dirBatch{dir: d} }

// Put implements Batch.
func (b *dirBatch) Put(_ context.Context, key string, c Content, size int64) error {
	f := tempFile{b.dir.tempName(key), key}
	err := durable.Write(b.dir.fsys, f.temp, func(to durable.File) error { return write(to, key, c, size) })
	if err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.files = append(b.files, f)
	b.bytes += size
	return nil
}

func write(to io.Writer, key string, c Content, size int64) error {
	n, err := c.WriteTo(to)
	if err == nil && n != size {
		err = fmt.Errorf("write %s: %d of %d bytes", key, n, size)
	}
	return err
}

// Sync implements Batch: first the bytes of all files, then their names.
func (b *dirBatch) Sync(ctx context.Context) error {
	d := b.dir
	err := d.sync(len(b.files), b.bytes, func() error {
		return each(ctx, b.files, func(f tempFile) error { return d.syncFile(f.temp) })
	})
	if err != nil {
		return err
	}
	if err := each(ctx, b.files, b.name); err != nil {
		return err
	}
	// With their names, no more is written than directories.
	return d.sync(len(b.files), 0, func() error {
		dirs := d.unsettled(b.keys)
		if err := each(ctx, dirs, d.fsys.SyncDir); err != nil {
			return err
		}
		d.settle(dirs)
		return nil
	})
}

// sync makes durable what single would, with so many calls, for so many bytes: by syncing the whole file system where that costs less.
func (d *Dir) sync(calls int, bytes int64, single func() error) error {
	began := time.Now()
	if calls >= syncAllFrom && d.syncing.prefersWhole() {
		err := d.fsys.SyncAll()
		if err == nil {
			d.syncing.synced(true, began, calls, bytes)
		}
		if !errors.Is(err, errors.ErrUnsupported) {
			return err
		}
	}
	err := single()
	if err == nil && calls >= syncAllFrom {
		d.syncing.synced(false, began, calls, bytes)
	}
	return err
}

func (b *dirBatch) name(f tempFile) error { return b.dir.nameFile(f.temp, f.key) }

// keys yields those of all files.
func (b *dirBatch) keys(yield func(string) bool) {
	for _, f := range b.files {
		if !yield(f.key) {
			return
		}
	}
}

func (d *Dir) syncFile(name string) error {
	f, err := d.fsys.Edit(name)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// each calls f for every item, a few at once, and returns the first error. It panics where f does.
func each[T any](ctx context.Context, items []T, f func(T) error) error {
	var next atomic.Int64
	var panicked atomic.Value
	g, failed := errgroup.WithContext(ctx)
	for range min(syncWorkers, len(items)) {
		g.Go(func() error {
			defer func() {
				if v := recover(); v != nil {
					panicked.Store(fmt.Sprintf("%v\n%s", v, debug.Stack()))
				}
			}()
			for failed.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= len(items) {
					break
				}
				if err := f(items[i]); err != nil {
					return err
				}
			}
			return nil
		})
	}
	err := g.Wait()
	if v := panicked.Load(); v != nil {
		panic(v)
	}
	if err != nil {
		return err
	}
	return context.Cause(ctx)
}
