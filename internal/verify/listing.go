package verify

import (
	"context"
	"iter"
	"maps"
	"slices"

	"exporter/internal/store"
	"exporter/sinks"
)

// listing goes once over what the local sink has stored, a folder at a time, beside rows that are mostly in the same order.
type listing struct {
	v    *Verification
	next func() (store.Entry, error, bool)
	stop func()
	// ahead is the entry that was read last; it is none at the end.
	ahead store.Entry
	// folder is the one that has been read, with its entries; "" at the end.
	folder  string
	entries []store.Entry
	// passed are folders of which no row has come yet.
	passed map[string]bool
}

func newListing(ctx context.Context, v *Verification) *listing {
	l := &listing{v: v, passed: map[string]bool{}}
	l.next, l.stop = iter.Pull2(v.Export.List(ctx, sinks.LocalDir+"/"))
	return l
}

// advance reads the next folder. What is in none is an orphan.
func (l *listing) advance() error {
	l.folder, l.entries = sinks.FolderOf(l.ahead.Key), nil
	if l.folder != "" {
		l.entries = []store.Entry{l.ahead}
	}
	for {
		var more bool
		var err error
		l.ahead, err, more = l.next()
		if err != nil {
			path := l.ahead.Key
			l.ahead = store.Entry{}
			return l.v.unlistable(path, err)
		}
		folder := sinks.FolderOf(l.ahead.Key)
		switch {
		case !more:
			return nil
		case folder == "":
			l.v.found(Finding{Path: l.ahead.Key})
		case l.folder == "":
			l.folder, l.entries = folder, []store.Entry{l.ahead}
		case folder != l.folder:
			return nil
		default:
			l.entries = append(l.entries, l.ahead)
		}
	}
}

// of returns what is in a folder.
func (l *listing) of(ctx context.Context, folder string) ([]store.Entry, error) {
	if folder == "" {
		return nil, nil
	}
	for l.folder != "" && l.folder < folder {
		l.passed[l.folder] = true
		if err := l.advance(); err != nil {
			return nil, err
		}
	}
	if l.folder == folder {
		entries := l.entries
		return entries, l.advance()
	}
	// It is missing, or its rows come later than it does.
	delete(l.passed, folder)
	return l.v.list(ctx, folder)
}

// findOrphans finds what is in folders of which no row has come.
func (l *listing) findOrphans(ctx context.Context) error {
	for l.folder != "" {
		for _, e := range l.entries {
			l.v.found(Finding{Path: e.Key})
		}
		if err := l.advance(); err != nil {
			return err
		}
	}
	for _, folder := range slices.Sorted(maps.Keys(l.passed)) {
		entries, err := l.v.list(ctx, folder)
		if err != nil {
			return err
		}
		for _, e := range entries {
			l.v.found(Finding{Path: e.Key})
		}
	}
	return nil
}

// list lists a folder.
func (v *Verification) list(ctx context.Context, folder string) (entries []store.Entry, err error) {
	for e, err := range v.Export.List(ctx, folder) {
		if err != nil {
			return entries, v.unlistable(e.Key, err)
		}
		entries = append(entries, e)
	}
	return entries, nil
}

// unlistable takes note of a directory that cannot be listed, which is a finding.
func (v *Verification) unlistable(path string, err error) error {
	if failed := unreadable("list "+path, err); failed != nil {
		return failed
	}
	v.found(Finding{Path: path, Err: err})
	return nil
}
