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
}

// errForgotten ends an index that was not used for long.
var errForgotten = errors.New("others were asked for since: ask again")

// get returns the index of a name. It makes one that keys fill, where there is none, as long as ctx lasts.
func (x *indexes[K]) get(ctx context.Context, g *errgroup.Group, name string, keys func(context.Context) iter.Seq2[func() K, error]) *index[K] {
	x.mu.Lock()
	defer x.mu.Unlock()
	if found := x.byName[name]; found != nil {
		x.recent = append(slices.DeleteFunc(x.recent, func(n string) bool { return n == name }), name)
		return found
	}
	if x.byName == nil {
		x.byName = map[string]*index[K]{}
	}
	if len(x.recent) == mostIndexes {
		x.byName[x.recent[0]].forget()
		delete(x.byName, x.recent[0])
		x.recent = x.recent[1:]
	}
	ctx, cancel := context.WithCancelCause(ctx)
	made := &index[K]{grown: make(chan struct{}), forget: func() { cancel(errForgotten) }}
	x.byName[name], x.recent = made, append(x.recent, name)
	g.Go(func() error {
		defer cancel(nil)
		made.fill(keys(ctx))
		return nil
	})
	return made
}
