package bucket

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"time"

	"exporter/internal/store"
)

// Client speaks with one bucket of an object store, by single requests, of which it repeats none that changes something. Keys are those of
// the bucket. Its methods are safe for concurrent use. An error that says which answer came is an *Error.
type Client interface {
	// Put stores an object as a whole, by one request of known length, in place of one that has its key. Where the store compares a sum
	// of what it has received with the one that is sent, one is sent.
	Put(ctx context.Context, key string, c store.Content, size int64) (Version, error)
	// Create is Put if no object has the key: else it is store.ErrExists and changes nothing. Where it is not known whether the object
	// was stored, it is store.ErrUnsure.
	Create(ctx context.Context, key string, c store.Content, size int64) (Version, error)
	// Get reads so many bytes of an object from an offset on, fewer where it ends before. Of a version other than "" it reads that one, or
	// fails with ErrChanged. A missing object is fs.ErrNotExist.
	Get(ctx context.Context, key string, offset, length int64, of Version) (io.ReadCloser, Info, error)
	// List yields what is below a prefix, or begins so, and comes behind a key in the order of bytes; "" is before all of them. An error
	// is the last that is yielded.
	List(ctx context.Context, prefix, after string) iter.Seq2[Info, error]
	// Level is List of one level: all that has a '/' behind the prefix is one entry for each folder, whose key ends with that '/', and of which
	// nothing else is known. It takes a request for a thousand entries, however much is in the folders.
	Level(ctx context.Context, prefix, after string) iter.Seq2[Info, error]
	// Remove removes objects. One that is missing is no error.
	Remove(ctx context.Context, keys ...string) error
	// String names the bucket, and behind " at " where it is, without secrets.
	String() string
}

// Version tells what is stored under a key from what was stored before: an ETag, or a generation. It is opaque.
type Version string

// Info is what is known of an object.
type Info struct {
	Key  string
	Size int64
	// Version may be empty in a list.
	Version Version
	// Modified and Now are when the object was stored, and when the store said so, by the clock of the store; zero where it does not say.
	Modified, Now time.Time
}

// ErrChanged says that an object is not any more of the version that is wanted.
var ErrChanged = errors.New("the object was replaced while it was read")

// Error is an answer of the store, or that there was none.
type Error struct {
	// Op is what was to be done, such as "put", with what.
	Op, Key string
	// Status is that of the answer; 0 where there was none. Code is the store's own word, such as "SlowDown".
	Status int
	Code   string
	// Temporary says that the same may succeed soon, and RetryAfter how long the store wants to be left alone; 0 where it does not say.
	Temporary  bool
	RetryAfter time.Duration
	// Hint says what to do; "" where there is nothing to say.
	Hint string
	// Err is what went wrong: fs.ErrNotExist, fs.ErrPermission, store.ErrExists and store.ErrUnsure among others.
	Err error
}

// Error implements error.
func (e *Error) Error() string {
	text := fmt.Sprintf("%s %s: %v", e.Op, e.Key, e.Err)
	if e.Hint != "" {
		text += " (" + e.Hint + ")"
	}
	return text
}

// Unwrap returns what went wrong.
func (e *Error) Unwrap() error { return e.Err }

// Is makes it a store.ErrUnreadable, unless it tells what became of the object.
func (e *Error) Is(target error) bool {
	return target == store.ErrUnreadable && !isMissing(e.Err) && !errors.Is(e.Err, ErrChanged)
}
