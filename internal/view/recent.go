package view

import (
	"context"
	"errors"
	"sync"
)

// mostRecent is how many values are kept.
const mostRecent = 4

// recent keeps the values that were asked for last. What many ask for at once is made once.
type recent[T any] struct {
	mu    sync.Mutex
	names []string
	made  map[string]func() (T, error)
}

// get returns the value of a name, which make makes where it is not kept. One that could not be made is not kept, and where that was since another asker
// went away, it is made anew.
func (r *recent[T]) get(ctx context.Context, name string, make func() (T, error)) (T, error) {
	for {
		value, err := r.once(name, make)()
		if err == nil {
			return value, nil
		}
		r.forget(name)
		if ctx.Err() != nil || !errors.Is(err, context.Canceled) {
			return value, err
		}
	}
}

func (r *recent[T]) once(name string, make func() (T, error)) func() (T, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if found := r.made[name]; found != nil {
		return found
	}
	if r.made == nil {
		r.made = map[string]func() (T, error){}
	}
	if len(r.names) == mostRecent {
		delete(r.made, r.names[0])
		r.names = r.names[1:]
	}
	r.names = append(r.names, name)
	r.made[name] = sync.OnceValues(make)
	return r.made[name]
}

func (r *recent[T]) forget(name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, n := range r.names {
		if n == name {
			r.names = append(r.names[:i:i], r.names[i+1:]...)
			delete(r.made, name)
			return
		}
	}
}
