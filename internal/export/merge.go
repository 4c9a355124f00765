package export

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"slices"
	"strings"

	"exporter/internal/parts"
	"exporter/internal/store"
	"exporter/internal/store/place"
	"exporter/internal/whole"
	"exporter/manifest"
	"exporter/pipeline"
)

// MergeOptions says which export in parts to merge. Place and Log are required.
type MergeOptions struct {
	// Path is that of the export.
	Path string
	// Place says how it is opened for writing.
	Place place.Options
	Log   *slog.Logger

	// Own is for tests, as that of Options.
	Own place.Owner
}

// Merged is what Merge found and did.
type Merged struct {
	// Count is how many parts there are by the plan, and Parts are these and the exports that were moved there.
	Count int
	Parts []Part
	// Rows counts those of the merged tables.
	Rows manifest.TableRows
	// IsCurrent says that the tables were those of the parts already, so that nothing was written.
	IsCurrent bool
}

// Number counts the parts in a state.
func (m *Merged) Number(state PartState) (count int) {
	for i := range m.Parts {
		if m.Parts[i].State == state {
			count++
		}
	}
	return count
}

// Counted counts the numbered parts that have tables, and the exports that were moved there and do.
func (m *Merged) Counted() (numbered, moved int) {
	for i := range m.Parts {
		if m.Parts[i].tables == "" {
			continue
		}
		if _, isNumbered := parts.ParseName(m.Parts[i].Folder); isNumbered {
			numbered++
		} else {
			moved++
		}
	}
	return numbered, moved
}

// MergedPartlyError is an ErrIncomplete: parts are missing, or not complete.
type MergedPartlyError struct{ Parts []Part }

func (e *MergedPartlyError) Error() string { return "not all parts are complete: " + e.Lacking() }

// Lacking says how many parts lack what, and which.
func (e *MergedPartlyError) Lacking() string {
	var texts []string
	for _, state := range []PartState{PartMissing, PartRunning, PartIncomplete} {
		var names []string
		for i := range e.Parts {
			if e.Parts[i].State == state {
				names = append(names, e.Parts[i].Folder)
			}
		}
		if len(names) > 0 {
			texts = append(texts, fmt.Sprintf("%d %s (%s)", len(names), state, firstFew(names)))
		}
	}
	return strings.Join(texts, ", ")
}

// Is makes it a sort of ErrIncomplete.
func (e *MergedPartlyError) Is(target error) bool { return target == ErrIncomplete }

// Merge makes the tables of an export in parts those of all parts, each as of its last commit, whoever owns it. It owns the export, but none of the
// parts, and changes nothing of these. Where the tables are so already, it writes nothing. Parts that are missing or not complete are a
// *MergedPartlyError, when all else is done.
func Merge(ctx context.Context, o MergeOptions) (merged Merged, err error) {
	e, err := openParts(ctx, o.Path, o.Log)
	if err != nil {
		return merged, err
	}
	defer func() { err = errors.Join(err, e.Close()) }()
	st, err := own(ctx, o.Own, o.Path, o.Place)
	if err != nil {
		return merged, err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	m := &merging{MergeOptions: o, parts: e, store: st}
	merged.Count = e.Plan.Count
	if err := m.run(ctx, &merged); err != nil {
		return merged, mergeError(o.Path, err)
	}
	return merged, lacking(merged.Parts)
}

// lacking returns a *MergedPartlyError where some of the parts are missing or not complete.
func lacking(all []Part) error {
	var some []Part
	for _, p := range all {
		// What was moved there has no task that would complete it.
		if _, isNumbered := parts.ParseName(p.Folder); isNumbered && p.State != PartComplete {
			some = append(some, p)
		}
	}
	if len(some) > 0 {
		return &MergedPartlyError{some}
	}
	return nil
}

// CheckParts returns a *MergedPartlyError where the export at path is in parts, of which some are missing or not complete.
func CheckParts(ctx context.Context, path string, log *slog.Logger) (err error) {
	e, err := whole.OpenParts(ctx, path, log)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return partsError(path, err)
	}
	defer func() { err = errors.Join(err, e.Close()) }()
	all, err := surveyParts(ctx, e)
	if err != nil {
		return partsError(path, err)
	}
	return lacking(all)
}

