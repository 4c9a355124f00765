package pipeline

import (
	"slices"
	"time"
)

// needsAsking tells whether the assets of a known file have to be listed, as far as its date, its age and what is listed of it say. What
// other filters would have of it, filtersDiffer tells.
func (r *run) needsAsking(seen *sightings, number uint32, file *File) bool {
	return r.asksAll() || file.Withdrawn != nil || len(file.Odd) > 0 || seen.isDated(number, file) || seen.at(number).flags.has(isDue)
}

// asksAll tells whether the assets of every file are to be listed.
func (r *run) asksAll() bool { return r.Refetch || r.Relist }

// hasToBeAsked tells whether the assets of a known file have to be listed, whatever is listed of it.
func (r *run) hasToBeAsked(key FileKey, state *FileState) bool {
	if state.Status == Skipped {
		return key.FileID != ""
	}
	isUnknown := slices.ContainsFunc(r.Filters.kindsOf(key.IsJob()), state.isUnknown) || key.IsJob() && state.Pages == nil
	return state.Status != Complete || !state.mayBeWithoutKind() && isUnknown || r.isDue(key, state)
}

// isUnknown tells whether nobody knows how many assets of a kind are listed.
func (s *FileState) isUnknown(kind Kind) bool { return s.of(kind) == nil }
func (c *Counts) isUnknown(kind Kind) bool    { return c.of(kind) == nil }

// isDated tells whether what is listed of a known file may be newer than what is known of it. An earlier date says so only where it
// cannot be that of another place: a file in several has the newest date of all.
func (s *sightings) isDated(number uint32, file *File) bool {
	e := s.at(number)
	switch listed := packTime(file.UpdatedAt); {
	case file.UpdatedAt.IsZero(), listed == e.updated:
		return false
	case e.sources == e.places && len(s.sets.sets[e.sources]) == 1:
		return true
	default:
		// A date that was in the future when the file was asked for says nothing of what has changed since.
		known := e.updated
		if asked, ok := s.askedAt[number]; ok {
			known = asked
		}
		return listed > known
	}
}

// isDue tells whether a file's pictures have not had their time: it is asked again when its age has doubled since it was asked
// last, as long as a kind is empty, or as it was younger than Settle when it was asked, since the pictures of some pages come before
// others. The age of a file without a date counts from when it was listed first, and it is due for ever, as nothing else tells that it
// changed; one that no listing has is always. A parse job is due as long as it has no picture at all.
func (r *run) isDue(key FileKey, state *FileState) bool {
	if state.AskedAt.IsZero() || state.UpdatedAt.IsZero() && slices.Equal(state.Sources, []SourceKey{FileSource(key.FileID)}) {
		return true
	}
	if key.IsJob() && sum(state.Screenshots, state.Figures) > 0 {
		// Its pictures were all there when it was done.
		return false
	}
	if state.UpdatedAt.IsZero() {
		return r.hasDoubled(state.ListedAt, state.AskedAt)
	}
	isEmpty := func(kind Kind) bool { return !state.isUnknown(kind) && *state.of(kind) == 0 }
	return (slices.ContainsFunc(r.Filters.kindsOf(key.IsJob()), isEmpty) || state.AskedAt.Sub(state.UpdatedAt) < r.Settle) &&
		r.hasDoubled(state.UpdatedAt, state.AskedAt)
}

// hasDoubled tells whether the age of what began at some time has doubled since it was asked for. What begins in the future has age 0.
func (r *run) hasDoubled(since, asked time.Time) bool {
	before, now := max(0, asked.Sub(since)), max(0, r.started.Sub(since))
	return now >= 2*before
}

// hasPassed tells whether a time, which may be zero for none, has come.
func hasPassed(t, now time.Time) bool { return !t.IsZero() && !t.After(now) }
