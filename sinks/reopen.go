package sinks

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"time"

	"exporter/internal/store"
)

// reopenLast goes on with the last shard that was sealed, the first time that it is called: what is behind the last member is
// cut off, and nothing else is touched. It returns nil where the shard is full or of another kind, does not end as it should, or has to
// stay as it is: in this store, or as this user may not write it.
func (a *Archive) reopenLast(ctx context.Context, size int64) (*shard, error) {
	last := a.last
	a.last = store.Entry{}
	if last.Key == "" || isCompressed(last.Key) != a.options.Compress || last.Size+size+2*tarBlock > a.options.ShardSize {
		return nil, nil
	}
	end, err := endOf(ctx, a.store, last.Key)
	if err != nil || end == nil {
		return nil, err
	}
	if a.options.Compress {
		if err := a.keepTable(ctx, last.Key, &end.table); err != nil {
			return nil, err
		}
	}
	s, err := a.openShard(ctx, last.Key, a.store.Reopen)
	if errors.Is(err, errors.ErrUnsupported) || errors.Is(err, fs.ErrPermission) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	s.table, s.size, s.offset = end.table, end.at, end.offset
	if err := s.file.Truncate(s.size); err != nil {
		return nil, errors.Join(err, s.file.Close())
	}
	return s, nil
}

// ending is where the members of a sealed shard end: at in its file, offset in the uncompressed archive. The table has the frames before.
type ending struct {
	at, offset int64
	table      seekTable
}

// endOf returns where the members of a sealed shard end; nil where that cannot be told.
func endOf(ctx context.Context, r store.Reader, name string) (*ending, error) {
	shard, err := OpenShard(ctx, r, name)
	if err != nil {
		return nil, err
	}
	end, ok := shard.ending()
	if err := shard.Close(); err != nil || !ok {
		return nil, err
	}
	return end, nil
}

// ending reads the end of a sealed shard. It is not ok where that is not as it should be.
func (r *ShardReader) ending() (end *ending, ok bool) {
	tail, err := r.tailSize()
	if err != nil || !r.sealed || r.size < tail {
		return nil, false
	}
	end = &ending{at: r.size - tail, offset: r.size - tail}
	if !isCompressed(r.name) {
		zeros := make([]byte, tarEnd)
		n, _ := r.file.ReadAt(zeros, end.at)
		return end, n == tarEnd && isZero(zeros)
	}
	table := make([]byte, tail)
	if n, _ := r.file.ReadAt(table, end.at); int64(n) < tail {
		return nil, false
	}
	end.table.decode(table)
	compressed, content := int64(0), int64(0)
	for _, e := range end.table.entries {
		compressed += int64(e.compressed)
		content += int64(e.decompressed)
	}
	frames := len(end.table.entries)
	if frames == 0 || end.table.entries[frames-1].decompressed != tarEnd || compressed != end.at {
		return nil, false
	}
	end.at -= int64(end.table.entries[frames-1].compressed)
	end.offset = content - tarEnd
	end.table.entries = end.table.entries[: frames-1 : frames-1]
	return end, true
}

// ShardExtent returns how many bytes the members of a sealed shard take in the uncompressed archive; -1 where its end, which says so, is
// damaged.
func ShardExtent(ctx context.Context, r store.Reader, name string) (int64, error) {
	end, err := endOf(ctx, r, name)
	if err != nil || end == nil {
		return -1, err
	}
	return end.offset, nil
}

// AroundBlob is how many bytes of a shard are around a blob on average: the header of a member, and what fills up its last block.
const AroundBlob = tarBlock + tarBlock/2

// MemberExtent returns how many bytes a member takes in the uncompressed archive: its header, its size, and what fills up the last block.
func MemberExtent(member string, size int64, fetchedAt time.Time) (int64, error) {
	var header int64
	if err := tar.NewWriter(counter{io.Discard, &header}).WriteHeader(memberHeader(member, size, fetchedAt)); err != nil {
		return 0, fmt.Errorf("member %q: %w", member, err)
	}
	return header + size + padding(size), nil
}

// hasGrown tells whether the shard was sealed when it was opened, and a run has gone on with it since: then its end is another one.
func (r *ShardReader) hasGrown(ctx context.Context) bool {
	if !r.sealed {
		return false
	}
	o, sealed, err := openShard(ctx, r.store, r.name)
	if err != nil {
		return false
	}
	grown := !sealed || o.Size() != r.size
	// Nothing was written.
	_ = o.Close()
	return grown
}
