package pipeline

import (
	"errors"
	"math/bits"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// listJob records the text of the pages of a parse job, asks for its pictures, and sends them on their way. Nothing that comes of it tells
// which kinds files have.
func (r *run) listJob(progress *fileProgress, known *FileState, room *room) error {
	row := &progress.row
	text, failure, err := r.recordPages(row, known)
	if err != nil {
		return err
	}
	kinds := r.Filters.kindsOf(true)
	var l listing
	var refusals map[Kind]*Failure
	if failure == nil {
		l, refusals, err = r.listAssets(progress, known, room)
	} else {
		// Who has no text at present has no pictures either.
		refusals = map[Kind]*Failure{}
		for _, kind := range kinds {
			refusals[kind] = failure
		}
		l.knownUnder = known.UpdatedAt
		l.prior, err = r.prior(row.Owner())
	}
	if err != nil {
		return err
	}
	progress.hold(room.leave())
	if isAbsent(kinds, refusals) && known.Status != "" {
		// It expired since it was listed.
		r.memory.freeListed(progress.held)
		return r.withdraw(progress, known, refusals[kinds[0]])
	}
	r.noteOddities(progress, l)
	for _, kind := range kinds {
		if failure := refusals[kind]; failure != nil {
			(&heldFile{progress, l, failure}).failed()
		}
	}
	if l.kinds[Screenshot] {
		r.joinPages(row, text, l.assets)
	}
	hopeless := r.hope.askedJob(len(l.kinds) > 0, refusals)
	return errors.Join(r.dispatch(progress, l), hopeless)
}

// isAbsent tells whether each of some kinds was refused since there is nothing that could be asked for.
func isAbsent(kinds []Kind, refusals map[Kind]*Failure) bool {
	for _, kind := range kinds {
		if failure := refusals[kind]; failure == nil || !failure.Absent {
			return false
		}
	}
	return true
}

// withdraw records of what is gone upstream, although it is asked for by its id, that it expired. What is stored of it stays.
func (r *run) withdraw(progress *fileProgress, known *FileState, why error) error {
	row := &progress.row
	r.Observer.Observe(FileAsked{&row.File})
	switch {
	case known == nil:
		failure := &Failure{Class: ClassGone, Final: true, Absent: true, Err: why}
		row.Status, row.Error = Failed, failure.Error()
		hopeless := r.hope.askedJob(false, map[Kind]*Failure{Screenshot: failure})
		return errors.Join(r.send(progress, nil, nil, nil), hopeless)
	case known.Gone:
		r.unchanged(known)
		return nil
	}
	before, err := r.history.FileRow(r.work, row.Key())
	if err != nil {
		return r.ledgerFailed(err)
	}
	return r.vanish(before)
}

// recordPages records the text of the pages of a job, and returns their numbers; nil where that of its date is recorded already.
func (r *run) recordPages(row *FileRow, known *FileState) (text *pageSet, failure *Failure, err error) {
	row.Pages = known.Pages
	if r.plansOnly || known.Pages != nil && !r.Refetch && !isNewer(row.UpdatedAt, known.UpdatedAt, known.AskedAt) {
		return nil, nil, nil
	}
	text = &pageSet{words: map[int32]uint64{}}
	err = r.Source.Pages(r.intake, &row.File, func(page *PageRow) error {
		if err := r.batch.waitForRoom(r.work); err != nil {
			return err
		}
		text.add(page.PageNumber)
		page.Owner = row.Owner()
		r.batch.addPage(page)
		return nil
	})
	if isNone(err) {
		// There are no pictures for the same reason, which listing them says.
		return nil, nil, nil
	}
	if failure, ok := errors.AsType[*Failure](err); ok {
		row.Pages = nil
		return nil, failure, nil
	}
	row.Pages = new(text.count)
	return text, nil, err
}

// attachedAtOnce is how many pages of a file are fetched at once.
const attachedAtOnce = 8

// recordAttachedPages records the text of the pages of a file that an index attached to it, as far as that is new. What cannot be fetched
// is asked for by the next run.
func (r *run) recordAttachedPages(row *FileRow, known *FileState, l *listing) error {
	row.Pages = known.Pages
	isPage := func(a *Asset) bool {
		d := a.Detail()
		return d.NoPicture && d.PageNumber != nil && d.Malformed == nil
	}
	pages := int64(0)
	var mu sync.Mutex
	failed := map[*Asset]*Failure{}
	var fetchers errgroup.Group
	fetchers.SetLimit(attachedAtOnce)
	for _, a := range l.assets {
		if !isPage(a) || r.plansOnly {
			continue
		}
		pages++
		if prior := l.prior[a.Key()]; prior != nil && prior.Status == Skipped && !r.Refetch && !prior.isOutdated(a) && known.Pages != nil {
			continue
		}
		fetchers.Go(func() error {
			page, err := r.Source.Page(r.intake, a)
			if failure, ok := errors.AsType[*Failure](err); ok {
				mu.Lock()
				defer mu.Unlock()
				failed[a] = failure
				return nil
			}
			if err != nil || page == nil {
				return err
			}
			page.Owner = row.Owner()
			if err := r.batch.waitForRoom(r.work); err != nil {
				return err
			}
			r.batch.addPage(page)
			return nil
		})
	}
	if err := fetchers.Wait(); err != nil {
		return err
	}
	if pages > 0 {
		row.Pages = new(pages - int64(len(failed)))
	}
	for a, failure := range failed {
		row.AskedAt = time.Time{}
		if row.Status == Complete {
			row.Status, row.Error = Partial, failure.Error()
		}
		l.assets = slices.DeleteFunc(l.assets, func(other *Asset) bool { return other == a })
	}
	return nil
}

// joinPages counts the pages that have no picture, and the pictures that have no page. Of a text that was recorded before, which is
// nil, it knows the number of pages only.
func (r *run) joinPages(row *FileRow, text *pageSet, assets []*Asset) {
	pictures := pageSet{words: map[int32]uint64{}}
	for _, a := range assets {
		if number := a.Detail().PageNumber; a.Kind == Screenshot && number != nil {
			pictures.add(*number)
		}
	}
	switch {
	case text == nil && row.Pages == nil:
		return
	case text == nil:
		row.MissingPages = new(max(0, *row.Pages-pictures.count))
		return
	}
	row.MissingPages = new(text.without(&pictures))
	r.Observer.Observe(PagesRecorded{&row.File, text.count, *row.MissingPages, pictures.without(text)})
}

// pageSet is a set of numbers of pages, a bit for each, as they are one after the other.
type pageSet struct {
	words map[int32]uint64
	count int64
}

func (s *pageSet) add(number int32) {
	word, bit := number>>6, uint64(1)<<(number&63)
	if s.words[word]&bit == 0 {
		s.words[word] |= bit
		s.count++
	}
}

// without counts the numbers that another set does not have.
func (s *pageSet) without(other *pageSet) (count int64) {
	for word, numbers := range s.words {
		count += int64(bits.OnesCount64(numbers &^ other.words[word]))
	}
	return count
}
