package pipeline

import (
	"context"
	"errors"
	"reflect"
	"time"

	"golang.org/x/sync/errgroup"
)

// fileProgress is a listed file on its way to its row. The lister owns it until the first result is added to the batch,
// the batch from then on.
type fileProgress struct {
	row FileRow
	// pending is how many results with a row are still to come.
	pending int
	// quiet says that nothing was asked of the file, and that what became of it has been told.
	quiet bool
}

// enumerate goes over the source's files, and lists the assets of several at once. Then it looks after those that the ledger has:
// by then all listings have said what they have.
func (r *run) enumerate() error {
	// The listers send jobs, also where a listing panics.
	defer close(r.jobs)
	var seen *sightings
	err := r.withListers(func(list func(func() error)) (err error) {
		seen, err = r.eachListed(func(file *File, places []SourceKey) {
			list(func() error { return r.list(file, places) })
		})
		return err
	})
	if err != nil {
		return err
	}
	r.judge(seen)
	return r.withListers(func(list func(func() error)) error {
		return r.eachKnown(seen, func(k knownFile) error {
			if k.isListed() && !k.row.IsGone() && k.row.Skipped == 0 {
				return r.restate(&k)
			}
			list(func() error { return r.visit(&k) })
			return nil
		})
	})
}

// withListers calls work, which has goroutines list what it finds, and waits for them. An error of any ends the run.
func (r *run) withListers(work func(list func(func() error)) error) error {
	var listers errgroup.Group
	listers.SetLimit(r.Listers)
	defer listers.Wait()
	err := work(func(list func() error) {
		listers.Go(func() error {
			defer r.catch("enumerate", r.stop)
			err := list()
			if err != nil {
				r.stop(err)
			}
			return err
		})
	})
	return errors.Join(err, listers.Wait())
}

// visit decides what becomes of a known file that no listing gave reason to ask for.
func (r *run) visit(k *knownFile) error {
	if !k.isListed() && r.Incremental && !k.row.IsGone() {
		r.Observer.Observe(FileRecalled{&k.row.File})
	}
	asks, err := r.asks(k)
	switch {
	case err != nil:
		return r.ledgerFailed(err)
	case !asks && k.isListed() && k.row.IsGone():
		restored, err := r.restore(k)
		if err != nil || restored {
			return err
		}
		asks = true
	}
	switch {
	case asks:
		return r.list(&k.row.File, k.places)
	case k.isListed():
		return r.restate(k)
	case !r.Incremental:
		return r.miss(k)
	case !k.row.IsGone():
		r.Observer.Observe(FileUnchanged{k.row})
	}
	return nil
}

// list asks for the assets of a file, decides what becomes of each, and sends it on its way.
func (r *run) list(file *File, places []SourceKey) error {
	state, err := r.history.File(r.work, file.Key())
	if err != nil {
		return r.ledgerFailed(err)
	}
	progress := &fileProgress{row: FileRow{
		File: *file, Status: Complete, ListedAt: r.started, AskedAt: r.started, Sources: places,
	}}
	row := &progress.row
	if state == nil {
		state = &FileState{}
	} else {
		row.Sources = r.sourcesNow(places, state.Sources)
		if !state.ListedAt.IsZero() {
			row.ListedAt = state.ListedAt
		}
		if row.UpdatedAt.IsZero() || !state.isAtOnePlace(places) {
			row.UpdatedAt = latest(row.UpdatedAt, state.UpdatedAt)
		}
		if row.ExpiresAt.IsZero() {
			row.ExpiresAt = state.ExpiresAt
		}
	}
	listing, err := r.listAssets(progress, state)
	if err != nil {
		return err
	}
	return r.dispatch(progress, listing, state)
}

// listing is what a file has now, and what the ledger says it had.
type listing struct {
	assets []Asset
	// kinds are those that could be listed, and doubted those that are empty, which is not believed.
	kinds, doubted map[Kind]bool
	prior          map[AssetKey]*Row
}

