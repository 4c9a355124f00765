package pipeline

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
)

// belief is whether a run believes its listings. A listing that lost much of what is known may be a fault of the API: then nothing
// is missing for it.
type belief struct {
	// complete are the listings of which all was listed: only what such a one does not have may be missing. Both it and doubts are
	// filled when all listings have been read, and judged tells that they are. Those of kinds come when the assets of what is listed
	// have been.
	complete map[SourceKey]bool
	doubts   []string
	judged   atomic.Bool
	// accepted says that what is doubted is believed all the same.
	accepted bool
	// screenshots, figures and documents say what the listings of each kind were like in this run.
	screenshots, figures, documents kindBelief
}

// kindBelief counts files that have assets of a kind, and those that had some before and of which none is listed now.
type kindBelief struct{ full, emptied atomic.Int64 }

func (b *belief) kind(kind Kind) *kindBelief {
	switch kind {
	case Screenshot:
		return &b.screenshots
	case Document:
		return &b.documents
	}
	return &b.figures
}

// countFull counts a file that has so many, nil for an unknown number.
func (k *kindBelief) countFull(count *int64) {
	if count != nil && *count > 0 {
		k.full.Add(1)
	}
}

// countFull counts a file of which nothing is asked, as it has what it had.
func (b *belief) countFull(known fileFlags) {
	if known.has(hasScreenshots) {
		b.screenshots.full.Add(1)
	}
	if known.has(hasFigures) {
		b.figures.full.Add(1)
	}
}

// believesEmpty tells whether an empty listing of a kind is believed for a file that had some, as it is once another file of the run
// has some, or where what is doubted is accepted.
func (b *belief) believesEmpty(kind Kind) bool {
	k := b.kind(kind)
	if k.full.Load() > 0 {
		return true
	}
	k.emptied.Add(1)
	return b.accepted
}

// counts tells whether what a listing does not have is missing from it.
func (b *belief) counts(key SourceKey) bool {
	return b.judged.Load() && (b.accepted || len(b.doubts) == 0) && b.complete[key]
}

// countsAll is counts for all of some listings.
func (b *belief) countsAll(keys []SourceKey) bool {
	return !slices.ContainsFunc(keys, func(key SourceKey) bool { return !b.counts(key) })
}

// verdict returns a *HopelessError when the run has ended and all was refused, and a *DoubtError when something was not believed. Where
// it was accepted, it tells of that.
func (r *run) verdict() error {
	if err := r.hope.verdict(); err != nil {
		return err
	}
	b := &r.belief
	if len(b.doubts) == 0 {
		b.doubtKinds()
	}
	if len(b.doubts) == 0 {
		return nil
	}
	lost := strings.Join(b.doubts, ", ")
	if b.accepted {
		r.Observer.Observe(ListingAccepted{lost})
		return nil
	}
	return &DoubtError{lost}
}

// doubtKinds doubts the listings of those kinds of which no file has any that the run asked, though some had.
func (b *belief) doubtKinds() {
	for _, kind := range []Kind{Screenshot, Figure} {
		if k := b.kind(kind); k.emptied.Load() > 0 && k.full.Load() == 0 {
			b.doubts = append(b.doubts, fmt.Sprintf("no %s is listed of any of the %d files that had some", kind, k.emptied.Load()))
		}
	}
}

// loss counts the known files of a listing and those of them that it does not have any more.
type loss struct{ known, lost int64 }

func (l *loss) count(lost bool) {
	l.known++
	if lost {
		l.lost++
	}
}

// isDoubtful tells whether more than a tenth was lost, and more than 100 or more than half.
func (l *loss) isDoubtful() bool {
	return l.lost > l.known/10 && (l.lost > 100 || l.lost > l.known/2)
}

// perSource is how many known files a listing has to have had to be judged by what it lost. One that is empty always is.
const perSource = 100

// judge compares the complete listings of a run with the known files. Those do not count that the listing before did not have
// either, which was believed, and those whose time to expire has come.
func (r *run) judge(seen *sightings) {
	b := &r.belief
	b.complete = r.completeSources()
	all, bySource := loss{}, map[SourceKey]*loss{}
	for number := range seen.known {
		e := seen.at(number)
		// Jobs expire by themselves, and what was made of them stays.
		if e.flags.has(isGone|isUnreadable) || e.form.isOfJob() {
			continue
		}
		places := seen.places(number)
		if len(places) == 0 && (r.Incremental || r.isTrial()) {
			b.countFull(e.flags)
		}
		if e.flags.has(isMissed | hasExpired) {
			continue
		}
		sources, missedIn := seen.sets.sets[e.sources], seen.sets.sets[seen.missedIn[number]]
		if !slices.ContainsFunc(sources, func(source SourceKey) bool { return !b.complete[source] }) {
			all.count(len(places) == 0)
		}
		for _, source := range sources {
			if !b.complete[source] || slices.Contains(missedIn, source) {
				continue
			}
			if bySource[source] == nil {
				bySource[source] = &loss{}
			}
			_, there := slices.BinarySearch(places, source)
			bySource[source].count(!there)
		}
	}
	if all.isDoubtful() {
		b.doubts = append(b.doubts, fmt.Sprintf("%d of %d known files are not listed", all.lost, all.known))
	}
	empty, isAllLost := r.emptySources(), all.known > 0 && all.lost == all.known
	for _, source := range slices.Sorted(maps.Keys(bySource)) {
		l := bySource[source]
		isDoubtful := empty[source] || l.known > perSource && l.isDoubtful()
		if isDoubtful && (len(bySource) > 1 && !isAllLost || len(b.doubts) == 0) {
			b.doubts = append(b.doubts, fmt.Sprintf("%d of %d known files of %s are not listed there", l.lost, l.known, source))
		}
	}
	b.judged.Store(true)
}
