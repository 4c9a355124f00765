package sinks

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"sync"

	"github.com/klauspost/compress/zstd"

	"exporter/internal/store"
	"exporter/pipeline"
)

// ArchiveOptions configures an Archive. The zero value is not valid; DefaultArchiveOptions is.
type ArchiveOptions struct {
	// Compress says whether shards are compressed with zstd.
	Compress bool
	// Level is "fastest", "default", "better" or "best". Pictures are compressed already, so more effort saves next to
	// nothing.
	Level string
	// ShardSize is the size of a shard's file, in bytes, from which on the shard is full. It is passed by at most a frame.
	ShardSize int64
	// FrameSize is the number of uncompressed bytes from which on a zstd frame ends. Reading one blob decodes one frame.
	FrameSize int64
	// GoOn says that the first blobs go into the last shard that was sealed, where it has room for them and is compressed alike.
	GoOn bool
}

// DefaultArchiveOptions returns zstd at its fastest level, shards of 1 GiB and frames of 4 MiB.
func DefaultArchiveOptions() ArchiveOptions {
	return ArchiveOptions{Compress: true, Level: "fastest", ShardSize: 1 << 30, FrameSize: 4 << 20}
}

// MaxFrameSize is the most uncompressed bytes of a zstd frame that every reader of seek tables accepts. A blob is in one
// frame, together with what came before it.
const MaxFrameSize = 1 << 30

// Validate returns an error that names the field and its value.
func (o ArchiveOptions) Validate() error {
	if ok, _ := zstd.EncoderLevelFromString(o.Level); !ok {
		return fmt.Errorf("archive level %q: want fastest, default, better or best", o.Level)
	}
	if o.FrameSize < 1 || o.FrameSize > MaxFrameSize {
		return fmt.Errorf("archive frame size %d: want 1 to %d bytes", o.FrameSize, MaxFrameSize)
	}
	if o.ShardSize < 1 {
		return fmt.Errorf("archive shard size %d: want at least 1 byte", o.ShardSize)
	}
	return nil
}

// encoder returns what compresses a shard; nil where shards are not compressed.
func (o ArchiveOptions) encoder() (*zstd.Encoder, error) {
	if !o.Compress {
		return nil, nil
	}
	_, level := zstd.EncoderLevelFromString(o.Level)
	return zstd.NewWriter(nil, zstd.WithEncoderLevel(level), zstd.WithEncoderConcurrency(1), zstd.WithEncoderCRC(true),
		zstd.WithLowerEncoderMem(true), zstd.WithWindowSize(encoderWindow))
}

// Archive stores blobs in tar shards.
type Archive struct {
	store   store.Store
	options ArchiveOptions

	mu sync.Mutex
	// broken is the first error of a write: a shard that failed in the middle of an entry cannot go on.
	broken error
	// current is the shard that is being filled; nil before the first blob.
	current *shard
	// full shards wait for the next Cut, synced ones for their rows to be committed, which the Cut or Seal after that one can
	// rely on. There are none of these where each batch ends its shards.
	full, synced []*shard
	// next is the number of the shard to be made next.
	next int
	// last is the last shard that was sealed, as long as it may be gone on with; else its key is empty. hasReopened tells that there is
	// an object that keeps what the end of one said.
	last        store.Entry
	hasReopened bool
}

var _ pipeline.Sink = (*Archive)(nil)

// NewArchive returns a sink that stores shards below "shards" of s. If an earlier run left partial shards, it cuts
// them back to what is committed and goes on with the last one; only then is committed called, to go over all stored
// rows of the ledger. A shard that holds less than the rows say is a *pipeline.DamageError. A sealed shard stays as it is
// until the first blob comes.
//
// Where the store keeps nothing that is unfinished, each batch ends its shards: they are sealed before the rows of their members are
// committed, a sealed shard is never gone on with, and partial ones, which came from another store, are sealed at once.
func NewArchive(ctx context.Context, s store.Store, o ArchiveOptions, committed func() iter.Seq2[*pipeline.Row, error]) (*Archive, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	o.GoOn = o.GoOn && s.KeepsUnfinished()
	a := &Archive{store: s, options: o}
	if err := a.recover(ctx, committed); err != nil {
		return nil, errors.Join(err, a.Close())
	}
	return a, nil
}

// errHalfWritten is why an Archive goes on no more of which a Put panicked.
var errHalfWritten = errors.New("a shard ends in the middle of an entry")

// Put appends the blob to the current shard. Its Location is complete after Cut.
func (a *Archive) Put(ctx context.Context, asset *pipeline.Asset, blob *pipeline.Blob, prior *pipeline.Location) (*pipeline.Location, error) {
	return a.Adopt(ctx, versionName(asset, &blob.Content, prior, ""), blob)
}

