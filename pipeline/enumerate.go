package pipeline

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"strings"
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
		seen, err = r.eachListed(func(f *listedFile) {
			list(func() error { return r.list(f) })
		})
		return err
	})
	if err != nil {
		return err
	}
	r.judge(seen)
	err = r.withListers(func(list func(func() error)) error {
		return r.eachKnown(seen, func(k knownFile) error {
			if k.isListed() && !k.row.IsGone() && k.row.Skipped == 0 {
				return r.restate(&k)
			}
			list(func() error { return r.visit(&k) })
			return nil
		})
	})
	if err != nil {
		return err
	}
	decided, hopeless := r.hope.end()
	if err := r.dispatchAll(decided, (*heldFile).withoutKind); err != nil {
		return err
	}
	for _, event := range r.hope.events() {
		r.Observer.Observe(event)
	}
	return hopeless
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
	if k.row.isMalformed() {
		return r.drop(k.row)
	}
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
		return r.list(&listedFile{file: &k.row.File, places: k.places})
	case k.isListed():
		return r.restate(k)
	case !r.Incremental:
		return r.miss(k)
	case !k.row.IsGone():
		r.unchanged(k.row)
	}
	return nil
}

// unchanged tells of a file of which nothing was asked.
func (r *run) unchanged(row *FileRow) {
	r.hope.unchanged()
	r.Observer.Observe(FileUnchanged{row})
}

// list asks for the assets of a file, decides what becomes of each, and sends it on its way.
func (r *run) list(f *listedFile) error {
	progress := &fileProgress{row: FileRow{
		File: *f.file, Status: Complete, ListedAt: r.started, AskedAt: r.started, Sources: f.places,
	}}
	row := &progress.row
	if f.malformed != nil {
		row.Status, row.Error = Failed, f.malformed.Error()
		return r.send(progress, nil, nil)
	}
	state, err := r.history.File(r.work, row.Key())
	if err != nil {
		return r.ledgerFailed(err)
	}
	if state == nil {
		state = &FileState{}
	} else {
		row.Sources = r.sourcesNow(f.places, state.Sources)
		if !state.ListedAt.IsZero() {
			row.ListedAt = state.ListedAt
		}
		if row.UpdatedAt.IsZero() || !state.isAtOnePlace(f.places) {
			row.UpdatedAt = latest(row.UpdatedAt, state.UpdatedAt)
		}
		if row.ExpiresAt.IsZero() {
			row.ExpiresAt = state.ExpiresAt
		}
	}
	l, refusals, err := r.listAssets(progress, state)
	if err != nil {
		return err
	}
	r.noteOddities(progress, l)
	decided, hopeless := r.hope.asked(l.kinds, refusals)
	if err := r.dispatchAll(decided, (*heldFile).failed); err != nil {
		return err
	}
	for _, kind := range r.Filters.Kinds() {
		failure := refusals[kind]
		if failure == nil {
			continue
		}
		f := heldFile{progress, l, failure}
		if !failure.Absent || len(l.kinds) == 0 {
			f.failed()
			continue
		}
		decided, offered := r.hope.hold(kind, f)
		if offered {
			return r.dispatchAll(decided, (*heldFile).failed)
		}
		return r.dispatchAll(decided, (*heldFile).withoutKind)
	}
	return errors.Join(r.dispatch(progress, l), hopeless)
}

// noteOddities tells of fields that were taken for null, and makes the file's row name them. It is asked again.
func (r *run) noteOddities(progress *fileProgress, l listing) {
	row := &progress.row
	odd := row.Odd
	row.Odd = nil
	for i := range l.assets {
		odd = append(odd, l.assets[i].Odd...)
		l.assets[i].Odd = nil
	}
	if len(odd) == 0 {
		return
	}
	var names []string
	for _, o := range odd {
		r.Observer.Observe(FieldOdd{&row.File, o})
		if !slices.Contains(names, o.Field) {
			names = append(names, o.Field)
		}
	}
	row.AskedAt = time.Time{}
	if row.Status == Complete {
		row.Error = ClassOdd + ": values that make no sense were taken for null: " + strings.Join(names, ", ")
	}
}

