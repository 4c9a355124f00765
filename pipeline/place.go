package pipeline

import (
	"slices"
	"time"
)

// SourceKey names one of the listings that a run goes through: "directory:ID", "pipeline:ID", "project", or "file:ID" for a
// file that was asked for by its id.
type SourceKey string

// ProjectSource is the listing of the files of a project.
const ProjectSource SourceKey = "project"

// DirectorySource returns the key of the listing of a directory.
func DirectorySource(id string) SourceKey { return SourceKey("directory:" + id) }

// PipelineSource returns the key of the listing of a pipeline.
func PipelineSource(id string) SourceKey { return SourceKey("pipeline:" + id) }

// FileSource returns the key of a file that was asked for by its id.
func FileSource(id string) SourceKey { return SourceKey("file:" + id) }

// Place returns the listing that the file is from.
func (f *File) Place() SourceKey {
	switch {
	case f.Source != "":
		return f.Source
	case f.DirectoryID != "":
		return DirectorySource(f.DirectoryID)
	case f.PipelineID != "":
		return PipelineSource(f.PipelineID)
	case f.ProjectID != "":
		return ProjectSource
	}
	return FileSource(f.ID)
}

// ListedSources says which of a run's listings came to their end: only what such a one does not have may be missing.
type ListedSources map[SourceKey]bool

// complete tells whether the run has the listing and went through all of it. Where the run does not say which listings it has,
// it has all.
func (l ListedSources) complete(key SourceKey) bool { return l == nil || l[key] }

// newListedSources says of all listings of a run that they are complete, or that none is.
func newListedSources(keys []SourceKey, complete bool) ListedSources {
	if keys == nil {
		return nil
	}
	l := make(ListedSources, len(keys))
	for _, key := range keys {
		l[key] = complete
	}
	return l
}

// placeSets keeps each set of listings once, so that a file's is a number. Set 0 is the empty one. A set is sorted.
type placeSets struct {
	sets   [][]SourceKey
	larger map[setAndKey]uint32
}

type setAndKey struct {
	set uint32
	key SourceKey
}

func newPlaceSets() *placeSets {
	return &placeSets{sets: [][]SourceKey{nil}, larger: map[setAndKey]uint32{}}
}

// with returns the set that has one listing more.
func (p *placeSets) with(set uint32, key SourceKey) uint32 {
	have := p.sets[set]
	at, found := slices.BinarySearch(have, key)
	if found {
		return set
	}
	step := setAndKey{set, key}
	if next, known := p.larger[step]; known {
		return next
	}
	more := slices.Insert(slices.Clone(have), at, key)
	next := uint32(slices.IndexFunc(p.sets, func(s []SourceKey) bool { return slices.Equal(s, more) }))
	if next == ^uint32(0) {
		next = uint32(len(p.sets))
		p.sets = append(p.sets, more)
	}
	p.larger[step] = next
	return next
}

// union returns the listings of either set, sorted.
func union(a, b []SourceKey) []SourceKey {
	both := slices.Concat(a, b)
	slices.Sort(both)
	return slices.Compact(both)
}

// merge takes in another place of the same file: the newest date of all counts, and the row names the first of the places.
func (f *File) merge(other *File) {
	updated, expires := latest(f.UpdatedAt, other.UpdatedAt), latest(f.ExpiresAt, other.ExpiresAt)
	if other.Place() < f.Place() {
		*f = *other
	}
	f.UpdatedAt, f.ExpiresAt = updated, expires
}

func latest(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
