package sinks

import (
	"context"
	"strings"

	"exporter/internal/store"
	"exporter/pipeline"
)

// RemoveBlobs removes the objects of rows that the local sink stored. Blobs in shards stay: a sealed shard is never touched
// again. What is gone already is no error.
func RemoveBlobs(ctx context.Context, s store.Store, rows []*pipeline.Row) error {
	var keys []string
	for _, row := range rows {
		if name := row.Location.Path; row.Location.Shard == nil && strings.HasPrefix(name, LocalDir+"/") {
			keys = append(keys, name)
		}
	}
	return s.Remove(ctx, keys...)
}

// fileDir returns the prefix of a file's blobs in the local sink.
func fileDir(id pipeline.ID) string { return LocalDir + "/" + idName(id) + "/" }

// HasFileDir tells whether there is anything in the directory of a file's blobs.
func HasFileDir(ctx context.Context, r store.Reader, id pipeline.ID) (bool, error) {
	for _, err := range r.List(ctx, fileDir(id)) {
		return err == nil, err
	}
	return false, nil
}

// RemoveFileDir removes whatever is left in the directory of a file's blobs. Nothing there is no error.
func RemoveFileDir(ctx context.Context, s store.Store, id pipeline.ID) error {
	var keys []string
	for e, err := range s.List(ctx, fileDir(id)) {
		if err != nil {
			return err
		}
		keys = append(keys, e.Key)
	}
	return s.Remove(ctx, keys...)
}
