package sinks

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"path"
	"strconv"
	"strings"

	"github.com/cespare/xxhash/v2"

	"exporter/internal/store"
	"exporter/pipeline"
)

// ShardDir is where the archive sink keeps its shards.
const ShardDir = "shards"

// ErrOtherCompression says that an unfinished shard cannot be gone on with, since it was begun with other options.
var ErrOtherCompression = errors.New("the shard was begun with another compression, which has to be given once more to finish it")

const (
	compressedSuffix = ".tar.zst"
	plainSuffix      = ".tar"
)

// shardPath returns the path of a sealed shard.
func shardPath(number int, compressed bool) string {
	suffix := plainSuffix
	if compressed {
		suffix = compressedSuffix
	}
	return fmt.Sprintf("%s/shard-%06d%s", ShardDir, number, suffix)
}

// parseShardName is the inverse of shardPath, for the last element of a path with or without ".partial".
func parseShardName(base string) (number int, ok bool) {
	base = strings.TrimSuffix(base, store.PartialSuffix)
	digits, isShard := strings.CutPrefix(base, "shard-")
	digits, isCompressed := strings.CutSuffix(digits, compressedSuffix)
	if !isCompressed {
		digits, ok = strings.CutSuffix(digits, plainSuffix)
		isShard = isShard && ok
	}
	number, err := strconv.Atoi(digits)
	return number, isShard && err == nil && len(digits) >= 6 && number >= 0
}

// isCompressed tells of what kind the shard with a name is.
func isCompressed(name string) bool { return strings.HasSuffix(name, compressedSuffix) }

// recover finds the next shard's number and goes on with partial shards.
func (a *Archive) recover(ctx context.Context, committed func() iter.Seq2[*pipeline.Row, error]) error {
	var partial []string
	for e, err := range a.store.List(ctx, ShardDir+"/") {
		if err != nil {
			return err
		}
		name, isPartial := strings.CutSuffix(e.Key, store.PartialSuffix)
		number, ok := parseShardName(path.Base(name))
		if !ok || path.Dir(name) != ShardDir {
			continue
		}
		if e.Irregular {
			return &fs.PathError{Op: "open", Path: e.Key, Err: store.ErrNotRegular}
		}
		if isPartial {
			partial = append(partial, name)
			continue
		}
		if number >= a.next && a.options.GoOn {
			a.last = e
		}
		a.next = max(a.next, number+1)
	}
	retired, err := readRetired(ctx, a.store)
	if err != nil {
		return err
	}
	// Removing it was cut short.
	if _, isRetired := retired.find(a.next - 1); isRetired {
		a.last = store.Entry{}
	}
	a.next = max(a.next, retired.next())
	last, found, err := readReopened(ctx, a.store)
	if err != nil {
		return err
	}
	a.hasReopened = found
	if len(partial) == 0 {
		return nil
	}
	ends, err := committedEnds(committed())
	if err != nil {
		return err
	}
	for _, name := range partial {
		if err := a.recoverShard(ctx, name, ends[name], last.tableOf(name)); err != nil {
			return err
		}
	}
	return nil
}

// committedEnds returns for each shard how many bytes of its file committed rows need.
func committedEnds(rows iter.Seq2[*pipeline.Row, error]) (map[string]int64, error) {
	ends := map[string]int64{}
	for row, err := range rows {
		if err != nil {
			return nil, err
		}
		at := row.Location.Shard
		if row.Status != pipeline.Stored || at == nil {
			continue
		}
		end := at.Offset + (row.Content.Size+tarBlock-1)/tarBlock*tarBlock
		if at.Frame != nil {
			end = at.Frame.Offset + at.Frame.Size
		}
		ends[row.Location.Path] = max(ends[row.Location.Path], end)
	}
	return ends, nil
}

