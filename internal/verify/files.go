package verify

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"io/fs"
	"sync"

	"golang.org/x/sync/errgroup"

	"exporter/internal/store"
	"exporter/pipeline"
	"exporter/sinks"
)

// checkFiles checks the blobs that are objects of their own, of which there are count, and finds objects that no row names.
func (v *Verification) checkFiles(ctx context.Context, count int64) error {
	g, checking := errgroup.WithContext(ctx)
	g.SetLimit(v.workers)
	l := newListing(checking, v)
	defer l.stop()
	err := l.advance()
	if err == nil && count > 0 {
		err = v.checkFolders(checking, g, l)
	}
	if err == nil {
		err = l.findOrphans(checking)
	}
	if failed := g.Wait(); failed != nil {
		return failed
	}
	return err
}

// checkFolders lets g check every blob, a folder after the other, each beside what is listed in it.
func (v *Verification) checkFolders(ctx context.Context, g *errgroup.Group, l *listing) error {
	folder, rows := "", []*pipeline.Row(nil)
	check := func() error {
		if len(rows) == 0 {
			return nil
		}
		listed, err := l.of(ctx, folder)
		if err != nil {
			return err
		}
		v.checkFolder(ctx, g, rows, listed)
		rows = nil
		return nil
	}
	for row, err := range v.Rows.Rows(ctx) {
		if err != nil {
			return err
		}
		if row.Status != pipeline.Stored || row.Location.Shard != nil {
			continue
		}
		if next := sinks.FolderOf(row.Location.Path); next != folder {
			if err := check(); err != nil {
				return err
			}
			folder = next
		}
		rows = append(rows, row)
	}
	return check()
}

// checkFolder checks the blobs of a source file. What is listed is nil where they are in no folder.
func (v *Verification) checkFolder(ctx context.Context, g *errgroup.Group, rows []*pipeline.Row, listed []store.Entry) {
	entries, known := map[string]store.Entry{}, map[string]bool{}
	for _, e := range listed {
		entries[e.Key] = e
	}
	for _, row := range rows {
		known[row.Location.Path] = true
		look := v.compareObject
		if v.Quick && sinks.FolderOf(row.Location.Path) != "" {
			look = func(_ context.Context, row *pipeline.Row) error { return compareEntry(entries, row) }
		}
		g.Go(func() error { return v.checkFile(row, look(ctx, row)) })
	}
	for _, e := range listed {
		if !known[e.Key] && sinks.FolderOf(e.Key) == sinks.FolderOf(rows[0].Location.Path) {
			v.found(Finding{Path: e.Key})
		}
	}
}

// checkFile takes what came of comparing a blob.
func (v *Verification) checkFile(row *pipeline.Row, err error) error {
	defer v.checked(row.Content.Size)
	if err == nil {
		return nil
	}
	if failed := unreadable("verify a blob", err); failed != nil {
		return failed
	}
	v.found(Finding{Path: row.Location.Path, Row: row, Lost: true, Err: err})
	return nil
}

// compareEntry compares what a listing says of a blob.
func compareEntry(listed map[string]store.Entry, row *pipeline.Row) error {
	e, ok := listed[row.Location.Path]
	switch {
	case !ok:
		return &fs.PathError{Op: "open", Path: row.Location.Path, Err: fs.ErrNotExist}
	case e.Irregular:
		return &fs.PathError{Op: "open", Path: row.Location.Path, Err: store.ErrNotRegular}
	}
	return compareSize(e.Size, row)
}

// compareObject compares a blob, of which a quick look reads nothing.
func (v *Verification) compareObject(ctx context.Context, row *pipeline.Row) error {
	if !sinks.IsBlob(row.Location.Path) {
		return fmt.Errorf("%q is not the path of a blob", row.Location.Path)
	}
	o, err := v.Export.Open(ctx, row.Location.Path)
	if err != nil {
		return err
	}
	defer o.Close()
	if err := compareSize(o.Size(), row); err != nil || v.Quick {
		return err
	}
	return compareBytes(io.NewSectionReader(o, 0, o.Size()), row)
}

func compareSize(size int64, row *pipeline.Row) error {
	if size != row.Content.Size {
		return fmt.Errorf("it has %d bytes, want %d", size, row.Content.Size)
	}
	return nil
}

// copyBytes is how much of a blob is read at once.
const copyBytes = 64 << 10

// buffers are for those who read blobs at the same time.
var buffers = sync.Pool{New: func() any { return new([copyBytes]byte) }}

// compareBytes compares all of r with what a row says of its blob.
func compareBytes(r io.Reader, row *pipeline.Row) error {
	buffer := buffers.Get().(*[copyBytes]byte)
	defer buffers.Put(buffer)
	sum := sha256.New()
	if _, err := io.CopyBuffer(sum, r, buffer[:]); err != nil {
		return err
	}
	return sinks.CompareSum(sum, row.Content.SHA256)
}
