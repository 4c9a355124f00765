package sinks

import (
	"context"
	"errors"
	"fmt"
	"path"
	"runtime/debug"
	"strconv"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"exporter/internal/durable"
	"exporter/pipeline"
)

// LocalDir is where the local sink keeps its files: a folder for each source file.
const LocalDir = "blobs"

// syncWorkers is how many files are synced at once: enough for a file system to group them into few journal commits.
const syncWorkers = 16

// syncAllFrom is the number of blobs from which on it costs less to sync the whole file system than one file after another.
const syncAllFrom = 64

// Local stores a file for each blob.
type Local struct {
	fsys durable.FS
	// serial numbers temporary files.
	serial atomic.Int64

	mu sync.Mutex
	// written holds the blobs that were put since the last Sync.
	written []writtenBlob
}

type writtenBlob struct{ temp, name string }

var _ pipeline.Sink = (*Local)(nil)

// NewLocal returns a sink that stores files below "blobs" of fsys.
func NewLocal(fsys durable.FS) *Local { return &Local{fsys: fsys} }

// Put writes the blob under a temporary name.
func (l *Local) Put(_ context.Context, asset *pipeline.Asset, blob *pipeline.Blob) (*pipeline.Location, error) {
	w := writtenBlob{
		temp: durable.TempDir + "/blob-" + strconv.FormatInt(l.serial.Add(1), 10),
		name: LocalDir + "/" + memberName(asset, blob.MediaType),
	}
	if err := l.write(w.temp, blob); err != nil {
		return nil, err
	}
	l.mu.Lock()
	l.written = append(l.written, w)
	l.mu.Unlock()
	return &pipeline.Location{Path: w.name}, nil
}

func (l *Local) write(temp string, blob *pipeline.Blob) error {
	return durable.Write(l.fsys, temp, func(f durable.File) error {
		n, err := blob.WriteTo(f)
		if err == nil && n != blob.Size {
			err = fmt.Errorf("write %s: %d of %d bytes", temp, n, blob.Size)
		}
		return err
	})
}

// Sync makes the bytes of all written blobs durable, then gives them their names, then makes the names durable.
func (l *Local) Sync(ctx context.Context, release func()) error {
	l.mu.Lock()
	batch := l.written
	l.written = nil
	l.mu.Unlock()
	release()

	if len(batch) >= syncAllFrom {
		if err := l.syncAll(ctx, batch); !errors.Is(err, errors.ErrUnsupported) {
			return err
		}
	}
	if err := each(ctx, batch, func(w writtenBlob) error { return l.syncFile(w.temp) }); err != nil {
		return err
	}
	if err := each(ctx, batch, l.giveName); err != nil {
		return err
	}
	return each(ctx, directories(batch), l.fsys.SyncDir)
}

// syncAll does what Sync does, two times for all blobs together.
func (l *Local) syncAll(ctx context.Context, batch []writtenBlob) error {
	if err := l.fsys.SyncAll(); err != nil {
		return err
	}
	if err := each(ctx, batch, l.giveName); err != nil {
		return err
	}
	return l.fsys.SyncAll()
}

func (l *Local) syncFile(name string) error {
	f, err := l.fsys.Edit(name)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

func (l *Local) giveName(w writtenBlob) error {
	if err := l.fsys.MkdirAll(path.Dir(w.name)); err != nil {
		return err
	}
	return l.fsys.Rename(w.temp, w.name)
}

// directories returns every directory that holds one of the blobs, and those above, each once.
func directories(batch []writtenBlob) []string {
	seen := map[string]bool{}
	var dirs []string
	for _, w := range batch {
		for dir := path.Dir(w.name); !seen[dir]; dir = path.Dir(dir) {
			seen[dir] = true
			dirs = append(dirs, dir)
		}
	}
	return dirs
}

// each calls f for every item, a few at once, and returns the first error. A panic of f is one.
func each[T any](ctx context.Context, items []T, f func(T) error) error {
	g, failed := errgroup.WithContext(ctx)
	g.SetLimit(syncWorkers)
	for _, item := range items {
		if failed.Err() != nil {
			break
		}
		g.Go(func() (err error) {
			defer func() {
				if v := recover(); v != nil {
					err = &pipeline.PanicError{Stage: "sync", Value: v, Stack: debug.Stack()}
				}
			}()
			return f(item)
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	return context.Cause(ctx)
}

// Seal implements pipeline.Sink. There is nothing to seal.
func (l *Local) Seal(context.Context) error { return nil }

// Close implements pipeline.Sink. Blobs that were not synced stay in durable.TempDir, which the next run empties.
func (l *Local) Close() error { return nil }
