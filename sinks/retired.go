package sinks

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"path"
	"slices"

	"exporter/internal/store"
)

// retiredName is the object that says which numbers shards had that are removed.
const retiredName = store.PrivatePrefix + "retired.json"

// maxRetired bounds what is read of it, in bytes.
const maxRetired = 8 << 20

// retired are the numbers of shards that are removed, in ranges: the first and the last number of each, ascending. No other shard gets
// one of them, so that who has an old table never finds other bytes where it leads.
type retired [][2]int

// readRetired returns what there is. What cannot be understood says nothing: then gaps count as shards that are missing.
func readRetired(ctx context.Context, r store.Reader) (all retired, err error) {
	b, err := store.ReadBytes(ctx, r, retiredName, maxRetired)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if json.Unmarshal(b, &all) != nil || !slices.IsSortedFunc(all, func(a, b [2]int) int { return a[0] - b[1] }) {
		return nil, nil
	}
	return all, nil
}

// find returns the last number of the range that has a number.
func (r retired) find(number int) (through int, ok bool) {
	i, _ := slices.BinarySearchFunc(r, number, func(numbers [2]int, n int) int { return numbers[1] - n })
	if i == len(r) || number < r[i][0] {
		return 0, false
	}
	return r[i][1], true
}

// next returns the number behind all of them.
func (r retired) next() int {
	if len(r) == 0 {
		return 0
	}
	return r[len(r)-1][1] + 1
}

// with returns the ranges of these numbers and of others.
func (r retired) with(numbers []int) retired {
	all := slices.Clone(r)
	for _, n := range numbers {
		all = append(all, [2]int{n, n})
	}
	slices.SortFunc(all, func(a, b [2]int) int { return a[0] - b[0] })
	var merged retired
	for _, next := range all {
		if last := len(merged) - 1; last >= 0 && next[0] <= merged[last][1]+1 {
			merged[last][1] = max(merged[last][1], next[1])
			continue
		}
		merged = append(merged, next)
	}
	return merged
}

// IsRetired tells whether RemoveShards has removed a shard.
func IsRetired(ctx context.Context, r store.Reader, name string) (bool, error) {
	all, err := readRetired(ctx, r)
	if err != nil {
		return false, err
	}
	number, ok := parseShardName(path.Base(name))
	if ok {
		_, ok = all.find(number)
	}
	return ok, nil
}

// RemoveShards removes sealed shards for good, of which no row needs a member any more. Their numbers stay taken.
func RemoveShards(ctx context.Context, s store.Store, names ...string) error {
	if len(names) == 0 {
		return nil
	}
	before, err := readRetired(ctx, s)
	if err != nil {
		return err
	}
	var numbers []int
	for _, name := range names {
		if number, ok := parseShardName(path.Base(name)); ok {
			numbers = append(numbers, number)
		}
	}
	b, err := json.Marshal(before.with(numbers))
	if err != nil {
		return err
	}
	if err := store.PutBytes(ctx, s, retiredName, append(b, '\n')); err != nil {
		return err
	}
	return s.Remove(ctx, names...)
}
