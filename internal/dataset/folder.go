package dataset

import (
	"context"
	"errors"
	"io"

	"github.com/cespare/xxhash/v2"

	"exporter/internal/store"
)

// folderFile is the metadata of a split.
type folderFile struct {
	key  string
	file store.Growing
	*folderMetadata
	sum    *xxhash.Digest
	report *SplitReport
}

// describeFolders writes what is told of pictures that are files. It reads all rows again, as each split has one such file.
func (w *writer) describeFolders(ctx context.Context) (err error) {
	damaged := map[LeftOut]bool{}
	for _, u := range w.units {
		for _, l := range u.done.Damaged {
			l.Error = ""
			damaged[l] = true
		}
	}
	files, err := w.openFolderFiles(ctx)
	defer func() {
		for _, f := range files {
			err = errors.Join(err, f.file.Close())
		}
	}()
	if err != nil {
		return err
	}
	u := newUnitWriter(w)
	defer u.close()
	for s, err := range w.taken(ctx, w.chosen) {
		if err != nil {
			return err
		}
		if damaged[leftOut(s.Row, ReasonDamaged, nil)] {
			continue
		}
		if err := u.complete(ctx, s.candidate, s.number); err != nil {
			return err
		}
		if err := files[configName(s.Row.Kind)+"/"+w.splits.names[s.split]].add(&s.Sample); err != nil {
			return err
		}
	}
	for name, f := range files {
		delete(files, name)
		if err := f.finish(ctx); err != nil {
			return err
		}
	}
	return nil
}

// openFolderFiles begins the files of all splits that have pictures.
func (w *writer) openFolderFiles(ctx context.Context) (map[string]*folderFile, error) {
	files := map[string]*folderFile{}
	for _, config := range w.configs {
		for _, split := range config.splits {
			report := w.report.split(configName(config.kind), split.name)
			if report == nil || report.Pictures == 0 {
				continue
			}
			folder := configName(config.kind) + "/" + split.name
			f := &folderFile{key: folder + "/" + folderMetadataName, report: report}
			var err error
			if f.file, err = w.out.Grow(ctx, f.key); err != nil {
				return files, err
			}
			files[folder] = f
			if err := f.file.Truncate(0); err != nil {
				return files, err
			}
			f.sum = xxhash.New()
			f.folderMetadata = newFolderMetadata(io.MultiWriter(f.file, f.sum), config.schema)
		}
	}
	return files, nil
}

// finish ends the file and gives it its name.
func (f *folderFile) finish(ctx context.Context) error {
	if err := f.close(); err != nil {
		return errors.Join(err, f.file.Close())
	}
	f.report.Files = []FileReport{{Path: f.key, Pictures: f.report.Pictures, Bytes: f.file.Size(), XXH64: hexOf(f.sum.Sum64())}}
	return f.file.Finish(ctx)
}
