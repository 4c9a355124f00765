package export

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"slices"
	"strings"
	"time"

	"exporter/internal/config"
	"exporter/internal/llamacloud"
	"exporter/pipeline"
)

// NameError says that what was named is not there, or is there more than once.
type NameError struct {
	// What is "directory" or the like.
	What string
	Name config.Reference
	// IDs are those of all that have the name, as the API has them.
	IDs []string
}

func (e *NameError) Error() string {
	if len(e.IDs) == 0 {
		return fmt.Sprintf("no %s has the name %q (exporter sources lists them)", e.What, string(e.Name))
	}
	ids := make([]string, len(e.IDs))
	for i, id := range e.IDs {
		ids[i] = fmt.Sprintf("%q", id)
	}
	return fmt.Sprintf("%d of the name %q are there (give the id of the %s that is meant: %s)", len(ids), string(e.Name), e.What, firstFew(ids))
}

// named is what a listing says of something that may be referred to.
type named struct{ id, name string }

// identify puts ids in the place of the names of what is to be exported, and notes what the source is then. The only source of a first
// run that may be an id is taken for one: its listing tells, and foundName looks for a name.
func (r *run) identify(ctx context.Context, client *llamacloud.Client) error {
	if r.Source != nil {
		return nil
	}
	s := &r.Config.Source
	if !slices.ContainsFunc(slices.Concat(s.Directories, s.Pipelines, s.Indexes), mayBeName) {
		r.Source = r.sourceSettings()
		return r.checkList()
	}
	ctx, cancel := Interruptible(ctx, r.Stop)
	defer cancel()
	remembered, err := readRemembered(ctx, r.Config.Output.Dir, r.Log)
	if err != nil {
		return err
	}
	r.unsure = len(remembered) == 0 && r.list == nil && !s.Project && !s.ParseJobs &&
		len(s.Directories)+len(s.Pipelines)+len(s.Indexes)+len(s.Files)+len(s.ParseJobIDs)+len(s.BatchIDs) == 1
	_, err = r.lookUp(ctx, client, func(path string, reference config.Reference) bool {
		known := strings.Split(remembered[path], ",")
		return r.unsure && reference.IsID() || slices.Contains(known, string(reference)) || slices.Contains(r.listIDs(path), string(reference))
	})
	if r.Source = r.sourceSettings(); err != nil {
		return err
	}
	return r.checkList()
}

// mayBeName tells whether a reference is no id by its form.
func mayBeName(reference config.Reference) bool { return !llamacloud.HasUUID(string(reference)) }

// foundName looks for a name where an error says that what was taken for an id is none. It tells whether there is one, so that the run
// is to be tried once more; the error is why not otherwise.
func (r *run) foundName(ctx context.Context, client *llamacloud.Client, failed *error) bool {
	refused, ok := errors.AsType[*llamacloud.APIError](*failed)
	if !r.unsure || !ok || !llamacloud.IsAbsent(*failed) && refused.Status != http.StatusUnprocessableEntity {
		return false
	}
	client.Resume()
	ctx, cancel := Interruptible(ctx, r.Stop)
	defer cancel()
	found, err := r.lookUp(ctx, client, func(string, config.Reference) bool { return false })
	if err != nil {
		*failed = err
	}
	if found {
		r.Source, r.begun, r.asked = nil, false, nil
		r.counter.restart()
	}
	return found
}

// lookUp puts ids in the place of names, and tells whether there were some. What is an id by its form is not asked for, and neither is
// what is known to be one; what may be an id, and is no name either, is left for its listing to be refused.
func (r *run) lookUp(
	ctx context.Context, client *llamacloud.Client, isKnown func(path string, reference config.Reference) bool,
) (changed bool, err error) {
	s := &r.Config.Source
	for _, kind := range []struct {
		what, path string
		references []config.Reference
		list       iter.Seq2[named, error]
	}{
		{"directory", "source.directories", s.Directories, r.namedDirectories(ctx, client)},
		{"pipeline", "source.pipelines", s.Pipelines, listNamed(
			client.Pipelines(ctx, llamacloud.PipelinesQuery{}),
			func(p *llamacloud.Pipeline) named { return named{p.ID, p.Name.Or("")} })},
		{"index", "source.indexes", s.Indexes, listNamed(
			client.Indexes(ctx, llamacloud.IndexesQuery{}),
			func(i *llamacloud.Index) named { return named{i.ID, i.Name.Or("")} })},
	} {
		l := newLookup(kind.what)
		for _, reference := range kind.references {
			if !isKnown(kind.path, reference) {
				l.want(reference)
			}
		}
		if err := l.read(kind.list); err != nil {
			return false, err
		}
		for i, reference := range kind.references {
			id, err := l.id(reference)
			if err != nil {
				return false, err
			}
			if id != reference {
				kind.references[i], changed = id, true
				r.Log.Info("found by its name", kind.what, string(reference), "id", string(id))
			}
		}
	}
	return changed, nil
}

