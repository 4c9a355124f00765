package pipeline

import (
	"slices"
	"time"
)

// needsAsking tells whether the assets of a file, which some places have, have to be listed, as far as its date and its age say. What other filters would
// have of it, filtersDiffer tells.
func (r *run) needsAsking(file *File, places []SourceKey, state *FileState) bool {
	if state == nil || r.Refetch || r.Relist || len(file.Odd) > 0 || state.isDated(file, places) {
		return true
	}
	if state.Status == Skipped {
		return file.ID != ""
	}
	return state.Status != Complete || !state.mayBeWithoutKind() && slices.ContainsFunc(r.Filters.Kinds(), state.isUnknown) || r.isDue(file, state)
}

// isUnknown tells whether nobody knows how many assets of a kind are listed.
func (s *FileState) isUnknown(kind Kind) bool { return s.of(kind) == nil }
func (c *Counts) isUnknown(kind Kind) bool    { return c.of(kind) == nil }

// isDated tells whether what is listed of a file may be newer than what is known of it. An earlier date says so only where it
// cannot be that of another place: a file in several has the newest date of all.
func (s *FileState) isDated(file *File, places []SourceKey) bool {
	listed := file.UpdatedAt.Truncate(time.Microsecond)
	switch {
	case listed.IsZero():
		return false
	case s.isAtOnePlace(places):
		return !listed.Equal(s.UpdatedAt)
	}
	return isNewer(listed, s.UpdatedAt, s.AskedAt)
}

// isAtOnePlace tells whether the file was known at one place, and is at no other.
func (s *FileState) isAtOnePlace(places []SourceKey) bool {
	return len(s.Sources) == 1 && slices.Equal(s.Sources, places)
}

// isDue tells whether a file's pictures have not had their time: it is asked again when its age has doubled since it was asked
// last, as long as a kind is empty, or as it was younger than Settle when it was asked, since the pictures of some pages come before
// others. The age of a file without a date counts from when it was listed first, and it is due for ever, as nothing else tells that it
// changed; one that no listing has is always.
func (r *run) isDue(file *File, state *FileState) bool {
	if state.AskedAt.IsZero() || state.UpdatedAt.IsZero() && slices.Equal(state.Sources, []SourceKey{FileSource(file.ID)}) {
		return true
	}
	if state.UpdatedAt.IsZero() {
		return r.hasDoubled(state.ListedAt, state.AskedAt)
	}
	isEmpty := func(kind Kind) bool { return !state.isUnknown(kind) && *state.of(kind) == 0 }
	return (slices.ContainsFunc(r.Filters.Kinds(), isEmpty) || state.AskedAt.Sub(state.UpdatedAt) < r.Settle) &&
		r.hasDoubled(state.UpdatedAt, state.AskedAt)
}

// hasDoubled tells whether the age of what began at some time has doubled since it was asked for. What begins in the future has age 0.
func (r *run) hasDoubled(since, asked time.Time) bool {
	before, now := max(0, asked.Sub(since)), max(0, r.started.Sub(since))
	return now >= 2*before
}

// hasPassed tells whether a time, which may be zero for none, has come.
func hasPassed(t, now time.Time) bool { return !t.IsZero() && !t.After(now) }
