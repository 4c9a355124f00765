package compact

import (
	"context"
	"errors"

	"exporter/internal/store"
	"exporter/internal/verify"
	"exporter/sinks"
)

// orphansAtOnce is how many orphans are removed at once.
const orphansAtOnce = 1000

// removeOrphans removes the objects that no row names.
func (c *compaction) removeOrphans(ctx context.Context, rows verify.Rows) error {
	tell := func(f verify.Finding) {
		if !isInspected(&f) {
			c.Found(f)
		}
	}
	look := verify.Options{Export: c.Export, Rows: rows, Spool: c.Export.Spool}
	return c.findOrphans(ctx, look, tell, func(keys []string) error { return c.Export.Remove(ctx, keys...) })
}

// isInspected tells whether a finding is damage of a shard that is read before it is repacked, which tells what of it matters.
func isInspected(f *verify.Finding) bool {
	if f.Err == nil || !sinks.IsOwnShard(f.Path) || f.IsMissing() {
		return false
	}
	if f.Row == nil {
		return true
	}
	_, err := sinks.NewClaim(0, f.Row)
	return err == nil
}

// findOrphans finds the objects that no row names, as a quick verification does, which goes once over a sorted listing, beside the rows.
// It calls remove with some at a time, and tell with what is damaged, as far as that shows without reading a blob, or not ours.
func (c *compaction) findOrphans(
	ctx context.Context, look verify.Options, tell func(verify.Finding), remove func([]string) error) error {
	checking, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var keys []string
	found := func(f verify.Finding) error {
		isOurs, err := c.findOrphan(ctx, look.Export, f, tell)
		if err != nil || !isOurs {
			return err
		}
		if keys = append(keys, f.Path); len(keys) < orphansAtOnce {
			return nil
		}
		defer func() { keys = keys[:0] }()
		return remove(keys)
	}
	look.Quick = true
	look.Found = func(f verify.Finding) {
		if context.Cause(checking) != nil {
			return
		}
		if err := found(f); err != nil {
			stop(err)
		}
	}
	if err := verify.New(look).Run(checking); err != nil {
		return err
	}
	return remove(keys)
}

// findOrphan takes a finding, and tells whether it is an orphan that bears a name of ours.
func (c *compaction) findOrphan(ctx context.Context, from store.Reader, f verify.Finding, tell func(verify.Finding)) (isOurs bool, err error) {
	if f.Err != nil {
		tell(f)
		return false, nil
	}
	size := int64(-1)
	if sinks.IsBlobName(f.Path) {
		if size, err = sizeOf(ctx, from, f.Path); err != nil {
			return false, err
		}
	}
	if size < 0 {
		c.result.Foreign++
		tell(f)
		return false, nil
	}
	c.result.Orphans++
	c.result.Freed += size
	return true, nil
}

// sizeOf returns the size of an object; -1 of what is none.
func sizeOf(ctx context.Context, from store.Reader, key string) (int64, error) {
	o, err := from.Open(ctx, key)
	if errors.Is(err, store.ErrNotRegular) {
		return -1, nil
	}
	if err != nil {
		return 0, err
	}
	return o.Size(), o.Close()
}
