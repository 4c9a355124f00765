package manifest

import (
	"context"
	"errors"
	"slices"

	"exporter/internal/store"
)

// ReadInfo returns what the newest file of the export in r says of the run that wrote it; nil where there is none. It reads no
// rows and needs no lock. Files that cannot be read are passed over: those who open the ledger say what is wrong with them.
func ReadInfo(ctx context.Context, r store.Reader) *Info {
	assets, files := assetSeries(r), fileSeries(r)
	for _, name := range slices.Concat(assets.newestFirst(ctx), files.newestFirst(ctx)) {
		if info, err := readInfo(ctx, r, name); err == nil {
			return info
		}
	}
	return nil
}

// newestFirst returns the names of the files that a series may have.
func (s *series[T]) newestFirst(ctx context.Context) []string {
	// Where the parts cannot be listed, the file is left.
	numbers, _ := s.parts(ctx)
	names := make([]string, 0, len(numbers)+1)
	for _, number := range slices.Backward(numbers) {
		names = append(names, s.partName(number))
	}
	return append(names, s.name)
}

// readInfo reads what is behind the row groups of a file.
func readInfo(ctx context.Context, r store.Reader, name string) (info *Info, err error) {
	o, err := r.Open(ctx, name)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, o.Close()) }()
	if _, err := readChecksums(o, o.Size()); err != nil {
		return nil, err
	}
	t := &table{name: name, file: o}
	if err := t.open(); err != nil {
		return nil, err
	}
	return &t.meta.Info, nil
}