// recoverShard removes a partial shard of which nothing is committed, cuts back any other, and makes it the current one;
// the one that was current until then waits for the next Sync, as a full one does. The frames of a table are known.
func (a *Archive) recoverShard(ctx context.Context, name string, end int64, known seekTable) error {
	if end == 0 {
		return a.store.Remove(ctx, name+store.PartialSuffix)
	}
	if isCompressed(name) != a.options.Compress {
		return fmt.Errorf("%s%s: %w", name, store.PartialSuffix, ErrOtherCompression)
	}
	number, _ := parseShardName(name[len(ShardDir)+1:])
	a.next = max(a.next, number+1)
	if !a.store.KeepsUnfinished() {
		return a.sealPartial(ctx, name, end)
	}
	s, err := a.openShard(ctx, name, a.store.Grow)
	if err != nil {
		return err
	}
	if err := s.resume(end, known); err != nil {
		return errors.Join(err, s.file.Close())
	}
	a.last = store.Entry{}
	if a.current != nil {
		a.full = append(a.full, a.current)
	}
	a.current = s
	return nil
}

// sealPartial makes a partial shard of which so many bytes are committed one that is sealed, in a store in which none can grow on.
func (a *Archive) sealPartial(ctx context.Context, name string, end int64) error {
	s, err := a.openShard(ctx, name, a.store.Grow)
	if err != nil {
		return err
	}
	if err := copyPartial(ctx, a.store, name, s.file, end); err != nil {
		return errors.Join(err, s.file.Close())
	}
	if err := s.resume(end, seekTable{}); err != nil {
		return errors.Join(err, s.file.Close())
	}
	if err := s.seal(ctx); err != nil {
		return err
	}
	return a.store.Remove(ctx, name+store.PartialSuffix)
}

// copyPartial writes the first bytes of a partial shard, so many at most, to one that grows.
func copyPartial(ctx context.Context, from store.Reader, name string, to store.Growing, most int64) (err error) {
	o, err := from.Open(ctx, name+store.PartialSuffix)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, o.Close()) }()
	_, err = io.Copy(to, io.NewSectionReader(o, 0, min(most, o.Size())))
	return err
}

// resume reads the shard's file up to end to rebuild the seek table, but for the frames that are known, cuts off the rest, and goes on
// there.
func (s *shard) resume(end int64, known seekTable) error {
	if size := s.file.Size(); size < end {
		return s.damaged(fmt.Errorf("it has %d bytes, its committed rows need %d", size, end))
	}
	if s.encoder == nil {
		s.offset = end
	} else if err := s.readFrames(end, known); err != nil {
		return s.damaged(err)
	}
	// Only now, as what lies behind may be wanted where the shard is damaged.
	s.size = end
	return s.file.Truncate(end)
}

func (s *shard) damaged(err error) error {
	return &pipeline.DamageError{Path: s.name + store.PartialSuffix, Err: err}
}

// readFrames decodes the frames before end that are not known, which proves that they are whole, and fills the seek table.
func (s *shard) readFrames(end int64, known seekTable) error {
	decoder, err := newDecoder(nil)
	if err != nil {
		return err
	}
	defer decoder.Close()
	hash := xxhash.New()
	offset := int64(0)
	for _, e := range known.entries {
		if offset+int64(e.compressed) > end {
			break
		}
		s.table.entries = append(s.table.entries, e)
		offset += int64(e.compressed)
		s.offset += int64(e.decompressed)
	}
	for offset < end {
		size, err := frameSize(s.file, offset, end)
		if err != nil {
			return err
		}
		if err := decoder.Reset(io.NewSectionReader(s.file, offset, size)); err != nil {
			return err
		}
		hash.Reset()
		n, err := io.Copy(hash, decoder)
		if err != nil {
			return fmt.Errorf("decode the frame at byte %d: %w", offset, err)
		}
		if err := s.table.add(size, n, hash.Sum64()); err != nil {
			return err
		}
		offset += size
		s.offset += n
	}
	return nil
}
