package pipeline

import (
	"context"
	"errors"
	"slices"
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
	// names has the files that are named otherwise than is known, and that need no asking.
	names map[FileKey]named
	// deferred are files to ask for, once all listings have said of them what they have to say.
	deferred map[FileKey]*listedFile
	// order is that of the deferred.
	order []FileKey
}

// sighting is of one file: its newest date in microseconds since the epoch, the number of the set of listings that have it, and
// whether its assets are asked for.
type sighting struct {
	updated int64
	set     uint32
	asked   bool
}

func (s sighting) updatedAt() time.Time { return time.UnixMicro(s.updated).UTC() }

func newSightings() *sightings {
	return &sightings{
		sets: newPlaceSets(), files: map[FileKey]sighting{}, expiries: map[FileKey]time.Time{}, names: map[FileKey]named{},
		deferred: map[FileKey]*listedFile{},
	}
}

// places returns the listings that have a file.
func (s *sightings) places(key FileKey) (places []SourceKey, listed bool) {
	seen, listed := s.files[key]
	return s.sets.sets[seen.set], listed
}

// updatedAt returns the newest date of a file that is listed; zero where there is none.
func (s *sightings) updatedAt(key FileKey) (updated time.Time) {
	if seen, listed := s.files[key]; listed {
		updated = seen.updatedAt()
	}
	return updated
}

// listedFile is a file of which something is to be asked or recorded: places are the listings that have it, and missedAt says since
// when a known one that none has is missing. Malformed is why not even its file_id can be read; nil where it can.
type listedFile struct {
	file      *File
	places    []SourceKey
	missedAt  time.Time
	malformed *Failure
	// known are the listings that had it before.
	known []SourceKey
}

// isPlaced tells whether the file is listed wherever it is known.
func (f *listedFile) isPlaced() bool { return !isLess(f.places, f.known) }

// eachListed goes through the listings and calls ask, once, for every file whose assets have to be listed, and for every one that is
// malformed. In one listing that is at once; with several, a file may be in more than one, and the newest date of all counts. When all
// have been read, they are judged. It ends at the limit. What ends a listing is its outcome; it is an error where no listing came to its end.
func (r *run) eachListed(ask func(*listedFile)) (*sightings, error) {
	seen := newSightings()
	listings := r.Source.Listings(r.intake)
	for _, l := range listings {
		if r.limited(seen) {
			break
		}
		outcome := SourceOutcome{Key: l.Key}
		for file, err := range l.Files {
			malformed, _ := errors.AsType[*Failure](err)
			ended, _ := errors.AsType[*SourceError](err)
			if err == nil || malformed != nil || ended != nil {
				err = context.Cause(r.intake)
			}
			if err != nil {
				return nil, err
			}
			if ended != nil {
				outcome.Err = ended
				break
			}
			outcome.Files++
			if malformed != nil {
				outcome.Malformed++
			}
			if err := r.sight(seen, l.Key, &listedFile{file: &file, malformed: malformed}); err != nil {
				return nil, err
			}
			// Where not all is listed, the rest counts once it is known what is.
			if len(listings) <= 1 && !r.Incremental && r.Limit == 0 {
				seen.askDeferred(ask)
			} else if len(seen.deferred) >= maxDeferred {
				seen.makeRoom(ask)
			}
			if r.limited(seen) {
				break
			}
		}
		r.sources = append(r.sources, outcome)
		r.Observer.Observe(SourceListed{&outcome})
	}
	if err := unlisted(r.sources); err != nil {
		return nil, err
	}
	r.judge(seen)
	seen.askDeferred(ask)
	if r.Limit == 0 && !slices.ContainsFunc(r.sources, func(o SourceOutcome) bool { return !o.IsComplete() }) {
		r.Observer.Observe(FilesComplete{})
	}
	return seen, nil
}

// limited tells whether as many files as are asked for have been listed.
func (r *run) limited(seen *sightings) bool { return r.Limit > 0 && len(seen.files) >= r.Limit }

// completeSources returns the sources of which everything was listed: what one does not have is not there.
func (r *run) completeSources() map[SourceKey]bool {
	complete := map[SourceKey]bool{}
	for i := range r.sources {
		if !r.Incremental && r.Limit == 0 && r.sources[i].IsComplete() {
			complete[r.sources[i].Key] = true
		}
	}
	return complete
}

// emptySources returns the sources that were listed, and have no file at all.
func (r *run) emptySources() map[SourceKey]bool {
	empty := map[SourceKey]bool{}
	for i := range r.sources {
		empty[r.sources[i].Key] = r.sources[i].Files == 0
	}
	return empty
}

// sight takes in a file of a listing.
func (r *run) sight(seen *sightings, place SourceKey, f *listedFile) error {
	key := f.file.Key()
	before, again := seen.files[key]
	now := sighting{f.file.UpdatedAt.UnixMicro(), seen.sets.with(before.set, place), before.asked}
	if again {
		now.updated = newest(before.updatedAt(), now.updatedAt(), r.started).UnixMicro()
	}
	seen.files[key] = now
	if !again {
		r.Observer.Observe(FileListed{f.file})
	}
	if now.asked {
		return nil
	}
	if waiting := seen.deferred[key]; waiting != nil {
		waiting.file.merge(f.file, r.started)
		return nil
	}
	state, err := r.history.File(r.work, key)
	if err != nil {
		return r.ledgerFailed(err)
	}
	if f.malformed != nil || r.needsAsking(f.file, seen.sets.sets[now.set], state) {
		if state != nil {
			f.known = state.Sources
		}
		if before, waits := seen.names[key]; waits {
			f.file.merge(before.file, r.started)
			delete(seen.names, key)
		}
		seen.deferred[key], seen.order = f, append(seen.order, key)
		return nil
	}
	seen.name(key, place, f.file, state.NamesHash)
	r.belief.screenshots.countFull(state.Screenshots)
	r.belief.figures.countFull(state.Figures)
	if !f.file.ExpiresAt.Equal(state.ExpiresAt) && !f.file.ExpiresAt.IsZero() {
		seen.expiries[key] = f.file.ExpiresAt
	}
	return nil
}

// askDeferred asks for the files that wait.
func (s *sightings) askDeferred(ask func(*listedFile)) {
	s.askThose(func(*listedFile) bool { return true }, ask)
}

// makeRoom asks for files that wait, when there are as many as may: first for those of which no other listing has anything to say,
// as far as is known. What waits longer than there is room has the date and the places of the listings so far. A newer date, and that
// it is somewhere no more, is noticed by a later run.
func (s *sightings) makeRoom(ask func(*listedFile)) {
	s.askThose((*listedFile).isPlaced, ask)
	if len(s.deferred) > maxDeferred/2 {
		s.askDeferred(ask)
	}
}

// askThose asks for some of the files that wait.
func (s *sightings) askThose(which func(*listedFile) bool, ask func(*listedFile)) {
	waiting := s.order[:0]
	for _, key := range s.order {
		seen, f := s.files[key], s.deferred[key]
		if f.places = s.sets.sets[seen.set]; !which(f) {
			waiting = append(waiting, key)
			continue
		}
		s.files[key] = sighting{seen.updated, seen.set, true}
		delete(s.deferred, key)
		ask(f)
	}
	s.order = waiting
}
