package bucket

import (
	"context"
	"errors"
	"io"
	"iter"
	"strings"

	"exporter/internal/store"
)

// below is a Client of what is below a prefix of a bucket, without which keys are.
type below struct {
	Client
	prefix string
}

// Put implements Client.
func (b below) Put(ctx context.Context, key string, c store.Content, size int64) (Version, error) {
	v, err := b.Client.Put(ctx, b.prefix+key, c, size)
	return v, b.err(err)
}

// Create implements Client.
func (b below) Create(ctx context.Context, key string, c store.Content, size int64) (Version, error) {
	v, err := b.Client.Create(ctx, b.prefix+key, c, size)
	return v, b.err(err)
}

// Get implements Client.
func (b below) Get(ctx context.Context, key string, offset, length int64, of Version) (io.ReadCloser, Info, error) {
	body, info, err := b.Client.Get(ctx, b.prefix+key, offset, length, of)
	info.Key = key
	return body, info, b.err(err)
}

// List implements Client.
func (b below) List(ctx context.Context, prefix, after string) iter.Seq2[Info, error] {
	return b.listed(b.Client.List(ctx, b.prefix+prefix, b.after(after)))
}

// Level implements Client.
func (b below) Level(ctx context.Context, prefix, after string) iter.Seq2[Info, error] {
	return b.listed(b.Client.Level(ctx, b.prefix+prefix, b.after(after)))
}

// after returns the key of the bucket behind which a list begins.
func (b below) after(key string) string {
	if key == "" {
		return ""
	}
	return b.prefix + key
}

// listed makes the keys of a list those of the export.
func (b below) listed(all iter.Seq2[Info, error]) iter.Seq2[Info, error] {
	return func(yield func(Info, error) bool) {
		for info, err := range all {
			info.Key = strings.TrimPrefix(info.Key, b.prefix)
			if !yield(info, b.err(err)) {
				return
			}
		}
	}
}

// Remove implements Client.
func (b below) Remove(ctx context.Context, keys ...string) error {
	full := make([]string, len(keys))
	for i, key := range keys {
		full[i] = b.prefix + key
	}
	return b.err(b.Client.Remove(ctx, full...))
}

// String implements Client: the prefix comes behind the bucket, before where that is.
func (b below) String() string {
	name, where, isNamed := strings.Cut(b.Client.String(), " at ")
	name = strings.TrimSuffix(name+"/"+b.prefix, "/")
	if !isNamed {
		return name
	}
	return name + " at " + where
}

// err makes the key of an error that of the export.
func (b below) err(err error) error {
	if failed, ok := errors.AsType[*Error](err); ok {
		failed.Key = strings.TrimPrefix(failed.Key, b.prefix)
	}
	return err
}