// namedDirectories lists the directories of the project, and notes when they expire.
func (r *run) namedDirectories(ctx context.Context, client *llamacloud.Client) iter.Seq2[named, error] {
	r.expiries = map[pipeline.ID]time.Time{}
	return listNamed(client.Directories(ctx, llamacloud.DirectoriesQuery{}), func(d *llamacloud.Directory) named {
		if at, told := d.Expiry(); told {
			r.expiries[pipeline.ID(d.ID)] = at
		}
		return nameOf(d)
	})
}

func nameOf(d *llamacloud.Directory) named { return named{d.ID, d.Name.Or("")} }

// DirectoryID returns the id of a directory that is given by its id or its name. What is an id by its form is not asked for; where
// directories cannot be listed, what may be an id is taken for one.
func DirectoryID(ctx context.Context, client *llamacloud.Client, given config.Reference) (pipeline.ID, error) {
	l := newLookup("directory")
	l.want(given)
	if err := l.read(listNamed(client.Directories(ctx, llamacloud.DirectoriesQuery{}), nameOf)); err != nil {
		return "", err
	}
	id, err := l.id(given)
	return pipeline.ID(id), err
}

// listNamed leaves out what has no id that can be used.
func listNamed[T any](items iter.Seq2[T, error], convert func(*T) named) iter.Seq2[named, error] {
	return func(yield func(named, error) bool) {
		for item, err := range items {
			n := convert(&item)
			if _, bad := pipeline.ParseID(n.id); bad != nil && err == nil {
				continue
			}
			if !yield(n, err) {
				return
			}
		}
	}
}

// lookup finds out which of its references are ids, and which names.
type lookup struct {
	what  string
	found map[config.Reference]*found
	// unlisted is why nothing can be found by its name; nil where it can.
	unlisted error
}

func newLookup(what string) *lookup { return &lookup{what: what, found: map[config.Reference]*found{}} }

// want has a reference looked for, unless it is an id by its form.
func (l *lookup) want(reference config.Reference) {
	if mayBeName(reference) {
		l.found[reference] = &found{}
	}
}

// found is what there is of a reference.
type found struct {
	isID bool
	// named are the ids of those whose name it is.
	named []string
}

// read goes through the listing, if anything is looked for. The error is one that everything else would end with, too.
func (l *lookup) read(list iter.Seq2[named, error]) error {
	if len(l.found) == 0 {
		return nil
	}
	for n, err := range list {
		if llamacloud.EndsAll(err) {
			return err
		}
		if err != nil {
			l.unlisted = err
			return nil
		}
		if f := l.found[config.Reference(n.id)]; f != nil {
			f.isID = true
		}
		if f := l.found[config.Reference(n.name)]; f != nil && !slices.Contains(f.named, n.id) {
			f.named = append(f.named, n.id)
		}
	}
	return nil
}

// id returns the id that a reference is, or stands for.
func (l *lookup) id(reference config.Reference) (config.Reference, error) {
	f := l.found[reference]
	switch {
	case f == nil, f.isID, reference.IsID() && len(f.named) == 0:
		return reference, nil
	case l.unlisted != nil && !reference.IsID():
		return "", &llamacloud.ListingError{What: fmt.Sprintf("what %q is the name of", string(reference)), Err: l.unlisted}
	case len(f.named) != 1:
		return "", &NameError{What: l.what, Name: reference, IDs: f.named}
	}
	return config.Reference(f.named[0]), nil
}
