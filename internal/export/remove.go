package export

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"exporter/internal/accepted"
	"exporter/internal/store"
	"exporter/internal/store/place"
	"exporter/manifest"
	"exporter/pipeline"
	"exporter/sinks"
)

// Targets are what is to be removed from an export.
type Targets struct {
	// Files are ids of files: the file_id, with which the parse jobs of the file go, or the directory_file_id where that is null.
	Files []string
	// Jobs are ids of parse jobs.
	Jobs []string
}

// Remove removes files and parse jobs from the export at path, for good, and returns how much that was. Where the export has none of an
// id, nothing is removed.
func Remove(ctx context.Context, path string, targets Targets, o place.Options) (removed manifest.Extent, err error) {
	if err := refuseParts(ctx, path, o); err != nil {
		return removed, err
	}
	// The export is not to be made where it is missing.
	there, err := openPlace(ctx, path, o.Log)
	if err == nil {
		err = errors.Join(refuseLost(ctx, path, there), there.Close())
	}
	if err != nil {
		return removed, err
	}
	st, err := own(ctx, nil, path, o)
	if err != nil {
		return removed, err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	return newRemoval(st, path, targets).run(ctx)
}

// removal is one call of Remove.
type removal struct {
	Targets
	store store.Store
	path  string
	// found are those of the ids of which the export has rows, and jobs the parse jobs that go.
	found, jobs map[string]bool
}

func newRemoval(st store.Store, path string, targets Targets) *removal {
	return &removal{Targets: targets, store: st, path: path, found: map[string]bool{}, jobs: map[string]bool{}}
}

func (r *removal) run(ctx context.Context) (removed manifest.Extent, err error) {
	ledger, err := manifest.Open(ctx, r.store, knownInfo(ctx, r.store))
	if err != nil {
		return removed, storageError("open the ledger", err)
	}
	defer func() { err = errors.Join(err, ledger.Close()) }()
	if ledger.Info() == nil {
		return removed, noManifestError(r.path)
	}
	err = ledger.Prune(ctx, manifest.Removal{
		Selects: r.selects,
		At:      time.Now().UTC(),
		Allow: func(extent manifest.Extent) error {
			removed = extent
			return r.checkFound(ctx)
		},
		RemoveBlobs: func(blobs []pipeline.Location) error { return sinks.RemoveBlobs(ctx, r.store, blobs) },
	})
	if err == nil {
		err = r.removeLeftOvers(ctx)
	}
	if err == nil || Is[*UsageError](err) {
		// A removal that was killed may have left rows that nothing shows any more: they go in any case.
		err = errors.Join(err, ledger.Compact(ctx))
	}
	if err == nil {
		err = r.forgetAccepted(ctx)
	}
	if err == nil {
		err = r.store.Remove(ctx, manifest.EarlierTables(ctx, r.store)...)
	}
	return removed, storageError("remove files", err)
}

// forgetAccepted removes what was accepted to fail of what goes. What cannot be understood goes as a whole.
func (r *removal) forgetAccepted(ctx context.Context) error {
	set, err := accepted.Read(ctx, r.store)
	if Is[*pipeline.DamageError](err) {
		return r.store.Remove(ctx, accepted.Name)
	}
	if err != nil {
		return err
	}
	set.DropIf(func(f *accepted.Failure) bool {
		return r.jobs[f.JobID] || slices.ContainsFunc(slices.Concat(r.Files, r.Jobs), f.IsOf)
	})
	return set.Write(ctx, r.store)
}

// selects tells whether a file or a job is to go, and notes that it is there.
func (r *removal) selects(c manifest.Candidate) bool {
	file, job := cmp.Or(c.FileID, c.Key.DirectoryFileID), c.Key.JobID
	ofFile, isJob := file != "" && slices.Contains(r.Files, file), job != "" && slices.Contains(r.Jobs, job)
	if ofFile {
		r.found[file] = true
	}
	if isJob {
		r.found[job] = true
	}
	if (ofFile || isJob) && job != "" {
		r.jobs[job] = true
	}
	return ofFile || isJob
}

// checkFound refuses ids of which nothing is there: neither rows nor blobs.
func (r *removal) checkFound(ctx context.Context) error {
	for _, of := range []struct {
		what, column string
		ids          []string
	}{{"file", "file_id", r.Files}, {"parse job", "job_id", r.Jobs}} {
		for _, text := range of.ids {
			isThere, err := r.isThere(ctx, text)
			if err != nil {
				return err
			}
			if !isThere {
				return usagef("the export in %q has no %s %q, so none was removed: %s in files.parquet names those that it has",
					r.path, of.what, text, of.column)
			}
		}
	}
	return nil
}

// isThere tells whether the export has rows or blobs of an id.
func (r *removal) isThere(ctx context.Context, text string) (bool, error) {
	id, err := pipeline.ParseID(text)
	if r.found[text] || err != nil {
		return r.found[text], nil
	}
	return sinks.HasFolder(ctx, r.store, id)
}

// removeLeftOvers removes blobs of what goes that no row names any more: those of a run, or of a removal, that was killed.
func (r *removal) removeLeftOvers(ctx context.Context) error {
	for _, text := range slices.Concat(r.Files, r.Jobs, slices.Collect(maps.Keys(r.jobs))) {
		id, err := pipeline.ParseID(text)
		if err != nil {
			// No blob was stored of it.
			continue
		}
		if err := sinks.RemoveFolder(ctx, r.store, id); err != nil {
			return err
		}
	}
	return nil
}
