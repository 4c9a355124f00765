package verify

import (
	"context"
	"errors"
	"io/fs"
	"iter"
	"maps"
	"slices"

	"exporter/internal/store"
	"exporter/pipeline"
	"exporter/sinks"
)

// Ledger is what a repair changes. The caller holds the lock of the export.
type Ledger interface {
	Rows
	// Files yields the rows of all source files.
	Files(ctx context.Context) iter.Seq2[*pipeline.FileRow, error]
	// Commit adds rows durably. Rows and Files go on to yield what they yielded before.
	Commit(ctx context.Context, rows pipeline.Rows) error
	Close() error
}

// RepairOptions configures a Repair. Export, OpenLedger and OpenSink are required.
type RepairOptions struct {
	Export store.Store
	// OpenLedger opens the ledger as it is by then.
	OpenLedger func(context.Context) (Ledger, error)
	// OpenSink opens the place for blobs that have to leave their shard.
	OpenSink func(context.Context, Ledger) (pipeline.Sink, error)
	// Found is told of all damage, by one goroutine at a time.
	Found func(Finding)
}

// Repaired is what a repair has done.
type Repaired struct {
	// Lost counts assets that are to be fetched again, Moved those whose blobs have left a damaged shard, and Emptied
	// shards that were damaged or missing and have no members now.
	Lost, Moved, Emptied int64
}

// Repair verifies an export and makes its ledger say what is true: blobs that are lost are failed rows of files that are
// not complete, so that the next run fetches them again and nothing else. The members of damaged shards that are sound move
// to new shards, and an empty one takes the damaged one's place.
//
// At any moment the ledger vouches for nothing that is known to be damaged, and leads to every blob that is sound. A repair
// that is cut short leaves an export that the next one, or a run, goes on with.
type Repair struct {
	RepairOptions
	verification *Verification
	// batchSize is how many rows are committed at once. They are what a repair holds in memory, beside what a verification
	// and one row for each source file take.
	batchSize int

	ledger Ledger
	// files are those of the ledger.
	files fileCursor
	done  Repaired
	// lost are rows that are not committed yet.
	lost []*pipeline.Row
	// shards are those that are damaged or missing.
	shards map[string]bool
	// losses is what the files have lost so far.
	losses map[pipeline.FileKey]pipeline.Counts
}

// NewRepair returns a Repair that has not begun.
func NewRepair(o RepairOptions) *Repair {
	if o.Found == nil {
		o.Found = func(Finding) {}
	}
	return &Repair{
		RepairOptions: o, verification: New(Options{Export: o.Export, Spool: o.Export.Spool}), batchSize: 10_000,
		shards: map[string]bool{}, losses: map[pipeline.FileKey]pipeline.Counts{},
	}
}

// Counts returns those of the verification. It may be called at any time.
func (r *Repair) Counts() Counts { return r.verification.Counts() }

// Run verifies and repairs. Damage is no error; an error says why the repair is not complete.
func (r *Repair) Run(ctx context.Context) (Repaired, error) {
	err := r.withLedger(ctx, r.disownLost)
	if err == nil && len(r.shards) > 0 {
		err = r.withLedger(ctx, r.replaceShards)
	}
	return r.done, err
}

func (r *Repair) withLedger(ctx context.Context, do func(context.Context) error) (err error) {
	if r.ledger, err = r.OpenLedger(ctx); err != nil {
		return err
	}
	r.files = fileCursor{files: r.ledger.Files}
	defer func() {
		r.files.close()
		err = errors.Join(err, r.ledger.Close())
	}()
	return do(ctx)
}

// disownLost verifies the export and commits what is lost.
func (r *Repair) disownLost(ctx context.Context) error {
	checking, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	r.verification.Rows = r.ledger
	r.verification.Options.Found = func(f Finding) {
		if context.Cause(checking) != nil || f.Err == nil {
			return
		}
		if err := r.note(ctx, f); err != nil {
			stop(err)
		}
	}
	if err := r.verification.Run(checking); err != nil {
		return err
	}
	return r.disown(ctx)
}

