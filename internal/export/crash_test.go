//go:build !race

// The crash matrix runs thousands of exports. They would take an hour with the race detector, which watches the same code
// in other tests.

package export

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"iter"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"exporter/internal/durable"
	"exporter/internal/durable/durabletest"
	"exporter/internal/export/exporttest"
	"exporter/internal/store"
	"exporter/internal/store/storetest"
	"exporter/internal/testmain"
	"exporter/internal/verify"
	"exporter/manifest"
	"exporter/pipeline"
	"exporter/sinks"
)

// crashSource is an upstream of a few files with a few pages each.
type crashSource struct {
	files, pages int
	fetched      atomic.Int64
}

func (s *crashSource) Listings(ctx context.Context) []pipeline.Listing {
	return []pipeline.Listing{{Key: pipeline.ProjectSource, Files: s.Files(ctx)}}
}

func (s *crashSource) Files(context.Context) iter.Seq2[pipeline.File, error] {
	return func(yield func(pipeline.File, error) bool) {
		for i := range s.files {
			f := pipeline.File{ID: fmt.Sprint("file-", i), UpdatedAt: time.Unix(1_700_000_000, 0).UTC()}
			if !yield(f, nil) {
				return
			}
		}
	}
}

// Pages gives none: there are no jobs.
func (s *crashSource) Pages(context.Context, *pipeline.File, func(*pipeline.PageRow) error) error {
	return nil
}

// Page gives none.
func (s *crashSource) Page(context.Context, *pipeline.Asset) (*pipeline.PageRow, error) {
	return nil, nil
}

func (s *crashSource) Assets(_ context.Context, of pipeline.Wanted, _ pipeline.Room) ([]*pipeline.Asset, error) {
	if of.Origin == pipeline.OriginAttachment {
		return nil, &pipeline.Failure{Class: "http_404", Final: true, Absent: true, Err: errors.New("not found")}
	}
	id, kind := pipeline.ID(of.File.ID), of.Kind
	var assets []*pipeline.Asset
	for page := range s.pages {
		a := &pipeline.Asset{FileID: id, Kind: kind, Origin: of.Origin, PageIndex: int32(page)}
		if kind == pipeline.Figure {
			a.FigureName = fmt.Sprintf("page_%d_figure_1.jpg", page+1)
		}
		assets = append(assets, a)
	}
	return assets, nil
}

func (s *crashSource) Blob(_ context.Context, a *pipeline.Asset, _ pipeline.Pause) (*pipeline.Blob, error) {
	s.fetched.Add(1)
	content := crashContent(a.Key())
	b := pipeline.NewBlob(pipeline.Content{Size: int64(len(content)), SHA256: sha256.Sum256(content), MediaType: "image/jpeg"},
		bytes.NewReader(content), nil)
	b.Attempts, b.FetchedAt = 1, time.Unix(1_700_000_000, 0)
	return b, nil
}

func (s *crashSource) Stop() {}

// crashContent is the bytes of an asset: some do not compress, so that frames and shards fill up.
func crashContent(key pipeline.AssetKey) []byte {
	sum := sha256.Sum256(fmt.Append(nil, key))
	b := make([]byte, 400+int(sum[0]))
	rand.NewChaCha8(sum).Read(b)
	return b
}

// crashExport is what "exporter run" does with an export, wherever it is.
func crashExport(disk storetest.Disk, source pipeline.Source, archive bool) error {
	o := pipeline.Options{Source: source, Concurrency: 1, Listers: 1, CheckpointRows: 4}
	return crashRun(disk, archive, o, func(store.Store, *manifest.Ledger) error { return nil })
}

// crashRun runs the pipeline on an export, and merges the tables when what comes after it is done.
func crashRun(disk storetest.Disk, archive bool, o pipeline.Options, then func(store.Store, *manifest.Ledger) error) (err error) {
	ctx := context.Background()
	st, err := disk.Open()
	if err != nil {
		return err
	}
	ledger, err := manifest.Open(ctx, st, manifest.Info{Version: "test", Source: "{}", Sink: "{}"})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, ledger.Close()) }()
	sink, err := crashSink(ctx, st, ledger, archive, true)
	if err != nil {
		return err
	}
	defer sink.Close()
	o.Sink, o.Ledger, o.Filters = sink, ledger, pipeline.Filters{Screenshots: true, Figures: true}
	if err := pipeline.Run(ctx, o); err != nil {
		return err
	}
	if err := then(st, ledger); err != nil {
		return err
	}
	return ledger.Compact(ctx)
}