// dispatchAll sends files on their way that waited for what becomes of them.
func (r *run) dispatchAll(files []heldFile, decide func(*heldFile)) error {
	for i := range files {
		decide(&files[i])
		if err := r.dispatch(files[i].progress, files[i].listing); err != nil {
			return err
		}
	}
	return nil
}

// listing is what a file has now, and what the ledger says it had.
type listing struct {
	assets []Asset
	// kinds are those that were answered: true where what is not listed is missing, false where what is known stays.
	kinds map[Kind]bool
	prior map[AssetKey]*Row
	// knownUnder is the date of the file that is known; zero where none is.
	knownUnder time.Time
}

// listAssets asks for a file's assets. Kinds that cannot be listed are among the refusals; where nothing can be asked for, the
// file's row says why.
func (r *run) listAssets(progress *fileProgress, state *FileState) (l listing, refusals map[Kind]*Failure, err error) {
	row := &progress.row
	if row.ID == "" {
		row.Status, row.Error = Skipped, ReasonNoFileID
		return l, nil, nil
	}
	id, err := ParseID(row.ID)
	if err != nil {
		row.Status, row.Error = Failed, (&Failure{Class: ClassBadID, Err: err}).Error()
		return l, nil, nil
	}
	l.kinds, l.knownUnder = map[Kind]bool{}, state.UpdatedAt
	if l.prior, err = r.prior(id); err != nil {
		return l, nil, err
	}
	for _, kind := range r.Filters.Kinds() {
		assets, err := r.Source.Assets(r.intake, id, kind)
		if none, ok := errors.AsType[*NoAssetsError](err); ok {
			row.Status, row.Error = Skipped, none.Error()
			return listing{}, nil, nil
		}
		if failure, ok := errors.AsType[*Failure](err); ok {
			if refusals == nil {
				refusals = map[Kind]*Failure{}
			}
			refusals[kind] = failure
			continue
		}
		if err != nil {
			return l, nil, err
		}
		isList := assets != nil
		assets = unique(assets)
		count := new(int64(len(assets)))
		known := state.Screenshots
		if kind == Figure {
			known = state.Figures
		}
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
	return l, refusals, nil
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
func (r *run) dispatch(progress *fileProgress, l listing) error {
	file := &progress.row.File
	l.name(&progress.row)
	var rows []*Row
	var jobs []job
	for i := range l.assets {
		asset := &l.assets[i]
		prior := l.prior[asset.Key()]
		delete(l.prior, asset.Key())
		if failure := asset.Malformed; failure != nil {
			asset.Malformed = nil
			row := &Row{Asset: *asset, File: file, Status: Failed, Reason: failure.Error()}
			r.Observer.Observe(AssetDone{Row: row})
			rows = append(rows, row)
			// Any asset of the kind may be the one that cannot be read.
			l.kinds[asset.Kind] = false
			continue
		}
		under := prior.under(l.knownUnder)
		stored := prior.standing(asset, file.UpdatedAt, under, r.BySize)
		action, reason := r.Filters.decide(asset, stored, r.Refetch)
		r.Observer.Observe(AssetPlanned{asset, action, reason})
		switch action {
		case ActionFetch:
			jobs = append(jobs, job{asset, prior, stored, under, progress})
		case ActionSkip:
			rows = append(rows, &Row{Asset: *asset, File: file, Status: Skipped, Reason: reason})
		case ActionKeep:
			if row := prior.relisted(asset, file.fetchedUnder(under)); row != nil {
				rows = append(rows, row)
			} else {
				progress.row.add(prior)
			}
		}
	}
	for _, row := range l.missing(r.started) {
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
	for _, row := range l.prior {
		if listed, answered := l.kinds[row.Kind]; answered && !listed {
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
	c.ExpiresAt = time.Time{}
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
		if row.MissedAt.IsZero() && !row.isMalformed() {
			row.MissedAt = now
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
