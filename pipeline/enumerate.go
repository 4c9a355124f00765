package pipeline

import (
	"context"
	"errors"
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
	// held is what is charged of the memory for the file, and for those of its assets that are not committed. left is what of that the rows in
	// batches, of which committing frees their own weight, leave to the file's.
	held, left int64
	// ending is how its blobs were answered so far.
	ending ending
	// superseded are rows that go when all assets of the file are stored: others have taken their place.
	superseded []*Row
}

// hold notes what is charged of the memory for the file.
func (f *fileProgress) hold(bytes int64) { f.held, f.left = bytes, bytes }

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
	r.belief.doubtKinds()
	err = r.withListers(func(list func(func() error)) error {
		return r.eachKnown(seen, r.unchanged, func(k knownFile) error {
			switch {
			case k.isListed() && !k.row.IsGone() && k.row.Skipped == 0 && !k.row.isOlder() && !k.row.isWithoutKind():
				return r.restate(&k)
			case r.probes(&k):
				return r.listKnown(&k)
			}
			list(func() error { return r.visit(&k) })
			return nil
		})
	})
	if err != nil {
		return err
	}
	if err := r.dispatchAll(r.hope.end(), (*heldFile).withoutKind); err != nil {
		return err
	}
	for _, event := range r.hope.events() {
		r.Observer.Observe(event)
	}
	return nil
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
		return r.listKnown(k)
	case k.isListed():
		return r.restate(k)
	case !r.Incremental:
		return r.miss(k)
	case !k.row.IsGone():
		r.unchanged(k.row.State())
		if r.confirm(k.row) {
			return r.record(result{file: &fileProgress{row: *k.row, quiet: true}})
		}
	}
	return nil
}

// unchanged tells of a file of which nothing was asked.
func (r *run) unchanged(state *FileState) {
	r.hope.unchanged()
	r.Observer.Observe(FileUnchanged{state})
}

// listKnown lists a file that no listing gave reason to ask for.
func (r *run) listKnown(k *knownFile) error {
	r.Observer.Observe(FileDue{&k.row.File})
	return r.list(k.listed())
}

// list asks for the assets of a file, decides what becomes of each, and sends it on its way.
func (r *run) list(f *listedFile) error {
	progress := &fileProgress{row: FileRow{
		File: *f.file, Status: Complete, ListedAt: r.started, AskedAt: r.started, Sources: f.places, Decided: r.digest,
	}}
	row := &progress.row
	if f.malformed != nil {
		row.Status, row.Error = Failed, f.malformed.Error()
		return r.sendUnasked(progress)
	}
	hasLeft := false
	state, err := r.stateOf(f)
	if err != nil {
		return r.ledgerFailed(err)
	}
	switch {
	case f.file.Withdrawn != nil:
		return r.withdraw(progress, state, f.file.Withdrawn)
	case f.file.Idle != "" && (state == nil || state.Status == Skipped || state.Status == Failed):
		row.Status, row.Error = Skipped, f.file.Idle
		return r.sendUnasked(progress)
	}
	if state == nil {
		state = &FileState{}
	} else {
		if row.IsJob() {
			// What was recorded under one file_id, or under none, stays there.
			row.ID = state.FileID
		}
		known := state.Sources
		if state.Gone {
			known = nil
		}
		row.Sources, row.MissedIn = r.placesNow(f.places, known, state.missedIn())
		if row.MissedAt = f.missedAt; !row.MissedAt.IsZero() {
			row.MissedIn = nil
		}
		if !state.ListedAt.IsZero() {
			row.ListedAt = state.ListedAt
		}
		if row.UpdatedAt.IsZero() || !slices.Equal(row.Sources, f.places) {
			row.UpdatedAt = newest(row.UpdatedAt, state.UpdatedAt, r.started)
		}
		hasLeft = isLess(row.Sources, known)
	}
	room, err := r.memory.enter(r.intake, row.weight()+knownWeight*sum(state.Screenshots, state.Figures))
	if err != nil {
		return err
	}
	defer room.close()
	if row.IsJob() {
		return r.listJob(progress, state, room)
	}
	l, refusals, err := r.listAssets(progress, state, room)
	if err != nil {
		return err
	}
	progress.hold(room.leave())
	l.hasLeft = hasLeft
	r.noteOddities(progress, l)
	if err := r.recordAttachedPages(row, state, &l); err != nil {
		return err
	}
	answered := l.answered()
	var decided []heldFile
	var hopeless error
	if _, documents := l.kinds[Document]; documents && len(answered) == 0 {
		r.hope.unchanged()
	} else {
		decided, hopeless = r.hope.asked(answered, refusals, l.attachments == someAttached)
	}
	if err := r.dispatchAll(decided, (*heldFile).failed); err != nil {
		return err
	}
	for _, kind := range r.Filters.kindsOf(false) {
		failure := refusals[kind]
		if failure == nil {
			continue
		}
		f := heldFile{progress, l, failure}
		if !failure.Absent || len(answered) == 0 && l.attachments == notAttached {
			f.failed()
			continue
		}
		r.memory.park(progress.held)
		decided, offered := r.hope.hold(kind, f)
		if offered {
			return errors.Join(r.dispatchAll(decided, (*heldFile).failed), hopeless)
		}
		return errors.Join(r.dispatchAll(decided, (*heldFile).withoutKind), hopeless)
	}
	return errors.Join(r.dispatch(progress, l), hopeless)
}

// stateOf returns what the ledger has of a file that is asked for; nil where that is nothing.
func (r *run) stateOf(f *listedFile) (*FileState, error) {
	if f.isNew || f.state != nil {
		return f.state, nil
	}
	return r.history.File(r.work, f.file.Key())
}

// noteOddities tells of fields that were taken for null, and makes the file's row name them. It is asked again.
func (r *run) noteOddities(progress *fileProgress, l listing) {
	row := &progress.row
	odd := row.Odd
	row.Odd = nil
	for i := range l.assets {
		if d := l.assets[i].Details; d != nil {
			odd = append(odd, d.Odd...)
			d.Odd = nil
		}
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
		r.memory.park(-files[i].progress.held)
		decide(&files[i])
		if err := r.dispatch(files[i].progress, files[i].listing); err != nil {
			return err
		}
	}
	return nil
}

// ledgerFailed says that the ledger could not be read, unless the run was ended.
func (r *run) ledgerFailed(err error) error {
	if cause := context.Cause(r.intake); cause != nil {
		return cause
	}
	return &StorageError{"read the ledger", err}
}
