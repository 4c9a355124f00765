package view

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"syscall"

	"exporter/internal/store"
	"exporter/pipeline"
)

// folderError says of an error that it is of the folder, and not of the export.
func folderError(dir string, err error) error {
	if _, isUsage := errors.AsType[*UsageError](err); isUsage || err == nil || errors.Is(err, ErrBusy) {
		return err
	}
	if errors.Is(err, fs.ErrPermission) {
		err = fmt.Errorf("%w: name a folder in which this user may write", err)
	}
	return &pipeline.StorageError{Op: fmt.Sprintf("write the folder --static %q", dir), Err: err}
}

// ErrBusy says that another program writes the folder.
var ErrBusy = errors.New("another program writes it")

// unfinished is a file that is in a folder until it is whole. Whoever writes the folder has it locked.
const unfinished = ".exporter-view-unfinished"

// folderNames are what a folder has in it, what tells that it is not whole last.
var folderNames = append([]string{"pictures", "thumbs", "data"}, append(slices.Clone(pageFiles), unfinished)...)

// clearFolder removes what is of a folder.
func clearFolder(root *os.Root) (err error) {
	for _, name := range folderNames {
		if err == nil {
			err = root.RemoveAll(name)
		}
	}
	return err
}

// openEmpty opens a folder, which it makes where there is none, and notes in it that it is not whole. It removes what another call left half-written; a folder that
// has anything else in it is refused.
func openEmpty(dir string) (root *os.Root, mark *os.File, err error) {
	if dir == "" {
		return nil, nil, &UsageError{errors.New("the folder has no name")}
	}
	if err := os.MkdirAll(dir, 0o777); errors.Is(err, syscall.ENOTDIR) {
		return nil, nil, &UsageError{fmt.Errorf("%w: name another folder", err)}
	} else if err != nil {
		return nil, nil, err
	}
	if root, err = os.OpenRoot(dir); err != nil {
		return nil, nil, err
	}
	if mark, err = markUnfinished(root); err != nil {
		return nil, nil, errors.Join(err, root.Close())
	}
	for _, name := range folderNames[:len(folderNames)-1] {
		if err := root.RemoveAll(name); err != nil {
			return nil, nil, errors.Join(err, mark.Close(), root.Close())
		}
	}
	return root, mark, nil
}

// markUnfinished returns the file that says that a folder is not whole, locked: a new one where the folder is empty, or that of the call that left it.
func markUnfinished(root *os.Root) (mark *os.File, err error) {
	entries, err := fs.ReadDir(root.FS(), ".")
	if err != nil {
		return nil, err
	}
	isOwn := slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return e.Name() == unfinished && e.Type().IsRegular() })
	for _, e := range entries {
		switch {
		case !isOwn:
			return nil, &UsageError{fmt.Errorf("%q is not empty: name another folder, or remove what is in it", root.Name())}
		case !slices.Contains(folderNames, e.Name()):
			return nil, &UsageError{fmt.Errorf("%q is half of a folder, and has %q in it, which is no part of that: name another folder, or remove that", root.Name(), e.Name())}
		}
	}
	flags := os.O_RDWR
	if !isOwn {
		flags |= os.O_CREATE | os.O_EXCL
	}
	busy := fmt.Errorf("write the folder --static %q: %w", root.Name(), ErrBusy)
	mark, err = root.OpenFile(unfinished, flags, 0o666)
	switch {
	case errors.Is(err, fs.ErrExist), errors.Is(err, fs.ErrNotExist):
		return nil, busy
	case err != nil:
		return nil, err
	}
	// Where files cannot be locked, nobody is known to write there.
	if err = store.TryLock(mark); err == nil || errors.Is(err, errors.ErrUnsupported) {
		// Who had it may have removed it meanwhile: then it says nothing of the folder.
		mine, errMine := mark.Stat()
		current, errCurrent := root.Lstat(unfinished)
		if err = errors.Join(errMine, errCurrent); err == nil && os.SameFile(mine, current) {
			return mark, nil
		}
	}
	if err == nil || errors.Is(err, store.ErrOwned) || errors.Is(err, fs.ErrNotExist) {
		err = busy
	}
	return nil, errors.Join(err, mark.Close())
}

// create makes a file of the folder.
func (w *staticWriter) create(name string) (*os.File, error) {
	if err := w.root.MkdirAll(path.Dir(name), 0o777); err != nil {
		return nil, folderError(w.root.Name(), err)
	}
	file, err := w.root.Create(name)
	return file, folderError(w.root.Name(), err)
}

// put writes a file of the folder.
func (w *staticWriter) put(name string, content []byte) error {
	file, err := w.create(name)
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	return folderError(w.root.Name(), errors.Join(err, file.Close()))
}
