package pipeline

import (
	"context"
	"slices"
	"time"
)

// knownFile is a file of the ledger that no listing gave reason to ask for.
type knownFile struct {
	row *FileRow
	// places are the listings that have it: none where it is not listed.
	places []SourceKey
	// expiresAt is when it goes, as far as is known now. updatedAt is the newest of its dates where it is listed.
	expiresAt, updatedAt time.Time
	// named is what the first of the places says of it; nothing where that is what is known.
	named named
	// isDue says that its time has come, whether or not it is listed.
	isDue bool
}

// eachKnown calls visit for the files of the ledger that are not asked for, but for those of which there is nothing to say: they are told
// to stay.
func (r *run) eachKnown(seen *sightings, stay func(*FileState), visit func(knownFile) error) error {
	for k, err := range r.history.Known(r.work) {
		if err == nil {
			err = context.Cause(r.intake)
		}
		if err != nil {
			return r.ledgerFailed(err)
		}
		number, _ := seen.find(k.Key)
		e := seen.at(number)
		switch {
		case e.flags.has(isAsked | isLeftOut), e.places == 0 && r.isTrial():
			// Nobody knows what else there is.
			continue
		case r.stays(seen, number, k):
			if e.places == 0 {
				r.Observer.Observe(FileRecalled{&File{
					ID: k.Key.FileID, JobID: k.Key.JobID, DirectoryFileID: k.Key.DirectoryFileID, ExpiresAt: k.ExpiresAt,
				}})
			}
			stay(&k.FileState)
			continue
		}
		row, err := k.Row()
		if err != nil {
			return r.ledgerFailed(err)
		}
		known := knownFile{
			row, seen.places(number), seen.expiry(number, seen.listedExpiry(number)), seen.updatedAt(number), seen.names[number],
			r.asksAll() || e.flags.has(isDue),
		}
		if err := visit(known); err != nil {
			return err
		}
	}
	return nil
}

// stays tells whether there is nothing to ask or to record of a file, as far as that shows without its row and those of its assets: it is
// listed as it is known, or need not be, and what was decided of its assets would be decided now.
func (r *run) stays(seen *sightings, number uint32, k *KnownFile) bool {
	e := seen.at(number)
	if e.flags.has(isGone|isMissed|isUnreadable) || k.HasError || k.Skipped > 0 && k.Decided != r.digest {
		return false
	}
	if e.places == 0 {
		return r.Incremental && !r.asksAll() && !e.flags.has(isDue)
	}
	_, isDated := seen.dates[number]
	_, isNamed := seen.names[number]
	expires := !seen.expiry(number, seen.listedExpiry(number)).Equal(k.ExpiresAt)
	_, isMissedSomewhere := seen.missedIn[number]
	return e.places == e.sources && !isDated && !isNamed && !expires && !isMissedSomewhere
}

func (k *knownFile) isListed() bool { return len(k.places) > 0 }

// asks tells whether the assets of a known file have to be listed all the same: for other filters, or because it is not listed, but
// its time has come.
func (r *run) asks(k *knownFile) (bool, error) {
	if r.lacksOffered(k.row) && !k.row.IsGone() {
		return true, nil
	}
	if !k.isListed() {
		if !r.Incremental || k.row.IsGone() || k.row.isMalformed() {
			return false, nil
		}
		if k.isDue {
			return true, nil
		}
	}
	switch {
	case k.row.isOlder() && !k.row.isWithoutKind() && slices.ContainsFunc(r.Filters.kindsOf(k.row.IsJob()), k.row.isUnknown):
		return true, nil
	case !k.row.isOlder() && (k.row.Skipped == 0 || r.isDecided(k.row)):
		return false, nil
	}
	// Only the rows of assets say why they were skipped, and which of them are older.
	rows, err := r.history.Assets(r.work, k.row.Owner())
	return slices.ContainsFunc(rows, func(row *Row) bool { return r.decidesAnew(row, k.row.UpdatedAt) }), err
}

// isDecided tells whether the filters of this run decided what becomes of the assets of a file, all of which could be listed then.
func (r *run) isDecided(f *FileRow) bool {
	return f.Status == Complete && f.Error == "" && f.Decided == r.digest
}

// lacksOffered tells whether a file is complete without a kind for which another one has answered in this run.
func (r *run) lacksOffered(f *FileRow) bool {
	return f.isWithoutKind() && slices.ContainsFunc(r.Filters.kindsOf(f.IsJob()), func(kind Kind) bool {
		return f.isUnknown(kind) && r.hope.isAnswered(kind)
	})
}

// maxProbes is how many files without a kind are asked in a run, one after the other, only to learn whether it is offered now.
const maxProbes = 3

// probes tells whether a known file is one of these.
func (r *run) probes(k *knownFile) bool {
	if r.probed == maxProbes || !k.isListed() || k.row.IsGone() || !k.row.isWithoutKind() || r.lacksOffered(k.row) {
		return false
	}
	r.probed++
	return true
}

