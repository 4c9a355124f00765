package compact

import (
	"context"
	"errors"
	"iter"
	"math"

	"exporter/internal/store"
	"exporter/internal/verify"
	"exporter/pipeline"
	"exporter/sinks"
)

// Ledger is what a compaction changes. The caller holds the lock of the export.
type Ledger interface {
	verify.Rows
	// Commit adds rows durably. Rows goes on to yield what it yielded before.
	Commit(ctx context.Context, rows pipeline.Rows) error
	// Compact merges what was committed into the tables that readers open, and ends the ledger.
	Compact(ctx context.Context) error
	Close() error
}

// Options configures a compaction. Export, Archive and OpenLedger are required.
type Options struct {
	Export store.Store
	// Archive says how shards are written; it does not go on with any that is there.
	Archive sinks.ArchiveOptions
	// OpenLedger opens the ledger as it is by then.
	OpenLedger func(context.Context) (Ledger, error)
	// LeastDead is the share of a shard, from 0 to 1, of which less may be dead without its being repacked.
	LeastDead float64
	// AtOnce is how many bytes of shards are repacked before the old ones go, which is the room that is needed; 0 stands for eight full
	// shards.
	AtOnce int64
	// Found is told of damage, and of what is not ours, by one goroutine at a time.
	Found func(verify.Finding)
}

// Result is what a compaction has done, or would do.
type Result struct {
	// Repacked counts the shards whose members moved, Removed those that had none, and Kept those that stay although they should be
	// repacked, as a member is damaged. Written counts new shards, Members and Bytes what has moved into them.
	Repacked, Removed, Kept, Written, Members, Bytes int64
	// Orphans counts objects that no row named, Foreign those that are not ours.
	Orphans, Foreign int64
	// Freed is by how many bytes the export is smaller, as far as shards and orphans go; it is negative where what is made anew takes
	// more. What would be is not known to the byte.
	Freed int64
	// Damaged counts blobs and shards that are not as their rows say.
	Damaged int64
}

// compaction is one call of Run.
type compaction struct {
	Options
	result Result
	// sink takes what moves, and written are the shards that it has written to.
	sink    *sinks.Archive
	written map[string]bool
}

const (
	// membersAtOnce is how many members are moved before the old shards go, each of which takes about 300 bytes of memory.
	membersAtOnce = 100_000
	// shardsAtOnce is what AtOnce is by default, in full shards.
	shardsAtOnce = 8
	// rowsAtOnce is how many rows are committed at once.
	rowsAtOnce = 10_000
)

func newCompaction(o Options) *compaction {
	found := o.Found
	c := &compaction{Options: o, written: map[string]bool{}}
	if c.AtOnce == 0 {
		c.AtOnce = min(o.Archive.ShardSize, math.MaxInt64/shardsAtOnce) * shardsAtOnce
	}
	c.Archive.GoOn = false
	c.Options.Found = func(f verify.Finding) {
		if f.Err != nil {
			c.result.Damaged++
		}
		if found != nil {
			found(f)
		}
	}
	return c
}

// Run compacts an export. Damage is no error: what is damaged is told of, and stays as it is.
func Run(ctx context.Context, o Options) (Result, error) {
	c := newCompaction(o)
	err := c.run(ctx)
	if c.sink != nil {
		err = errors.Join(err, c.sink.Close())
	}
	return c.result, err
}

func (c *compaction) run(ctx context.Context) error {
	if err := c.settle(ctx); err != nil {
		return err
	}
	var p plan
	err := c.withLedger(ctx, func(ledger Ledger) (err error) {
		if err = c.removeOrphans(ctx, ledger); err == nil {
			p, err = c.survey(ctx, c.Export, ledger)
		}
		return err
	})
	if err != nil {
		return err
	}
	if err := c.remove(ctx, p.removed); err != nil {
		return err
	}
	for len(p.repacked) > 0 {
		group := c.group(p.repacked)
		p.repacked = p.repacked[len(group):]
		if err := c.withLedger(ctx, func(ledger Ledger) error { return c.repack(ctx, ledger, group) }); err != nil {
			return err
		}
	}
	return c.seal(ctx)
}

// seal seals what was written, and counts it.
func (c *compaction) seal(ctx context.Context) error {
	if c.sink == nil {
		return nil
	}
	if err := c.sink.Seal(ctx); err != nil {
		return err
	}
	for e, err := range c.Export.List(ctx, sinks.ShardDir+"/") {
		if err != nil {
			return err
		}
		if c.written[e.Key] {
			c.result.Written++
			c.result.Freed -= e.Size
		}
	}
	return nil
}

// settle does what is left of a run that was killed: its shards are sealed, and its rows merged.
func (c *compaction) settle(ctx context.Context) error {
	return c.withLedger(ctx, func(ledger Ledger) (err error) {
		sink, err := c.openSink(ctx, ledger)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, sink.Close()) }()
		if err := sink.Seal(ctx); err != nil {
			return err
		}
		return ledger.Compact(ctx)
	})
}

func (c *compaction) openSink(ctx context.Context, rows verify.Rows) (*sinks.Archive, error) {
	return sinks.NewArchive(ctx, c.Export, c.Archive, func() iter.Seq2[*pipeline.Row, error] { return rows.Rows(ctx) })
}

func (c *compaction) withLedger(ctx context.Context, do func(Ledger) error) (err error) {
	ledger, err := c.OpenLedger(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, ledger.Close()) }()
	return do(ledger)
}

// remove removes shards that no row needs.
func (c *compaction) remove(ctx context.Context, shards []*shard) error {
	names := make([]string, len(shards))
	for i, s := range shards {
		names[i] = s.name
	}
	if err := sinks.RemoveShards(ctx, c.Export, names...); err != nil {
		return err
	}
	for _, s := range shards {
		c.result.Freed += s.size
		if s.isDead() {
			c.result.Removed++
		} else {
			c.result.Repacked++
		}
	}
	return nil
}

// group returns the first of some shards: as many as are repacked at once.
func (c *compaction) group(shards []*shard) []*shard {
	members, bytes, count := int64(0), int64(0), 0
	for _, s := range shards {
		members, bytes = members+s.members, bytes+s.size
		if count > 0 && (members > membersAtOnce || bytes > c.AtOnce) {
			break
		}
		count++
	}
	return shards[:count]
}
