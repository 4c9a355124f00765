package bucket

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"exporter/internal/store"
)

// Grow implements store.Store: it grows in a file without a name, of which nothing is left after a crash.
func (b *Bucket) Grow(_ context.Context, key string) (store.Growing, error) {
	if err := checkKey("grow", key); err != nil {
		return nil, err
	}
	if _, isOpen := b.growing.LoadOrStore(key, true); isOpen {
		return nil, fmt.Errorf("grow %s: it is open", key)
	}
	file, err := os.CreateTemp(b.options.Scratch, "exporter-")
	if err != nil {
		b.growing.Delete(key)
		return nil, err
	}
	g := &growing{bucket: b, key: key, file: file}
	// Windows removes no file that is open.
	g.named = os.Remove(file.Name()) != nil
	return g, nil
}

// Reopen implements store.Store: what is finished stays as it is.
func (b *Bucket) Reopen(_ context.Context, key string) (store.Growing, error) {
	return nil, fmt.Errorf("reopen %s: %w", key, errors.ErrUnsupported)
}

// growing is a store.Growing that is put when it is finished.
type growing struct {
	bucket *Bucket
	key    string
	file   *os.File
	size   int64
	// named says that the file has to be removed when it is closed.
	named bool
}

// Write implements io.Writer.
func (g *growing) Write(p []byte) (int, error) {
	n, err := g.file.WriteAt(p, g.size)
	g.size += int64(n)
	return n, err
}

// ReadAt implements io.ReaderAt.
func (g *growing) ReadAt(p []byte, at int64) (int, error) { return g.file.ReadAt(p, at) }

// WriteTo implements store.Content.
func (g *growing) WriteTo(w io.Writer) (int64, error) {
	return io.Copy(w, io.NewSectionReader(g.file, 0, g.size))
}

// Size implements store.Growing.
func (g *growing) Size() int64 { return g.size }

// Truncate implements store.Growing.
func (g *growing) Truncate(size int64) error {
	err := g.file.Truncate(size)
	if err == nil {
		g.size = size
	}
	return err
}

// Sync implements store.Growing: nothing survives a crash before Finish.
func (g *growing) Sync() error { return fmt.Errorf("sync %s: %w", g.key, errors.ErrUnsupported) }

// Finish implements store.Growing.
func (g *growing) Finish(ctx context.Context) error {
	b := g.bucket
	put := b.Put
	if b.isDirect(g.key) {
		put = b.putNew
	}
	return errors.Join(put(ctx, g.key, g, g.size), g.Close())
}

// Close implements store.Growing.
func (g *growing) Close() error {
	g.bucket.growing.Delete(g.key)
	err := g.file.Close()
	if g.named {
		err = errors.Join(err, os.Remove(g.file.Name()))
	}
	return err
}
