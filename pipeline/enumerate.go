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
}

// enumerate goes over the source's files, and lists the assets of several at once.
func (r *run) enumerate() error {
	// The listers send jobs, also where eachFile panics.
	defer close(r.jobs)
	if err := r.listAll(); err != nil {
		return err
	}
	decided, err := r.hope.end()
	for _, f := range decided {
		f.withoutKind()
		if err := r.dispatch(f.progress, f.listing); err != nil {
			return err
		}
	}
	for _, event := range r.hope.events() {
		r.Observer.Observe(event)
	}
	return err
}

// listAll lists the assets of all files.
func (r *run) listAll() error {
	var listers errgroup.Group
	listers.SetLimit(r.Listers)
	defer listers.Wait()
	err := r.eachFile(func(f *File, failure *Failure) {
		listers.Go(func() error {
			defer r.catch("enumerate", r.stop)
			err := r.list(f, failure)
			if err != nil {
				r.stop(err)
			}
			return err
		})
	})
	return errors.Join(err, listers.Wait())
}

// eachFile calls f for every file of the source, and then looks after those that the ledger has and the source has not.
func (r *run) eachFile(f func(*File, *Failure)) error {
	seen, err := r.eachListed(f)
	if err != nil || !r.listsAll() {
		return err
	}
	return r.eachUnlisted(seen, f)
}

// listsAll tells whether a listing that comes to its end says which files are not listed.
func (o *Options) listsAll() bool { return o.Limit == 0 }

// limited tells whether as many files as are asked for have been listed.
func (o *Options) limited(seen map[FileKey]struct{}) bool { return o.Limit > 0 && len(seen) >= o.Limit }