// decidesAnew tells whether a listed asset was skipped, and would not be for the same reason now, or is stored as it was before the
// date of its file, and would be fetched now.
func (r *run) decidesAnew(row *Row, updated time.Time) bool {
	if !row.isListed() || !slices.Contains(r.Filters.Kinds(), row.Kind) {
		return false
	}
	switch row.Status {
	case Skipped:
		return row.Reason != r.Filters.skipReason(&row.Asset)
	case Stored:
		stored := row.standing(&row.Asset, updated, row.under(updated), r.BySize)
		action, _ := r.Filters.decide(&row.Asset, stored, false)
		return action == ActionFetch
	}
	return false
}

// placesNow returns where a file is to be found: where it is listed, and where it was known and not two complete listings in a row
// lack it. Those are among missedIn that the last one did not have, and are returned as such now.
func (r *run) placesNow(listed, known, missedIn []SourceKey) (places, missedNow []SourceKey) {
	if slices.Equal(listed, known) {
		return known, nil
	}
	for _, key := range known {
		missed := slices.Contains(missedIn, key)
		switch counts := r.belief.counts(key); {
		case slices.Contains(listed, key), counts && missed:
			continue
		case counts || missed:
			missedNow = append(missedNow, key)
		}
		places = append(places, key)
	}
	return union(listed, places), missedNow
}

// restate records what the listings say of a file of which nothing has to be asked. Most often that is nothing new.
func (r *run) restate(k *knownFile) error {
	now := *k.row
	r.place(&now, k.places)
	now.ExpiresAt = k.expiresAt
	if !k.updatedAt.IsZero() && slices.Equal(now.Sources, k.places) {
		// All that is said of it is that.
		now.UpdatedAt = k.updatedAt
	}
	r.unchanged(now.State())
	isNamed, isDated := k.nameAfter(&now), !now.UpdatedAt.Equal(k.row.UpdatedAt)
	r.confirm(&now)
	if k.row.isListed() && now.ExpiresAt.Equal(k.row.ExpiresAt) && now.isPlacedAs(k.row) && !isNamed && !isDated && now.Decided == k.row.Decided {
		return nil
	}
	progress := &fileProgress{row: now, quiet: true}
	l := listing{knownUnder: k.row.UpdatedAt, hasLeft: isLess(now.Sources, k.row.Sources)}
	if !isNamed && !(isDated && l.hasLeft) {
		return r.record(result{file: progress})
	}
	rows, err := r.restateAssets(progress, &l)
	if err != nil {
		return err
	}
	return r.send(progress, nil, rows, nil)
}

// confirm records of a file whose assets would be skipped now for the reasons for which they were that the filters of this run decided so.
// It tells whether that is new.
func (r *run) confirm(f *FileRow) bool {
	if f.Skipped == 0 || f.Status != Complete || f.Error != "" || f.Decided == r.digest {
		return false
	}
	f.Decided = r.digest
	return true
}

// restateAssets returns the rows of a file's assets that say other things of it than it does now.
func (r *run) restateAssets(progress *fileProgress, l *listing) (rows []*Row, err error) {
	prior, err := r.history.Assets(r.work, progress.row.Owner())
	if err != nil {
		return nil, r.ledgerFailed(err)
	}
	for _, row := range prior {
		if row = l.restated(row, &progress.row.File); row != nil {
			rows = append(rows, row)
		}
	}
	return rows, nil
}

// restore takes a file back that was gone and is listed as it was known, with the assets that went with it. It returns false where
// the ledger does not have all of them, or other filters are to be heeded.
func (r *run) restore(k *knownFile) (bool, error) {
	prior, err := r.history.Assets(r.work, k.row.Owner())
	if err != nil {
		return false, r.ledgerFailed(err)
	}
	progress := &fileProgress{row: *k.row, quiet: true}
	now := &progress.row
	r.place(now, k.places)
	now.ExpiresAt = k.expiresAt
	k.nameAfter(now)
	now.clear()
	var rows []*Row
	listed := int64(0)
	for _, row := range prior {
		if row.since().Before(k.row.since()) {
			continue
		}
		row.Gone, row.File = Gone{}, now.File.fetchedUnder(row.under(k.row.UpdatedAt))
		if r.decidesAnew(row, k.row.UpdatedAt) {
			return false, nil
		}
		if rows = append(rows, row); now.of(row.Kind) != nil {
			listed++
		}
	}
	counted := *now
	for _, row := range rows {
		counted.add(row)
	}
	if counted.Status != Complete || listed != sum(counted.Screenshots, counted.Figures) {
		return false, nil
	}
	r.unchanged(counted.State())
	return true, r.send(progress, rows, nil, nil)
}

// since returns when it went, or zero.
func (g Gone) since() time.Time { return latest(g.VanishedAt, g.ExpiredAt) }

