package place

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"exporter/internal/store"
	"exporter/internal/store/bucket"
)

// Join returns the place of a path within a place. Elements of the path have '/' between them.
func (p Place) Join(within string) Place {
	if p.IsBucket() {
		p.prefix = path.Join(p.prefix, within)
		return p
	}
	p.path = filepath.Join(p.path, filepath.FromSlash(within))
	return p
}

// Outer returns the place so many folders above, and the names of those folders, the topmost first. It is false where there are no more so many.
func (p Place) Outer(levels int) (outer Place, names []string, ok bool) {
	folders, err := p.Folders()
	if err != nil || len(folders) < levels {
		return Place{}, nil, false
	}
	names = folders[len(folders)-levels:]
	if p.IsBucket() {
		p.prefix = path.Join(folders[:len(folders)-levels]...)
		return p, names, true
	}
	if p.path, err = filepath.Abs(p.path); err != nil {
		return Place{}, nil, false
	}
	for range levels {
		p.path = filepath.Dir(p.path)
	}
	return p, names, true
}

// CreateOnce stores a small object at a place if there is none, without owning what it is in: else it is store.ErrExists. In a bucket data is to hold
// something that no other writer has, by which a writer whose answer was lost knows its own.
func CreateOnce(ctx context.Context, text string, data []byte, o Options) error {
	p, err := Parse(text)
	switch {
	case err != nil:
		return err
	case !p.IsBucket():
		return store.CreateFile(p.path, data)
	}
	return p.withLoose(ctx, o, func(l *bucket.Loose, key string) error { return l.Create(ctx, key, data) })
}

// Withdraw removes an object that CreateOnce has stored at a place, unless another one has its place.
func Withdraw(ctx context.Context, text string, data []byte, o Options) error {
	p, err := Parse(text)
	if err != nil {
		return err
	}
	there, err := ReadObject(ctx, text, int64(len(data)), o)
	if err != nil || !bytes.Equal(there, data) {
		return err
	}
	if !p.IsBucket() {
		return os.Remove(p.path)
	}
	return p.withLoose(ctx, o, func(l *bucket.Loose, key string) error { return l.Remove(ctx, key) })
}

// ReadObject returns what an object at a place holds, of at most so many bytes, whatever log there may be. A missing one is fs.ErrNotExist.
func ReadObject(ctx context.Context, text string, most int64, o Options) (data []byte, err error) {
	object, err := OpenObject(ctx, text, o)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, object.Close()) }()
	data, err = io.ReadAll(io.LimitReader(io.NewSectionReader(object, 0, object.Size()), most+1))
	if err == nil && int64(len(data)) > most {
		err = &Error{Problem: quote(text) + " is larger than it can be"}
	}
	return data, err
}

// OpenObject opens one object at a place for reading: a file, or an object of a bucket whatever log there may be. A missing one is fs.ErrNotExist.
func OpenObject(ctx context.Context, text string, o Options) (store.Object, error) {
	p, err := Parse(text)
	if err != nil {
		return nil, err
	}
	if !p.IsBucket() {
		return openFile(p.path)
	}
	client, err := newClient(ctx, p, o.Log)
	if err != nil {
		return nil, err
	}
	l, key, err := p.loose(client, o)
	if err != nil {
		client.Close()
		return nil, err
	}
	object, err := l.Open(ctx, key)
	if err != nil {
		client.Close()
		return nil, err
	}
	return connected{object, client}, nil
}