// note takes what the verification found damaged.
func (r *Repair) note(ctx context.Context, f Finding) error {
	r.Found(f)
	if sinks.IsOwnShard(f.Path) && (f.Row == nil || f.Row.Location.Shard != nil) {
		r.shards[f.Path] = true
	}
	if !f.Lost {
		return nil
	}
	return r.lose(ctx, f.Row, f.Err)
}

// lose makes an asset one that is lost. Many are committed at once.
func (r *Repair) lose(ctx context.Context, stored *pipeline.Row, err error) error {
	row := *stored
	row.Status, row.Reason = pipeline.Failed, (&pipeline.Failure{Class: pipeline.ClassDamaged, Err: err}).Error()
	r.lost = append(r.lost, &row)
	r.done.Lost++
	if row.IsCounted() {
		c := r.losses[row.File.Key()]
		c.Failed++
		c.Stored--
		c.Bytes -= row.Content.Size
		r.losses[row.File.Key()] = c
	}
	if len(r.lost) < r.batchSize {
		return nil
	}
	// Several at once look for damage, and may find it in another order than that of the files: the last ones wait for the others.
	return r.disownAll(ctx, len(r.lost)/8)
}

// disown commits that the lost blobs are.
func (r *Repair) disown(ctx context.Context) error { return r.disownAll(ctx, 0) }

// disownAll is disown but for so many, which are the last in the order of files. Their files come first: a file that is complete is not
// listed again, and an asset of it that has failed would stay so.
func (r *Repair) disownAll(ctx context.Context, kept int) error {
	if len(r.lost) == 0 {
		return nil
	}
	slices.SortStableFunc(r.lost, func(a, b *pipeline.Row) int { return a.File.Key().Compare(b.File.Key()) })
	count := len(r.lost) - kept
	for count < len(r.lost) && r.lost[count].File.Key() == r.lost[count-1].File.Key() {
		count++
	}
	lost := r.lost[:count]
	files, err := r.reopened(ctx, lost)
	if err == nil && len(files) > 0 {
		err = r.ledger.Commit(ctx, pipeline.Rows{Files: files})
	}
	if err == nil {
		err = r.ledger.Commit(ctx, pipeline.Rows{Assets: lost})
	}
	if err != nil {
		return &pipeline.StorageError{Op: "commit what is lost", Err: err}
	}
	r.lost = slices.Clone(r.lost[len(lost):])
	return nil
}

// reopened returns the rows of the files that lost something listed, by rows that are lost, sorted by file.
func (r *Repair) reopened(ctx context.Context, lost []*pipeline.Row) ([]*pipeline.FileRow, error) {
	var files []*pipeline.FileRow
	for i, row := range lost {
		key := row.File.Key()
		c, ok := r.losses[key]
		if !ok || i > 0 && lost[i-1].File.Key() == key {
			continue
		}
		file, err := r.files.find(ctx, key)
		if err != nil {
			return nil, err
		}
		if file == nil {
			continue
		}
		if file.Status == pipeline.Complete {
			file.Status = pipeline.Partial
		}
		file.Failed += c.Failed
		file.Stored += c.Stored
		file.Bytes += c.Bytes
		files = append(files, file)
	}
	return files, nil
}

// replaceShards puts empty shards in the place of those that are damaged or missing, and moves sound members before.
func (r *Repair) replaceShards(ctx context.Context) error {
	// What has been committed by now is in the ledger's own rows.
	clear(r.losses)
	var damaged []string
	for _, name := range slices.Sorted(maps.Keys(r.shards)) {
		err := sinks.GiveUpShard(ctx, r.Export, name)
		if err == nil {
			damaged = append(damaged, name)
			continue
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return &pipeline.StorageError{Op: "replace a shard", Err: err}
		}
		// No row needs it any more, and its number must not be given to another one.
		if err := r.empty(ctx, name); err != nil {
			return err
		}
	}
	if len(damaged) == 0 {
		return nil
	}
	return r.moveAll(ctx, damaged)
}

// empty makes an empty shard.
func (r *Repair) empty(ctx context.Context, name string) error {
	if err := sinks.WriteEmptyShard(ctx, r.Export, name); err != nil {
		return &pipeline.StorageError{Op: "replace a shard", Err: err}
	}
	r.done.Emptied++
	return nil
}
