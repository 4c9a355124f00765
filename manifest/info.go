package manifest

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"exporter/internal/durable"
)

// ReadInfo returns what the newest file of the export in fsys says of the run that wrote it; nil where there is none. It reads no
// rows and needs no lock. Files that cannot be read are passed over: those who open the ledger say what is wrong with them.
func ReadInfo(fsys durable.FS) *Info {
	assets, files := assetSeries(fsys), fileSeries(fsys)
	for _, name := range slices.Concat(assets.newestFirst(), files.newestFirst()) {
		if info, err := readInfo(fsys, name); err == nil {
			return info
		}
	}
	return nil
}

// CheckOrigin returns an error for a file that has the place of manifest.parquet or files.parquet, and that exporter did not write.
// What cannot be read at all is left to those who open the ledger.
func CheckOrigin(fsys durable.FS) error {
	for _, name := range []string{AssetsName, FilesName} {
		_, err := readInfo(fsys, name)
		if err == nil || errors.Is(err, ErrSchema) {
			continue
		}
		if _, unreadable := errors.AsType[*fs.PathError](err); !unreadable {
			return fmt.Errorf("%s is no file of exporter: %w", name, err)
		}
	}
	return nil
}

// newestFirst returns the names of the files that a series may have.
func (s *series[T]) newestFirst() []string {
	// Where the parts cannot be listed, the file is left.
	numbers, _ := s.parts()
	names := make([]string, 0, len(numbers)+1)
	for _, number := range slices.Backward(numbers) {
		names = append(names, s.partName(number))
	}
	return append(names, s.name)
}

// readInfo reads what is behind the row groups of a file.
func readInfo(fsys durable.FS, name string) (info *Info, err error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	stat, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if _, err := readChecksums(f, stat.Size()); err != nil {
		return nil, err
	}
	t := &table{name: name, file: f}
	if err := t.open(); err != nil {
		return nil, err
	}
	return &t.meta.Info, nil
}
