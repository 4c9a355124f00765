package pipeline

import "context"

// Survey goes over the source's files, and returns how many of them Run and Plan would list the assets of: those that are not
// as the history has them, each once. It asks for no asset, and the Observer is told nothing. Options.Sink and Options.Ledger
// are not used.
func Survey(ctx context.Context, history History, o Options) (files int64, err error) {
	o.Observer = nil
	r := newRun(ctx, o, history)
	defer r.endWork(context.Canceled)
	count := func(f *File) {
		if _, err := f.checkedOwner(); err == nil {
			files++
		}
	}
	seen, err := r.eachListed(func(f *listedFile) { count(f.file) })
	if err == nil {
		err = r.eachKnown(seen, func(*FileState) {}, func(k knownFile) error {
			asks, err := r.asks(&k)
			if err != nil {
				return r.ledgerFailed(err)
			}
			if asks {
				count(&k.row.File)
			}
			return nil
		})
	}
	if cause := context.Cause(r.intake); cause != nil {
		err = cause
	}
	return files, err
}
