package verify

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"golang.org/x/sync/errgroup"

	"exporter/internal/durable"
	"exporter/pipeline"
	"exporter/sinks"
)

// checkFiles checks the blobs that are files of their own, of which there are count, and finds files that no row names.
func (v *Verification) checkFiles(ctx context.Context, count int64) error {
	folders := map[string]bool{}
	if count > 0 {
		g, ctx := errgroup.WithContext(ctx)
		g.SetLimit(v.workers)
		err := v.startChecks(ctx, g, folders)
		if failed := g.Wait(); failed != nil {
			return failed
		}
		if err != nil {
			return err
		}
	}
	return v.findFolders(folders)
}

// startChecks lets g check every blob, and every folder once its blobs are known. It fills in the folders.
func (v *Verification) startChecks(ctx context.Context, g *errgroup.Group, folders map[string]bool) error {
	folder, names := "", map[string]bool{}
	search := func() {
		if folder == "" {
			return
		}
		folders[folder] = true
		dir, known := folder, names
		g.Go(func() error { return v.findOrphans(dir, known) })
	}
	for row, err := range v.Rows.Rows(ctx) {
		if err != nil {
			return err
		}
		if row.Status != pipeline.Stored || row.Location.Shard != nil {
			continue
		}
		if next := folderOf(row.Location.Path); next != folder {
			search()
			folder, names = next, map[string]bool{}
		}
		names[row.Location.Path] = true
		g.Go(func() error { return v.checkFile(row) })
	}
	search()
	return nil
}

// folderOf returns the folder that has all blobs of the source file to which the blob with a path belongs; "" where there
// is none.
func folderOf(name string) string {
	inside, ok := strings.CutPrefix(name, sinks.LocalDir+"/")
	folder, _, isBelow := strings.Cut(inside, "/")
	if !ok || !isBelow {
		return ""
	}
	return sinks.LocalDir + "/" + folder
}

func (v *Verification) checkFile(row *pipeline.Row) error {
	defer v.checked(row.Content.Size)
	err := v.compareFile(row)
	if err == nil {
		return nil
	}
	if failed := unreadable("verify a blob", err); failed != nil {
		return failed
	}
	v.found(Finding{Path: row.Location.Path, Row: row, Lost: true, Err: err})
	return nil
}

func (v *Verification) compareFile(row *pipeline.Row) error {
	info, err := v.FS.Lstat(row.Location.Path)
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return durable.ErrNotRegular
	}
	if info.Size() != row.Content.Size {
		return fmt.Errorf("it has %d bytes, want %d", info.Size(), row.Content.Size)
	}
	if v.Quick {
		return nil
	}
	f, err := v.FS.Open(row.Location.Path)
	if err != nil {
		return err
	}
	defer f.Close()
	return compareBytes(f, row)
}

// compareBytes compares all of r with what a row says of its blob.
func compareBytes(r io.Reader, row *pipeline.Row) error {
	sum := sha256.New()
	if _, err := io.Copy(sum, r); err != nil {
		return err
	}
	return sinks.CompareSum(sum, row.Content.SHA256)
}

// findFolders finds the files that are in none of the known folders.
func (v *Verification) findFolders(known map[string]bool) error {
	entries, err := v.list(sinks.LocalDir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		name := sinks.LocalDir + "/" + e.Name()
		switch {
		case known[name]:
		case e.IsDir():
			if err := v.findOrphans(name, nil); err != nil {
				return err
			}
		default:
			v.found(Finding{Path: name})
		}
	}
	return nil
}

// findOrphans finds the files below a directory that are not known.
func (v *Verification) findOrphans(dir string, known map[string]bool) error {
	entries, err := v.list(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		name := dir + "/" + e.Name()
		switch {
		case e.IsDir():
			if err := v.findOrphans(name, known); err != nil {
				return err
			}
		case !known[name]:
			v.found(Finding{Path: name})
		}
	}
	return nil
}

// list lists a directory. One that cannot be listed is a finding; one that is missing is none, as its blobs are missed.
func (v *Verification) list(dir string) ([]fs.DirEntry, error) {
	entries, err := v.FS.ReadDir(dir)
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		return entries, nil
	}
	if failed := unreadable("list "+dir, err); failed != nil {
		return nil, failed
	}
	v.found(Finding{Path: dir, Err: err})
	return nil, nil
}
