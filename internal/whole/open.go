package whole

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"slices"

	"exporter/internal/parts"
	"exporter/internal/store"
	"exporter/internal/store/place"
	"exporter/manifest"
)

// PlanError says that the parts.json of an export cannot be understood, and what to do.
type PlanError = parts.PlanError

// maxAsked is of how many parts in a bucket somebody who reads merged tables finds out whether they have committed since: each is about ten requests.
const maxAsked = 64

// Open opens the export at a place for reading, and changes nothing there. One in parts looks like any other: where its tables were merged, they are
// what it has, and the log is told where parts have committed since, or are gone, unless they are in a bucket and more than maxAsked. Where they were not,
// or a merge was killed, the tables of all parts are merged for this reader, into temporary files. The log may be nil: then nobody looks at the parts of
// merged tables.
func Open(ctx context.Context, path string, log *slog.Logger) (store.ReadCloser, error) {
	return open(ctx, path, log, (*Export).Folders)
}

// OpenOf is Open for who reads what is of one file or job, of which a function says in which part it is: of merged tables, that part alone is looked at, and
// what was moved there.
func OpenOf(ctx context.Context, path string, part func(parts.Plan) int, log *slog.Logger) (store.ReadCloser, error) {
	return open(ctx, path, log, func(e *Export) []string { return append([]string{parts.Name(part(e.Plan))}, e.moved...) })
}

func open(ctx context.Context, path string, log *slog.Logger, concerned func(*Export) []string) (store.ReadCloser, error) {
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
	whole, err := e.over(ctx, path, dir, log, concerned)
	if err := errors.Join(err, e.Close()); err != nil {
		return nil, errors.Join(err, dir.Close())
	}
	return whole, nil
}

// over returns what is read of the export in parts at path, which is open as dir.
func (e *Export) over(ctx context.Context, path string, dir store.ReadCloser, log *slog.Logger, concerned func(*Export) []string) (store.ReadCloser, error) {
	merged, err := manifest.ReadMerged(ctx, dir)
	if err != nil {
		return nil, err
	}
	if merged == nil || merged.IsTorn() {
		return e.mergedOver(ctx, path, dir, log)
	}
	folders := concerned(e)
	if log == nil || e.IsFar() && len(folders) > maxAsked {
		return dir, nil
	}
	states, err := e.States(ctx, folders)
	if err != nil {
		return nil, err
	}
	tellStale(log, path, folders, states, merged.Parts)
	return dir, nil
}

// tellStale says which of some parts are not any more as the merged tables of the export at path know them.
func tellStale(log *slog.Logger, path string, folders []string, states, merged map[string]string) {
	var changed, gone []string
	for _, folder := range folders {
		switch {
		case states[folder] == merged[folder]:
		case states[folder] == "":
			gone = append(gone, folder)
		default:
			changed = append(changed, folder)
		}
	}
	if len(changed) > 0 {
		log.Warn("parts of the export have committed since their tables were merged: what is shown is as of then, and "+MergeCommand(path)+" brings it up to date",
			"parts", len(changed))
	}
	if len(gone) > 0 {
		log.Warn("parts of the export are not there any more, or have lost their tables, and the merged ones have their rows: exporter verify says which", "parts", len(gone))
	}
}

// MergeCommand is the command that merges the parts of the export at path, as it may be pasted into a command line.
func MergeCommand(path string) string { return "exporter merge " + place.QuotePath(path) }

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

// mergedOver merges the tables of all parts over dir.
func (e *Export) mergedOver(ctx context.Context, path string, dir store.ReadCloser, log *slog.Logger) (store.ReadCloser, error) {
	states, err := e.States(ctx, e.Folders())
	if err != nil {
		return nil, err
	}
	if len(states) == 0 {
		return dir, nil
	}
	if log != nil {
		log.Info("the parts of the export are not merged: their tables are read together, which "+MergeCommand(path)+" does once for all", "parts", len(states))
	}
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