// Adopt is Put of a blob that another shard has as a member of this name.
func (a *Archive) Adopt(ctx context.Context, member string, blob *pipeline.Blob) (*pipeline.Location, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.broken != nil {
		return nil, a.broken
	}
	// Until put returns, which it does not when it panics, the shard ends in the middle of an entry.
	a.broken = errHalfWritten
	location, err := a.put(ctx, member, blob)
	a.broken = err
	return location, err
}

func (a *Archive) put(ctx context.Context, member string, blob *pipeline.Blob) (*pipeline.Location, error) {
	if a.current == nil {
		if err := a.openNext(ctx, blob.Size); err != nil {
			return nil, err
		}
	}
	location, err := a.current.append(member, blob)
	if err != nil {
		return nil, err
	}
	if a.current.size >= a.options.ShardSize {
		if err := a.current.flush(); err != nil {
			return nil, err
		}
		a.full = append(a.full, a.current)
		a.current = nil
	}
	return location, nil
}

// openNext opens a shard for a blob of a size.
func (a *Archive) openNext(ctx context.Context, size int64) (err error) {
	if a.current, err = a.reopenLast(ctx, size); a.current != nil || err != nil {
		return err
	}
	if a.current, err = a.openShard(ctx, shardPath(a.next, a.options.Compress), a.store.Grow); err != nil {
		return err
	}
	a.next++
	return nil
}

// openShard opens a shard that is not sealed, or begins it, as open does.
func (a *Archive) openShard(ctx context.Context, name string, open func(context.Context, string) (store.Growing, error)) (*shard, error) {
	encoder, err := a.options.encoder()
	if err != nil {
		return nil, err
	}
	file, err := open(ctx, name)
	if err != nil {
		return nil, err
	}
	s := newShard(name, file, encoder, a.options.FrameSize)
	s.file = file
	return s, nil
}

// Cut ends the current frame.
func (a *Archive) Cut(context.Context) (pipeline.Batch, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.broken != nil {
		return nil, a.broken
	}
	if a.current != nil {
		if err := a.current.flush(); err != nil {
			a.broken = err
			return nil, err
		}
	}
	if !a.store.KeepsUnfinished() {
		return &archiveBatch{archive: a, ended: a.takeOpen()}, nil
	}
	b := &archiveBatch{archive: a, ended: a.synced, dirty: a.full}
	a.synced, a.full = a.full, nil
	if a.current != nil {
		b.dirty = append(slices.Clone(b.dirty), a.current)
	}
	return b, nil
}

// archiveBatch is what is to be done for a batch of an Archive: shards to seal, whose rows have been committed since the batch
// before, or can be committed only then, and shards to sync.
type archiveBatch struct {
	archive      *Archive
	ended, dirty []*shard
}

// Sync makes all shards durable as far as they are written: it seals those that were full at the Cut before, or all of the batch where
// the store keeps nothing that is unfinished.
func (b *archiveBatch) Sync(ctx context.Context) error {
	if err := sealAll(ctx, b.ended); err != nil {
		return b.archive.fail(err)
	}
	for _, s := range b.dirty {
		if err := s.file.Sync(); err != nil {
			return b.archive.fail(err)
		}
	}
	return nil
}

// Discard implements pipeline.Sink. What is in a shard stays there.
func (a *Archive) Discard(ctx context.Context, blobs []pipeline.Location) error {
	return RemoveBlobs(ctx, a.store, blobs)
}

// fail makes the sink refuse all that follows.
func (a *Archive) fail(err error) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.broken == nil {
		a.broken = err
	}
	return err
}

// sealAll seals shards. Where one fails, those behind it stay as they are.
func sealAll(ctx context.Context, shards []*shard) error {
	for i, s := range shards {
		if err := s.seal(ctx); err != nil {
			return errors.Join(err, closeAll(shards[i+1:]))
		}
	}
	return nil
}

// closeAll closes the files of shards that are not sealed.
func closeAll(shards []*shard) (err error) {
	for _, s := range shards {
		err = errors.Join(err, s.file.Close())
	}
	return err
}

// Seal seals every shard, the current one included.
func (a *Archive) Seal(ctx context.Context) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.broken != nil {
		return a.broken
	}
	err := sealAll(ctx, a.takeOpen())
	if err == nil {
		err = a.forgetTable(ctx)
	}
	a.broken = err
	return err
}

// Close closes the files of shards that were not sealed. The next run goes on with them, where the store keeps them.
func (a *Archive) Close() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	return closeAll(a.takeOpen())
}

// takeOpen returns all shards that are not sealed, in their order, and leaves none.
func (a *Archive) takeOpen() []*shard {
	open := append(a.synced, a.full...)
	if a.current != nil {
		open = append(open, a.current)
	}
	a.full, a.synced, a.current = nil, nil, nil
	return open
}
