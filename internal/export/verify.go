package export

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"slices"

	"exporter/internal/parts"
	"exporter/internal/store"
	"exporter/internal/store/place"
	"exporter/internal/verify"
	"exporter/internal/whole"
	"exporter/manifest"
	"exporter/pipeline"
)

// VerifyOptions says how to verify an export, and whom to tell of what is found.
type VerifyOptions struct {
	// Path is that of the export.
	Path string
	// Quick looks at names and sizes only, and reads no blob.
	Quick bool
	// Table is told of everything that is wrong with the tables, before Found is called.
	Table func(manifest.Damage)
	// Found is told of everything else that is not as it should be.
	Found   func(verify.Finding)
	Watcher Watcher
	// Log is told what is waited for; it may be nil.
	Log *slog.Logger
}

// Verified is what a verification counted. Pages are those that have a row.
type Verified struct {
	verify.Counts
	Pages int64
	// Whole is the path of an export in parts, and Parts are the folders of those in which something is damaged.
	Whole string
	Parts []string
	// Gone are the folders of parts that were merged, and are not there any more.
	Gone []string
}

// Err returns what says that something is damaged; nil where nothing is.
func (c *Verified) Err() error {
	if c.Lost+c.Damaged == 0 {
		return nil
	}
	err := fmt.Errorf("%w: %d of the assets, %d of the shards and other files", ErrDamaged, c.Lost, c.Damaged)
	if c.Whole == "" {
		return err
	}
	return &PartsDamageError{Whole: c.Whole, Folders: c.Parts, Gone: c.Gone, Err: err}
}

// Verify reads an export back and compares it with its tables. It counts what is wrong with these among the damage. Damage is no
// error. Of an export in parts, it verifies each part, and compares the merged tables with those of the parts.
func Verify(ctx context.Context, o VerifyOptions) (c Verified, err error) {
	e, err := whole.OpenParts(ctx, o.Path, o.Log)
	switch {
	case err == nil:
		c, err := newPartsVerification(o, e).run(ctx)
		return c, errors.Join(storageError("verify", err), e.Close())
	case Is[*whole.FolderError](err), Is[*place.Error](err), Is[*parts.PlanError](err):
		return c, &UsageError{err}
	}
	// Whatever else is wrong, it is so with one that is not in parts.
	dir, err := openPlace(ctx, o.Path, o.Log)
	if err != nil {
		return c, err
	}
	stop := func() {}
	v := &verification{
		VerifyOptions: o, open: func(ctx context.Context) (store.ReadCloser, error) { return openPlace(ctx, o.Path, nil) },
		begin: func(counts func() verify.Counts) { stop = o.Watcher.Verification(counts) },
	}
	c, isExport, err := v.run(ctx, dir)
	stop()
	if err == nil && !isExport {
		err = noTableError(ctx, o.Path, dir)
	}
	return c, errors.Join(err, dir.Close())
}

// opener opens an export for reading once more.
type opener func(context.Context) (store.ReadCloser, error)

// verification is that of one export that is not in parts.
type verification struct {
	VerifyOptions
	open opener
	// begin is called when the blobs are begun with, with what says how many are done.
	begin func(counts func() verify.Counts)
	// look is called with each row, once; nil for none.
	look func(*pipeline.Row)
	// isPart says that it is part of an export that has others: it is one even where no row says so.
	isPart bool
}

// run verifies what is in dir, and tells whether that is an export.
func (v *verification) run(ctx context.Context, dir store.Reader) (c Verified, isExport bool, err error) {
	snapshot, damages, err := manifest.Salvage(ctx, dir)
	if err != nil {
		return c, false, storageError("read the ledger", err)
	}
	defer func() { err = errors.Join(err, snapshot.Close()) }()
	lost := snapshot.LostTable()
	if isKnown := v.isPart || snapshot.Info() != nil; lost != nil && isKnown && !slices.ContainsFunc(damages, func(d manifest.Damage) bool { return d.Path == lost.Path }) {
		damages = append(damages, manifest.Damage{Path: lost.Path, Err: lost.Err, Rows: manifest.UnknownRows})
	}
	if snapshot.Info() == nil && len(damages) == 0 {
		return c, false, nil
	}
	for _, d := range damages {
		v.Table(d)
	}
	held := &missing{found: v.Found}
	blobs := verify.New(verify.Options{Export: dir, Rows: &blobRows{snapshot, v.look}, Quick: v.Quick, Found: held.add})
	v.begin(blobs.Counts)
	err = blobs.Run(ctx)
	c.Counts = blobs.Counts()
	if err == nil {
		err = held.lookAgain(ctx, v.open, &c.Counts)
	}
	if err == nil {
		c.Pages, err = snapshot.CountPages(ctx)
	}
	if err == nil {
		err = warnOfCopies(ctx, dir, v.Log)
	}
	if err != nil {
		return c, true, storageError("verify", err)
	}
	for _, d := range damages {
		c.Damaged++
		c.Lost += int64(len(d.Assets))
	}
	return c, true, nil
}

// copied is an export in a bucket, which has copies of its tables for readers that do not know its log.
type copied interface {
	fmt.Stringer
	IsOwned(ctx context.Context) (bool, error)
	WrongCopies(ctx context.Context) (keys []string, err error)
}

// warnOfCopies says which tables such readers find otherwise than they are, or not at all. While somebody writes, that is so for a moment.
func warnOfCopies(ctx context.Context, dir store.Reader, log *slog.Logger) error {
	in, ok := dir.(copied)
	if !ok || log == nil {
		return nil
	}
	keys, err := in.WrongCopies(ctx)
	if err != nil || len(keys) == 0 {
		return err
	}
	isOwned, err := in.IsOwned(ctx)
	if err == nil && !isOwned {
		log.Warn("other programs find tables that are lost or changed: the export knows better, and its next run, or merge, makes them anew", "export", in.String(), "tables", firstFew(keys))
	}
	return err
}

// blobRows are the rows of an export as far as they are about blobs.
type blobRows struct {
	snapshot *manifest.Snapshot
	// look is called with each row the first time; nil for none, and once that is over.
	look func(*pipeline.Row)
}

// Rows implements verify.Rows.
func (b *blobRows) Rows(ctx context.Context) iter.Seq2[*pipeline.Row, error] {
	look := b.look
	b.look = nil
	if look == nil {
		return b.snapshot.Blobs(ctx)
	}
	return func(yield func(*pipeline.Row, error) bool) {
		for row, err := range b.snapshot.Blobs(ctx) {
			if err == nil {
				look(row)
			}
			if !yield(row, err) {
				return
			}
		}
	}
}

// TableError says what is wrong with a file of the tables, and what it costs.
func TableError(d manifest.Damage) string {
	switch d.Rows {
	case manifest.UnknownRows:
		return fmt.Sprintf("%v: all of its rows are lost", d.Err)
	case 0:
		return fmt.Sprintf("%v: no row is lost", d.Err)
	}
	return fmt.Sprintf("%v: %d rows are lost", d.Err, d.Rows)
}
