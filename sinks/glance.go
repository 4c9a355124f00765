package sinks

import (
	"context"
	"fmt"
)

// Glance tells v as much as can be told without reading any blob: whether the shard is as long as the claims need, and
// whether, where it is sealed, it ends with a seek table of the right length. It finds no orphans.
func (r *ShardReader) Glance(ctx context.Context, claims []Claim, v ShardVisitor) {
	tail, err := r.tailSize()
	if err != nil && !r.hasGrown(ctx) {
		v.Damaged(nil, err)
	}
	for i := range claims {
		var err error
		if need := claims[i].end() + tail; r.size < need {
			err = fmt.Errorf("the shard has %d bytes, want %d at least", r.size, need)
		}
		v.Claimed(&claims[i], err)
	}
}

// tailSize returns how many bytes a sealed shard has behind its members at least.
func (r *ShardReader) tailSize() (int64, error) {
	if !r.sealed {
		return 0, nil
	}
	if !isCompressed(r.name) {
		if r.size%tarBlock != 0 {
			return tarEnd, fmt.Errorf("%d bytes are no whole blocks of a tar archive", r.size)
		}
		return tarEnd, nil
	}
	footer := make([]byte, seekTableFooter)
	if _, err := r.file.ReadAt(footer, max(0, r.size-seekTableFooter)); err != nil {
		return 0, fmt.Errorf("the seek table: %w", unexpected(err))
	}
	size, err := seekTableSize(footer)
	if err != nil {
		return 0, err
	}
	header := make([]byte, seekTableHeader)
	if _, err := r.file.ReadAt(header, max(0, r.size-size)); err != nil {
		return 0, fmt.Errorf("the seek table: %w", unexpected(err))
	}
	if r.size < size || !isSeekTableHeader(header, size) {
		return 0, fmt.Errorf("the seek table does not begin %d bytes before the end", size)
	}
	return size, nil
}
