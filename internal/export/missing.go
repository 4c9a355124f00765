package export

import (
	"context"
	"errors"
	"io"

	"exporter/internal/store"
	"exporter/internal/verify"
	"exporter/manifest"
	"exporter/pipeline"
	"exporter/sinks"
)

// mostMissing is how many findings are held back. Where more is missing, it was not moved by a run.
const mostMissing = 10_000

// missing holds back what a verification finds missing: a run or a compaction may have put it elsewhere since the tables were read.
type missing struct {
	found func(verify.Finding)
	held  []verify.Finding
}

// add takes a finding.
func (m *missing) add(f verify.Finding) {
	if !f.IsMissing() || len(m.held) == mostMissing {
		m.found(f)
		return
	}
	m.held = append(m.held, f)
}

// lookAgain looks, by the tables as they are now, for what was missing. What is found so counts no more; the rest is passed on.
func (m *missing) lookAgain(ctx context.Context, open opener, c *verify.Counts) (err error) {
	if len(m.held) == 0 {
		return nil
	}
	// A reader that is open may know the log of a bucket as it was a moment ago.
	dir, err := open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, dir.Close()) }()
	snapshot, err := manifest.OpenSnapshot(ctx, dir)
	if Is[*pipeline.DamageError](err) {
		// What is damaged has been told.
		m.passOn(nil)
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, snapshot.Close()) }()
	moved, err := m.movedIn(ctx, dir, snapshot)
	if err != nil {
		return err
	}
	for i := range moved {
		if m.held[i].Lost {
			c.Lost--
		} else {
			c.Damaged--
		}
	}
	m.passOn(moved)
	return nil
}

// passOn passes on what is held, but for some.
func (m *missing) passOn(except map[int]bool) {
	for i, f := range m.held {
		if !except[i] {
			m.found(f)
		}
	}
}

// movedIn returns the places of those findings that later tables lead elsewhere for, or say nothing of any more.
func (m *missing) movedIn(ctx context.Context, dir store.Reader, later *manifest.Snapshot) (map[int]bool, error) {
	rows, shards := map[pipeline.AssetKey]int{}, map[string]bool{}
	moved := map[int]bool{}
	for i, f := range m.held {
		if f.Row != nil {
			rows[f.Row.Key()] = i
			moved[i] = true
		}
	}
	for row, err := range later.Rows(ctx) {
		if err != nil {
			return nil, err
		}
		if row.Status != pipeline.Stored {
			continue
		}
		shards[row.Location.Path] = true
		if i, ok := rows[row.Key()]; ok && (row.Location.Path == m.held[i].Path || copyBlob(ctx, io.Discard, dir, row) != nil) {
			delete(moved, i)
		}
	}
	for i, f := range m.held {
		if f.Row != nil || shards[f.Path] {
			continue
		}
		retired, err := sinks.IsRetired(ctx, dir, f.Path)
		if err != nil {
			return nil, err
		}
		if retired {
			moved[i] = true
		}
	}
	return moved, nil
}
