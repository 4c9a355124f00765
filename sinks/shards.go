package sinks

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"exporter/internal/durable"
)

// IsShard tells whether a path is that of a sealed shard.
func IsShard(name string) bool {
	_, ok := parseShardName(path.Base(name))
	return ok && path.Dir(name) == ShardDir && !strings.HasSuffix(name, partialSuffix)
}

// ListShards returns the paths of the shards there are, as they are when sealed, in the order of their names, and of
// whatever else lies beside them.
func ListShards(fsys durable.FS) (shards, others []string, err error) {
	entries, err := fsys.ReadDir(ShardDir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	for _, e := range entries {
		name := ShardDir + "/" + e.Name()
		if _, ok := parseShardName(e.Name()); !ok {
			others = append(others, name)
			continue
		}
		shards = append(shards, strings.TrimSuffix(name, partialSuffix))
	}
	slices.Sort(shards)
	return slices.Compact(shards), others, nil
}

// maxMissing is how many missing shards are named at once. A file of a huge number can have come from no run.
const maxMissing = 1000

// MissingShards returns the paths of the shards that there have to be for the given ones to be numbered without gaps, as
// far as they are not absurdly many.
func MissingShards(shards []string) []string {
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
func WriteEmptyShard(fsys durable.FS, name string) error {
	if err := fsys.MkdirAll(ShardDir); err != nil {
		return err
	}
	o := DefaultArchiveOptions()
	o.Compress = isCompressed(name)
	encoder, err := o.encoder()
	if err != nil {
		return err
	}
	err = durable.Replace(fsys, name, func(f durable.File) error {
		return newShard(fsys, name, f, encoder, o.FrameSize).writeEnd()
	})
	if err != nil {
		return fmt.Errorf("empty %s: %w", name, err)
	}
	return fsys.SyncDir(path.Dir(ShardDir))
}

// GiveUpShard makes a shard that is not sealed count as one that is, so that nobody goes on writing it. A missing one is
// fs.ErrNotExist.
func GiveUpShard(fsys durable.FS, name string) error {
	if _, err := fsys.Lstat(name); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := fsys.Rename(name+partialSuffix, name); err != nil {
		return err
	}
	return fsys.SyncDir(ShardDir)
}
