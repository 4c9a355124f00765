package pipeline

import (
	"encoding/binary"
	"slices"
	"strings"
	"time"
)

// SourceKey names one of the listings of files that a Source consists of. It is the same in every run: "directory:ID",
// "pipeline:ID", "index:ID", "batch:ID", "jobs" or "project", or "file:ID" and "job:ID" for what was named by its id.
type SourceKey string

// ProjectSource is the listing of a project's files, and JobsSource that of its parse jobs.
const (
	ProjectSource SourceKey = "project"
	JobsSource    SourceKey = "jobs"
)

// DirectorySource is the listing of a directory, PipelineSource that of a pipeline, IndexSource that of an index, BatchSource that of the
// jobs of a batch, BatchesSource that of those of all batches of a directory, and FileSource and JobSource those of a single file and of a single job.
func DirectorySource(id string) SourceKey { return SourceKey("directory:" + id) }
func PipelineSource(id string) SourceKey  { return SourceKey("pipeline:" + id) }
func IndexSource(id string) SourceKey     { return SourceKey("index:" + id) }
func BatchSource(id string) SourceKey     { return SourceKey("batch:" + id) }
func BatchesSource(id string) SourceKey   { return SourceKey("batches:" + id) }
func FileSource(id string) SourceKey      { return SourceKey("file:" + id) }
func JobSource(id string) SourceKey       { return SourceKey("job:" + id) }

// Single returns the key of the file or the job that a listing is of; false for one of many.
func (k SourceKey) Single() (FileKey, bool) {
	_, id, _ := strings.Cut(string(k), ":")
	switch k {
	case FileSource(id):
		return FileKey{FileID: id}, true
	case JobSource(id):
		return FileKey{JobID: id}, true
	}
	return FileKey{}, false
}

// Place returns the listing that the file is from, as far as its ids and names tell.
func (f *File) Place() SourceKey {
	switch {
	case f.IsJob():
		return JobSource(f.JobID)
	case f.DirectoryID != "":
		return DirectorySource(f.DirectoryID)
	case f.PipelineID != "":
		return PipelineSource(f.PipelineID)
	case f.ProjectID != "" || f.DisplayName != nil || f.UniqueID != nil:
		return ProjectSource
	}
	return FileSource(f.ID)
}

// placeSets keeps each set of listings once, so that a file's is a number. Set 0 is the empty one. A set is sorted.
type placeSets struct {
	sets   [][]SourceKey
	larger map[setAndKey]uint32
	// numbers are those of the sets, by their keys one after the other; last is the one that was asked for last.
	numbers map[string]uint32
	last    uint32
	joined  []byte
}

type setAndKey struct {
	set uint32
	key SourceKey
}

func newPlaceSets() *placeSets {
	return &placeSets{sets: [][]SourceKey{nil}, larger: map[setAndKey]uint32{}, numbers: map[string]uint32{"": 0}}
}

// number returns that of a set, which is kept as it is.
func (p *placeSets) number(set []SourceKey) uint32 {
	if slices.Equal(p.sets[p.last], set) {
		return p.last
	}
	p.joined = p.joined[:0]
	for _, key := range set {
		p.joined = append(binary.AppendUvarint(p.joined, uint64(len(key))), key...)
	}
	number, known := p.numbers[string(p.joined)]
	if !known {
		number = uint32(len(p.sets))
		p.sets = append(p.sets, set)
		p.numbers[string(p.joined)] = number
	}
	p.last = number
	return number
}

// with returns the set that has one listing more.
func (p *placeSets) with(set uint32, key SourceKey) uint32 {
	step := setAndKey{set, key}
	next, known := p.larger[step]
	if !known {
		have := p.sets[set]
		next = set
		if at, found := slices.BinarySearch(have, key); !found {
			next = p.number(slices.Insert(slices.Clone(have), at, key))
		}
		p.larger[step] = next
	}
	return next
}

// union returns the listings of either set, sorted.
func union(a, b []SourceKey) []SourceKey {
	both := slices.Concat(a, b)
	slices.Sort(both)
	return slices.Compact(both)
}

// isLess tells whether some of the listings that were known are not among those that are now.
func isLess(now, known []SourceKey) bool {
	return slices.ContainsFunc(known, func(key SourceKey) bool { return !slices.Contains(now, key) })
}

// merge takes in another place of the same file: the newest date of all counts, and the row names the first of the places.
func (f *File) merge(other *File, now time.Time) {
	updated, expires, odd := newest(f.UpdatedAt, other.UpdatedAt, now), latest(f.ExpiresAt, other.ExpiresAt), slices.Concat(f.Odd, other.Odd)
	withdrawn := f.Withdrawn
	if other.Withdrawn == nil {
		withdrawn = nil
	}
	// A batch knows of which file a job is, and nobody else does.
	if other.Place() < f.Place() || f.IsJob() && f.ID == "" && other.ID != "" {
		*f = *other
	}
	f.UpdatedAt, f.ExpiresAt, f.Odd, f.Withdrawn = updated, expires, odd, withdrawn
}

func latest(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// newest returns the later of the dates that two places of a file have. One in the future counts only where both are.
func newest(a, b, now time.Time) time.Time {
	if a.IsZero() || b.IsZero() || a.After(now) == b.After(now) {
		return latest(a, b)
	}
	if a.After(now) {
		return b
	}
	return a
}

// isNewer tells whether a listed date is newer than the known one, of what was seen at some time. A date that was in the future then
// says nothing of what has changed since.
func isNewer(listed, known, seen time.Time) bool {
	listed = listed.Truncate(time.Microsecond)
	if listed.Equal(known) {
		return false
	}
	if !seen.IsZero() && seen.Before(known) {
		known = seen
	}
	return listed.After(known)
}
