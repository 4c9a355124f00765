package export

import (
	"context"
	"errors"
	"io/fs"
	"strings"

	"exporter/internal/parts"
	"exporter/internal/store/place"
	"exporter/internal/whole"
	"exporter/manifest"
	"exporter/pipeline"
)

// PartsDamageError says where in an export in parts the damage is that an error tells of, and so what mends it.
type PartsDamageError struct {
	// Whole is the path of the export.
	Whole string
	// Folders are the names of the folders in parts/ that are damaged, and Gone of those that are not there any more. Where there are none, it is the merged
	// tables.
	Folders, Gone []string
	// IsStale says that the part has committed since the tables were merged that lead to what is missing.
	IsStale bool
	Err     error
}

func (e *PartsDamageError) Error() string { return e.Err.Error() }
func (e *PartsDamageError) Unwrap() error { return e.Err }

// Hint says what mends it.
func (e *PartsDamageError) Hint() string {
	merge := whole.MergeCommand(e.Whole)
	switch {
	case e.IsStale:
		return "the part has committed since its tables were merged, and " + merge + " brings them up to date"
	case len(e.Folders) == 1:
		return "exporter run --repair --out " + place.QuotePath(partPlace(e.Whole, e.Folders[0])) + " fetches again what that part has lost, and " + merge + " follows it"
	case len(e.Folders) > 1:
		return "exporter run --repair --out " + place.QuotePath(partPlace(e.Whole, e.Folders[0])) + " fetches again what that part has lost, the same for each of " +
			firstFew(e.Folders) + ", and " + merge + " follows them"
	case len(e.Gone) > 0:
		return "bring " + firstFew(e.Gone) + " back, or remove " + manifest.AssetsName + ", and " + merge + " goes by what is there"
	}
	return merge + " makes the merged tables anew"
}

// partPlace returns the path of the folder of a part.
func partPlace(whole, folder string) string {
	at, err := place.Parse(whole)
	if err != nil {
		return whole + "/" + parts.Dir + "/" + folder
	}
	return at.Join(parts.Dir + "/" + folder).String()
}

// InParts says of damage where it is in the first of some exports that is in parts; any other error it returns as it is.
func InParts(ctx context.Context, err error, paths ...string) error {
	damage, ok := errors.AsType[*pipeline.DamageError](err)
	if !ok || Is[*PartsDamageError](err) {
		return err
	}
	for _, path := range paths {
		if found := damageIn(ctx, err, path, damage.Path); found != nil {
			return found
		}
	}
	return err
}

// BlobInParts is InParts of an error that tells of several blobs of the export at path, one of which is at a key.
func BlobInParts(ctx context.Context, err error, path, key string) error {
	if found := damageIn(ctx, err, path, key); found != nil {
		return found
	}
	return err
}

// damageIn returns what says of the damage of what has a key in which part of the export at path it is; nil where that is not in parts.
func damageIn(ctx context.Context, err error, path, key string) error {
	e, openErr := whole.OpenParts(ctx, path, nil)
	if openErr != nil {
		return nil
	}
	found := &PartsDamageError{Whole: path, Err: err}
	prefix, _ := parts.Cut(key)
	folder := strings.TrimSuffix(strings.TrimPrefix(prefix, parts.Dir+"/"), "/")
	if part, ok := errors.AsType[*manifest.PartError](err); ok {
		folder = part.Folder
	}
	if folder != "" {
		// Where that cannot be told, what is damaged is looked at again by whoever follows the hint.
		isStale, err := e.IsStale(ctx, folder)
		if errors.Is(err, fs.ErrNotExist) {
			found.Gone = []string{parts.Dir + "/" + folder}
		} else {
			found.Folders, found.IsStale = []string{folder}, isStale
		}
	}
	// Nothing was written.
	_ = e.Close()
	return found
}

// AnyInParts returns the first of some exports that is in parts.
func AnyInParts(ctx context.Context, paths []string) (path string, ok bool) {
	for _, path := range paths {
		if e, err := whole.OpenParts(ctx, path, nil); err == nil {
			// Nothing was written.
			_ = e.Close()
			return path, true
		}
	}
	return "", false
}

// StaleMerge returns the export in parts of which that at path is one, where its merged tables are of another state of this part; ok is false else, and
// where that cannot be told.
func StaleMerge(ctx context.Context, path string) (outer string, ok bool) {
	at, err := place.Parse(path)
	if err != nil {
		return "", false
	}
	above, names, ok := at.Outer(parts.Levels)
	if !ok || names[0] != parts.Dir {
		return "", false
	}
	e, err := whole.OpenParts(ctx, above.String(), nil)
	if err != nil {
		return "", false
	}
	stale, err := e.IsStale(ctx, names[1])
	return above.String(), errors.Join(err, e.Close()) == nil && stale
}
