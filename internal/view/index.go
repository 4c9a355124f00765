package view

import (
	"context"
	"errors"
	"iter"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"
)

// stride is how far apart the rows are of which a list keeps the keys.
const stride = 256

// index is which rows a filter leaves. It is made while it is used: rows are looked at in their order, and the key of each 256th is kept, from which a
// reader goes on.
type index[K any] struct {
	mu sync.Mutex
	// grown is closed, and another one made, when some more rows are known; in the end it stays closed.
	grown chan struct{}
	marks []K
	count int64
	done  bool
	err   error
	// forget ends the filling.
	forget func()
	// users are the requests that use it, and is of indexes.
	users int
}

// fill looks at all rows.
func (x *index[K]) fill(keys iter.Seq2[func() K, error]) {
	var failed error
	for key, err := range keys {
		if err != nil {
			failed = err
			break
		}
		x.add(key)
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.done, x.err = true, failed
	close(x.grown)
}

// add adds a row.
func (x *index[K]) add(key func() K) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.count%stride == 0 {
		x.marks = append(x.marks, key())
		close(x.grown)
		x.grown = make(chan struct{})
	}
	x.count++
}

// known waits until a number of rows is known, or all are, and returns how many these are, and whether they are all.
func (x *index[K]) known(ctx context.Context, atLeast int64) (count int64, isAll bool, err error) {
	for {
		x.mu.Lock()
		count, isAll, err = x.count, x.done, x.err
		grown := x.grown
		x.mu.Unlock()
		if isAll || count >= atLeast {
			return count, isAll, err
		}
		select {
		case <-grown:
		case <-ctx.Done():
			return count, false, context.Cause(ctx)
		}
	}
}

// from returns the key from which to read to get to a row that is known, and how many others come first.
func (x *index[K]) from(at int64) (key K, skip int64) {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.marks[at/stride], at % stride
}

// mostIndexes is how many indexes of each kind are kept.
const mostIndexes = 8

// indexes are those that were used last. What fills them is of a group.
type indexes[K any] struct {
	mu     sync.Mutex
	byName map[string]*index[K]
	// recent are the names, the one that was used last at the end.
	recent []string
	// freed is closed when one is not used any more; nil where nobody waits for that.
	freed chan struct{}
}

// errForgotten ends an index that was not used for long.
var errForgotten = errors.New("others were asked for since")

// use returns the index of a name, and what is to be called when it is used no more. It makes one that keys fill, where there is none, as long as life
// lasts. Where others use as many as are kept, it waits until one of them does not, or ctx ends.
func (x *indexes[K]) use(ctx, life context.Context, g *errgroup.Group, name string, keys func(context.Context) iter.Seq2[func() K, error]) (*index[K], func(), error) {
	for {
		found, freed := x.tryUse(life, g, name, keys)
		if found != nil {
			return found, func() { x.leave(found) }, nil
		}
		select {
		case <-freed:
		case <-ctx.Done():
			return nil, nil, context.Cause(ctx)
		}
	}
}

// tryUse returns the index of a name, or what is closed when there may be room for it.
func (x *indexes[K]) tryUse(life context.Context, g *errgroup.Group, name string, keys func(context.Context) iter.Seq2[func() K, error]) (*index[K], <-chan struct{}) {
	x.mu.Lock()
	defer x.mu.Unlock()
	found := x.byName[name]
	if found == nil && !x.hasRoom() {
		if x.freed == nil {
			x.freed = make(chan struct{})
		}
		return nil, x.freed
	}
	if found == nil {
		found = x.begin(life, g, name, keys)
	}
	found.users++
	x.recent = append(slices.DeleteFunc(x.recent, func(n string) bool { return n == name }), name)
	return found, nil
}

// hasRoom forgets the index that was not used for the longest time where as many are there as are kept. It tells whether there is room for another one.
func (x *indexes[K]) hasRoom() bool {
	if len(x.recent) < mostIndexes {
		return true
	}
	at := slices.IndexFunc(x.recent, func(name string) bool { return x.byName[name].users == 0 })
	if at < 0 {
		return false
	}
	x.byName[x.recent[at]].forget()
	delete(x.byName, x.recent[at])
	x.recent = slices.Delete(x.recent, at, at+1)
	return true
}

// begin begins to fill an index.
func (x *indexes[K]) begin(life context.Context, g *errgroup.Group, name string, keys func(context.Context) iter.Seq2[func() K, error]) *index[K] {
	ctx, cancel := context.WithCancelCause(life)
	made := &index[K]{grown: make(chan struct{}), forget: func() { cancel(errForgotten) }}
	if x.byName == nil {
		x.byName = map[string]*index[K]{}
	}
	x.byName[name] = made
	g.Go(func() error {
		defer cancel(nil)
		made.fill(keys(ctx))
		return nil
	})
	return made
}

func (x *indexes[K]) leave(used *index[K]) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if used.users--; used.users == 0 && x.freed != nil {
		close(x.freed)
		x.freed = nil
	}
}
