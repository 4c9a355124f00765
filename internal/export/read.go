package export

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"slices"

	"exporter/internal/parts"
	"exporter/internal/store"
	"exporter/internal/store/place"
	"exporter/internal/whole"
	"exporter/manifest"
	"exporter/pipeline"
	"exporter/sinks"
)

// opened is an export that is open for reading.
type opened struct {
	*manifest.Snapshot
	dir store.ReadCloser
}

// openPlace opens the place of an existing export for reading, as it lies there. The log is told what is waited for; it may be nil.
func openPlace(ctx context.Context, path string, log *slog.Logger) (store.ReadCloser, error) {
	from, err := place.Open(ctx, path, log)
	return from, placeError(path, err)
}

// placeError says why the place of an existing export cannot be opened; nil stays nil.
func placeError(path string, err error) error {
	if err == nil {
		return nil
	}
	if place.IsBucket(path) || Is[*place.Error](err) {
		return openError(path, err)
	}
	return usagef("%q: %w: name the directory of an export", path, err)
}

// wholeOpener is whole.Open, or whole.OpenOf of a file.
type wholeOpener func(ctx context.Context, path string, log *slog.Logger) (store.ReadCloser, error)

// openWhole is openPlace that makes one export of one in parts.
func openWhole(ctx context.Context, path string, log *slog.Logger, open wholeOpener) (store.ReadCloser, error) {
	from, err := open(ctx, path, log)
	switch {
	case err == nil:
		return from, nil
	case Is[*whole.FolderError](err), Is[*parts.PlanError](err):
		return nil, &UsageError{err}
	case Is[*manifest.OverlapError](err), Is[*manifest.PartError](err), Is[*pipeline.DamageError](err):
		return nil, mergeError(path, err)
	}
	if there, placeErr := openPlace(ctx, path, log); placeErr == nil {
		// The place itself is as it should be.
		return nil, errors.Join(partsError(path, err), there.Close())
	}
	return nil, placeError(path, err)
}

// open opens the tables of an existing export for reading, whether a run has it or not.
func open(ctx context.Context, path string, log *slog.Logger, tables func(context.Context, store.Reader) (*manifest.Snapshot, error)) (*opened, error) {
	return openBy(ctx, path, log, whole.Open, tables)
}

func openBy(ctx context.Context, path string, log *slog.Logger, open wholeOpener, tables func(context.Context, store.Reader) (*manifest.Snapshot, error)) (*opened, error) {
	from, err := openWhole(ctx, path, log, open)
	if err != nil {
		return nil, InParts(ctx, err, path)
	}
	o, err := openTables(ctx, from, tables)
	return o, InParts(ctx, err, path)
}

// openTables opens the tables of an export, and closes it where that fails.
func openTables(ctx context.Context, dir store.ReadCloser, tables func(context.Context, store.Reader) (*manifest.Snapshot, error)) (*opened, error) {
	snapshot, err := tables(ctx, dir)
	if err != nil {
		return nil, errors.Join(storageError("read the ledger", err), dir.Close())
	}
	return &opened{snapshot, dir}, nil
}

func (o *opened) Close() error { return errors.Join(o.Snapshot.Close(), o.dir.Close()) }

// FirstStored returns the first rows of the export at path whose blob is stored.
func FirstStored(ctx context.Context, path string, count int) (rows []*pipeline.Row, err error) {
	o, err := open(ctx, path, nil, manifest.OpenSnapshot)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, o.Close()) }()
	for row, err := range o.Rows(ctx) {
		if err != nil {
			return nil, storageError("read the ledger", err)
		}
		if row.Status != pipeline.Stored {
			continue
		}
		if rows = append(rows, row); len(rows) == count {
			break
		}
	}
	return rows, nil
}

// Cat writes a stored blob of the export at path to w. What differs from the manifest is a *pipeline.DamageError. The log is told what is waited
// for; it may be nil.
func Cat(ctx context.Context, w io.Writer, path string, choice Choice, log *slog.Logger) error {
	// Whether other parts than that of the file have committed since they were merged is no matter of its blob.
	openOf := func(ctx context.Context, path string, log *slog.Logger) (store.ReadCloser, error) {
		return whole.OpenOf(ctx, path, func(p parts.Plan) int { return p.Of(choice.fileKey()) }, log)
	}
	return InParts(ctx, cat(ctx, w, &choice, func() (*opened, error) {
		o, err := openBy(ctx, path, log, openOf, manifest.Glance)
		// What is to be said of the export is said once, however often it is opened.
		log = nil
		return o, err
	}), path)
}