// openParts opens the export in parts at path.
func openParts(ctx context.Context, path string, log *slog.Logger) (*whole.Export, error) {
	there, err := openPlace(ctx, path, log)
	if err == nil {
		err = there.Close()
	}
	if err != nil {
		return nil, err
	}
	e, err := whole.OpenParts(ctx, path, log)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, usagef("%q is no export in parts: it has no %s, which the first exporter run --part I/N makes", path, parts.PlanName)
	case Is[*whole.FolderError](err), Is[*place.Error](err), Is[*parts.PlanError](err):
		return nil, &UsageError{err}
	case err != nil:
		return nil, partsError(path, err)
	}
	return e, nil
}

// mergeError returns an error of a merge of the export in parts at path as one of this room.
func mergeError(path string, err error) error {
	if Is[*manifest.OverlapError](err) {
		return usagef("%w: move one of the exports away, or remove the file from one with exporter rm", err)
	}
	if part, ok := errors.AsType[*manifest.PartError](err); ok && Is[*pipeline.DamageError](err) {
		return &PartsDamageError{Whole: path, Folders: []string{part.Folder}, Err: err}
	}
	return storageError("merge the parts", err)
}

// merging is a merge of an export that is owned.
type merging struct {
	MergeOptions
	parts *whole.Export
	store store.Store
}

// warnOfStrays says which folders look like parts, and are none, and which files lie beside the parts.
func warnOfStrays(ctx context.Context, e *whole.Export, log *slog.Logger) error {
	if log == nil {
		return nil
	}
	folders, files, err := e.Strays(ctx)
	if len(folders) > 0 {
		log.Warn("folders are passed over that are called as parts are, and are none of them: move them away, or give one that is an export of its own another name",
			"parts", e.Plan.Count, "folders", firstFew(folders))
	}
	if len(files) > 0 {
		log.Warn("files are passed over that lie beside the parts, where no export has any: move them away", "folder", parts.Dir, "files", firstFew(files))
	}
	return err
}

func (m *merging) run(ctx context.Context, merged *Merged) (err error) {
	if err := warnOfStrays(ctx, m.parts, m.Log); err != nil {
		return err
	}
	if merged.Parts, err = surveyParts(ctx, m.parts); err != nil {
		return err
	}
	info, err := commonInfo(merged.Parts, m.parts.Plan)
	if err != nil {
		return err
	}
	want := manifest.Merged{Count: m.parts.Plan.Count, Parts: map[string]string{}}
	for _, p := range merged.Parts {
		if p.tables != "" {
			want.Parts[p.Folder] = p.tables
		}
	}
	before, err := m.before(ctx, &want)
	if err != nil {
		return err
	}
	if len(want.Parts) == 0 {
		return nil
	}
	if before != nil && before.Equal(&want) {
		rows, err := manifest.CheckTables(ctx, m.store)
		if err == nil {
			merged.Rows, merged.IsCurrent = rows, true
			return writeReadme(ctx, m.store)
		}
		m.Log.Warn("the merged tables are damaged, and are made anew", "error", err)
	}
	var folders []string
	for _, folder := range m.parts.Folders() {
		if want.Parts[folder] != "" {
			folders = append(folders, folder)
		}
	}
	m.Log.Info("merging the tables of the parts", "parts", len(folders))
	tables, err := m.parts.Merge(ctx, folders, info, m.store.Spool)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, tables.Close()) }()
	merged.Rows = tables.Rows()
	if err := tables.Put(ctx, m.store); err != nil {
		return err
	}
	return writeReadme(ctx, m.store)
}

// before returns what the tables that are there were merged of; nil where there are none, or they are damaged. It refuses to go on where a part that is in
// them is not there any more.
func (m *merging) before(ctx context.Context, want *manifest.Merged) (*manifest.Merged, error) {
	before, err := manifest.ReadMerged(ctx, m.store)
	if err != nil {
		m.Log.Warn("the merged tables cannot be read, and are made anew", "error", err)
		return nil, nil
	}
	if before == nil {
		state, err := manifest.State(ctx, m.store)
		if err == nil && state != "" {
			err = usagef("the tables of %q are those of a run, not of a merge: move that export as a whole to %s, and merge again", m.Path, parts.Prefix("before"))
		}
		return nil, err
	}
	var gone []string
	for folder := range before.Parts {
		if want.Parts[folder] == "" {
			gone = append(gone, parts.Prefix(folder))
		}
	}
	if len(gone) > 0 {
		slices.Sort(gone)
		return nil, usagef("the tables have rows of %s, of which nothing is there any more: bring it back, or remove %s, and merge again",
			firstFew(gone), manifest.AssetsName)
	}
	return before, nil
}
