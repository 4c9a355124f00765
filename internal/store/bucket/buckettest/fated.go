package buckettest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"sync/atomic"
	"time"

	"exporter/internal/store"
	"exporter/internal/store/bucket"
)

// Request is one that a store is asked for. Kind is "put", "create", "get", "list" or "remove"; Key is the prefix of a list, and the first of
// what is removed.
type Request struct {
	// Number counts requests from 1.
	Number    int
	Kind, Key string
}

// Fate is what becomes of a request. Before and After, where not nil, are called before it is carried out, and before it is answered. Where Err
// is not nil it is the answer, to a request that is carried out where Done is true, and is not otherwise, unless Late is above zero: then it is
// carried out so much later than it was answered. What reads is never carried out late.
type Fate struct {
	Before, After func()
	Err           error
	Done          bool
	Late          time.Duration
}

// Lost is the answer to a request whose own was lost: of those that create something, nobody knows what became.
func Lost(kind, key string) error {
	err := errors.New("the connection was reset")
	if kind == "create" {
		err = fmt.Errorf("%w: %w", store.ErrUnsure, err)
	}
	return &bucket.Error{Op: kind, Key: key, Temporary: true, Err: err}
}

// Fated returns a client whose requests, which another one carries out, become what fate says; nil lets them be.
func Fated(of bucket.Client, fate func(Request) Fate) bucket.Client {
	return &fated{of, fate, new(atomic.Int64)}
}

type fated struct {
	bucket.Client
	fate     func(Request) Fate
	requests *atomic.Int64
}

// of returns what becomes of the next request.
func (f *fated) of(kind, key string) Fate {
	r := Request{int(f.requests.Add(1)), kind, key}
	if f.fate == nil {
		return Fate{}
	}
	return f.fate(r)
}

// do carries a request out as its fate has it.
func (f *fated) do(kind, key string, act func(late bool) error) error {
	fate := f.of(kind, key)
	if fate.Before != nil {
		fate.Before()
	}
	if fate.Err != nil && !fate.Done {
		if fate.Late > 0 {
			// Whoever wanted to know is told already.
			time.AfterFunc(fate.Late, func() { _ = act(true) })
		}
		return fate.Err
	}
	err := act(false)
	if fate.After != nil {
		fate.After()
	}
	if fate.Err != nil {
		return fate.Err
	}
	return err
}

// Put implements bucket.Client.
func (f *fated) Put(ctx context.Context, key string, c store.Content, size int64) (v bucket.Version, err error) {
	err = f.do("put", key, func(late bool) (err error) {
		v, err = f.Client.Put(unless(late, ctx), key, c, size)
		return err
	})
	return v, err
}

// Create implements bucket.Client.
func (f *fated) Create(ctx context.Context, key string, c store.Content, size int64) (v bucket.Version, err error) {
	err = f.do("create", key, func(late bool) (err error) {
		v, err = f.Client.Create(unless(late, ctx), key, c, size)
		return err
	})
	return v, err
}

// Get implements bucket.Client.
func (f *fated) Get(ctx context.Context, key string, offset, length int64, of bucket.Version) (body io.ReadCloser, info bucket.Info, err error) {
	err = f.do("get", key, func(late bool) (err error) {
		if !late {
			body, info, err = f.Client.Get(ctx, key, offset, length, of)
		}
		return err
	})
	return body, info, err
}

// List implements bucket.Client.
func (f *fated) List(ctx context.Context, prefix, after string) iter.Seq2[bucket.Info, error] {
	if err := f.do("list", prefix, func(bool) error { return nil }); err != nil {
		return func(yield func(bucket.Info, error) bool) { yield(bucket.Info{}, err) }
	}
	return f.Client.List(ctx, prefix, after)
}

// Level implements bucket.Client.
func (f *fated) Level(ctx context.Context, prefix, after string) iter.Seq2[bucket.Info, error] {
	if err := f.do("list", prefix, func(bool) error { return nil }); err != nil {
		return func(yield func(bucket.Info, error) bool) { yield(bucket.Info{}, err) }
	}
	return f.Client.Level(ctx, prefix, after)
}

// Remove implements bucket.Client.
func (f *fated) Remove(ctx context.Context, keys ...string) error {
	if len(keys) == 0 {
		return nil
	}
	return f.do("remove", keys[0], func(late bool) error { return f.Client.Remove(unless(late, ctx), keys...) })
}

// unless returns a context, or, for what is carried out late, one that does not end with it.
func unless(late bool, ctx context.Context) context.Context {
	if late {
		return context.WithoutCancel(ctx)
	}
	return ctx
}
