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
	// expiresAt is when it expires as it is listed now; zero where that is nothing new.
	expiresAt time.Time
}

// eachKnown calls visit for the files of the ledger that are not asked for.
func (r *run) eachKnown(seen *sightings, visit func(knownFile) error) error {
	for row, err := range r.history.Files(r.work) {
		if err == nil {
			err = context.Cause(r.intake)
		}
		if err != nil {
			return r.ledgerFailed(err)
		}
		key := row.Key()
		if seen.files[key].asked {
			continue
		}
		places, listed := seen.places(key)
		if !listed && r.Limit > 0 {
			// Nobody knows what comes behind the limit.
			continue
		}
		if err := visit(knownFile{row, places, seen.expiries[key]}); err != nil {
			return err
		}
	}
	return nil
}

func (k *knownFile) isListed() bool { return len(k.places) > 0 }

// asks tells whether the assets of a known file have to be listed all the same: for other filters, or because it is not listed, but
// its time has come.
func (r *run) asks(k *knownFile) (bool, error) {
	if !k.isListed() {
		if !r.Incremental || k.row.IsGone() || k.row.isMalformed() {
			return false, nil
		}
		if state, err := r.history.File(r.work, k.row.Key()); err != nil || r.needsAsking(&k.row.File, nil, state) {
			return true, err
		}
	}
	// Only the rows of assets say why they were skipped.
	if k.row.Skipped == 0 {
		return false, nil
	}
	rows, err := r.history.Assets(r.work, ID(k.row.ID))
	return slices.ContainsFunc(rows, r.skipDiffers), err
}

// skipDiffers tells whether a listed asset was skipped, and would not be for the same reason now.
func (r *run) skipDiffers(row *Row) bool {
	return row.isListed() && row.Status == Skipped && row.Reason != r.Filters.skipReason(&row.Asset)
}

// sourcesNow returns where a file is to be found: where it is listed, and where it was known and nobody can tell that it is not.
func (r *run) sourcesNow(listed, known []SourceKey) []SourceKey {
	return union(listed, slices.DeleteFunc(slices.Clone(known), r.belief.counts))
}

// restate records what the listings say of a file of which nothing has to be asked. Most often that is nothing new.
func (r *run) restate(k *knownFile) error {
	now := *k.row
	now.Sources, now.Gone = r.sourcesNow(k.places, k.row.Sources), Gone{}
	if !k.expiresAt.IsZero() {
		now.ExpiresAt = k.expiresAt
	}
	r.unchanged(&now)
	if k.row.isListed() && k.expiresAt.IsZero() && slices.Equal(now.Sources, k.row.Sources) {
		return nil
	}
	return r.record(result{file: &fileProgress{row: now, quiet: true}})
}

// restore takes a file back that was gone and is listed as it was known, with the assets that went with it. It returns false where
// the ledger does not have all of them, or other filters are to be heeded.
func (r *run) restore(k *knownFile) (bool, error) {
	prior, err := r.history.Assets(r.work, ID(k.row.ID))
	if err != nil {
		return false, r.ledgerFailed(err)
	}
	progress := &fileProgress{row: *k.row, quiet: true}
	now := &progress.row
	now.Sources, now.Gone = r.sourcesNow(k.places, k.row.Sources), Gone{}
	now.clear()
	var rows []*Row
	for _, row := range prior {
		if row.since().Before(k.row.since()) {
			continue
		}
		row.Gone = Gone{}
		if r.skipDiffers(row) {
			return false, nil
		}
		rows = append(rows, row)
	}
	counted := *now
	for _, row := range rows {
		counted.add(row)
	}
	if counted.Status != Complete || counted.Stored+counted.Skipped != sum(counted.Screenshots, counted.Figures) {
		return false, nil
	}
	r.unchanged(&counted)
	return true, r.send(progress, rows, nil)
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
	if k.row.IsGone() {
		return nil
	}
	if left := r.sourcesNow(nil, k.row.Sources); len(left) > 0 {
		return r.leaveTo(k.row, left)
	}
	if !k.row.MissedAt.IsZero() {
		return r.vanish(k.row)
	}
	now := *k.row
	now.MissedAt = r.started
	r.Observer.Observe(FileMissed{&now.File})
	return r.record(result{file: &fileProgress{row: now, quiet: true}})
}

// leaveTo records that a file may be nowhere but in some of the listings where it was known. Most often that is nothing new.
func (r *run) leaveTo(row *FileRow, left []SourceKey) error {
	if slices.Equal(left, row.Sources) {
		return nil
	}
	now := *row
	now.Sources = left
	return r.record(result{file: &fileProgress{row: now, quiet: true}})
}

// vanish records that a file and all of its assets are gone: vanished, or by themselves where their time had come. How many of each
// kind were listed stays known, for the case that it comes back.
func (r *run) vanish(row *FileRow) error {
	gone := Gone{VanishedAt: r.started}
	if hasPassed(row.ExpiresAt, r.started) {
		gone = Gone{ExpiredAt: r.started}
		r.Observer.Observe(FileExpired{&row.File})
	} else {
		r.Observer.Observe(FileVanished{&row.File})
	}
	progress := &fileProgress{row: *row, quiet: true}
	progress.row.Gone = gone
	progress.row.clear()
	var rows []*Row
	if id, err := ParseID(row.ID); err == nil {
		assets, err := r.history.Assets(r.work, id)
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
	return r.send(progress, rows, nil)
}

// isMalformed tells whether the row is that of an item of which not even the file_id could be read.
func (f *FileRow) isMalformed() bool { return f.ID == "" && f.Status == Failed }

// isMalformed is that of the row of a file with the key.
func (s *FileState) isMalformed(key FileKey) bool { return key.FileID == "" && s.Status == Failed }

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

// clear makes the counts by status those of no asset.
func (c *Counts) clear() { c.Stored, c.Skipped, c.Failed, c.Bytes = 0, 0, 0, 0 }
