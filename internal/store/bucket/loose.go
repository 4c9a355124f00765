package bucket

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"

	"exporter/internal/store"
)

// Loose are objects below a prefix of a bucket that no log knows, and no export owns: what several writers share. Its methods are safe for
// concurrent use.
type Loose struct{ reader *Reader }

// NewLoose returns the loose objects below a prefix. Of the options Direct and Unique mean nothing here. With SingleWriter, the store need not know
// conditions: of two that make one object at the same moment, the last one wins then, and the other finds that.
func NewLoose(client Client, prefix string, o Options) (*Loose, error) {
	r, err := newReader(client, prefix, &o)
	if err != nil {
		return nil, err
	}
	if o.SingleWriter {
		r.client.Client = unconditional{r.client.Client}
	}
	return &Loose{r}, nil
}

// Open opens an object for reading: the version that there is now. A missing one is fs.ErrNotExist.
func (l *Loose) Open(ctx context.Context, key string) (store.Object, error) {
	if !fs.ValidPath(key) {
		return nil, &fs.PathError{Op: "open", Path: key, Err: fs.ErrInvalid}
	}
	return l.reader.openFirst(ctx, key)
}

// Put stores an object as a whole, in place of one that has its key.
func (l *Loose) Put(ctx context.Context, key string, c store.Content, size int64) error {
	if !fs.ValidPath(key) {
		return &fs.PathError{Op: "put", Path: key, Err: fs.ErrInvalid}
	}
	_, err := l.reader.client.put(ctx, key, c, size)
	return err
}

// Remove removes an object. One that is missing is no error.
func (l *Loose) Remove(ctx context.Context, key string) error {
	return l.reader.client.again(ctx, func() error { return l.reader.client.Remove(ctx, key) })
}

// Create stores a small object if none has its key: else it is store.ErrExists. An answer that was lost is followed by a read: what lies there with
// the same bytes counts as stored. So data is to hold something that no other writer has.
func (l *Loose) Create(ctx context.Context, key string, data []byte) error {
	if !fs.ValidPath(key) {
		return &fs.PathError{Op: "create", Path: key, Err: fs.ErrInvalid}
	}
	wasUnsure := false
	err := l.reader.client.again(ctx, func() error {
		_, err := l.reader.client.Create(ctx, key, store.Bytes(data), int64(len(data)))
		if !errors.Is(err, store.ErrUnsure) {
			return err
		}
		wasUnsure = true
		there, _, readErr := l.reader.client.read(ctx, key, 0, int64(len(data))+1, "")
		switch {
		case isMissing(readErr):
			// It is not there yet. One that comes late finds the one that is made now.
			return &Error{Op: "create", Key: key, Temporary: true, Err: err}
		case readErr != nil:
			return readErr
		case bytes.Equal(there, data):
			return nil
		}
		return fmt.Errorf("create %s: %w", key, store.ErrExists)
	})
	if !wasUnsure || !errors.Is(err, store.ErrExists) {
		return err
	}
	// It may be what an earlier try has stored.
	there, _, readErr := l.reader.client.read(ctx, key, 0, int64(len(data))+1, "")
	if readErr == nil && bytes.Equal(there, data) {
		return nil
	}
	return errors.Join(err, readErr)
}