// listAssets asks for a file's assets. Where they cannot be listed, the file's row says why.
func (r *run) listAssets(progress *fileProgress, state *FileState) (listing, error) {
	l := listing{kinds: map[Kind]bool{}, doubted: map[Kind]bool{}}
	row := &progress.row
	if row.ID == "" {
		row.Status, row.Error = Skipped, ReasonNoFileID
		return l, nil
	}
	id, err := ParseID(row.ID)
	if err != nil {
		row.Status, row.Error = Failed, (&Failure{Class: ClassBadID, Err: err}).Error()
		return l, nil
	}
	for _, kind := range r.Filters.Kinds() {
		assets, err := r.Source.Assets(r.intake, id, kind)
		var failure *Failure
		if errors.As(err, &failure) {
			row.Status = Failed
			if row.Error != "" {
				row.Error += "; "
			}
			row.Error += failure.Error()
			continue
		}
		if err != nil {
			return l, err
		}
		assets = unique(assets)
		count := new(int64(len(assets)))
		known := state.Screenshots
		if kind == Figure {
			known = state.Figures
		}
		belief := r.belief.kind(kind)
		belief.countFull(count)
		if len(assets) == 0 && sum(known) > 0 && !r.AcceptListing && !belief.believesEmpty() {
			count, row.AskedAt = known, time.Time{}
			l.doubted[kind] = true
		} else {
			l.kinds[kind] = true
		}
		if kind == Screenshot {
			row.Screenshots, row.MissingPages = count, state.MissingPages
			if l.kinds[kind] {
				row.MissingPages = new(missingPages(assets))
			}
		} else {
			row.Figures = count
		}
		l.assets = append(l.assets, assets...)
	}
	l.prior, err = r.prior(id)
	return l, err
}

// prior returns what the ledger has of a file's assets.
func (r *run) prior(id ID) (map[AssetKey]*Row, error) {
	rows, err := r.history.Assets(r.work, id)
	if err != nil {
		return nil, r.ledgerFailed(err)
	}
	prior := make(map[AssetKey]*Row, len(rows))
	for _, row := range rows {
		prior[row.Key()] = row
	}
	return prior, nil
}

// ledgerFailed says that the ledger could not be read, unless the run was ended.
func (r *run) ledgerFailed(err error) error {
	if cause := context.Cause(r.intake); cause != nil {
		return cause
	}
	return &StorageError{"read the ledger", err}
}

// unique drops assets that a listing repeats.
func unique(assets []Asset) []Asset {
	seen := make(map[AssetKey]struct{}, len(assets))
	kept := assets[:0]
	for _, a := range assets {
		if _, again := seen[a.Key()]; !again {
			seen[a.Key()] = struct{}{}
			kept = append(kept, a)
		}
	}
	return kept
}

// missingPages counts the gaps in the page numbers of screenshots, which begin with 0 or 1.
func missingPages(screenshots []Asset) int64 {
	first, last, pages := int64(1), int64(0), int64(0)
	for _, a := range screenshots {
		if a.PageIndex >= 0 {
			first, last, pages = min(first, int64(a.PageIndex)), max(last, int64(a.PageIndex)), pages+1
		}
	}
	return max(0, last-first+1-pages)
}

// dispatch plans every asset of the listing and sends it to be fetched or to be recorded.
func (r *run) dispatch(progress *fileProgress, l listing, state *FileState) error {
	file := &progress.row.File
	l.name(&progress.row)
	var rows []*Row
	var jobs []job
	for i := range l.assets {
		asset := &l.assets[i]
		prior := l.prior[asset.Key()]
		delete(l.prior, asset.Key())
		under := prior.under(state)
		stored := prior.standing(asset, file.UpdatedAt, under, r.BySize)
		action, reason := r.Filters.decide(asset, stored, r.Refetch)
		r.Observer.Observe(AssetPlanned{asset, action, reason})
		switch action {
		case ActionFetch:
			jobs = append(jobs, job{asset, prior, stored, under, progress})
		case ActionSkip:
			rows = append(rows, &Row{Asset: *asset, File: file, Status: Skipped, Reason: reason})
		case ActionKeep:
			if row := prior.relisted(asset, file.notAfter(under)); row != nil {
				rows = append(rows, row)
			} else {
				progress.row.add(prior)
			}
		}
	}
	for _, row := range l.missing(r.started) {
		if row.IsGone() {
			r.Observer.Observe(AssetVanished{row})
		} else {
			// Whether it has vanished the next run finds out.
			progress.row.AskedAt = time.Time{}
		}
		rows = append(rows, row)
	}
	for _, row := range l.prior {
		if l.doubted[row.Kind] {
			progress.row.add(row)
		}
	}
	return r.send(progress, rows, jobs)
}

