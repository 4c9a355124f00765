package whole

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"maps"
	"slices"

	"exporter/internal/parts"
	"exporter/internal/store"
	"exporter/internal/store/place"
	"exporter/manifest"
)

// PlanError says that the parts.json of an export cannot be understood, and what to do.
type PlanError = parts.PlanError

// Open opens the export at a place for reading, and changes nothing there. One in parts looks like any other: where its tables were merged, they are
// what it has, and the log is told where parts have committed since, as far as that is known without asking a bucket for each of them. Where they
// were not, or a merge was killed, the tables of all parts are merged for this reader, into temporary files. The log may be nil.
func Open(ctx context.Context, path string, log *slog.Logger) (store.ReadCloser, error) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	dir, err := place.Open(ctx, path, log)
	if err != nil {
		return nil, err
	}
	if _, err := parts.ReadPlan(ctx, dir); errors.Is(err, fs.ErrNotExist) {
		return dir, nil
	}
	e, err := OpenParts(ctx, path, log)
	if err != nil {
		return nil, errors.Join(err, dir.Close())
	}
	whole, err := e.over(ctx, dir, log)
	if err := errors.Join(err, e.Close()); err != nil {
		return nil, errors.Join(err, dir.Close())
	}
	return whole, nil
}

// over returns what is read of the export in parts that is open as dir.
func (e *Export) over(ctx context.Context, dir store.ReadCloser, log *slog.Logger) (store.ReadCloser, error) {
	merged, err := manifest.ReadMerged(ctx, dir)
	if err != nil {
		return nil, err
	}
	if merged == nil || merged.IsTorn() {
		return e.mergedOver(ctx, dir, log)
	}
	if e.IsFar() {
		return dir, nil
	}
	states, err := e.States(ctx)
	if err != nil {
		return nil, err
	}
	if !maps.Equal(states, merged.Parts) {
		log.Warn("parts of the export have committed since their tables were merged: what is shown is as of then, and exporter merge brings it up to date",
			"parts", countChanged(states, merged.Parts))
	}
	return dir, nil
}

// IsStale tells whether the merged tables are of another state of a part than it has now. Where there are none, they are of no state.
func (e *Export) IsStale(ctx context.Context, folder string) (stale bool, err error) {
	dir, err := e.tree.Open(ctx, "")
	if err != nil {
		return false, err
	}
	merged, err := manifest.ReadMerged(ctx, dir)
	if err := errors.Join(err, dir.Close()); err != nil || merged == nil {
		return false, err
	}
	part, err := e.Open(ctx, folder)
	if err != nil {
		return false, err
	}
	state, err := manifest.State(ctx, part)
	return state != merged.Parts[folder], errors.Join(err, part.Close())
}

// countChanged counts the parts of which two know different states.
func countChanged(a, b map[string]string) (count int) {
	all := maps.Clone(a)
	maps.Copy(all, b)
	for folder := range all {
		if a[folder] != b[folder] {
			count++
		}
	}
	return count
}

// mergedOver merges the tables of all parts over dir.
func (e *Export) mergedOver(ctx context.Context, dir store.ReadCloser, log *slog.Logger) (store.ReadCloser, error) {
	states, err := e.States(ctx)
	if err != nil {
		return nil, err
	}
	if len(states) == 0 {
		return dir, nil
	}
	log.Info("the parts of the export are not merged: their tables are read together, which exporter merge does once for all", "parts", len(states))
	folders := slices.DeleteFunc(e.Folders(), func(folder string) bool { return states[folder] == "" })
	tables, err := e.Merge(ctx, folders, e.infoOf(ctx, folders[0]), func() (store.Spool, error) { return store.TempSpool("") })
	if err != nil {
		return nil, err
	}
	return tables.Over(dir), nil
}

// infoOf returns what the tables of a part say of the run that made them.
func (e *Export) infoOf(ctx context.Context, folder string) (info manifest.Info) {
	dir, err := e.Open(ctx, folder)
	if err != nil {
		return info
	}
	if known := manifest.ReadInfo(ctx, dir); known != nil {
		info = *known
	}
	// Nothing was written.
	_ = dir.Close()
	return info
}
