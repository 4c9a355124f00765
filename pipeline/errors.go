package pipeline

import (
	"errors"
	"fmt"
)

// ErrStopped is wrapped by what a Source returns for a request that Stop kept from being sent.
var ErrStopped = errors.New("stopped before the request was sent")

// ErrInterrupted is the cause of a run that was asked to stop. What had been fetched by then is committed.
var ErrInterrupted = errors.New("interrupted")

// Failure is an error that concerns a single asset, or the listings of a single file. It becomes a row; the run goes on.
type Failure struct {
	// Class is a short stable word for reports, such as "http_404" or "size_mismatch".
	Class string
	// Attempts is the number of requests that were made.
	Attempts int
	// Final tells that the same request would be answered in the same way again. Absent tells that what was asked for is not
	// there, or is nothing that can be asked for at all.
	Final, Absent bool
	Err           error
}

func (f *Failure) Error() string { return f.Class + ": " + f.Err.Error() }
func (f *Failure) Unwrap() error { return f.Err }

// NoAssetsError says why a file has no assets that could be asked for. It becomes a row that is skipped.
type NoAssetsError struct{ Reason string }

func (e *NoAssetsError) Error() string { return e.Reason }

// StorageError is what a Sink or a Ledger could not do.
type StorageError struct {
	// Op is what was being done, such as "store blob".
	Op  string
	Err error
}

func (e *StorageError) Error() string { return e.Op + ": " + e.Err.Error() }
func (e *StorageError) Unwrap() error { return e.Err }

// DoubtError says that a listing lost so much of what is known that it is not believed: what it has was exported, and nothing
// counts as vanished.
type DoubtError struct {
	// Lost says what was lost, such as "160 of 200 known files are not listed".
	Lost string
}

func (e *DoubtError) Error() string { return "the listing is not believed: " + e.Lost }

// PanicError is a panic of one of the pipeline's goroutines.
type PanicError struct {
	Stage string
	Value any
	Stack []byte
}

func (e *PanicError) Error() string { return fmt.Sprintf("panic in stage %s: %v", e.Stage, e.Value) }

// DamageError says that something stored is not what the ledger says, or that the ledger itself cannot be read.
type DamageError struct {
	// Path is relative to the export directory.
	Path string
	Err  error
}

func (e *DamageError) Error() string { return e.Path + " is damaged: " + e.Err.Error() }
func (e *DamageError) Unwrap() error { return e.Err }

const (
	// ClassBadID is the class of the Failure of an id that ParseID refuses.
	ClassBadID = "bad_id"
	// ClassTooLarge is that of what is larger than it may be.
	ClassTooLarge = "too_large"
	// ClassGone is that of what was there upstream once, and is not any more.
	ClassGone = "gone"
	// ClassMalformed is that of an item of a listing that cannot be read.
	ClassMalformed = "malformed"
)
