package export

import (
	"fmt"
	"slices"
	"strings"

	"exporter/pipeline"
)

// wantedFiles has the ids of files none of which was listed yet; nil where there are none.
func wantedFiles(ids []pipeline.ID) map[string]bool {
	if len(ids) == 0 {
		return nil
	}
	wanted := map[string]bool{}
	for _, id := range ids {
		wanted[string(id)] = false
	}
	return wanted
}

// takes returns what says which of the listed files are exported; nil where all are. One goroutine may call it.
func (r *run) takes() func(pipeline.SourceKey, *pipeline.File) bool {
	source := &r.Config.Source
	if r.wanted == nil && len(source.Include)+len(source.Exclude) == 0 {
		return nil
	}
	return func(place pipeline.SourceKey, f *pipeline.File) bool {
		isGiven := f.IsJob() || strings.HasPrefix(string(place), string(pipeline.FileSource("")))
		return (isGiven || source.TakesName(f.DisplayName)) && r.wants(f)
	}
}

// wants tells whether a file is one of Files, or all are wanted.
func (r *run) wants(f *pipeline.File) (wanted bool) {
	if r.wanted == nil {
		return true
	}
	for _, id := range []string{f.ID, f.JobID, f.DirectoryFileID} {
		if _, ok := r.wanted[id]; ok {
			r.wanted[id], wanted = true, true
		}
	}
	return wanted
}

// unlistedNotes says how many of Files were not listed. Which they are the log says: reports name no file, which may go.
func (r *run) unlistedNotes() []string {
	var missing []string
	for id, isListed := range r.wanted {
		if !isListed {
			missing = append(missing, id)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	slices.Sort(missing)
	r.Log.Warn("files that were given by their ids are not listed", "files", firstFew(missing))
	return []string{fmt.Sprintf("%d of the %d files that were given by their ids are not listed", len(missing), len(r.wanted))}
}
