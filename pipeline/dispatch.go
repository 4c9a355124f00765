package pipeline

import (
	"context"
	"reflect"
	"strings"
	"time"
)

// dispatch plans every asset of the listing and sends it to be fetched or to be recorded.
func (r *run) dispatch(progress *fileProgress, l listing) error {
	file := &progress.row.File
	if err := r.name(&progress.row); err != nil {
		return err
	}
	var rows []*Row
	all := make([]wanted, 0, len(l.assets))
	older := false
	for i, asset := range l.assets {
		// From now on nothing else holds the asset.
		l.assets[i] = nil
		prior := l.prior[asset.Key()]
		delete(l.prior, asset.Key())
		if failure := asset.Detail().Malformed; failure != nil {
			asset.Details = nil
			row := &Row{Asset: *asset, File: file, Status: Failed, Reason: failure.Error()}
			r.Observer.Observe(AssetDone{Row: row})
			rows = append(rows, row)
			// Any asset of the kind may be the one that cannot be read.
			l.kinds[asset.Kind] = false
			continue
		}
		under := l.under(prior, file)
		stored := prior.standing(asset, file.UpdatedAt, under, r.BySize)
		action, reason := r.Filters.decide(asset, stored, r.Refetch)
		r.Observer.Observe(AssetPlanned{asset, action, reason})
		switch action {
		case ActionFetch, ActionSkip:
			w := wanted{asset: asset}
			if prior != nil {
				w.earlier = &earlier{prior, under}
			}
			all = append(all, w)
		case ActionKeep:
			older = older || prior.standing(asset, file.UpdatedAt, under, false) == dated
			if row := prior.relisted(asset, file.fetchedUnder(under)); row != nil {
				rows = append(rows, row)
			} else {
				progress.row.add(prior)
				progress.ending.otherwise = true
			}
		}
	}
	for _, row := range l.missing(r.started) {
		row.File = file.fetchedUnder(l.under(row, file))
		switch {
		case row.isPruned():
		case row.IsGone():
			r.Observer.Observe(AssetVanished{row})
		default:
			// Whether it has vanished the next run finds out.
			progress.row.AskedAt = time.Time{}
		}
		rows = append(rows, row)
	}
	restated := r.keepUnlisted(progress, l)
	if older && progress.row.Status == Complete {
		progress.row.Error = strings.TrimSuffix(ErrorOlder+"; "+progress.row.Error, "; ")
	}
	r.Observer.Observe(FileAsked{file})
	return r.send(progress, rows, restated, all)
}

// keepUnlisted counts what is known of the kinds that were not listed, and stays. What failed of a kind that nobody asked for, or that
// was refused, is no reason to ask again. It returns the rows that say other things of their file than is listed now.
func (r *run) keepUnlisted(progress *fileProgress, l listing) (restated []*Row) {
	for _, row := range l.prior {
		switch listed, answered := l.kinds[row.Kind]; {
		case listed || !row.IsCounted():
			continue
		case answered:
			progress.row.add(row)
		default:
			progress.row.Counts.add(row)
		}
		if row := l.restated(row, &progress.row.File); row != nil {
			restated = append(restated, row)
		}
		if row.Status == Stored {
			progress.ending.otherwise = true
			r.Observer.Observe(AssetPlanned{&row.Asset, ActionKeep, ""})
		}
	}
	return restated
}

// send sends what becomes of the assets of a file on its way. Its counts have those that are restated already.
func (r *run) send(progress *fileProgress, rows, restated []*Row, all []wanted) error {
	progress.pending = len(rows) + len(restated) + len(all)
	if progress.pending == 0 {
		return r.record(result{file: progress})
	}
	r.batch.expect()
	for _, row := range rows {
		if err := r.record(result{file: progress, row: row}); err != nil {
			return err
		}
	}
	for _, row := range restated {
		if err := r.record(result{file: progress, row: row, counted: true}); err != nil {
			return err
		}
	}
	for i, w := range all {
		// From now on only who fetches the asset holds it.
		all[i] = wanted{}
		if err := r.sendOne(progress, w); err != nil {
			return err
		}
	}
	return nil
}

// sendUnasked sends a file on its way that is not asked for any asset.
func (r *run) sendUnasked(progress *fileProgress) error {
	r.Observer.Observe(FileAsked{&progress.row.File})
	return r.send(progress, nil, nil, nil)
}

// sendOne has an asset fetched, or records that it is skipped.
func (r *run) sendOne(progress *fileProgress, w wanted) error {
	if reason := r.Filters.skipReason(w.asset); reason != "" {
		row := &Row{Asset: *w.asset, File: &progress.row.File, Status: Skipped, Reason: reason}
		return r.record(result{file: progress, row: row})
	}
	select {
	case r.jobs <- job{w, progress}:
		return nil
	case <-r.intake.Done():
		return context.Cause(r.intake)
	}
}

// under returns the date of the file under which the asset of a row, which may be nil, was fetched. A row that has none was under
// the one that is known of its file.
func (r *Row) under(known time.Time) time.Time {
	if r == nil || r.File.UpdatedAt.IsZero() {
		return known
	}
	return r.File.UpdatedAt
}