// send sends what becomes of the assets of a file on its way.
func (r *run) send(progress *fileProgress, rows []*Row, jobs []job) error {
	progress.pending = len(rows) + len(jobs)
	if progress.pending == 0 {
		return r.record(result{file: progress})
	}
	for _, row := range rows {
		if err := r.record(result{file: progress, row: row}); err != nil {
			return err
		}
	}
	for _, j := range jobs {
		select {
		case r.jobs <- j:
		case <-r.intake.Done():
			return context.Cause(r.intake)
		}
	}
	return nil
}

// under returns the date of the file under which the asset of a row, which may be nil, was fetched. A row that has none was under
// the one that is known of its file.
func (r *Row) under(state *FileState) time.Time {
	if r == nil || r.File.UpdatedAt.IsZero() {
		return state.UpdatedAt
	}
	return r.File.UpdatedAt
}

// notAfter returns the file as rows have it whose blobs were fetched under an earlier date, zero where it is not known.
func (f *File) notAfter(date time.Time) *File {
	if date.IsZero() || !f.UpdatedAt.After(date) {
		return f
	}
	earlier := *f
	earlier.UpdatedAt = date
	return &earlier
}

// name gives the row of a file the ids and names of the first of its places, where another one is listed now and a row of an asset
// has them.
func (l *listing) name(row *FileRow) {
	if len(row.Sources) == 0 || row.Place() == row.Sources[0] {
		return
	}
	for _, known := range l.prior {
		if known.File.Place() == row.Sources[0] {
			updated, expires := row.UpdatedAt, row.ExpiresAt
			row.File = *known.File
			row.UpdatedAt, row.ExpiresAt = updated, expires
			return
		}
	}
}

// relisted returns the row with what a new listing says of the asset and its file, or nil when that is nothing new.
func (r *Row) relisted(asset *Asset, file *File) *Row {
	row := *r
	row.Asset, row.File, row.Gone = *asset, file, Gone{}
	old, now := *r.File, row.File.recorded()
	if r.isListed() && reflect.DeepEqual(r.Asset, row.Asset) && reflect.DeepEqual(old, now) {
		return nil
	}
	return &row
}

// recorded returns the file as a ledger gives it back with the row of an asset: with timestamps in UTC microseconds, and without what
// only the file's own row has.
func (f *File) recorded() File {
	c := *f
	for _, t := range []*time.Time{&c.CreatedAt, &c.UpdatedAt, &c.DeletedAt} {
		if !t.IsZero() {
			*t = t.UTC().Truncate(time.Microsecond)
		}
	}
	c.ExpiresAt, c.Source = time.Time{}, ""
	return c
}

// missing returns the rows of assets that were listed once and are not any more, of kinds that could be listed. Those that were
// missing before have vanished.
func (l *listing) missing(now time.Time) []*Row {
	var rows []*Row
	for _, row := range l.prior {
		if !l.kinds[row.Kind] || row.IsGone() {
			continue
		}
		if row.MissedAt.IsZero() {
			row.MissedAt = now
		} else {
			row.Gone = Gone{VanishedAt: now}
		}
		rows = append(rows, row)
	}
	return rows
}

// record adds a result that no blob belongs to.
func (r *run) record(res result) error {
	if err := r.batch.waitForRoom(r.work); err != nil {
		return err
	}
	r.batch.add(res)
	return nil
}

// count adds a result to the file's counts.
func (p *fileProgress) count(res result) {
	p.row.add(res.row)
	if res.refetchFailed && p.row.Status == Complete {
		p.row.Status = Partial
	}
}

// add adds an asset's row to its file's counts. Assets that are not listed any more do not count.
func (f *FileRow) add(row *Row) {
	switch {
	case !row.IsCounted():
	case row.Status == Stored:
		f.Stored++
		f.Bytes += row.Content.Size
	case row.Status == Skipped:
		f.Skipped++
	case row.Status == Failed:
		f.Failed++
		if f.Status == Complete {
			f.Status = Partial
		}
	}
}
