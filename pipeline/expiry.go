package pipeline

import (
	"slices"
	"time"
)

// askExpiry takes note of when all goes that a listing has.
func (r *run) askExpiry(seen *sightings, l *Listing) error {
	at, told, err := l.Expiry()
	if err != nil || !told {
		return err
	}
	at = at.Truncate(time.Microsecond)
	if seen.holds[l.Key] = at; !at.IsZero() {
		r.Observer.Observe(SourceExpires{l.Key, at})
	}
	return nil
}

// hasGone tells whether a listing ended because what holds its files went when it was to: it is not there, and the time of all files that
// were known there has come. So it is a complete listing, of none.
func (s *sightings) hasGone(l *Listing, ended *SourceError) bool {
	if l.Expiry == nil || !ended.Absent {
		return false
	}
	held := false
	for number := range s.known {
		e := s.at(number)
		if !slices.Contains(s.sets.sets[e.sources], l.Key) {
			continue
		}
		if held = true; !e.flags.has(hasExpired) {
			return false
		}
	}
	return held
}

// listExpiry takes note of when a known file goes by itself, as a listing has it; zero where it does not say.
func (s *sightings) listExpiry(number uint32, at time.Time) {
	if at.IsZero() {
		return
	}
	if known, ok := s.expires[number]; ok && known == packTime(at) {
		s.at(number).flags |= expiresAsKnown
		return
	}
	s.expiries[number] = packTime(at)
}

// listedExpiry returns when a known file goes by itself, as far as the listings have said; zero where they have not.
func (s *sightings) listedExpiry(number uint32) time.Time {
	if at, differs := s.expiries[number]; differs {
		return unpackTime(at)
	}
	if s.at(number).flags.has(expiresAsKnown) {
		return unpackTime(s.expires[number])
	}
	return time.Time{}
}

// expiry returns when a file goes: by itself, as its listings have it, or with the last of what holds it, whichever comes first. Where
// nobody says, what is known holds. Zero is for never.
func (s *sightings) expiry(number uint32, listed time.Time) time.Time {
	h := s.held(number)
	switch {
	case listed.IsZero() && h.told:
		return h.at
	case listed.IsZero():
		if known, ok := s.expires[number]; ok {
			return unpackTime(known)
		}
	case !h.at.IsZero() && h.at.Before(listed):
		return h.at
	}
	// As rows keep it.
	return listed.Truncate(time.Microsecond)
}

// held is what the listings of a set say together.
type held struct {
	// set is its number; that of the empty set is 0.
	set uint32
	// at is when the last of them goes that say when they do, zero where one stays. It is not told where none says.
	at   time.Time
	told bool
}

// held returns what the listings of a file say of when they go. It keeps the answer: the next file is most often in the same ones,
// and a listing has said what it says before it has a file.
func (s *sightings) held(number uint32) held {
	set := s.at(number).places
	if set == s.lastHeld.set {
		return s.lastHeld
	}
	h, stays := held{set: set}, false
	for _, place := range s.sets.sets[set] {
		if until, says := s.holds[place]; says {
			h.at, h.told, stays = latest(h.at, until), true, stays || until.IsZero()
		}
	}
	if stays {
		h.at = time.Time{}
	}
	s.lastHeld = h
	return h
}
