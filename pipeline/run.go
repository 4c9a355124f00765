package pipeline

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// Options configures Run. Source, Sink and Ledger are required; other zero values stand for the defaults named.
type Options struct {
	Source   Source
	Sink     Sink
	Ledger   Ledger
	Observer Observer
	Filters  Filters

	// Refetch fetches every wanted asset again, whatever the ledger says. Relist asks for the assets of every file, and keeps what
	// is stored.
	Refetch, Relist bool
	// Settle is how old a file has to be for its pictures to be complete once each kind has some (24 h).
	Settle time.Duration
	// BySize fetches a stored asset again for another listed size only, and not for a newer date.
	BySize bool
	// AcceptListing believes a listing that lost so much that it would not be believed otherwise, and tells of it in ListingAccepted.
	AcceptListing bool
	// Incremental says that the source lists only files that were updated lately. Then the others of the ledger are taken to
	// be as it has them, those that an earlier run could not complete are tried again, and none counts as vanished.
	Incremental bool
	// ListedAt is when the listings were made, where that was before the run, as with a list that was kept; zero for now. What one listing did not have is
	// gone only where another does not have it that was made later. Repeats says that the ledger has taken in listings that were made then, or
	// later: nothing is missing for these.
	ListedAt time.Time
	Repeats  bool
	// Limit is the most files that are listed; 0 is no bound. With one, no listing is complete, as what comes behind is unknown: no
	// file counts as vanished, and none that is not listed is recalled.
	Limit int
	// Sample is how many of the listed files are taken, whichever order they come in: those whose keys have the least hashes. 0 is for all. As
	// with Limit, no listing is complete.
	Sample int
	// Takes tells whether a listed file is wanted; nil for all. Of one that is not, but known, nothing is asked, and nothing of it is
	// missing. IsTrial says that the files that are left out are left out for this run alone: as with Limit, no listing is complete.
	Takes   func(SourceKey, *File) bool
	IsTrial bool
	// Concurrency is the number of blobs that are fetched and stored at once (32): enough to hide the latency of a
	// distant API, few enough for its connections.
	Concurrency int
	// Listers is the number of files whose assets are listed at once (a quarter of Concurrency): listing runs ahead of
	// fetching by little, and must not starve it of permissions to send.
	Listers int
	// Memory bounds the bytes of the blobs that are in memory at once, and of listings and all that comes of them until it is
	// committed (256 MiB). Listings have an eighth of it, but for one, which may have all. A single blob may always be in memory, and
	// the listings of a single file where they have 16 MiB at most.
	Memory int64
	// Checkpoint is the time between two checkpoints (5 s). CheckpointRows (10,000) and CheckpointBytes (256 MiB) bound the
	// work that is not committed, which a crash costs. A checkpoint begins at half of either, or where its rows take a quarter of
	// what listings may have of the memory, or it frees as much and a listing waits for that; work goes on meanwhile. Nothing more is fetched once a
	// checkpoint has been waited for two times as long as Checkpoint: then committing takes longer than fetching.
	//
	// SparseCheckpoint takes the place of Checkpoint as long as fewer than 64 rows and 16 MiB of blobs are not committed, if it is longer: a
	// checkpoint costs as much as some requests, and where these are few a crash still costs few of them. Once there are more, Checkpoint is
	// counted from then.
	Checkpoint       time.Duration
	SparseCheckpoint time.Duration
	CheckpointRows   int
	CheckpointBytes  int64
	// Stop, when closed, ends the intake: what is in flight is finished and committed, and Run returns ErrInterrupted.
	Stop <-chan struct{}
}

// DefaultMemory is that of Options.Memory, in bytes.
const DefaultMemory = 256 << 20

// BufferedBlobSize is the size in bytes from which on a Source keeps blobs in temporary files rather than in memory.
const BufferedBlobSize = 8 << 20

// blobAge is how old a blob may become before it is committed, in times of Options.Checkpoint: one until a checkpoint begins, and one
// for it to be made.
const blobAge = 2

