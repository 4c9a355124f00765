// Package exporttest looks at exports as their readers do, for tests.
package exporttest

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"

	"exporter/internal/store"
	"exporter/sinks"
)

// CheckMembers compares what is in sealed shards, which are numbered without gaps but for those that were removed, with what rows say.
func CheckMembers(from store.Reader, want map[string]int) error {
	ctx := context.Background()
	shards, _, err := sinks.ListShards(ctx, from)
	if err != nil {
		return err
	}
	decoder, err := zstd.NewReader(nil)
	if err != nil {
		return err
	}
	defer decoder.Close()
	if missing, err := sinks.MissingShards(ctx, from, shards); err != nil || len(missing) > 0 {
		return fmt.Errorf("%q are missing: %w", missing, err)
	}
	for _, name := range shards {
		f, err := from.Open(ctx, name)
		if err != nil {
			return err
		}
		if err := decoder.Reset(io.NewSectionReader(f, 0, f.Size())); err != nil {
			return err
		}
		for t := tar.NewReader(decoder); ; {
			h, err := t.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			want[name+" "+h.Name]--
		}
		f.Close()
	}
	for member, n := range want {
		if n != 0 {
			return fmt.Errorf("%s: %d times too few in its shard", member, n)
		}
	}
	return nil
}
