package sinks

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"exporter/internal/parts"
	"exporter/internal/store"
)

// IsShard tells whether a path is that of a sealed shard, in this export or in a part of it.
func IsShard(name string) bool {
	_, rest := parts.Cut(name)
	return IsOwnShard(rest)
}

// IsOwnShard is IsShard of this export alone: what is in a part belongs to whoever owns that.
func IsOwnShard(name string) bool {
	_, ok := parseShardName(path.Base(name))
	return ok && path.Dir(name) == ShardDir && !strings.HasSuffix(name, store.PartialSuffix)
}

// ListShards returns the paths of the shards there are, as they are when sealed, in the order of their names, and of
// whatever else lies beside them.
func ListShards(ctx context.Context, r store.Reader) (shards, others []string, err error) {
	for e, err := range r.List(ctx, ShardDir+"/") {
		if err != nil {
			return nil, nil, err
		}
		if name := strings.TrimSuffix(e.Key, store.PartialSuffix); IsShard(name) {
			shards = append(shards, name)
			continue
		}
		others = append(others, e.Key)
	}
	slices.Sort(shards)
	return slices.Compact(shards), others, nil
}

// maxMissing is how many missing shards are named at once. A file of a huge number can have come from no run.
const maxMissing = 1000

// MissingShards returns the paths of the shards that there have to be beside the given ones: shards are numbered without gaps, but for
// the numbers of those that RemoveShards has removed. Where they are absurdly many, it returns some.
func MissingShards(ctx context.Context, r store.Reader, shards []string) ([]string, error) {
	retired, err := readRetired(ctx, r)
	return missingShards(shards, retired), err
}

func missingShards(shards []string, retired retired) []string {
	byNumber := map[int]string{}
	for _, name := range shards {
		if number, ok := parseShardName(path.Base(name)); ok {
			byNumber[number] = name
		}
	}
	var missing []string
	next := 0
	for _, number := range slices.Sorted(maps.Keys(byNumber)) {
		for ; next < number; next++ {
			if through, ok := retired.find(next); ok {
				next = through
				continue
			}
			if len(missing) == maxMissing {
				return missing
			}
			missing = append(missing, shardPath(next, isCompressed(byNumber[number])))
		}
		next++
	}
	return missing
}

// WriteEmptyShard puts a sealed shard without members in the place of one that no row needs any more, or that is missing.
// Its number stays taken.
func WriteEmptyShard(ctx context.Context, s store.Store, name string) error {
	o := DefaultArchiveOptions()
	o.Compress = isCompressed(name)
	encoder, err := o.encoder()
	if err != nil {
		return err
	}
	var empty bytes.Buffer
	err = newShard(name, &empty, encoder, o.FrameSize).writeEnd()
	if err == nil {
		err = store.PutBytes(ctx, s, name, empty.Bytes())
	}
	if err != nil {
		return fmt.Errorf("empty %s: %w", name, err)
	}
	return nil
}

// GiveUpShard makes a shard that is not sealed count as one that is, so that nobody goes on writing it. A missing one is
// fs.ErrNotExist.
func GiveUpShard(ctx context.Context, s store.Store, name string) error {
	shard, sealed, err := openShard(ctx, s, name)
	if err != nil {
		return err
	}
	size := shard.Size()
	if err := shard.Close(); err != nil || sealed && s.KeepsUnfinished() {
		return err
	}
	if !sealed {
		if err := finishPartial(ctx, s, name, size); err != nil {
			return err
		}
	}
	if s.KeepsUnfinished() {
		return nil
	}
	// It came from another store, and was copied.
	return s.Remove(ctx, name+store.PartialSuffix)
}

// finishPartial gives a partial shard of a size its name, as it is.
func finishPartial(ctx context.Context, s store.Store, name string, size int64) error {
	g, err := s.Grow(ctx, name)
	if err != nil {
		return err
	}
	if !s.KeepsUnfinished() {
		if err := copyPartial(ctx, s, name, g, size); err != nil {
			return errors.Join(err, g.Close())
		}
	}
	return g.Finish(ctx)
}