func (o Options) withDefaults() Options {
	setDefault(&o.Concurrency, 32)
	setDefault(&o.Listers, max(1, o.Concurrency/4))
	setDefault(&o.Memory, DefaultMemory)
	setDefault(&o.Checkpoint, 5*time.Second)
	o.SparseCheckpoint = max(o.SparseCheckpoint, o.Checkpoint)
	setDefault(&o.CheckpointRows, 10_000)
	setDefault(&o.CheckpointBytes, 256<<20)
	setDefault(&o.Settle, 24*time.Hour)
	if o.Observer == nil {
		o.Observer = Observers{}
	}
	return o
}

func setDefault[T comparable](v *T, value T) {
	if *v == *new(T) {
		*v = value
	}
}

// Validate returns an error that names the first field that is missing or out of range.
func (o Options) Validate() error {
	switch {
	case o.Source == nil:
		return errors.New("pipeline options: Source is missing")
	case o.Sink == nil:
		return errors.New("pipeline options: Sink is missing")
	case o.Ledger == nil:
		return errors.New("pipeline options: Ledger is missing")
	case len(o.Filters.Kinds()) == 0:
		return errors.New("pipeline options: Filters wants neither screenshots, figures nor documents")
	case o.Concurrency < 0 || o.Listers < 0 || o.Memory < 0 || o.Checkpoint < 0 || o.SparseCheckpoint < 0 ||
		o.CheckpointRows < 0 || o.CheckpointBytes < 0 || o.Settle < 0 || o.Limit < 0 || o.Sample < 0:
		return fmt.Errorf("pipeline options: a negative bound in %+v", struct {
			Concurrency, Listers, CheckpointRows, Limit, Sample int
			Memory, CheckpointBytes                             int64
			Checkpoint, SparseCheckpoint, Settle                time.Duration
		}{o.Concurrency, o.Listers, o.CheckpointRows, o.Limit, o.Sample, o.Memory, o.CheckpointBytes, o.Checkpoint, o.SparseCheckpoint, o.Settle})
	}
	return nil
}

// Run exports: it lists the source's files, fetches every wanted asset that the ledger does not have, stores it in the
// sink, and commits what became of it. When it returns nil, every listed asset has its row and the sink is sealed.
//
// What concerns one asset or one file is a row; an error of Run says why it ended early: ErrInterrupted, an error of the
// source, a *HopelessError, a *StorageError or a *PanicError. What had been fetched until then is committed if storage allows. Cancelling
// ctx ends the run at once and commits nothing more. A *DoubtError tells of a run that came to its end, but did not believe the
// listing.
func Run(ctx context.Context, o Options) error {
	if err := o.Validate(); err != nil {
		return err
	}
	r := newRun(ctx, o, o.Ledger)
	r.crew.start()
	if err := r.wait(r.commit); err != nil {
		return err
	}
	return r.verdict()
}

// Plan does what Run does up to the point where the first blob would be fetched, and records nothing. Its results are
// the events that the Observer gets. Options.Sink and Options.Ledger are not used. Like Run it returns a *DoubtError at its end.
func Plan(ctx context.Context, history History, o Options) error {
	r := newRun(ctx, o, history)
	r.plansOnly = true
	r.stage("fetch", func() error {
		for j := range r.jobs {
			// A row without a status counts nothing, but settles its file.
			if err := r.record(result{file: j.file, row: &Row{}}); err != nil {
				return err
			}
		}
		return nil
	})
	if err := r.wait(r.forget); err != nil {
		return err
	}
	return r.verdict()
}

// wait runs the first and the last stage, and returns when all stages have ended.
func (r *run) wait(commit func() error) error {
	defer r.endWork(context.Canceled)
	r.watcher.Go(r.watch)
	r.stage("enumerate", r.enumerate)
	r.committer.Go(func() error {
		defer r.catch("commit", r.abort)
		return commit()
	})
	// Errors of the stages are in r.first already, in the order in which they came.
	_ = r.stages.Wait()
	close(r.batch.complete)
	r.endIntake(context.Canceled)
	err := errors.Join(r.committer.Wait(), r.watcher.Wait())
	if cause := r.cause(); cause != nil {
		return cause
	}
	return err
}

