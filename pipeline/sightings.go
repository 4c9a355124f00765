package pipeline

import (
	"context"
	"errors"
	"slices"
	"time"
)

// maxDeferred is how many files wait for what other listings say of them, in some 500 bytes each where they have no metadata.
const maxDeferred = 50_000

// sightings is what a run knows of files: what the ledger has, and what the listings have had so far. One goroutine uses it.
type sightings struct {
	*roster
	sets *placeSets
	// missedIn are the listings that did not have a known file before, by its number: sets of those that have one, as places are.
	missedIn map[uint32]uint32
	// askedAt is when known files were asked for whose date was in the future then.
	askedAt map[uint32]int64
	// dates has the files that are listed with another date than is known, and that need no asking.
	dates map[uint32]int64
	// expires is when known files expire. expiries has those of which a listing says another time, and that need no asking.
	expires, expiries map[uint32]int64
	// holds says of listings when all goes that they have; zero for never. Those of which nobody says are not there.
	holds    map[SourceKey]time.Time
	lastHeld held
	// names has the files that are named otherwise than is known, and that need no asking.
	names map[uint32]named
	// deferred are files to ask for, once all listings have said of them what they have to say.
	deferred map[uint32]*listedFile
	// order is that of the deferred, and weight how many bytes they have. namesWeight is that of names; mostWeight is how much of
	// either may wait.
	order                           []uint32
	weight, namesWeight, mostWeight int64
	// listed is how many files the listings have had, each counted once.
	listed int
}

// newSightings returns what is known before anything is listed.
func (r *run) newSightings() (*sightings, error) {
	s := &sightings{
		roster: newRoster(), sets: newPlaceSets(), missedIn: map[uint32]uint32{}, askedAt: map[uint32]int64{},
		dates: map[uint32]int64{}, expires: map[uint32]int64{}, expiries: map[uint32]int64{}, holds: map[SourceKey]time.Time{}, names: map[uint32]named{},
		deferred: map[uint32]*listedFile{}, mostWeight: r.memory.share / 2,
	}
	for k, err := range r.history.Known(r.work) {
		if err == nil {
			err = context.Cause(r.intake)
		}
		if err != nil {
			return nil, r.ledgerFailed(err)
		}
		number, _ := s.add(k.Key)
		r.recall(s, number, k)
	}
	s.known = s.count
	return s, nil
}

// recall takes in what the ledger has of a file.
func (r *run) recall(s *sightings, number uint32, k *KnownFile) {
	e := s.at(number)
	e.updated, e.names, e.sources = packTime(k.UpdatedAt), uint32(k.NamesHash), s.sets.number(k.Sources)
	for _, f := range []struct {
		flag  fileFlags
		holds bool
	}{
		{isDue, r.hasToBeAsked(k.Key, &k.FileState)},
		{isGone, k.Gone},
		{isMissed, k.Missed},
		{isUnreadable, k.isMalformed(k.Key)},
		{hasExpired, hasPassed(k.ExpiresAt, r.started)},
		{hasScreenshots, sum(k.Screenshots) > 0},
		{hasFigures, sum(k.Figures) > 0},
	} {
		if f.holds {
			e.flags |= f.flag
		}
	}
	if len(k.MissedIn) > 0 {
		s.missedIn[number] = s.sets.number(k.MissedIn)
	}
	if !k.AskedAt.IsZero() && k.AskedAt.Before(k.UpdatedAt) {
		s.askedAt[number] = packTime(k.AskedAt)
	}
	if !k.ExpiresAt.IsZero() {
		s.expires[number] = packTime(k.ExpiresAt)
	}
}

// places returns the listings that have a file.
func (s *sightings) places(number uint32) []SourceKey { return s.sets.sets[s.at(number).places] }

// updatedAt returns the newest date of a file that is listed; zero where it is not.
func (s *sightings) updatedAt(number uint32) time.Time {
	e := s.at(number)
	if e.places == 0 {
		return time.Time{}
	}
	if date, differs := s.dates[number]; differs {
		return unpackTime(date)
	}
	return unpackTime(e.updated)
}

// setUpdated keeps the newest date of a file that is listed.
func (s *sightings) setUpdated(number uint32, date int64) {
	switch e := s.at(number); {
	case !s.isKnown(number):
		e.updated = date
	case date == e.updated || e.flags.has(isAsked):
		delete(s.dates, number)
	default:
		s.dates[number] = date
	}
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
	// isNew says that the ledger does not have it, and state is what it has, where that is at hand.
	isNew bool
	state *FileState
}

// isPlaced tells whether the file is listed wherever it is known.
func (f *listedFile) isPlaced() bool { return !isLess(f.places, f.known) }

