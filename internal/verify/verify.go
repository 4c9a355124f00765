package verify

import (
	"context"
	"errors"
	"io/fs"
	"iter"
	"runtime"
	"sync"
	"syscall"

	"golang.org/x/sync/errgroup"

	"exporter/internal/store"
	"exporter/pipeline"
	"exporter/sinks"
)

// Rows is what an export is compared with.
type Rows interface {
	// Rows yields the rows of all assets, those of a file together, each time in the same order. They stay as they are.
	Rows(ctx context.Context) iter.Seq2[*pipeline.Row, error]
}

// Options configures a Verification. Export and Rows are required.
type Options struct {
	Export store.Reader
	Rows   Rows
	// Spool makes a place for what is too much for memory; nil stands for store.TempSpool.
	Spool func() (store.Spool, error)
	// Quick looks at names and sizes only and reads no blob. It finds no orphans in shards.
	Quick bool
	// Found is told of everything that is not as it should be, by one goroutine at a time.
	Found func(Finding)
}

// Finding is one thing that is not as it should be.
type Finding struct {
	// Path is that of the blob's file, or of the shard as it is called when it is sealed.
	Path string
	// Member is the name of an orphan inside its shard.
	Member string
	// Row is that of the asset concerned; nil where it is none, or none in particular.
	Row *pipeline.Row
	// Lost says that the bytes of Row's blob are not there. Otherwise only what is around them is damaged.
	Lost bool
	// Err says what is wrong. It is nil for orphans, which are harmless: files and members that no row names are left behind
	// where a run is killed, a blob is replaced or rows are pruned.
	Err error
}

// IsMissing tells whether what was to be read is not there: a run or a compaction may have put it elsewhere meanwhile.
func (f *Finding) IsMissing() bool {
	return errors.Is(f.Err, errMissing) || errors.Is(f.Err, fs.ErrNotExist)
}

// Counts says how far a verification is, and in the end what it found.
type Counts struct {
	// Blobs and Bytes are what is stored according to the rows, CheckedBlobs and CheckedBytes what has been looked at.
	Blobs, Bytes int64
	// Documents are those of Blobs that are no pictures.
	Documents                  int64
	CheckedBlobs, CheckedBytes int64
	// Lost counts assets whose blob is not there, Damaged other damage, Orphans files and members that no row names.
	Lost, Damaged, Orphans int64
}

// Verification is one comparison of an export with its rows.
type Verification struct {
	Options
	// workers is how many files are read at once: more than there are processors, to hide the latency of the disk.
	workers int
	// groupSize is how many claims on shards, and how many problems, are held at once, beside the claims on the shards that are being
	// checked.
	groupSize int

	mu     sync.Mutex
	counts Counts
	// reporting is held while Found is called.
	reporting sync.Mutex
}

// New returns a Verification that has not begun.
func New(o Options) *Verification {
	if o.Found == nil {
		o.Found = func(Finding) {}
	}
	if o.Spool == nil {
		o.Spool = func() (store.Spool, error) { return store.TempSpool("") }
	}
	return &Verification{Options: o, workers: max(8, 2*runtime.GOMAXPROCS(0)), groupSize: 500_000}
}

// Counts may be called at any time.
func (v *Verification) Counts() Counts {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.counts
}

// Run compares everything once. It goes over the rows once, once more where blobs are files of their own, and once where rows are to be
// told of damage in their shards. It takes memory for the rows of one file, for the claims on a few shards and for half a million
// others. Damage is no error: an error says why the verification could not come to its end, and is the
// context's cause, that of the rows or a *pipeline.StorageError.
func (v *Verification) Run(ctx context.Context) (err error) {
	shards := newClaims(v.Spool, v.groupSize)
	defer func() { err = errors.Join(err, shards.close()) }()
	files, err := v.survey(ctx, shards)
	if err != nil {
		return err
	}
	if err := v.checkFiles(ctx, files); err != nil {
		return err
	}
	if err := v.checkShards(ctx, shards); err != nil {
		return err
	}
	return context.Cause(ctx)
}

// surveyed is how many rows are handed on at once.
const surveyed = 256

// survey counts what is stored, and files of their own, and collects the claims on shards. Their ordinals are places in the sequence of
// rows. Rows are read while the ones before are looked at.
func (v *Verification) survey(ctx context.Context, shards *claims) (files int64, err error) {
	read := make(chan []*pipeline.Row, 4)
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		defer close(read)
		return v.readRows(ctx, read)
	})
	g.Go(func() error {
		ordinal := uint32(0)
		for rows := range read {
			for _, row := range rows {
				if row.Status == pipeline.Stored {
					isFile, err := v.surveyBlob(ordinal, row, shards)
					if err != nil {
						return err
					}
					if isFile {
						files++
					}
				}
				ordinal++
			}
		}
		return nil
	})
	err = g.Wait()
	return files, err
}

// readRows hands on all rows.
func (v *Verification) readRows(ctx context.Context, to chan<- []*pipeline.Row) error {
	rows := make([]*pipeline.Row, 0, surveyed)
	send := func() error {
		select {
		case to <- rows:
			rows = make([]*pipeline.Row, 0, surveyed)
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	for row, err := range v.Rows.Rows(ctx) {
		if err != nil {
			return err
		}
		if rows = append(rows, row); len(rows) < surveyed {
			continue
		}
		if err := send(); err != nil {
			return err
		}
	}
	return send()
}

// surveyBlob tells whether a stored blob is a file of its own.
func (v *Verification) surveyBlob(ordinal uint32, row *pipeline.Row, shards *claims) (isFile bool, err error) {
	v.count(func(c *Counts) {
		c.Blobs++
		if row.Kind == pipeline.Document {
			c.Documents++
		}
		c.Bytes += row.Content.Size
	})
	if row.Location.Shard == nil {
		return true, nil
	}
	claim, err := sinks.NewClaim(ordinal, row)
	if err != nil {
		v.checked(row.Content.Size)
		v.found(Finding{Path: row.Location.Path, Row: row, Lost: true, Err: err})
		return false, nil
	}
	if err := shards.add(row.Location.Path, claim); err != nil {
		return false, &pipeline.StorageError{Op: "keep what is to be verified", Err: err}
	}
	return false, nil
}

func (v *Verification) count(add func(*Counts)) {
	v.mu.Lock()
	defer v.mu.Unlock()
	add(&v.counts)
}

// checked counts a blob that was looked at.
func (v *Verification) checked(size int64) {
	v.count(func(c *Counts) {
		c.CheckedBlobs++
		c.CheckedBytes += size
	})
}

// found counts a finding and passes it on.
func (v *Verification) found(f Finding) {
	v.count(func(c *Counts) {
		switch {
		case f.Err == nil:
			c.Orphans++
		case f.Lost:
			c.Lost++
		default:
			c.Damaged++
		}
	})
	v.reporting.Lock()
	defer v.reporting.Unlock()
	v.Found(f)
}

// unreadable returns a *pipeline.StorageError where err says that nothing can be known of what was to be read, and nil
// where it says that it is damaged or missing.
func unreadable(op string, err error) error {
	for _, target := range []error{fs.ErrPermission, store.ErrUnreadable, syscall.EMFILE, syscall.ENFILE} {
		if errors.Is(err, target) {
			return &pipeline.StorageError{Op: op, Err: err}
		}
	}
	return nil
}