// WriteObject stores what a function writes as one object at a place, in place of one that is there, without owning what it is in. A reader finds the
// old one or the new, whole; where the function fails, the old one stays. A file keeps its permissions.
func WriteObject(ctx context.Context, text string, write func(io.Writer) error, o Options) (err error) {
	p, err := Parse(text)
	if err != nil {
		return err
	}
	folder := filepath.Dir(p.path)
	if p.IsBucket() {
		if err := checkScratch(o.Scratch); err != nil {
			return err
		}
		folder = o.Scratch
	}
	if folder == "" {
		folder = os.TempDir()
	}
	begin := unfinishedName(p)
	if !p.IsBucket() {
		removeUnfinished(folder, begin)
	}
	// Others may read it as far as the umask lets them, unlike what os.CreateTemp makes, and as far as they may read the old one.
	mode, isThere := fs.FileMode(0o666), false
	if info, err := os.Stat(p.path); !p.IsBucket() && err == nil {
		mode, isThere = info.Mode().Perm(), true
	}
	temp, err := os.OpenFile(filepath.Join(folder, begin+rand.Text()), os.O_RDWR|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	defer os.Remove(temp.Name())
	if p.IsBucket() {
		// What is read by its handle alone needs no name, which would stay where the program is killed. Windows keeps it until the end.
		_ = os.Remove(temp.Name())
	}
	err = write(temp)
	if err == nil && p.IsBucket() {
		err = p.put(ctx, temp, o)
	} else if err == nil {
		if isThere {
			err = temp.Chmod(mode)
		}
		err = errors.Join(err, temp.Sync())
	}
	if err := errors.Join(err, temp.Close()); err != nil || p.IsBucket() {
		return err
	}
	return store.RenameFile(temp.Name(), p.path)
}

// unfinishedName returns what the names of files begin with that are to become the one at a place.
func unfinishedName(p Place) string {
	sum := sha256.Sum256([]byte(path.Base(filepath.ToSlash(p.String()))))
	return fmt.Sprintf(".exporter-%x-", sum[:8])
}

// removeUnfinished removes what a program has left in a folder that was killed before its file was whole. Of two that write one file at once, the one
// that began first fails.
func removeUnfinished(folder, begin string) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		// Whoever writes there says what is wrong.
		return
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), begin) && e.Type().IsRegular() {
			_ = os.Remove(filepath.Join(folder, e.Name()))
		}
	}
}

// put stores what a file has at a place of a bucket.
func (p Place) put(ctx context.Context, from *os.File, o Options) error {
	info, err := from.Stat()
	if err != nil {
		return err
	}
	content := store.ContentOf(file{from, info.Size()})
	return p.withLoose(ctx, o, func(l *bucket.Loose, key string) error { return l.Put(ctx, key, content, info.Size()) })
}

// withLoose calls do with the loose objects of the folder that a place is in, and the key that it has there.
func (p Place) withLoose(ctx context.Context, o Options, do func(l *bucket.Loose, key string) error) error {
	client, err := newClient(ctx, p, o.Log)
	if err != nil {
		return err
	}
	defer client.Close()
	l, key, err := p.loose(client, o)
	if err != nil {
		return err
	}
	return do(l, key)
}

// loose returns the loose objects of the folder that a place is in, and the key that it has there.
func (p Place) loose(client client, o Options) (l *bucket.Loose, key string, err error) {
	folder, key := path.Split(p.prefix)
	if key == "" {
		return nil, "", &Error{Problem: quote(p.String()) + " names a bucket, and no object in it", Remedy: "write " + p.String() + "/NAME"}
	}
	l, err = bucket.NewLoose(client, folder, bucket.Options{SingleWriter: o.SingleWriter, Log: o.Log})
	return l, key, err
}

// connected is an object with the connections to its bucket.
type connected struct {
	store.Object
	client client
}

// Close implements io.Closer.
func (c connected) Close() error {
	defer c.client.Close()
	return c.Object.Close()
}

// file is a file as an object.
type file struct {
	*os.File
	size int64
}

func openFile(name string) (store.Object, error) {
	// To open a pipe might wait for ever.
	info, err := os.Stat(name)
	if err == nil && !info.Mode().IsRegular() {
		err = &os.PathError{Op: "open", Path: name, Err: store.ErrNotRegular}
	}
	if err != nil {
		return nil, err
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	if info, err = f.Stat(); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return file{f, info.Size()}, nil
}

// Size implements store.Object.
func (f file) Size() int64 { return f.size }
