package place

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"exporter/internal/store"
	"exporter/internal/store/bucket"
)

// Tree is a place with exports in folders of it. In a bucket all of them are read by one client.
type Tree struct {
	place Place
	// client is nil for a directory.
	client client
	log    *slog.Logger
}

// Branch is what a Tree opens.
type Branch interface {
	store.ReadCloser
	// IsOwned tells whether somebody has it open for writing, as the function IsOwned does.
	IsOwned(ctx context.Context) (bool, error)
}

// OpenTree opens a place for reading, and changes nothing there. A directory has to exist. The log is told what is waited for; nil is told nothing.
func OpenTree(ctx context.Context, text string, log *slog.Logger) (*Tree, error) {
	p, err := Parse(text)
	if err != nil {
		return nil, err
	}
	t := &Tree{place: p, log: log}
	if !p.IsBucket() {
		info, err := os.Stat(p.path)
		if err == nil && !info.IsDir() {
			err = &fs.PathError{Op: "open", Path: p.path, Err: errors.New("it is no directory")}
		}
		return t, err
	}
	t.client, err = newClient(ctx, p, log)
	return t, err
}

// IsFar tells whether it is in a bucket.
func (t *Tree) IsFar() bool { return t.place.IsBucket() }

// Close closes the connections. What was opened is closed before.
func (t *Tree) Close() error {
	if t.client != nil {
		t.client.Close()
	}
	return nil
}

// Open opens what is in a folder, by its path within the place, for reading; "" is the place itself. A directory that is missing is
// fs.ErrNotExist, and so is a file in its place, as it is in a bucket.
func (t *Tree) Open(ctx context.Context, folder string) (Branch, error) {
	if t.client == nil {
		name := filepath.Join(t.place.path, filepath.FromSlash(folder))
		dir, err := store.OpenDir(name)
		if errors.Is(err, syscall.ENOTDIR) {
			err = &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
		}
		if err != nil {
			return nil, err
		}
		return dirBranch{dir, name}, nil
	}
	r, err := bucket.Open(ctx, t.client, path.Join(t.place.prefix, folder), bucket.Options{Direct: direct(), Log: t.log})
	if err != nil {
		return nil, err
	}
	return r, nil
}

// dirBranch is a directory.
type dirBranch struct {
	store.ReadCloser
	name string
}

// IsOwned implements Branch.
func (d dirBranch) IsOwned(context.Context) (bool, error) { return store.IsOwned(d.name) }

// Folders returns the names of the folders in one, but for those whose names begin with a text. Where the folder is missing there are none. A link to
// a folder is an *Error: what is behind it cannot be read by the path that others have it under.
func (t *Tree) Folders(ctx context.Context, in, passOver string) ([]string, error) {
	if t.client == nil {
		return t.dirFolders(in, passOver)
	}
	return bucket.Folders(ctx, t.client, path.Join(t.place.prefix, in), passOver, bucket.Options{Log: t.log})
}

// Names returns the names of all folders in one, those of links among them, and of all else that is right in it. A bucket is asked once for a thousand.
func (t *Tree) Names(ctx context.Context, in string) (folders, others []string, err error) {
	if t.client != nil {
		return bucket.Names(ctx, t.client, path.Join(t.place.prefix, in), bucket.Options{Log: t.log})
	}
	entries, err := os.ReadDir(filepath.Join(t.place.path, filepath.FromSlash(in)))
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		return nil, nil, nil
	}
	for _, e := range entries {
		if e.IsDir() || e.Type()&fs.ModeSymlink != 0 {
			folders = append(folders, e.Name())
		} else {
			others = append(others, e.Name())
		}
	}
	return folders, others, err
}

// Name returns how people name what has a key at the place.
func (t *Tree) Name(key string) string { return t.place.Join(key).String() }

// HasFolder tells whether a folder in one has a name that begins with a text. In a bucket it asks once.
func (t *Tree) HasFolder(ctx context.Context, in, begin string) (bool, error) {
	if t.client != nil {
		return bucket.HasFolder(ctx, t.client, path.Join(t.place.prefix, in), begin, bucket.Options{Log: t.log})
	}
	names, _, err := t.Names(ctx, in)
	return slices.ContainsFunc(names, func(name string) bool { return strings.HasPrefix(name, begin) }), err
}

func (t *Tree) dirFolders(in, passOver string) (names []string, err error) {
	folder := filepath.Join(t.place.path, filepath.FromSlash(in))
	entries, err := os.ReadDir(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	for _, e := range entries {
		switch {
		case passOver != "" && strings.HasPrefix(e.Name(), passOver):
		case e.IsDir():
			names = append(names, e.Name())
		case e.Type()&fs.ModeSymlink != 0:
			return nil, &Error{
				Problem: quote(filepath.Join(folder, e.Name())) + " is a link, and links are not followed there",
				Remedy:  "move what it leads to in its place, or mount it there",
			}
		}
	}
	return names, err
}
