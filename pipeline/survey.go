package pipeline

import "context"

// Survey goes over the source's files, and returns how many of them Run and Plan would list the assets of: those that are not
// as the history has them, each once. It asks for no asset, and the Observer is told nothing. Options.Sink and Options.Ledger
// are not used.
func Survey(ctx context.Context, history History, o Options) (files int64, err error) {
	o.Observer = nil
	r := newRun(ctx, o, history)
	defer r.endWork(context.Canceled)
	count := func(f *File, failure *Failure) {
		if failure != nil {
			return
		}
		listed, err := r.needsListing(f)
		if err != nil {
			r.endIntake(err)
		}
		if listed {
			files++
		}
	}
	seen, err := r.eachListed(count)
	if err == nil && r.Incremental && r.listsAll() {
		err = r.eachUnlisted(seen, count)
	}
	if cause := context.Cause(r.intake); cause != nil {
		err = cause
	}
	return files, err
}

// needsListing tells whether the assets of a file are asked for.
func (r *run) needsListing(f *File) (bool, error) {
	if _, err := ParseID(f.ID); err != nil {
		return false, nil
	}
	state, err := r.history.File(r.work, f.Key())
	if err != nil {
		return false, r.ledgerFailed(err)
	}
	unchanged, err := r.isUnchanged(f, state)
	if err != nil {
		return false, r.ledgerFailed(err)
	}
	return !unchanged, nil
}
