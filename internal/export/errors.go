package export

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"exporter/internal/config"
	"exporter/internal/store"
	"exporter/internal/store/place"
	"exporter/manifest"
	"exporter/pipeline"
)

// UsageError says that what was asked for makes no sense. Its text tells what to do.
type UsageError struct{ Err error }

func (e *UsageError) Error() string { return e.Err.Error() }
func (e *UsageError) Unwrap() error { return e.Err }

func usagef(format string, args ...any) error { return &UsageError{fmt.Errorf(format, args...)} }

// ErrIncomplete says that a run finished, but not everything could be fetched.
var ErrIncomplete = errors.New("some assets or files failed")

// UnlistedError is an ErrIncomplete: some of the sources could not be listed.
type UnlistedError struct{ Sources []IncompleteSource }

func (e *UnlistedError) Error() string {
	names := make([]string, len(e.Sources))
	for i, s := range e.Sources {
		names[i] = string(s.Source)
	}
	return "sources that could not be listed: " + firstFew(names)
}

// Is makes it a sort of ErrIncomplete.
func (e *UnlistedError) Is(target error) bool { return target == ErrIncomplete }

// ErrDamaged says that something that is stored is not what the tables say.
var ErrDamaged = errors.New("the export is damaged")

// firstFew returns the first few names, and says how many more there are.
func firstFew(names []string) string {
	const few = 3
	if more := len(names) - few; more > 0 {
		names = append(slices.Clone(names[:few]), fmt.Sprintf("%d more", more))
	}
	return strings.Join(names, ", ")
}

// PruneError says that pruning would remove more than a tenth of what is stored.
type PruneError struct{ gone, stored int64 }

func (e *PruneError) Error() string { return e.what() + ", so none was" }

func (e *PruneError) what() string {
	return fmt.Sprintf("%d of %d stored assets would be pruned", e.gone, e.stored)
}

// neededForce returns the flag without which the same command does not go on; empty where it does by itself.
func neededForce(err error) string {
	switch {
	case Is[*pipeline.DoubtError](err):
		return "--force " + string(ForceListing)
	case Is[*PruneError](err):
		return "--force " + string(ForcePrune)
	}
	return ""
}

// ErrNoManifest says that a place has no export in it.
var ErrNoManifest = errors.New("has no manifest: name an export")

// noManifestError says that there is no export at path.
func noManifestError(path string) error {
	return usagef("%q %w", path, ErrNoManifest)
}

// noTableError is noManifestError for a place that is open: where there is another table, it says that the manifest is lost.
func noTableError(ctx context.Context, path string, from store.Reader) error {
	other, err := from.Open(ctx, manifest.FilesName)
	if err != nil {
		return noManifestError(path)
	}
	return errors.Join(&UsageError{&lostManifestError{path}}, other.Close())
}

// lostManifestError is an ErrNoManifest: the place has been an export.
type lostManifestError struct{ path string }

func (e *lostManifestError) Error() string {
	return fmt.Sprintf("%q has a %s, but its %s is gone: put it back, or exporter run --repair with the same --out makes it anew, and fetches everything again",
		e.path, manifest.FilesName, manifest.AssetsName)
}

// Is makes it a sort of ErrNoManifest.
func (e *lostManifestError) Is(target error) bool { return target == ErrNoManifest }

// openError says why the export at path cannot be opened.
func openError(path string, err error) error {
	if Is[*place.Error](err) {
		return &UsageError{err}
	}
	if errors.Is(err, syscall.ENOTDIR) {
		if file := fileIn(path); file != "" {
			return fileError(path, file)
		}
	}
	if place.IsBucket(path) {
		return storageError("open the export "+path, err)
	}
	return storageError("open the export directory "+path, err)
}

// fileIn returns the path of the file that is where the directory at path, or one above it, is to be; "" where there is none.
func fileIn(path string) string {
	for outer := filepath.Dir(path); ; path, outer = outer, filepath.Dir(outer) {
		if info, err := os.Stat(path); err == nil && !info.IsDir() {
			return path
		}
		if outer == path {
			return ""
		}
	}
}

// fileError says that a file is in the way of the directory at path.
func fileError(path, file string) error {
	if at, err := place.Parse(path); err == nil {
		if _, _, isPart := config.WholeOf(at); isPart {
			return usagef("%q is a file, and %q is to be the folder of a part (move the file away)", file, path)
		}
	}
	return usagef("--out %q is a file: name a directory", file)
}

// partsError says why the parts of the export at path cannot be opened.
func partsError(path string, err error) error {
	if Is[*place.Error](err) {
		return &UsageError{err}
	}
	if errors.Is(err, store.ErrNotRegular) || errors.Is(err, syscall.ENOTDIR) {
		return usagef("the parts of %q cannot be opened: %w (put what belongs there back)", path, err)
	}
	return storageError("open the parts of "+path, err)
}

// storageError says what storage failed at. Damage stays what it is, and so does what makes no sense.
func storageError(op string, err error) error {
	if err == nil || Is[*pipeline.DamageError](err) || Is[*UsageError](err) {
		return err
	}
	return &pipeline.StorageError{Op: op, Err: err}
}

// IsFull tells whether storage works but has no room for more.
func IsFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || errors.Is(err, syscall.EFBIG)
}

// Is tells whether an error is, or wraps, one of a type.
func Is[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}