// eachListed goes through the listings and calls ask, once, for every file whose assets have to be listed, and for every one that is
// malformed. In one listing that is at once; with several, a file may be in more than one, and the newest date of all counts. When all
// have been read, they are judged. It ends at the limit. What ends a listing is its outcome; it is an error where no listing came to its end.
func (r *run) eachListed(ask func(*listedFile)) (*sightings, error) {
	seen, err := r.newSightings()
	if err != nil {
		return nil, err
	}
	listings, sample := r.Source.Listings(r.intake), newSample(r.Sample)
	for _, l := range listings {
		if r.limited(seen) {
			break
		}
		outcome, isExpiryAsked := SourceOutcome{Key: l.Key, IsPart: l.IsPart}, l.Expiry == nil
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
				if !seen.hasGone(&l, ended) {
					outcome.Err = ended
				}
				break
			}
			outcome.Files++
			if malformed != nil {
				outcome.Malformed++
			}
			if file.Elsewhere {
				continue
			}
			if !isExpiryAsked {
				isExpiryAsked = true
				if err := r.askExpiry(seen, &l); err != nil {
					return nil, err
				}
			}
			if !r.takeIn(seen, sample, l.Key, &listedFile{file: &file, malformed: malformed}) {
				continue
			}
			// Where not all is listed, the rest counts once it is known what is.
			if len(listings) <= 1 && !r.Incremental && !r.isTrial() {
				seen.askDeferred(ask)
			} else if seen.isFull(1) {
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
	sample.each(func(place SourceKey, f *listedFile) { r.sight(seen, place, f) })
	r.Observer.Observe(FilesKnown{})
	r.judge(seen)
	seen.askDeferred(ask)
	if !r.isTrial() && !slices.ContainsFunc(r.sources, func(o SourceOutcome) bool { return !o.IsComplete() }) {
		r.Observer.Observe(FilesComplete{})
	}
	return seen, nil
}

// limited tells whether as many files as are asked for have been listed.
func (r *run) limited(seen *sightings) bool { return r.Limit > 0 && seen.listed >= r.Limit }

// isTrial tells whether there may be more files than are asked for.
func (r *run) isTrial() bool { return r.Limit > 0 || r.Sample > 0 || r.IsTrial }

// takeIn sights a file of a listing, unless it is not wanted, or is to be chosen or not when all are known.
func (r *run) takeIn(seen *sightings, sample *sample, place SourceKey, f *listedFile) bool {
	switch {
	case f.malformed == nil && r.Takes != nil && !r.Takes(place, f.file):
		r.leaveOut(seen, place, f.file)
	case sample != nil:
		sample.take(place, f, func(place SourceKey, file *File) { r.leaveOut(seen, place, file) })
	default:
		r.sight(seen, place, f)
		return true
	}
	return false
}

// leaveOut takes note of a file that is listed and not wanted, unless it was taken elsewhere.
func (r *run) leaveOut(seen *sightings, place SourceKey, file *File) {
	number, _ := seen.add(file.Key())
	e := seen.at(number)
	if e.places == 0 {
		e.flags |= isLeftOut
		r.Observer.Observe(FileLeftOut{file})
	}
	e.places = seen.sets.with(e.places, place)
}

// completeSources returns the sources of which everything was listed: what one does not have is not there.
func (r *run) completeSources() map[SourceKey]bool {
	complete := map[SourceKey]bool{}
	for i := range r.sources {
		if !r.Incremental && !r.isTrial() && !r.Repeats && r.sources[i].IsComplete() && !r.sources[i].IsPart {
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
func (r *run) sight(seen *sightings, place SourceKey, f *listedFile) {
	number, _ := seen.add(f.file.Key())
	e := seen.at(number)
	date, isFirst := packTime(f.file.UpdatedAt), e.places == 0 || e.flags.has(isLeftOut)
	e.flags &^= isLeftOut
	if !isFirst {
		date = packTime(newest(seen.updatedAt(number), unpackTime(date), r.started))
	}
	if e.places = seen.sets.with(e.places, place); isFirst {
		seen.listed++
		r.Observer.Observe(FileListed{f.file, seen.expiry(number, f.file.ExpiresAt)})
	}
	seen.setUpdated(number, date)
	if e.flags.has(isAsked) {
		return
	}
	if waiting := seen.deferred[number]; waiting != nil {
		seen.weight -= waiting.file.weight()
		waiting.file.merge(f.file, r.started)
		seen.weight += waiting.file.weight()
		return
	}
	if f.isNew = !seen.isKnown(number); f.isNew || f.malformed != nil || r.needsAsking(seen, number, f.file) {
		if !f.isNew {
			f.known = seen.sets.sets[e.sources]
		}
		f.file.ExpiresAt = latest(f.file.ExpiresAt, seen.listedExpiry(number))
		if before, kept := seen.forgetName(number); kept {
			f.file.merge(before.file, r.started)
		}
		r.Observer.Observe(FileDue{f.file})
		seen.deferred[number], seen.order = f, append(seen.order, number)
		seen.weight += f.file.weight()
		return
	}
	seen.name(number, place, f.file)
	r.belief.countFull(e.flags)
	seen.listExpiry(number, f.file.ExpiresAt)
}

// askDeferred asks for the files that wait.
func (s *sightings) askDeferred(ask func(*listedFile)) {
	s.askThose(func(*listedFile) bool { return true }, ask)
}

// isFull tells whether as many files wait as may, or a part of that.
func (s *sightings) isFull(parts int) bool {
	return parts*len(s.deferred) >= maxDeferred || int64(parts)*s.weight >= s.mostWeight
}

// makeRoom asks for files that wait, when there are as many as may: first for those of which no other listing has anything to say,
// as far as is known. What waits longer than there is room has the date and the places of the listings so far. A newer date, and that
// it is somewhere no more, is noticed by a later run.
func (s *sightings) makeRoom(ask func(*listedFile)) {
	s.askThose((*listedFile).isPlaced, ask)
	if s.isFull(2) {
		s.askDeferred(ask)
	}
}

// askThose asks for some of the files that wait.
func (s *sightings) askThose(which func(*listedFile) bool, ask func(*listedFile)) {
	waiting := s.order[:0]
	for _, number := range s.order {
		e, f := s.at(number), s.deferred[number]
		if f.places = s.sets.sets[e.places]; !which(f) {
			waiting = append(waiting, number)
			continue
		}
		e.flags |= isAsked
		delete(s.deferred, number)
		delete(s.dates, number)
		s.weight -= f.file.weight()
		f.file.ExpiresAt = s.expiry(number, f.file.ExpiresAt)
		ask(f)
	}
	s.order = waiting
}
