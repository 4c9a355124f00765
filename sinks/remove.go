package sinks

import (
	"context"

	"exporter/internal/store"
	"exporter/pipeline"
)

// RemoveBlobs removes the objects that the local sink stored. Blobs in shards stay: a sealed shard is never touched
// again. What is gone already is no error, and a path that leads elsewhere, if only into a part of the export, is passed over.
func RemoveBlobs(ctx context.Context, s store.Store, blobs []pipeline.Location) error {
	var keys []string
	for _, at := range blobs {
		if at.Shard == nil && isOwnBlob(at.Path) {
			keys = append(keys, at.Path)
		}
	}
	return s.Remove(ctx, keys...)
}

// folders returns the prefixes of the blobs of a file, or a parse job, in the local sink: today's, and that of earlier versions.
func folders(id pipeline.ID) []string {
	name := idName(id) + "/"
	return []string{fanOut(id) + name, LocalDir + "/" + name}
}

// HasFolder tells whether there is anything in the folders of the blobs of a file, or of a parse job.
func HasFolder(ctx context.Context, r store.Reader, id pipeline.ID) (bool, error) {
	keys, err := blobsOf(ctx, r, id)
	return len(keys) > 0, err
}

// RemoveFolder removes whatever is left in the folders of the blobs of a file, or of a parse job. Nothing there is no error.
func RemoveFolder(ctx context.Context, s store.Store, id pipeline.ID) error {
	keys, err := blobsOf(ctx, s, id)
	if err != nil {
		return err
	}
	return s.Remove(ctx, keys...)
}

// blobsOf lists what is in the folders of a file's blobs. Those of another file may be below the one of earlier versions.
func blobsOf(ctx context.Context, r store.Reader, id pipeline.ID) (keys []string, err error) {
	for _, folder := range folders(id) {
		for e, err := range r.List(ctx, folder) {
			if err != nil {
				return nil, err
			}
			if FolderOf(e.Key) == folder {
				keys = append(keys, e.Key)
			}
		}
	}
	return keys, nil
}
