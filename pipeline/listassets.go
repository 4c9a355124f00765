package pipeline

import (
	"errors"
	"maps"
	"slices"
	"time"
)

// listing is what a file has now, and what the ledger says it had.
type listing struct {
	assets []*Asset
	// kinds are those that were answered: true where what is not listed is missing, false where what is known stays.
	kinds map[Kind]bool
	prior map[AssetKey]*Row
	// attachments says what came of asking for those.
	attachments attachments
	// knownUnder is the date of the file that is known; zero where none is.
	knownUnder time.Time
	// hasLeft says that the file is no more at one of the places where it was known: none of its assets counts as fetched under a
	// later date than those of the others.
	hasLeft bool
}

// under returns the date of the file under which the asset of a row, which may be nil, was fetched.
func (l *listing) under(row *Row, file *File) time.Time {
	under := row.under(l.knownUnder)
	if l.hasLeft && !file.UpdatedAt.IsZero() && under.After(file.UpdatedAt) {
		under = file.UpdatedAt.Truncate(time.Microsecond)
	}
	return under
}

// listAssets asks for a file's assets. Kinds that cannot be listed are among the refusals; where nothing can be asked for, the
// file's row says why.
func (r *run) listAssets(progress *fileProgress, state *FileState, room *room) (l listing, refusals map[Kind]*Failure, err error) {
	row := &progress.row
	if row.Owner() == (Owner{}) {
		row.Status, row.Error = Skipped, ReasonNoFileID
		return l, nil, nil
	}
	owner, err := row.checkedOwner()
	if err != nil {
		row.Status, row.Error = Failed, (&Failure{Class: ClassBadID, Err: err}).Error()
		return l, nil, nil
	}
	l.kinds, l.knownUnder = map[Kind]bool{}, state.UpdatedAt
	if l.prior, err = r.prior(owner); err != nil {
		return l, nil, err
	}
	refusals = map[Kind]*Failure{}
	for _, kind := range r.Filters.kindsOf(row.IsJob()) {
		assets, err := r.askKind(&row.File, kind, &l, room)
		if none, ok := errors.AsType[*NoAssetsError](err); ok && len(l.kinds) == 0 {
			row.Status, row.Error, row.Counts = Skipped, none.Error(), Counts{}
			return listing{prior: l.prior}, nil, nil
		}
		if failure, ok := errors.AsType[*Failure](err); ok {
			refusals[kind] = failure
			continue
		}
		if err != nil && !isNone(err) {
			return l, nil, err
		}
		// Of what nothing can be asked for, though other kinds can, there is none.
		isList := assets != nil || isNone(err)
		assets = unique(assets)
		count, known := new(countPictures(assets)), state.of(kind)
		r.belief.kind(kind).countFull(count)
		switch {
		case !isList && l.holds(kind):
			l.kinds[kind] = false
		case isList && len(assets) == 0 && sum(known) > 0:
			l.kinds[kind] = r.belief.believesEmpty(kind)
		default:
			l.kinds[kind] = true
		}
		if !l.kinds[kind] {
			count, row.AskedAt = known, time.Time{}
		}
		switch kind {
		case Screenshot:
			row.Screenshots, row.MissingPages = count, state.MissingPages
			if l.kinds[kind] {
				row.MissingPages = new(missingPages(assets))
				progress.superseded = l.supersede(assets)
			}
		case Figure:
			row.Figures = count
		case Document:
			row.Documents = count
		}
		l.assets = append(l.assets, assets...)
	}
	return l, refusals, nil
}

// attachments says what an API has answered for those of a file.
type attachments int

const (
	// notAttached: they were not asked for, or there is no such thing. emptyAttached: there are none. someAttached: they stand in for
	// screenshots.
	notAttached attachments = iota
	emptyAttached
	someAttached
)

// answered returns the kinds for which the routes of the file have answered. Of documents nothing has to be asked.
func (l *listing) answered() map[Kind]bool {
	kinds := maps.Clone(l.kinds)
	if len(kinds) > 1 {
		delete(kinds, Document)
	}
	if l.attachments == someAttached {
		delete(kinds, Screenshot)
	}
	return kinds
}

// isNone tells whether an error says that there is nothing to ask for.
func isNone(err error) bool {
	_, ok := errors.AsType[*NoAssetsError](err)
	return ok
}