// fetchedUnder returns the file as rows have it whose blobs were fetched under another date, zero where it is not known.
func (f *File) fetchedUnder(date time.Time) *File {
	if date.IsZero() || f.UpdatedAt.Truncate(time.Microsecond).Equal(date) {
		return f
	}
	other := *f
	other.UpdatedAt = date
	return &other
}

// name gives the row of a file the ids and names of the first of its places, where another one is listed now.
func (r *run) name(row *FileRow) error {
	if len(row.Sources) == 0 || row.Place() == row.Sources[0] {
		return nil
	}
	known, err := r.history.FileRow(r.work, row.Key())
	if err != nil {
		return r.ledgerFailed(err)
	}
	if known == nil || known.Place() != row.Sources[0] {
		return nil
	}
	updated, expires := row.UpdatedAt, row.ExpiresAt
	row.File = known.File
	row.UpdatedAt, row.ExpiresAt = updated, expires
	return nil
}

// relisted returns the row with what a new listing says of the asset and its file, or nil when that is nothing new.
func (r *Row) relisted(asset *Asset, file *File) *Row {
	row := *r
	row.Asset, row.File, row.Gone = *asset, file, Gone{}
	details := asset.Detail()
	if details.Handle, details.Odd = nil, nil; details.Caption == nil {
		// Captions come with the text, which is asked for once.
		details.Caption = r.Detail().Caption
	}
	if !details.UpdatedAt.IsZero() {
		details.UpdatedAt = details.UpdatedAt.UTC().Truncate(time.Microsecond)
	}
	row.Details = details.Ref()
	old, now := *r.File, row.File.recorded()
	if r.isListed() && reflect.DeepEqual(r.Asset, row.Asset) && reflect.DeepEqual(old, now) {
		return nil
	}
	return &row
}

// restated returns the row with what a new listing says of the file alone, or nil when that is nothing new or the asset is gone.
func (l *listing) restated(r *Row, file *File) *Row {
	row := *r
	row.File = file.fetchedUnder(l.under(r, file))
	if r.IsGone() || reflect.DeepEqual(*r.File, row.File.recorded()) {
		return nil
	}
	return &row
}

// recorded returns the file as a ledger gives it back with the row of an asset: see Row.
func (f *File) recorded() File {
	c := File{ID: f.ID, JobID: f.JobID, DirectoryID: f.DirectoryID, DisplayName: f.DisplayName, UpdatedAt: f.UpdatedAt}
	if !c.UpdatedAt.IsZero() {
		c.UpdatedAt = c.UpdatedAt.UTC().Truncate(time.Microsecond)
	}
	return c
}

// missing returns the rows of assets that were listed once and are not any more, of kinds that could be listed. Those that were
// missing before have vanished.
func (l *listing) missing(now time.Time) []*Row {
	var rows []*Row
	for _, row := range l.prior {
		if !l.kinds[row.Kind] || !row.VanishedAt.IsZero() {
			continue
		}
		if row.MissedAt.IsZero() && !row.isMalformed() {
			// One that expired with its file is missing from it, since that is back.
			row.Gone = Gone{MissedAt: now}
		} else {
			row.leave(Gone{VanishedAt: now})
		}
		rows = append(rows, row)
	}
	return rows
}

// leave records that an asset is gone. The row of one that could not be told from others stands for nothing any more, and goes.
func (r *Row) leave(gone Gone) {
	if r.isMalformed() {
		gone = Gone{VanishedAt: latest(gone.VanishedAt, gone.ExpiredAt)}
		r.Status, r.Reason = Skipped, ReasonPruned
	}
	r.Gone = gone
}

// isPruned tells whether the row goes when the run ends.
func (r *Row) isPruned() bool { return r.IsGone() && r.Status == Skipped && r.Reason == ReasonPruned }

// isMalformed tells whether the row is that of an item of which not even the key could be read.
func (r *Row) isMalformed() bool {
	return r.Status == Failed && r.PageIndex < 0 && strings.HasPrefix(r.Reason, ClassMalformed+":")
}

// record adds a result that no blob belongs to.
func (r *run) record(res result) error {
	if err := r.batch.waitForRoom(r.work); err != nil {
		return err
	}
	return r.add(res)
}

// add adds a result to the batch. It returns why the run is hopeless, where the file that ends with it shows that.
func (r *run) add(res result) error {
	if !r.batch.add(res) {
		return nil
	}
	return r.hope.ended(res.file.ending)
}

// count adds a result to the file's counts.
func (p *fileProgress) count(res result) {
	p.row.add(res.row)
	if res.failure == nil {
		p.ending.otherwise = p.ending.otherwise || res.row.Status == Stored
		return
	}
	p.ending.fail(res.failure)
	if p.row.Status == Complete {
		p.row.Status = Partial
	}
}

// add adds an asset's row to its file's counts, and to what its status says.
func (f *FileRow) add(row *Row) {
	f.Counts.add(row)
	if row.IsCounted() && row.Status == Failed && f.Status == Complete {
		f.Status = Partial
	}
}