// look opens an export for reading.
func look(disk storetest.Disk, at func(store.Store, *manifest.Snapshot) error) error {
	st, err := disk.Open()
	if err != nil {
		return err
	}
	snapshot, err := manifest.OpenSnapshot(context.Background(), st)
	if err != nil {
		return err
	}
	return errors.Join(at(st, snapshot), snapshot.Close())
}

// armedDisk crashes at an operation, once it has been told at which.
type armedDisk struct {
	storetest.Disk
	at int
}

func newArmedDisk(newDisk func(fail func(number int) error) storetest.Disk) *armedDisk {
	d := &armedDisk{}
	d.Disk = newDisk(func(number int) error {
		if d.at > 0 && number >= d.at {
			return storetest.ErrCrashed
		}
		return nil
	})
	return d
}

// crashIn tells the disk to crash at its n-th operation from now on.
func (d *armedDisk) crashIn(n int) { d.at = d.Operations() + n }

// disarm tells whether the disk has not crashed yet, and never will then.
func (d *armedDisk) disarm() bool {
	if d.Operations() >= d.at {
		return false
	}
	d.at = 0
	return true
}

// crashSink has frames and shards of a few blobs.
func crashSink(ctx context.Context, st store.Store, rows verify.Rows, archive, goOn bool) (pipeline.Sink, error) {
	if !archive {
		return sinks.NewLocal(st), nil
	}
	o := sinks.ArchiveOptions{Compress: true, Level: "fastest", ShardSize: 2500, FrameSize: 800, GoOn: goOn}
	return sinks.NewArchive(ctx, st, o, func() iter.Seq2[*pipeline.Row, error] { return rows.Rows(ctx) })
}

// checkCrashed reads an export back. Every stored row has to lead to its bytes; a complete one has every asset once, and
// nothing else in its shards.
func checkCrashed(disk storetest.Disk, complete int) error {
	return look(disk, func(st store.Store, snapshot *manifest.Snapshot) error { return checkBlobs(st, snapshot, complete) })
}

func checkBlobs(st store.Store, snapshot *manifest.Snapshot, complete int) error {
	ctx := context.Background()
	rows, members := 0, map[string]int{}
	for row, err := range snapshot.Rows(ctx) {
		if err != nil {
			return err
		}
		if row.Status != pipeline.Stored {
			return fmt.Errorf("%v is %s (%s)", row.Key(), row.Status, row.Reason)
		}
		r, err := sinks.Open(ctx, st, row.Location, row.Content.Size)
		if err != nil {
			return fmt.Errorf("%v: %w", row.Key(), err)
		}
		got, err := io.ReadAll(r)
		r.Close()
		if err != nil || !bytes.Equal(got, crashContent(row.Key())) {
			return fmt.Errorf("%v at %+v: not the bytes that were stored: %v", row.Key(), row.Location, err)
		}
		rows++
		if row.Location.Shard != nil {
			members[row.Location.Path+" "+row.Location.Shard.Member]++
		}
	}
	if complete == 0 {
		return nil
	}
	if rows != complete {
		return fmt.Errorf("%d rows, want %d", rows, complete)
	}
	return exporttest.CheckMembers(st, members)
}

const (
	crashFiles, crashPages = 2, 3
	crashAssets            = 2 * crashFiles * crashPages
)

func newCrashSource() *crashSource { return &crashSource{files: crashFiles, pages: crashPages} }

// crashCase is a sink, and where its export is.
type crashCase struct {
	name    string
	archive bool
	disk    func(fail func(number int) error) storetest.Disk
	// tidy removes what a crash may leave beside an export that is complete: in a bucket, shards of which no row was committed.
	tidy func(storetest.Disk) error
}

// leaveAlone is the tidy of where nothing may be left.
func leaveAlone(storetest.Disk) error { return nil }

func crashCases() (cases []crashCase) {
	for where, disk := range storetest.Disks() {
		if differs(where, false) {
			cases = append(cases, crashCase{"local/" + where, false, disk, leaveAlone})
		}
		tidyUp := leaveAlone
		if where == storetest.Bucket {
			tidyUp = crashCompact
		}
		cases = append(cases, crashCase{"archive/" + where, true, disk, tidyUp})
	}
	return cases
}