// run is one export under way. It has two contexts: when the intake ends, nothing new is begun and what is in flight is
// finished; when the work ends, everything returns.
type run struct {
	Options
	history History
	// started is now, for everything that the run says of a file.
	started time.Time
	// digest is that of the filters.
	digest string
	belief belief
	memory *memory
	crew   *crew
	// jobs are assets to fetch.
	jobs chan job
	// batch collects what the next checkpoint makes true. gate is held for reading while a blob is put and recorded, so
	// that whoever holds it for writing knows that the sink and the batch hold the same blobs.
	batch *batch
	gate  sync.RWMutex
	// sources are the listings that have been read; only the one who reads them changes it. hope learns from how those of
	// assets are answered.
	sources []SourceOutcome
	hope    *hope
	// plansOnly says that nothing is to be recorded.
	plansOnly bool
	// probed counts the files that were asked only to learn whether a kind is offered now; one goroutine uses it.
	probed int

	// stages are all goroutines that record results; committer is the one that commits them; watcher waits for Stop.
	stages, committer, watcher errgroup.Group

	intake, work       context.Context
	endIntake, endWork context.CancelCauseFunc

	mu    sync.Mutex
	first error
}

// wanted is a listed asset of which something is to be recorded: it is to be fetched, or to be skipped where the filters say so. A
// listing may have a million.
type wanted struct {
	asset *Asset
	// earlier is what an earlier run recorded; nil where none did.
	earlier *earlier
}

// job is an asset of a file to fetch.
type job struct {
	wanted
	file *fileProgress
}

// earlier is the row of an asset, and the date of its file under which it was fetched.
type earlier struct {
	row   *Row
	under time.Time
}

// prior returns the asset's row of an earlier run, which may be nil.
func (w wanted) prior() *Row {
	if w.earlier == nil {
		return nil
	}
	return w.earlier.row
}

func newRun(ctx context.Context, o Options, history History) *run {
	o = o.withDefaults()
	r := &run{
		Options: o,
		history: history,
		started: time.Now().UTC().Truncate(time.Microsecond),
		digest:  o.Filters.Digest(),
		memory:  newMemory(o.Memory),
		// Twice the workers: each finds its next job waiting. Besides, every goroutine that was hired while assets are parked
		// holds a job while it waits for a place: maxParked times the workers at most.
		jobs: make(chan job, 2*o.Concurrency),
		batch: newBatch(
			extent{rows: o.CheckpointRows, weight: ListingShare(o.Memory) / 2, bytes: o.CheckpointBytes}, blobAge*o.Checkpoint,
			blobAge*o.SparseCheckpoint),
		belief: belief{accepted: o.AcceptListing},
		hope:   newHope(),
	}
	r.batch.leastCharge = ListingShare(o.Memory) / 4
	r.batch.isPressed = func() bool { return r.memory.listers.Load() > 0 }
	r.memory.press = r.batch.press
	r.work, r.endWork = context.WithCancelCause(ctx)
	r.intake, r.endIntake = context.WithCancelCause(r.work)
	r.crew = newCrew(o.Concurrency, func() { r.stage("fetch", r.fetch) })
	return r
}

// stage runs a stage's worker. An error of it ends the intake.
func (r *run) stage(name string, work func() error) {
	r.stages.Go(func() error {
		defer r.catch(name, r.stop)
		err := work()
		if err != nil {
			r.stop(err)
		}
		return err
	})
}

// catch reports a panic of the calling goroutine to end.
func (r *run) catch(stage string, end func(error)) {
	if v := recover(); v != nil {
		end(&PanicError{Stage: stage, Value: v, Stack: debug.Stack()})
	}
}

// watch ends the intake when Stop is closed.
func (r *run) watch() error {
	select {
	case <-r.Stop:
		if r.intake.Err() == nil {
			r.stop(ErrInterrupted)
		}
	case <-r.intake.Done():
	}
	return nil
}

// stop ends the intake; what is in flight goes on.
func (r *run) stop(cause error) {
	r.keep(cause)
	r.endIntake(cause)
	r.Source.Stop()
}

// abort ends everything.
func (r *run) abort(cause error) {
	r.stop(cause)
	r.endWork(cause)
}

// keep remembers the first cause of an early end. A panic comes before all others: what it left behind may fail elsewhere
// before it is told.
func (r *run) keep(cause error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, panicked := errors.AsType[*PanicError](cause)
	if _, before := errors.AsType[*PanicError](r.first); r.first == nil || panicked && !before {
		r.first = cause
	}
}

// cause returns why the run ended early, or nil. A cancelled context counts even where no stage noticed.
func (r *run) cause() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.first != nil {
		return r.first
	}
	return context.Cause(r.work)
}
