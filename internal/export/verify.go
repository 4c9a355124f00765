package export

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"

	"exporter/internal/verify"
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
}

// Verify reads an export back and compares it with its tables. It counts what is wrong with these among the damage. Damage is no
// error.
func Verify(ctx context.Context, o VerifyOptions) (c Verified, err error) {
	dir, err := openPlace(ctx, o.Path, o.Log)
	if err != nil {
		return c, err
	}
	defer func() { err = errors.Join(err, dir.Close()) }()
	snapshot, damages, err := manifest.Salvage(ctx, dir)
	if err != nil {
		return c, storageError("read the ledger", err)
	}
	defer func() { err = errors.Join(err, snapshot.Close()) }()
	if snapshot.Info() == nil && len(damages) == 0 {
		return c, noManifestError(o.Path)
	}
	for _, d := range damages {
		o.Table(d)
	}
	held := &missing{found: o.Found}
	verification := verify.New(verify.Options{Export: dir, Rows: blobRows{snapshot}, Quick: o.Quick, Found: held.add})
	stop := o.Watcher.Verification(verification.Counts)
	err = verification.Run(ctx)
	stop()
	c.Counts = verification.Counts()
	if err == nil {
		err = held.lookAgain(ctx, o.Path, &c.Counts)
	}
	if err == nil {
		c.Pages, err = snapshot.CountPages(ctx)
	}
	if err != nil {
		return c, storageError("verify", err)
	}
	for _, d := range damages {
		c.Damaged++
		c.Lost += int64(len(d.Assets))
	}
	return c, nil
}

// blobRows are the rows of an export as far as they are about blobs.
type blobRows struct{ snapshot *manifest.Snapshot }

// Rows implements verify.Rows.
func (b blobRows) Rows(ctx context.Context) iter.Seq2[*pipeline.Row, error] {
	return b.snapshot.Blobs(ctx)
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