// cat opens the export again where the blob is gone: a run or a compaction may have put it elsewhere since the tables were read.
func cat(ctx context.Context, w io.Writer, choice *Choice, open func() (*opened, error)) error {
	for before := ""; ; {
		o, err := open()
		if err != nil {
			return err
		}
		path, err := o.cat(ctx, w, choice)
		err = errors.Join(err, o.Close())
		if !Is[*pipeline.DamageError](err) || !errors.Is(err, fs.ErrNotExist) || path == before {
			return err
		}
		before = path
	}
}

// cat writes a stored blob to w, and returns where it is.
func (o *opened) cat(ctx context.Context, w io.Writer, choice *Choice) (path string, err error) {
	row, err := o.find(ctx, choice)
	if err != nil {
		return "", err
	}
	if row.Status != pipeline.Stored {
		return "", usagef("the asset is %s (%s), so there is nothing to show", row.Status, row.Reason)
	}
	return row.Location.Path, copyBlob(ctx, w, o.dir, row)
}

// findByKey returns the row of an asset of a file.
func (o *opened) findByKey(ctx context.Context, key pipeline.AssetKey) (*pipeline.Row, error) {
	row, err := o.Asset(ctx, key)
	if err != nil || row != nil {
		return row, storageError("read the ledger", err)
	}
	switch hasFile, err := o.Has(ctx, key.Owner()); {
	case err != nil:
		return nil, storageError("read the ledger", err)
	case !hasFile:
		return nil, usagef("the export has no asset of file %s", key.FileID)
	}
	rows, err := o.Assets(ctx, key.Owner())
	isAttached := func(r *pipeline.Row) bool {
		return r.Kind == pipeline.Screenshot && r.Origin == pipeline.OriginAttachment
	}
	switch {
	case err != nil:
		return nil, storageError("read the ledger", err)
	case key.Kind == pipeline.Screenshot && slices.ContainsFunc(rows, isAttached):
		return nil, usagef("the export has assets of file %s, but no %s of its own: --origin attachment has those of an index",
			key.FileID, Describe(key))
	}
	return nil, usagef("the export has assets of file %s, but no %s", key.FileID, Describe(key))
}

// Describe names an asset within its file, or its parse job, for people, as in "screenshot of page 3".
func Describe(key pipeline.AssetKey) string {
	of := ""
	switch key.Origin {
	case pipeline.OriginAttachment:
		of = fmt.Sprintf(" (attachment %q)", key.UpstreamName)
	case pipeline.OriginParse:
		of = fmt.Sprintf(" (%q of parse job %s)", key.UpstreamName, key.JobID)
	}
	switch key.Kind {
	case pipeline.Document:
		return "document" + of
	case pipeline.Figure:
		return fmt.Sprintf("figure %q of page %d", key.FigureName, key.PageIndex) + of
	}
	return fmt.Sprintf("screenshot of page %d", key.PageIndex) + of
}

// copyBlob writes a stored blob to w.
func copyBlob(ctx context.Context, w io.Writer, from store.Reader, row *pipeline.Row) error {
	r, err := sinks.Open(ctx, from, row.Location, row.Content.Size)
	if errors.Is(err, fs.ErrPermission) {
		return err
	}
	if err != nil {
		return &pipeline.DamageError{Path: row.Location.Path, Err: err}
	}
	defer r.Close()
	hash := sha256.New()
	written := &writeError{w: w}
	_, err = io.Copy(written, io.TeeReader(r, hash))
	if written.err != nil {
		return fmt.Errorf("write to standard output: %w", written.err)
	}
	if err == nil && [sha256.Size]byte(hash.Sum(nil)) != row.Content.SHA256 {
		err = fmt.Errorf("the SHA-256 of %s is not that of the manifest", Describe(row.Key()))
	}
	if err != nil {
		return &pipeline.DamageError{Path: row.Location.Path, Err: err}
	}
	return nil
}

// writeError keeps the error of a writer apart from that of a reader.
type writeError struct {
	w   io.Writer
	err error
}

func (w *writeError) Write(p []byte) (n int, err error) {
	n, w.err = w.w.Write(p)
	return n, w.err
}
