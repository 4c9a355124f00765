package pipeline

import (
	"context"
	"time"
)

// maxDeferred is how many files wait for what other listings say of them, in some 500 bytes each.
const maxDeferred = 50_000

// sightings is what the listings of a run have had so far. One goroutine uses it.
type sightings struct {
	sets  *placeSets
	files map[FileKey]sighting
	// expiries has the files that expire at another time than is known, and that need no asking.
	expiries map[FileKey]time.Time
	// deferred are files to ask for, once all listings have said of them what they have to say.
	deferred map[FileKey]*File
	// order is that of the deferred.
	order []FileKey
}

// sighting is of one file: the number of the set of listings that have it, and whether its assets are asked for.
type sighting struct {
	set   uint32
	asked bool
}

func newSightings() *sightings {
	return &sightings{
		sets: newPlaceSets(), files: map[FileKey]sighting{}, expiries: map[FileKey]time.Time{}, deferred: map[FileKey]*File{},
	}
}

// places returns the listings that have a file.
func (s *sightings) places(key FileKey) (places []SourceKey, listed bool) {
	seen, listed := s.files[key]
	return s.sets.sets[seen.set], listed
}

// eachListed goes through the listings and calls ask, once, for every file whose assets have to be listed. In one listing that is
// at once; with several, a file may be in more than one, and the newest date of all counts.
func (r *run) eachListed(ask func(*File, []SourceKey)) (*sightings, error) {
	seen := newSightings()
	for file, err := range r.Source.Files(r.intake) {
		if err == nil {
			err = context.Cause(r.intake)
		}
		if err == nil {
			err = r.sight(seen, &file)
		}
		if err != nil {
			return nil, err
		}
		// What waits longer than there is room has the date of the places so far. A newer one is noticed by the next run.
		if len(r.Sources) <= 1 || len(seen.deferred) >= maxDeferred {
			seen.askDeferred(ask)
		}
	}
	seen.askDeferred(ask)
	r.Observer.Observe(FilesComplete{})
	return seen, nil
}

// sight takes in a file of a listing.
func (r *run) sight(seen *sightings, file *File) error {
	key, place := file.Key(), file.Place()
	before, again := seen.files[key]
	now := sighting{seen.sets.with(before.set, place), before.asked}
	seen.files[key] = now
	if !again {
		r.Observer.Observe(FileListed{file})
	}
	if now.asked {
		return nil
	}
	if waiting := seen.deferred[key]; waiting != nil {
		waiting.merge(file)
		return nil
	}
	state, err := r.history.File(r.work, key)
	if err != nil {
		return r.ledgerFailed(err)
	}
	if r.needsAsking(file, seen.sets.sets[now.set], state) {
		seen.deferred[key], seen.order = file, append(seen.order, key)
		return nil
	}
	r.belief.screenshots.countFull(state.Screenshots)
	r.belief.figures.countFull(state.Figures)
	if !file.ExpiresAt.Equal(state.ExpiresAt) && !file.ExpiresAt.IsZero() {
		seen.expiries[key] = file.ExpiresAt
	}
	return nil
}

// askDeferred asks for the files that wait.
func (s *sightings) askDeferred(ask func(*File, []SourceKey)) {
	for _, key := range s.order {
		seen := s.files[key]
		s.files[key] = sighting{seen.set, true}
		ask(s.deferred[key], s.sets.sets[seen.set])
	}
	clear(s.deferred)
	s.order = s.order[:0]
}
