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
}

// enumerate goes over the source's files, and lists the assets of several at once.
func (r *run) enumerate() error {
	var listers errgroup.Group
	listers.SetLimit(r.Listers)
	// The listers send jobs, also where eachFile panics.
	defer close(r.jobs)
	defer listers.Wait()
	err := r.eachFile(func(f *File) {
		listers.Go(func() error {
			defer r.catch("enumerate", r.stop)
			err := r.list(f)
			if err != nil {
				r.stop(err)
			}
			return err
		})
	})
	return errors.Join(err, listers.Wait())
}

// eachFile calls f for every file of the source, and then looks after those that the ledger has and the source has not.
func (r *run) eachFile(f func(*File)) error {
	seen, err := r.eachListed(f)
	if err != nil || !r.listsAll() {
		return err
	}
	return r.eachUnlisted(seen, f)
}

// listsAll tells whether a listing that comes to its end says which files are not listed.
func (o *Options) listsAll() bool { return o.Limit == 0 }

// eachListed calls f for every file of the source, once however often it is listed, and returns their keys. It ends at the limit.
func (r *run) eachListed(f func(*File)) (seen map[FileKey]struct{}, err error) {
	seen = map[FileKey]struct{}{}
	for file, err := range r.Source.Files(r.intake) {
		if err == nil {
			err = context.Cause(r.intake)
		}
		if err != nil {
			return nil, err
		}
		if _, again := seen[file.Key()]; again {
			continue
		}
		seen[file.Key()] = struct{}{}
		r.Observer.Observe(FileListed{&file})
		f(&file)
		if len(seen) == r.Limit {
			break
		}
	}
	if r.listsAll() {
		r.Observer.Observe(FilesComplete{})
	}
	return seen, nil
}

// eachUnlisted goes over the ledger's files that are not among those seen. They have vanished, unless the source lists
// only what was updated: then they are as they were.
func (r *run) eachUnlisted(seen map[FileKey]struct{}, f func(*File)) error {
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
		if r.Incremental {
			r.Observer.Observe(FileRecalled{&row.File})
			f(&row.File)
			continue
		}
		if err := r.vanish(row); err != nil {
			return err
		}
	}
	return nil
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
func (r *run) list(file *File) error {
	state, err := r.history.File(r.work, file.Key())
	if err != nil {
		return r.ledgerFailed(err)
	}
	unchanged, err := r.isUnchanged(file, state)
	if err != nil {
		return r.ledgerFailed(err)
	}
	if unchanged {
		r.Observer.Observe(FileUnchanged{file, state})
		return nil
	}
	progress := &fileProgress{row: FileRow{File: *file, Status: Complete, ListedAt: time.Now()}}
	listing, err := r.listAssets(progress)
	if err != nil {
		return err
	}
	return r.dispatch(progress, listing)
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
	if state.Status != Complete || r.Filters.Screenshots && state.Screenshots == nil ||
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
	// kinds are those that could be listed.
	kinds map[Kind]bool
	prior map[AssetKey]*Row
}

// listAssets asks for a file's assets. Where they cannot be listed, the file's row says why.
func (r *run) listAssets(progress *fileProgress) (listing, error) {
	l := listing{kinds: map[Kind]bool{}}
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
		l.kinds[kind] = true
		assets = unique(assets)
		count := int64(len(assets))
		if kind == Screenshot {
			row.Screenshots = &count
		} else {
			row.Figures = &count
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

// dispatch plans every asset of the listing and sends it to be fetched or to be recorded.
func (r *run) dispatch(progress *fileProgress, l listing) error {
	var rows []*Row
	var jobs []job
	for i := range l.assets {
		asset := &l.assets[i]
		prior := l.prior[asset.Key()]
		delete(l.prior, asset.Key())
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
		r.Observer.Observe(AssetVanished{row})
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
