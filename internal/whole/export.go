package whole

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"exporter/internal/parts"
	"exporter/internal/store"
	"exporter/internal/store/place"
	"exporter/manifest"
)

// atOnce is how many parts are looked at at once: each is a few round trips to a bucket.
const atOnce = 16

// Export is an export in parts that is open for reading.
type Export struct {
	// Plan is what its parts.json says.
	Plan parts.Plan
	tree *place.Tree
	// moved are the names of the folders that are no numbered parts.
	moved []string
}

// OpenParts opens the export in parts at a place. Where what is there is not in parts, that is fs.ErrNotExist. The log is told what is waited for; it
// may be nil.
func OpenParts(ctx context.Context, path string, log *slog.Logger) (e *Export, err error) {
	tree, err := place.OpenTree(ctx, path, log)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, tree.Close())
		}
	}()
	dir, err := tree.Open(ctx, "")
	if err != nil {
		return nil, err
	}
	plan, err := parts.ReadPlan(ctx, dir)
	if e, ok := errors.AsType[*parts.PlanError](err); ok {
		e.File = tree.Name(e.File)
	}
	if err := errors.Join(err, dir.Close()); err != nil {
		return nil, err
	}
	e = &Export{Plan: plan, tree: tree}
	e.moved, err = e.findMoved(ctx)
	return e, err
}

// findMoved returns the names of the folders that are no numbered parts.
func (e *Export) findMoved(ctx context.Context) ([]string, error) {
	names, err := e.tree.Folders(ctx, parts.Dir, parts.NamePrefix)
	if err != nil {
		return nil, err
	}
	// What is hidden is the system's own.
	names = slices.DeleteFunc(names, isHidden)
	for _, name := range names {
		if err := parts.CheckFolder(name); err != nil {
			return nil, &FolderError{name, err}
		}
	}
	return names, nil
}

func isHidden(name string) bool { return name[0] == '.' }

// Strays returns the names of folders that are taken for numbered parts by readers of tables, and are none: part=1, or one behind the last; and those of
// files that lie beside the parts, where no export has any.
func (e *Export) Strays(ctx context.Context) (folders, files []string, err error) {
	folders, files, err = e.tree.Names(ctx, parts.Dir)
	isNoStray := func(name string) bool {
		index, isNumbered := parts.ParseName(name)
		return !strings.HasPrefix(name, parts.NamePrefix) || isNumbered && index < e.Plan.Count
	}
	return slices.DeleteFunc(folders, isNoStray), slices.DeleteFunc(files, isHidden), err
}

// FolderError says that something in parts/ has a name that no export there may have.
type FolderError struct {
	Name string
	Err  error
}

func (e *FolderError) Error() string {
	return "the folder " + parts.Dir + "/" + e.Name + " cannot be an export that was moved there: " + e.Err.Error() + " (give it another name)"
}
func (e *FolderError) Unwrap() error { return e.Err }

// Close closes the connections.
func (e *Export) Close() error { return e.tree.Close() }

// IsFar tells whether it is in a bucket.
func (e *Export) IsFar() bool { return e.tree.IsFar() }

// Folders returns the names of all folders that may have an export: those of the numbered parts, and then the others.
func (e *Export) Folders() []string {
	names := make([]string, 0, e.Plan.Count+len(e.moved))
	for i := range e.Plan.Count {
		names = append(names, parts.Name(i))
	}
	return append(names, e.moved...)
}

// Open opens what is in a folder for reading. A folder that is missing is fs.ErrNotExist, or in a bucket empty.
func (e *Export) Open(ctx context.Context, folder string) (place.Branch, error) {
	return e.tree.Open(ctx, parts.Dir+"/"+folder)
}

// States returns the states, as manifest.State has them, of the exports in folders that have tables, by the names of the folders.
func (e *Export) States(ctx context.Context, folders []string) (map[string]string, error) {
	states := make([]string, len(folders))
	err := e.Each(ctx, folders, func(ctx context.Context, i int, dir place.Branch) (err error) {
		states[i], err = manifest.State(ctx, dir)
		return err
	})
	all := map[string]string{}
	for i, state := range states {
		if state != "" {
			all[folders[i]] = state
		}
	}
	return all, err
}

// Each calls do with the export in each folder, some at once. What is missing it passes over.
func (e *Export) Each(ctx context.Context, folders []string, do func(ctx context.Context, i int, dir place.Branch) error) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(atOnce)
	for i, folder := range folders {
		g.Go(func() error {
			if err := context.Cause(ctx); err != nil {
				return err
			}
			dir, err := e.Open(ctx, folder)
			if errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			if err == nil {
				err = errors.Join(do(ctx, i, dir), dir.Close())
			}
			if err != nil {
				return &manifest.PartError{Folder: folder, Err: err}
			}
			return nil
		})
	}
	return g.Wait()
}

// sources returns the exports in folders as what is to be merged. Those that were moved there yield to the numbered ones.
func (e *Export) sources(folders []string) (all []manifest.MergeSource) {
	for _, folder := range folders {
		_, isNumbered := parts.ParseName(folder)
		all = append(all, manifest.MergeSource{
			Folder: folder, Yields: !isNumbered,
			Open: func(ctx context.Context) (store.ReadCloser, error) { return e.openTables(ctx, folder) },
		})
	}
	return all
}

// openTables opens what is in a folder for its tables to be read. Those in a bucket are fetched.
func (e *Export) openTables(ctx context.Context, folder string) (store.ReadCloser, error) {
	dir, err := e.Open(ctx, folder)
	if err != nil || !e.IsFar() {
		return dir, err
	}
	tables, err := fetch(ctx, dir)
	if err := errors.Join(err, dir.Close()); err != nil {
		return nil, err
	}
	return tables, nil
}

// Merge merges the tables of the exports in folders, as manifest.MergeParts does. The spool makes a place for what is too much for memory.
func (e *Export) Merge(ctx context.Context, folders []string, info manifest.Info, spool func() (store.Spool, error)) (*manifest.MergedTables, error) {
	o := manifest.MergeOptions{Sources: e.sources(folders), Count: e.Plan.Count, Info: info, Spool: spool}
	if e.IsFar() {
		o.Ahead = atOnce
	}
	return manifest.MergeParts(ctx, o)
}
