package sinks

import (
	"context"
	"sync"

	"exporter/internal/store"
	"exporter/pipeline"
)

// LocalDir is where the local sink keeps its objects: a folder for each source file.
const LocalDir = "blobs"

// Local stores an object for each blob.
type Local struct {
	store store.Store

	mu sync.Mutex
	// batch has the blobs that were put since the last Sync.
	batch store.Batch
}

var _ pipeline.Sink = (*Local)(nil)

// NewLocal returns a sink that stores objects below "blobs" of s.
func NewLocal(s store.Store) *Local { return &Local{store: s, batch: s.NewBatch()} }

// Put adds the blob to the batch.
func (l *Local) Put(ctx context.Context, asset *pipeline.Asset, blob *pipeline.Blob) (*pipeline.Location, error) {
	l.mu.Lock()
	batch := l.batch
	l.mu.Unlock()
	name := LocalDir + "/" + memberName(asset, blob.MediaType)
	if err := batch.Put(ctx, name, blob, blob.Size); err != nil {
		return nil, err
	}
	return &pipeline.Location{Path: name}, nil
}

// Sync makes the batch durable, while the next one can be filled.
func (l *Local) Sync(ctx context.Context, release func()) error {
	l.mu.Lock()
	batch := l.batch
	l.batch = l.store.NewBatch()
	l.mu.Unlock()
	release()
	return batch.Sync(ctx)
}

// Seal implements pipeline.Sink. There is nothing to seal.
func (l *Local) Seal(context.Context) error { return nil }

// Close implements pipeline.Sink. Blobs that were not synced count for nothing.
func (l *Local) Close() error { return nil }
