package manifest

import (
	"context"
	"errors"
	"fmt"

	"exporter/internal/store"
)

// OpenSalvaged opens the ledger of the export in st like Open, but mends it before: where anything is damaged, it writes
// manifest.parquet, files.parquet and, where it has any, pages.parquet anew from what Salvage finds, and removes all parts. The files that it writes say what
// the newest sound one said of its run, or info where there is none.
func OpenSalvaged(ctx context.Context, st store.Store, info Info) (*Ledger, []Damage, error) {
	damages, err := mend(ctx, st, info)
	if err != nil {
		return nil, damages, fmt.Errorf("mend the ledger: %w", err)
	}
	l, err := Open(ctx, st, info)
	return l, damages, err
}

func mend(ctx context.Context, st store.Store, info Info) (damages []Damage, err error) {
	s, damages, err := Salvage(ctx, st)
	if err != nil {
		return damages, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if len(damages) == 0 {
		return nil, nil
	}
	if before := s.Info(); before != nil {
		info = *before
	}
	m := fileMeta{Info: info, through: max(s.assets.last, s.files.last, s.pages.last)}
	// First files.parquet: the old one may vouch for rows that are lost, and must be gone before the damage is. The new one
	// vouches for less than there is.
	// What is to go when a run ends goes with it: no part may be left that a run would merge.
	files := without(encoded(s.files.schema, s.fileRows(ctx)), s.files.isPruned)
	if err := s.files.write(ctx, st, FilesName, m, files); err != nil {
		return damages, err
	}
	if len(s.pages.tables()) > 0 || !isMissing(ctx, st, PagesName) {
		if err := s.pages.write(ctx, st, PagesName, m, without(s.pages.all(ctx), s.pages.isPruned)); err != nil {
			return damages, err
		}
	}
	if err := s.assets.write(ctx, st, AssetsName, m, without(s.assets.all(ctx), s.assets.isPruned)); err != nil {
		return damages, err
	}
	return damages, errors.Join(removeParts(ctx, st, s.assets.series), removeParts(ctx, st, s.files.series), removeParts(ctx, st, s.pages.series))
}

func removeParts(ctx context.Context, st store.Store, s series) error {
	numbers, err := s.parts(ctx)
	if err != nil {
		return err
	}
	return st.Remove(ctx, s.partNames(numbers)...)
}
