// Package store is where an export lives: objects with keys. A directory is one kind of store; everything above knows the
// interface alone.
//
// It imports internal/durable and nothing else of this module. A key is the path of an object in the export: valid for io/fs,
// its elements separated by '/'. A prefix is "" or a key that ends in '/'.
package store

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"iter"

	"exporter/internal/durable"
)

var (
	// ErrExists says that Create has found an object of its key. It changed nothing.
	ErrExists = errors.New("the object exists")
	// ErrUnsure says that an answer was lost: the object is there as it was to be, or is not there. Only reading tells.
	ErrUnsure = errors.New("it is not known whether the object was stored")
	// ErrOwned says that another run owns the export.
	ErrOwned = durable.ErrLocked
	// ErrDangling says that the place of the export is a link that leads nowhere.
	ErrDangling = durable.ErrDangling
	// ErrNotRegular says that a key is taken by what is no object, and is never followed.
	ErrNotRegular = durable.ErrNotRegular
)

// PrivatePrefix is that of the keys which are no output.
const PrivatePrefix = durable.PrivateDir + "/"

// PartialSuffix is what Grow appends to the key of an object as long as it is not finished.
const PartialSuffix = ".partial"

// Reader reads objects. Its methods are safe for concurrent use, and beside those of a writer.
type Reader interface {
	// Open opens the object that has a key now: what it reads is of this one version, whole, also when another takes its place.
	// A store that cannot keep it fails then. An object that is missing is fs.ErrNotExist.
	Open(ctx context.Context, key string) (Object, error)
	// List yields the objects below a prefix in the order of their keys: every one that was put before List was called and not
	// removed, and perhaps some that were put or removed meanwhile. Where there are none it yields nothing. An error is the last
	// that is yielded.
	List(ctx context.Context, prefix string) iter.Seq2[Entry, error]
}

// Store is written by one owner, and read by whoever may. Its methods are safe for concurrent use unless they say otherwise.
//
// An error says that nothing is known of what was to be stored, unless it says more; what was durable before stays. An error
// that concerns everything, such as a full disk, comes again with the next call.
type Store interface {
	Reader
	// KeepsUnfinished tells whether an object that grows is kept before it is finished. Where it is not, its Sync is errors.ErrUnsupported,
	// its Close drops it, and nobody finds it: only Finish makes it durable, and after a crash nothing of it is left, not even its name.
	KeepsUnfinished() bool
	// IsNew tells whether nobody has owned the export before.
	IsNew() bool
	// Generation returns what is to be in the name of each object that is put once and for all, so that no other owner's has that name: in a
	// store where something that was asked for long ago may still be carried out. It is eight letters and digits, or "" where names may be
	// used again.
	Generation() string
	// Put stores an object as a whole, in place of one that has its key. When it has returned nil, the object survives a crash;
	// until then, and after an error, a reader and a crash find the old one or the new, never a mixture.
	Put(ctx context.Context, key string, c Content, size int64) error
	// Create stores a small object, of at most 8 MiB, if none has its key. Of several that try at once, one at most succeeds. The
	// object is durable as that of Put is. Others are ErrExists; after any other error it may be there all the same: it is never
	// to be repeated before what is there has been read.
	Create(ctx context.Context, key string, data []byte) error
	// NewBatch returns a batch that holds nothing.
	NewBatch() Batch
	// Grow opens an object that is not finished, at its end. Where there is none it makes one, which a reader finds under the key
	// with PartialSuffix where the store keeps what is unfinished. No key is open twice.
	Grow(ctx context.Context, key string) (Growing, error)
	// Reopen opens an object that is finished, at its end, for it to grow once more: it has the key with PartialSuffix then, until it is
	// finished again. When it has returned, this is durable; until then, and after an error, it has one of the two keys, whole. Who
	// opened it before reads on what is not truncated. A store that cannot do this with it returns errors.ErrUnsupported, one that
	// may not fs.ErrPermission, and has changed nothing then; a missing object is fs.ErrNotExist.
	Reopen(ctx context.Context, key string) (Growing, error)
	// Remove removes objects. One that is missing is no error. When it has returned nil, they are gone for good; until then, and after
	// an error, a crash may leave some, or bring some back.
	Remove(ctx context.Context, keys ...string) error
	// Spool returns an empty file for what is to be put, or is read, and too large for memory. Nothing of it is left after a crash.
	Spool() (Spool, error)
	// Close gives up what belongs to the owner. Objects that are not finished and batches that are not synced may be gone then.
	Close() error
}