// eachListed calls f for every file of the source, once however often it is listed, and returns their keys. It ends at the limit.
// The failure is that of an item of which not even the file_id can be read. What ends a listing is its outcome; it is an error where
// no listing came to its end.
func (r *run) eachListed(f func(*File, *Failure)) (seen map[FileKey]struct{}, err error) {
	seen = map[FileKey]struct{}{}
	for _, l := range r.Source.Listings(r.intake) {
		if r.limited(seen) {
			break
		}
		outcome := SourceOutcome{Key: l.Key}
		for file, err := range l.Files {
			failure, malformed := errors.AsType[*Failure](err)
			ended, failed := errors.AsType[*SourceError](err)
			if err == nil || malformed || failed {
				err = context.Cause(r.intake)
			}
			if err != nil {
				return nil, err
			}
			if failed {
				outcome.Err = ended
				break
			}
			outcome.Files++
			if malformed {
				outcome.Malformed++
			}
			if _, again := seen[file.Key()]; again {
				continue
			}
			seen[file.Key()] = struct{}{}
			r.Observer.Observe(FileListed{&file})
			f(&file, failure)
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
	if r.listsAll() && isComplete(r.sources) {
		r.Observer.Observe(FilesComplete{})
	}
	return seen, nil
}

// eachUnlisted goes over the ledger's files that are not among those seen. They have vanished, unless the source lists
// only what was updated: then they are as they were. Where a listing is not complete, nobody knows: a row names the place where
// the file was listed first, and there may be others.
func (r *run) eachUnlisted(seen map[FileKey]struct{}, f func(*File, *Failure)) error {
	complete := isComplete(r.sources)
	if !complete && !r.Incremental {
		return nil
	}
	for row, err := range r.history.Files(r.work) {
		if err == nil {
			err = context.Cause(r.intake)
		}
		if err != nil {
			return r.ledgerFailed(err)
		}
		if _, listed := seen[row.Key()]; listed || !row.VanishedAt.IsZero() {
			continue
		}
		switch {
		case row.isMalformed():
			// It may have been any file, and stands for none any more.
			if !r.Incremental {
				if err := r.drop(row); err != nil {
					return err
				}
			}
			continue
		case r.Incremental:
			r.Observer.Observe(FileRecalled{&row.File})
			f(&row.File, nil)
			continue
		}
		if err := r.vanish(row); err != nil {
			return err
		}
	}
	return nil
}

// isMalformed tells whether the row is that of an item of which not even the file_id could be read.
func (f *FileRow) isMalformed() bool { return f.ID == "" && f.Status == Failed }

// drop records that a file's row is to go when the run ends.
func (r *run) drop(row *FileRow) error {
	progress := &fileProgress{row: *row}
	progress.row.Status, progress.row.Error, progress.row.VanishedAt = Skipped, ReasonPruned, time.Now()
	return r.record(result{file: progress})
}

// vanish records that a file and all of its assets are not listed any more.
func (r *run) vanish(row *FileRow) error {
	progress := &fileProgress{row: *row}
	// The counts are of what is listed.
	progress.row.Counts, progress.row.VanishedAt = Counts{}, time.Now()
	l := listing{kinds: map[Kind]bool{Screenshot: true, Figure: true}}
	if id, err := ParseID(row.ID); err == nil {
		if l.prior, err = r.prior(id); err != nil {
			return err
		}
	}
	r.Observer.Observe(FileVanished{&progress.row.File})
	return r.dispatch(progress, l)
}

// list decides what becomes of a file and its assets, and sends each on its way.
func (r *run) list(file *File, failure *Failure) error {
	progress := &fileProgress{row: FileRow{File: *file, Status: Complete, ListedAt: time.Now()}}
	if failure != nil {
		progress.row.Status, progress.row.Error = Failed, failure.Error()
		return r.dispatch(progress, listing{})
	}
	state, err := r.history.File(r.work, file.Key())
	if err != nil {
		return r.ledgerFailed(err)
	}
	unchanged, err := r.isUnchanged(file, state)
	if err != nil {
		return r.ledgerFailed(err)
	}
	if unchanged {
		r.hope.unchanged()
		r.Observer.Observe(FileUnchanged{file, state})
		return nil
	}
	l, refusals, err := r.listAssets(progress)
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

// noteOddities tells of fields that were taken for null, and makes the file's row name them, so that it is asked again.
func (r *run) noteOddities(progress *fileProgress, l listing) {
	file := &progress.row.File
	odd := file.Odd
	file.Odd = nil
	for i := range l.assets {
		odd = append(odd, l.assets[i].Odd...)
		l.assets[i].Odd = nil
	}
	var names []string
	for _, o := range odd {
		r.Observer.Observe(FieldOdd{file, o})
		if !slices.Contains(names, o.Field) {
			names = append(names, o.Field)
		}
	}
	if len(names) > 0 && progress.row.Status == Complete {
		progress.row.Error = ClassOdd + ": values that make no sense were taken for null: " + strings.Join(names, ", ")
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

// isUnchanged tells whether a file is as the ledger has it, so that its assets need not be listed again.
func (r *run) isUnchanged(file *File, state *FileState) (bool, error) {
	// Timestamps of the ledger are microseconds.
	if r.Refetch || state == nil || !state.VanishedAt.IsZero() || state.UpdatedAt.IsZero() ||
		!state.UpdatedAt.Equal(file.UpdatedAt.Truncate(time.Microsecond)) {
		return false, nil
	}
	if state.Status == Skipped {
		return file.ID == "", nil
	}
	if state.Status != Complete || state.AskAgain || r.Filters.Screenshots && state.Screenshots == nil ||
		r.Filters.Figures && state.Figures == nil {
		return false, nil
	}
	if state.Skipped == 0 {
		return true, nil
	}
	rows, err := r.history.Assets(r.work, ID(file.ID))
	if err != nil {
		return false, err
	}
	for _, row := range rows {
		if row.VanishedAt.IsZero() && row.Status == Skipped && row.Reason != r.Filters.skipReason(&row.Asset) {
			return false, nil
		}
	}
	return true, nil
}

// listing is what a file has now, and what the ledger says it had.
type listing struct {
	assets []Asset
	// kinds are those that were answered; true where what is not listed has vanished.
	kinds map[Kind]bool
	prior map[AssetKey]*Row
}

// listAssets asks for a file's assets. Kinds that cannot be listed are among the refusals; where nothing can be asked for, the
// file's row says why.
func (r *run) listAssets(progress *fileProgress) (l listing, refusals map[Kind]*Failure, err error) {
	l = listing{kinds: map[Kind]bool{}}
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
	for _, kind := range r.Filters.Kinds() {
		assets, err := r.Source.Assets(r.intake, id, kind)
		if none, ok := errors.AsType[*NoAssetsError](err); ok {
			row.Status, row.Error = Skipped, none.Error()
			return l, nil, nil
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
		l.kinds[kind] = assets != nil
		assets = unique(assets)
		row.setListed(kind, new(int64(len(assets))))
		l.assets = append(l.assets, assets...)
	}
	if l.prior, err = r.prior(id); err != nil {
		return l, nil, err
	}
	for kind, listed := range l.kinds {
		if !listed && l.holds(kind) {
			// What is known stays, and the file is asked again.
			row.setListed(kind, nil)
		}
	}
	return l, refusals, nil
}

// setListed sets how many assets of a kind are listed; nil where that is not known.
func (f *FileRow) setListed(kind Kind, count *int64) {
	if kind == Screenshot {
		f.Screenshots = count
	} else {
		f.Figures = count
	}
}

// holds tells whether assets of a kind are known that have not vanished.
func (l *listing) holds(kind Kind) bool {
	for _, row := range l.prior {
		if row.Kind == kind && row.VanishedAt.IsZero() {
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

// dispatch plans every asset of the listing and sends it to be fetched or to be recorded.
func (r *run) dispatch(progress *fileProgress, l listing) error {
	var rows []*Row
	var jobs []job
	for i := range l.assets {
		asset := &l.assets[i]
		prior := l.prior[asset.Key()]
		delete(l.prior, asset.Key())
		if failure := asset.Malformed; failure != nil {
			asset.Malformed = nil
			row := &Row{Asset: *asset, File: &progress.row.File, Status: Failed, Reason: failure.Error()}
			r.Observer.Observe(AssetDone{Row: row})
			rows = append(rows, row)
			// Any asset of the kind may be the one that cannot be read.
			l.kinds[asset.Kind] = false
			continue
		}
		action, reason := r.Filters.decide(asset, &progress.row.File, prior, r.Refetch)
		r.Observer.Observe(AssetPlanned{asset, action, reason})
		switch action {
		case ActionFetch:
			jobs = append(jobs, job{asset, prior, progress})
		case ActionSkip:
			rows = append(rows, &Row{Asset: *asset, File: &progress.row.File, Status: Skipped, Reason: reason})
		case ActionKeep:
			if row := prior.relisted(asset, &progress.row.File); row != nil {
				rows = append(rows, row)
			} else {
				progress.row.add(prior)
			}
		}
	}
	for _, row := range l.vanished(time.Now()) {
		if row.isMalformed() {
			row.Status, row.Reason = Skipped, ReasonPruned
		} else {
			r.Observer.Observe(AssetVanished{row})
		}
		rows = append(rows, row)
	}
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

// relisted returns the row with what a new listing says of the asset and its file, or nil when that is nothing new.
func (r *Row) relisted(asset *Asset, file *File) *Row {
	row := *r
	row.Asset, row.File, row.VanishedAt = *asset, file, time.Time{}
	old, now := *r.File, row.File.recorded()
	if row.VanishedAt.Equal(r.VanishedAt) && reflect.DeepEqual(r.Asset, row.Asset) && reflect.DeepEqual(old, now) {
		return nil
	}
	return &row
}

// recorded returns the file as a ledger gives it back: with timestamps in UTC microseconds.
func (f *File) recorded() File {
	c := *f
	for _, t := range []*time.Time{&c.CreatedAt, &c.UpdatedAt, &c.DeletedAt} {
		if !t.IsZero() {
			*t = t.UTC().Truncate(time.Microsecond)
		}
	}
	return c
}

// vanished returns the rows of assets that were listed once and are not any more, of kinds that could be listed.
func (l *listing) vanished(now time.Time) []*Row {
	var rows []*Row
	for _, row := range l.prior {
		if l.kinds[row.Kind] && row.VanishedAt.IsZero() {
			row.VanishedAt = now
			rows = append(rows, row)
		}
	}
	return rows
}

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

// add adds an asset's row to its file's counts. Assets that vanished are not listed any more, and do not count.
func (f *FileRow) add(row *Row) {
	switch {
	case !row.VanishedAt.IsZero():
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
