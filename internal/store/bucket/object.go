package bucket

import (
	"container/list"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"sync"

	"exporter/internal/store"
)

const (
	// blockSize is the unit in which objects are read, in bytes, mostAhead how many of them one request reads where an object is read
	// from front to back, and mostBlocks how many are kept.
	blockSize, mostAhead, mostBlocks = 1 << 20, 8, 24
)

// blocks keeps what was read last of objects, whose versions never change. It is safe for concurrent use.
type blocks struct {
	mu    sync.Mutex
	known map[blockKey]*list.Element
	// recent are the blocks that are known, the one that was used last in front.
	recent *list.List
}

type blockKey struct {
	key     string
	version Version
	number  int64
}

// block is some bytes of an object; data and err are what has become of reading it once done is closed.
type block struct {
	blockKey
	done chan struct{}
	data []byte
	err  error
}

func newBlocks() *blocks { return &blocks{known: map[blockKey]*list.Element{}, recent: list.New()} }

// claim returns a block, and whether it is the caller's to read.
func (b *blocks) claim(key blockKey) (blk *block, isMine bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if e, ok := b.known[key]; ok {
		b.recent.MoveToFront(e)
		return e.Value.(*block), false
	}
	blk = &block{blockKey: key, done: make(chan struct{})}
	b.known[key] = b.recent.PushFront(blk)
	if b.recent.Len() > mostBlocks {
		oldest := b.recent.Back()
		delete(b.known, oldest.Value.(*block).blockKey)
		b.recent.Remove(oldest)
	}
	return blk, true
}

// finish says what has become of a block that was claimed. One that could not be read is forgotten.
func (b *blocks) finish(blk *block, data []byte, err error) {
	if err != nil {
		b.mu.Lock()
		if e, ok := b.known[blk.blockKey]; ok && e.Value == blk {
			delete(b.known, blk.blockKey)
			b.recent.Remove(e)
		}
		b.mu.Unlock()
	}
	blk.data, blk.err = data, err
	close(blk.done)
}

// object is a store.Object: some bytes of what lies under a key.
type object struct {
	ctx    context.Context
	reader *Reader
	// key is where it lies, in this version; "" stands for what is never replaced.
	key     string
	version Version
	// offset is where it begins there, and size how many bytes it has.
	offset, size int64

	mu sync.Mutex
	// next is the block behind the one that was read last, and ahead how many are read at once where that one is wanted.
	next, ahead int64
}

// openFirst opens what lies under its own key, by reading its first block, which is all of most.
func (r *Reader) openFirst(ctx context.Context, key string) (store.Object, error) {
	data, info, err := r.client.read(ctx, key, 0, blockSize, "")
	if err != nil {
		return nil, err
	}
	o := &object{ctx: ctx, reader: r, key: key, version: info.Version, size: info.Size, next: 1, ahead: 1}
	if blk, isMine := r.blocks.claim(blockKey{key, info.Version, 0}); isMine && len(data) > 0 {
		r.blocks.finish(blk, data, nil)
	} else if isMine {
		r.blocks.finish(blk, nil, io.EOF)
	}
	return o, nil
}

// Size implements store.Object.
func (o *object) Size() int64 { return o.size }

// Close implements io.Closer.
func (o *object) Close() error { return nil }

// ReadAt implements io.ReaderAt.
func (o *object) ReadAt(p []byte, at int64) (n int, err error) {
	if at < 0 {
		return 0, &fs.PathError{Op: "read", Path: o.key, Err: fs.ErrInvalid}
	}
	if at >= o.size {
		return 0, io.EOF
	}
	want := min(int64(len(p)), o.size-at)
	for int64(n) < want {
		from := o.offset + at + int64(n)
		data, err := o.block(from / blockSize)
		if err != nil {
			return n, err
		}
		if from%blockSize >= int64(len(data)) {
			return n, fmt.Errorf("%s ends early: %w", o.key, io.ErrUnexpectedEOF)
		}
		n += copy(p[n:want], data[from%blockSize:])
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// block returns a block of what lies under the key.
func (o *object) block(number int64) ([]byte, error) {
	for {
		blk, isMine := o.reader.blocks.claim(blockKey{o.key, o.version, number})
		if isMine {
			o.read(blk)
		}
		select {
		case <-blk.done:
		case <-o.ctx.Done():
			return nil, context.Cause(o.ctx)
		}
		// Who has read it may have been another, whose context has ended.
		if blk.err == nil || isMine || o.ctx.Err() != nil || !errors.Is(blk.err, context.Canceled) {
			return blk.data, blk.err
		}
	}
}

// read reads a block that was claimed, and those behind it where the object is read from front to back.
func (o *object) read(first *block) {
	o.mu.Lock()
	if first.number == o.next && first.number > 0 {
		o.ahead = min(max(1, 2*o.ahead), mostAhead)
	} else {
		o.ahead = 1
	}
	count := o.ahead
	o.mu.Unlock()
	mine := []*block{first}
	last := (o.offset + o.size - 1) / blockSize
	for number := first.number + 1; number <= last && int64(len(mine)) < count; number++ {
		blk, isMine := o.reader.blocks.claim(blockKey{o.key, o.version, number})
		if !isMine {
			break
		}
		mine = append(mine, blk)
	}
	o.mu.Lock()
	o.next = first.number + int64(len(mine))
	o.mu.Unlock()
	data, _, err := o.reader.client.read(o.ctx, o.key, first.number*blockSize, int64(len(mine))*blockSize, o.version)
	switch {
	case err != nil && o.version == "" && isMissing(err):
		// What the log says is damaged then, not the store.
		err = fmt.Errorf("%s is gone: %w", o.key, fs.ErrNotExist)
	case err != nil:
		err = &fs.PathError{Op: "read", Path: o.key, Err: err}
	}
	for i, blk := range mine {
		from := int64(i) * blockSize
		switch {
		case err != nil:
			o.reader.blocks.finish(blk, nil, err)
		case from >= int64(len(data)):
			o.reader.blocks.finish(blk, nil, fmt.Errorf("%s ends early: %w", o.key, io.ErrUnexpectedEOF))
		default:
			// A block of its own: one that is kept keeps no other.
			o.reader.blocks.finish(blk, slices.Clone(data[from:min(from+blockSize, int64(len(data)))]), nil)
		}
	}
}