// differs tells whether a sink has to do with what makes a disk another one than the others: only shards grow.
func differs(where string, archive bool) bool { return archive || where != storetest.Bucket }

// crashesApart is of how many operations one is tried by a test that crashes at every operation and does so once for each way of losing what was
// not synced, of which each begins behind the one before. A checkpoint does the same operations as the one before it, and they are fewer, or
// more, than a multiple of seven: each kind of them is tried in one checkpoint or another.
func crashesApart() int { return testmain.Apart(7) }

// An export crashes at every operation, and the disk keeps all, half or nothing of what was not synced. What is
// committed is there, and the next run makes it complete and exact.
func TestExport_CrashAtEveryOperation_LosesNothing(t *testing.T) {
	testmain.Long(t)
	for _, c := range crashCases() {
		for first, drop := range []durabletest.Drop{durabletest.DropNone, durabletest.DropHalf, durabletest.DropAll} {
			t.Run(fmt.Sprintf("%s/drop %s", c.name, drop), func(t *testing.T) {
				t.Parallel()
				archive := c.archive
				for n := 1 + first; ; n += crashesApart() {
					crashing := c.disk(func(number int) error {
						if number >= n {
							return storetest.ErrCrashed
						}
						return nil
					})
					source := newCrashSource()
					err := crashExport(crashing, source, archive)
					if err == nil && crashing.Operations() < n {
						t.Logf("%d operations", crashing.Operations())
						break
					}
					if !errors.Is(err, storetest.ErrCrashed) {
						t.Fatalf("operation %d: got error %v, want %v", n, err, storetest.ErrCrashed)
					}
					recovered := crashing.Recover(drop, uint64(n))
					if err := checkCrashed(recovered, 0); err != nil {
						t.Fatalf("after a crash at operation %d: %v", n, err)
					}
					if err := crashExport(recovered, source, archive); err != nil {
						t.Fatalf("run after a crash at operation %d: %v", n, err)
					}
					if err := c.tidy(recovered); err != nil {
						t.Fatalf("compact after a crash at operation %d: %v", n, err)
					}
					if err := checkCrashed(recovered, crashAssets); err != nil {
						t.Fatalf("complete run after a crash at operation %d: %v", n, err)
					}
					// Four rows may be uncommitted, and one more was about to be added when they were.
					if extra := source.fetched.Load() - crashAssets; extra > 5 {
						t.Errorf("after a crash at operation %d, %d assets were fetched again", n, extra)
					}
				}
			})
		}
	}
}

// Each operation fails once, with the disk full or broken: the run says so, and the next one completes the export.
func TestExport_FailAtEveryOperation_RunStops(t *testing.T) {
	testmain.Long(t)
	for name, archive := range map[string]bool{"local": false, "archive": true} {
		for first, errno := range []error{syscall.ENOSPC, syscall.EIO} {
			t.Run(fmt.Sprintf("%s/%v", name, errno), func(t *testing.T) {
				t.Parallel()
				tolerated := 0
				for n := 1 + first; ; n += testmain.Apart(5) {
					var fired durabletest.Operation
					failing := storetest.DirDisk{Memory: durabletest.NewMemory(func(o durabletest.Operation) error {
						if o.Number == n {
							fired = o
							return errno
						}
						return nil
					})}
					err := crashExport(failing, newCrashSource(), archive)
					if fired.Number == 0 {
						t.Logf("%d operations, %d failures were of no consequence", n-1, tolerated)
						break
					}
					switch {
					case err == nil && fired.Kind == "close" && !strings.HasPrefix(fired.Name, durable.TempDir):
						// A file that was read, or synced before.
						tolerated++
					case err == nil && fired.Kind == "remove" && strings.HasSuffix(fired.Name, "-spool"):
						// It goes when it is closed.
						tolerated++
					case !errors.Is(err, errno):
						t.Fatalf("%+v fails: got error %v, want %v", fired, err, errno)
					}
					if err := crashExport(failing, newCrashSource(), archive); err != nil {
						t.Fatalf("run after %+v failed: %v", fired, err)
					}
					if err := checkCrashed(failing, crashAssets); err != nil {
						t.Fatalf("complete run after %+v failed: %v", fired, err)
					}
				}
			})
		}
	}
}
