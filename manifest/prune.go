package manifest

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"time"

	"exporter/pipeline"
)

// pruneBatch is how many rows are withdrawn at once.
const pruneBatch = 1000

// Removal says what Prune removes for good.
type Removal struct {
	// Selects tells whether a file, a job, or an asset of one, is to go.
	Selects func(Candidate) bool
	// At is when what is not gone yet goes.
	At time.Time
	// Allow is asked before anything is changed. Its error is that of Prune.
	Allow func(Extent) error
	// RemoveBlobs is called with where blobs are, some at a time: the ledger does not vouch for them any more then.
	RemoveBlobs func([]pipeline.Location) error
}

// Candidate is what a removal may select.
type Candidate struct {
	// Key is that of the file, or of the job.
	Key pipeline.FileKey
	// FileID is the file_id, also that of a job's file; empty where it is not known.
	FileID string
	// Sources are the listings where the file, or the job, is known.
	Sources []pipeline.SourceKey
	// Gone says since when the file, the job, or the asset, is gone.
	pipeline.Gone
}

// Extent is how much a removal takes.
type Extent struct {
	// Files, Assets and Pages count rows. Stored counts those of the assets that have blobs, of Bytes bytes, of which ShardBytes are in
	// shards.
	Files, Assets, Pages, Stored, Bytes, ShardBytes int64
	// AllStored counts the stored assets of the export.
	AllStored int64
}

// Prune withdraws all rows that a removal selects, and has their blobs removed. Compact drops the rows, also where this run comes to
// no Compact: then that of the next one does. A file that was not gone is asked for again by a run that comes in between.
func (l *Ledger) Prune(ctx context.Context, r Removal) (err error) {
	// What this run has committed counts as well.
	snapshot, err := OpenSnapshot(ctx, l.store)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, snapshot.Close()) }()
	p := &pruning{r, l, snapshot}
	extent, err := p.extent(ctx)
	if err == nil {
		err = r.Allow(extent)
	}
	if err != nil || extent.Files+extent.Assets+extent.Pages == 0 {
		return err
	}
	// No file may seem to be complete while its assets go. Its row goes last, so that it is known until all is done.
	if err := p.withdrawFiles(ctx, false); err != nil {
		return err
	}
	if err := p.withdrawAssets(ctx); err != nil {
		return err
	}
	if err := p.withdrawPages(ctx); err != nil {
		return err
	}
	return p.withdrawFiles(ctx, true)
}

// pruning is one call of Prune.
type pruning struct {
	Removal
	ledger   *Ledger
	snapshot *Snapshot
}

func (p *pruning) selectsFile(row *pipeline.FileRow) bool {
	return p.Selects(Candidate{row.Key(), row.ID, row.Sources, row.Gone})
}

// assets yields the rows of all assets, and of each whether it is to go.
func (p *pruning) assets(ctx context.Context) iter.Seq2[selected, error] {
	return func(yield func(selected, error) bool) {
		owners := newOwners(ctx, p.snapshot)
		defer owners.stop()
		for row, err := range p.snapshot.Rows(ctx) {
			var owner *pipeline.KnownFile
			if err == nil {
				owner, err = owners.of(ctx, row.Key().Owner())
			}
			if err != nil {
				yield(selected{}, err)
				return
			}
			// A file without a row is where its assets say.
			c := Candidate{row.File.Key(), row.File.ID, []pipeline.SourceKey{row.File.Place()}, row.Gone}
			if owner != nil {
				c.Sources = owner.Sources
				c.FileID = cmp.Or(c.FileID, owner.FileID)
			}
			if !yield(selected{row, p.Selects(c)}, nil) {
				return
			}
		}
	}
}

// selected is an asset's row, and whether it is to go.
type selected struct {
	*pipeline.Row
	goes bool
}

func (p *pruning) extent(ctx context.Context) (e Extent, err error) {
	for row, err := range p.snapshot.Files(ctx) {
		if err != nil {
			return e, err
		}
		if p.selectsFile(row) {
			e.Files++
		}
	}
	for asset, err := range p.assets(ctx) {
		if err != nil {
			return e, err
		}
		e.add(asset.Row, asset.goes)
	}
	for _, err := range p.pages(ctx) {
		if err != nil {
			return e, err
		}
		e.Pages++
	}
	return e, nil
}

func (e *Extent) add(row *pipeline.Row, selected bool) {
	stored := row.Status == pipeline.Stored
	if stored {
		e.AllStored++
	}
	if !selected {
		return
	}
	e.Assets++
	if !stored {
		return
	}
	e.Stored++
	e.Bytes += row.Content.Size
	if row.Location.Shard != nil {
		e.ShardBytes += row.Content.Size
	}
}

// withdrawFiles records that nothing is stored of files. Last says that their rows are to go; else they are to be asked for again,
// those that are gone excepted.
func (p *pruning) withdrawFiles(ctx context.Context, last bool) error {
	var batch []*pipeline.FileRow
	for row, err := range p.snapshot.Files(ctx) {
		if err != nil {
			return err
		}
		if !p.selectsFile(row) || !last && (row.IsGone() || row.ID == "" && row.JobID == "") {
			continue
		}
		row.Status, row.Error, row.AskedAt, row.Counts = pipeline.Skipped, pipeline.ReasonPruned, time.Time{}, pipeline.Counts{}
		if last {
			row.Gone = p.gone(row.Gone)
		}
		if batch = append(batch, row); len(batch) == pruneBatch {
			if err := p.ledger.Commit(ctx, pipeline.Rows{Files: batch}); err != nil {
				return err
			}
			batch = batch[:0]
		}
	}
	return p.ledger.Commit(ctx, pipeline.Rows{Files: batch})
}

func (p *pruning) withdrawAssets(ctx context.Context) error {
	var batch []*pipeline.Row
	for asset, err := range p.assets(ctx) {
		if err != nil {
			return err
		}
		if !asset.goes {
			continue
		}
		if batch = append(batch, asset.Row); len(batch) == pruneBatch {
			if err := p.disown(ctx, batch); err != nil {
				return err
			}
			batch = batch[:0]
		}
	}
	return p.disown(ctx, batch)
}

// disown commits that rows have no blobs, and then has the blobs removed.
func (p *pruning) disown(ctx context.Context, rows []*pipeline.Row) error {
	pruned := make([]*pipeline.Row, len(rows))
	var stored []pipeline.Location
	for i, row := range rows {
		pruned[i] = new(*row)
		pruned[i].Status, pruned[i].Reason, pruned[i].Gone = pipeline.Skipped, pipeline.ReasonPruned, p.gone(row.Gone)
		if row.Status == pipeline.Stored {
			stored = append(stored, row.Location)
		}
	}
	if err := p.ledger.Commit(ctx, pipeline.Rows{Assets: pruned}); err != nil || len(stored) == 0 {
		return err
	}
	return p.RemoveBlobs(stored)
}

// gone returns since when something that is to go is gone.
func (p *pruning) gone(known pipeline.Gone) pipeline.Gone {
	if known.IsGone() {
		return known
	}
	return pipeline.Gone{VanishedAt: p.At}
}