// askKind asks for the assets of a kind that a file, or a job, has. Where the routes of a file have no screenshot of it, those count that an
// index attached to it.
func (r *run) askKind(file *File, kind Kind, l *listing, room *room) ([]*Asset, error) {
	if file.IsJob() {
		return r.askAssets(Wanted{file, kind, OriginParse}, room)
	}
	var assets []*Asset
	var err error
	if ceased := r.hope.ceased(kind); ceased != nil {
		err = ceased
	} else {
		assets, err = r.askAssets(Wanted{file, kind, OriginFile}, room)
	}
	failure, isFailure := errors.AsType[*Failure](err)
	switch {
	case kind != Screenshot, len(assets) > 0, l.has(Screenshot, OriginFile), err != nil && !isNone(err) && !(isFailure && failure.Absent):
		return assets, err
	}
	attached, attachedErr := r.askAssets(Wanted{file, kind, OriginAttachment}, room)
	failure, isFailure = errors.AsType[*Failure](attachedErr)
	switch {
	case attachedErr == nil && (len(attached) > 0 || isNone(err)):
		l.attachments = someAttached
		return attached, nil
	case attachedErr == nil:
		l.attachments = emptyAttached
		// That nothing is attached does not take back a refusal.
		return assets, err
	case !isNone(attachedErr) && !(isFailure && failure.Absent):
		return nil, attachedErr
	case l.has(Screenshot, OriginAttachment):
		// What there was is not gone for that.
		return nil, nil
	}
	return assets, err
}

// has tells whether assets of a kind and an origin are known that are not gone.
func (l *listing) has(kind Kind, origin Origin) bool {
	for key, row := range l.prior {
		if key.Kind == kind && key.Origin == origin && !row.IsGone() {
			return true
		}
	}
	return false
}

// supersede takes out of what is known the screenshots that an index had attached, where the routes of the file have some now.
func (l *listing) supersede(screenshots []*Asset) (old []*Row) {
	if len(screenshots) == 0 || screenshots[0].Origin == OriginAttachment {
		return nil
	}
	for key, row := range l.prior {
		if key.Kind == Screenshot && key.Origin == OriginAttachment {
			old = append(old, row)
			delete(l.prior, key)
		}
	}
	return old
}

// countPictures counts the assets that are not listed beside pictures only.
func countPictures(assets []*Asset) (count int64) {
	for _, a := range assets {
		if !a.Detail().NoPicture {
			count++
		}
	}
	return count
}

// askAssets asks for a file's assets of a kind. Where there is no memory for them, what came of them is dropped, and they are asked
// for again when there is.
func (r *run) askAssets(of Wanted, room *room) ([]*Asset, error) {
	before := room.used
	for {
		assets, err := r.Source.Assets(r.intake, of, room.take)
		if err == nil {
			return assets, nil
		}
		room.back(before)
		if !errors.Is(err, errNoRoom) {
			return nil, err
		}
		if err := room.grow(r.intake); err != nil {
			return nil, err
		}
	}
}

// holds tells whether assets of a kind are known that are not gone.
func (l *listing) holds(kind Kind) bool {
	for _, row := range l.prior {
		if row.Kind == kind && !row.IsGone() {
			return true
		}
	}
	return false
}

// prior returns what the ledger has of the assets of an owner.
func (r *run) prior(of Owner) (map[AssetKey]*Row, error) {
	rows, err := r.history.Assets(r.work, of)
	if err != nil {
		return nil, r.ledgerFailed(err)
	}
	prior := make(map[AssetKey]*Row, len(rows))
	for _, row := range rows {
		prior[row.Key()] = row
	}
	return prior, nil
}

// unique drops assets that a listing repeats.
func unique(assets []*Asset) []*Asset {
	compare := func(a, b *Asset) int { return a.Key().Compare(b.Key()) }
	sorted := assets
	if !slices.IsSortedFunc(sorted, compare) {
		sorted = slices.Clone(assets)
		slices.SortStableFunc(sorted, compare)
	}
	again := map[*Asset]bool{}
	for i := 1; i < len(sorted); i++ {
		if compare(sorted[i-1], sorted[i]) == 0 {
			again[sorted[i]] = true
		}
	}
	if len(again) == 0 {
		return assets
	}
	return slices.DeleteFunc(assets, func(a *Asset) bool { return again[a] })
}

// missingPages counts the gaps in the page numbers of screenshots, which begin with 0 or 1.
func missingPages(screenshots []*Asset) int64 {
	first, last, pages := int64(1), int64(0), int64(0)
	for _, a := range screenshots {
		if a.PageIndex >= 0 && !a.Detail().NoPicture {
			first, last, pages = min(first, int64(a.PageIndex)), max(last, int64(a.PageIndex)), pages+1
		}
	}
	return max(0, last-first+1-pages)
}
