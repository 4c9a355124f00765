package main

import (
	"context"
	"io"

	"exporter/internal/durable"
	"exporter/internal/store"
	"exporter/internal/store/place"
)

// ownWrapped returns a function for app.own that puts something between an export and its file system; nil changes nothing.
func ownWrapped(wrap func(durable.FS) durable.FS) place.Owner {
	if wrap == nil {
		return nil
	}
	return func(_ context.Context, path string, _ place.Options) (store.Store, error) {
		dir, err := durable.Open(path)
		if err != nil {
			return nil, err
		}
		return wrappedStore{store.OnFS(wrap(dir)), dir}, nil
	}
}

// wrappedStore is a store on the file system of a directory, which it closes.
type wrappedStore struct {
	store.Store
	dir io.Closer
}

func (w wrappedStore) Close() error { return w.dir.Close() }