func sum(counts ...*int64) (all int64) {
	for _, count := range counts {
		if count != nil {
			all += *count
		}
	}
	return all
}

// miss looks after a file that no listing has. One that was missing before as well is gone.
func (r *run) miss(k *knownFile) error {
	missing, wasMissed := r.belief.countsAll(k.row.Sources), !k.row.MissedAt.IsZero()
	switch {
	case k.row.IsGone():
		return nil
	case missing && wasMissed && r.isListedAfter(k.row.MissedAt):
		return r.vanish(k.row)
	}
	now := *k.row
	if err := r.recount(&now); err != nil {
		return err
	}
	if missing && !wasMissed {
		now.MissedIn, now.MissedAt = nil, r.listedAt()
		r.Observer.Observe(FileMissed{&now.File})
	} else if missing {
		// It is the listing by which it was missed.
		if now.Counts == k.row.Counts {
			return nil
		}
	} else {
		// It may be nowhere but in some of the places where it was known.
		now.Sources, now.MissedIn = r.placesNow(nil, k.row.Sources, k.row.missedIn())
		if now.Counts == k.row.Counts && now.ListedAt.Equal(k.row.ListedAt) && now.isPlacedAs(k.row) {
			return nil
		}
	}
	return r.record(result{file: &fileProgress{row: now, quiet: true}})
}

// listedAt returns when the listings were made.
func (r *run) listedAt() time.Time {
	if r.ListedAt.IsZero() {
		return r.started
	}
	return r.ListedAt
}

// isListedAfter tells whether the listings were made after one by which a file was missed. Those of the run itself were, whatever clocks say.
func (r *run) isListedAfter(missedAt time.Time) bool {
	return r.ListedAt.IsZero() || r.ListedAt.After(missedAt)
}

// isPlacedAs tells whether two rows of a file name the same listings.
func (f *FileRow) isPlacedAs(other *FileRow) bool {
	return slices.Equal(f.Sources, other.Sources) && slices.Equal(f.MissedIn, other.MissedIn)
}

// recount counts the assets of a file anew that an earlier run was killed at.
func (r *run) recount(f *FileRow) error {
	if f.Status == Complete {
		return nil
	}
	if f.ListedAt.IsZero() {
		f.ListedAt = r.started
	}
	assets, err := r.history.Assets(r.work, f.Owner())
	if err != nil {
		return r.ledgerFailed(err)
	}
	f.clear()
	for _, row := range assets {
		f.add(row)
	}
	return nil
}

// place records where a file is that is listed in some places.
func (r *run) place(f *FileRow, places []SourceKey) {
	known := f.Sources
	if f.IsGone() {
		known = nil
	}
	f.Sources, f.MissedIn = r.placesNow(places, known, f.missedIn())
	f.Gone = Gone{}
}

// vanish records that a file and all of its assets are gone: vanished, or by themselves where their time had come, as that of jobs does. How
// many of each kind were listed stays known, for the case that it comes back.
func (r *run) vanish(row *FileRow) error {
	gone := Gone{VanishedAt: r.started}
	if row.IsJob() || hasPassed(row.ExpiresAt, r.started) {
		gone = Gone{ExpiredAt: r.started}
		r.Observer.Observe(FileExpired{&row.File})
	} else {
		r.Observer.Observe(FileVanished{&row.File})
	}
	progress := &fileProgress{row: *row, quiet: true}
	progress.row.Gone, progress.row.MissedIn = gone, nil
	progress.row.clear()
	var rows []*Row
	if owner, err := row.checkedOwner(); err == nil {
		assets, err := r.history.Assets(r.work, owner)
		if err != nil {
			return r.ledgerFailed(err)
		}
		for _, asset := range assets {
			if asset.IsGone() {
				continue
			}
			asset.leave(gone)
			if !asset.isPruned() && !gone.VanishedAt.IsZero() {
				r.Observer.Observe(AssetVanished{asset})
			}
			rows = append(rows, asset)
		}
	}
	return r.send(progress, rows, nil, nil)
}

// isMalformed tells whether the row is that of an item of which not even the file_id could be read.
func (f *FileRow) isMalformed() bool { return f.Owner() == (Owner{}) && f.Status == Failed }

// isMalformed is that of the row of a file with the key.
func (s *FileState) isMalformed(key FileKey) bool {
	return key.FileID == "" && !key.IsJob() && s.Status == Failed
}

// drop records that the row of a file that could not be told from others is to go when the run ends, once its source was listed
// completely without it: it may have been any file, and stands for none any more.
func (r *run) drop(row *FileRow) error {
	if row.IsGone() || !r.belief.countsAll(row.Sources) {
		return nil
	}
	now := *row
	now.Status, now.Error, now.Gone = Skipped, ReasonPruned, Gone{VanishedAt: r.started}
	return r.record(result{file: &fileProgress{row: now, quiet: true}})
}