// Batch is some objects that become durable together, which costs a directory far less than one by one.
type Batch interface {
	// Put stores an object as a whole under a key that no object has that is to stay. Readers may find it from now on, a crash
	// leaves it whole, or not at all, or where Sync has not returned, anything. It is safe for concurrent use.
	Put(ctx context.Context, key string, c Content, size int64) error
	// Sync makes the objects durable. No Put is under way, and none follows. After an error nothing is known of any of them, and
	// calling it again proves nothing.
	Sync(ctx context.Context) error
}

// Growing is an object that is written bit by bit. It is not safe for concurrent use.
type Growing interface {
	// Write appends, and ReadAt reads what was written.
	io.Writer
	io.ReaderAt
	// Size returns how many bytes there are.
	Size() int64
	// Truncate drops what is behind a size.
	Truncate(size int64) error
	// Sync makes what was written survive a crash: Grow goes on there, or behind it. After an error nothing is known of it. A store that
	// keeps nothing which is unfinished returns errors.ErrUnsupported.
	Sync() error
	// Finish makes the object durable and gives it its key, in place of one that has it. It closes it, also where it fails.
	Finish(ctx context.Context) error
	// Close leaves the object as it is, or drops it where the store keeps nothing that is unfinished.
	Close() error
}

// Object is one version of an object, open for reading. ReadAt is safe for concurrent use.
type Object interface {
	io.ReaderAt
	io.Closer
	// Size returns how many bytes the object has.
	Size() int64
}

// Content is what an object is to hold. It may be asked for more than once, by one goroutine at a time.
type Content interface {
	io.ReaderAt
	// WriteTo writes all of it, from the first byte on, each time.
	io.WriterTo
}

// Summed is Content whose SHA-256 is known: a store that compares one need not compute it.
type Summed interface {
	Content
	// Sum returns the SHA-256 of all bytes; zeros where it is not known after all.
	Sum() [sha256.Size]byte
}

// Spool is a file without a name. Write appends; the other methods are those of Content and of io.Closer.
type Spool interface {
	io.Writer
	Content
	io.Closer
	// Size returns how many bytes there are.
	Size() int64
}

// Entry is an object in a list.
type Entry struct {
	Key  string
	Size int64
	// Irregular says that it is none, and cannot be opened: a symbolic link, or what else a directory may hold.
	Irregular bool
}

// Bytes is Content that is in memory.
type Bytes []byte

var _ Content = Bytes(nil)

// ReadAt implements io.ReaderAt.
func (b Bytes) ReadAt(p []byte, at int64) (int, error) {
	if at < 0 || at > int64(len(b)) {
		return 0, io.EOF
	}
	n := copy(p, b[at:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// WriteTo implements io.WriterTo.
func (b Bytes) WriteTo(w io.Writer) (int64, error) {
	n, err := w.Write(b)
	return int64(n), err
}

// PutBytes is Put of what is in memory.
func PutBytes(ctx context.Context, s Store, key string, data []byte) error {
	return s.Put(ctx, key, Bytes(data), int64(len(data)))
}

// ReadBytes returns what an object holds, and fails where that is more than so many bytes.
func ReadBytes(ctx context.Context, r Reader, key string, most int64) (b []byte, err error) {
	o, err := r.Open(ctx, key)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, o.Close()) }()
	if o.Size() > most {
		return nil, fmt.Errorf("%s has %d bytes, want %d at most", key, o.Size(), most)
	}
	return io.ReadAll(io.NewSectionReader(o, 0, o.Size()))
}

// ContentOf returns what an object holds, for another one to hold it, too. The object has to stay open.
func ContentOf(o Object) Content { return content{o} }

type content struct{ Object }

// WriteTo implements io.WriterTo.
func (c content) WriteTo(w io.Writer) (int64, error) {
	return io.Copy(w, io.NewSectionReader(c.Object, 0, c.Size()))
}
