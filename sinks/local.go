package sinks

import (
	"context"
	"sync"

	"exporter/internal/store"
	"exporter/pipeline"
)

// LocalDir is where the local sink keeps its objects: a folder for each file or parse job, in one of 256, so that none has too many.
const LocalDir = "blobs"

// Local stores an object for each blob.
type Local struct {
	store store.Store

	mu sync.Mutex
	// batch has the blobs that were put since the last Cut.
	batch store.Batch
}

var _ pipeline.Sink = (*Local)(nil)

// NewLocal returns a sink that stores objects below "blobs" of s.
func NewLocal(s store.Store) *Local { return &Local{store: s, batch: s.NewBatch()} }

// Put adds the blob to the batch.
func (l *Local) Put(ctx context.Context, asset *pipeline.Asset, blob *pipeline.Blob, prior *pipeline.Location) (*pipeline.Location, error) {
	l.mu.Lock()
	batch := l.batch
	l.mu.Unlock()
	name := fanOut(ownerOf(asset)) + versionName(asset, &blob.Content, prior, l.store.Generation())
	if err := batch.Put(ctx, name, blob, blob.Size); err != nil {
		return nil, err
	}
	return &pipeline.Location{Path: name}, nil
}

// Cut implements pipeline.Sink.
func (l *Local) Cut(context.Context) (pipeline.Batch, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	batch := l.batch
	l.batch = l.store.NewBatch()
	return batch, nil
}

// Discard implements pipeline.Sink.
func (l *Local) Discard(ctx context.Context, blobs []pipeline.Location) error {
	return RemoveBlobs(ctx, l.store, blobs)
}

// Seal implements pipeline.Sink. There is nothing to seal.
func (l *Local) Seal(context.Context) error { return nil }

// Close implements pipeline.Sink. Blobs that were not synced count for nothing.
func (l *Local) Close() error { return nil }
