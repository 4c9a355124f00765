// Package buckettest has what tests of buckets need: object stores that are true or have a vice, and the suite that every client has to pass.
package buckettest

import (
	"bytes"
	"context"
	"crypto/md5"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"exporter/internal/store"
	"exporter/internal/store/bucket"
)

// Request is one that a Memory is asked for. Kind is "put", "create", "get", "list" or "remove"; Key is the prefix of a list, and the first
// of what is removed.
type Request struct {
	// Number counts requests from 1.
	Number    int
	Kind, Key string
}

// Fate is what becomes of a request. Before and After, where not nil, are called before it is carried out, and before it is answered. Where Err
// is not nil it is the answer, to a request that is carried out where Done is true, and is not otherwise, unless Late is above zero: then it is
// carried out so much later than it was answered.
type Fate struct {
	Before, After func()
	Err           error
	Done          bool
	Late          time.Duration
}

// Vice is what a store does wrong.
type Vice int

// The vices: objects are stored also where that was not to be; whether there is one is looked at before all of it has come; one byte of
// long objects is another; lists are empty.
const (
	None Vice = iota
	IgnoresCondition
	ChecksThenActs
	OtherBytes
	ListsNothing
)

// Memory is an object store, and all its clients.
type Memory struct {
	// Vice is set before the first request.
	Vice Vice

	mu       sync.Mutex
	objects  map[string]stored
	requests int
	fate     func(Request) Fate
	now      func() time.Time
}

type stored struct {
	data     []byte
	modified time.Time
}

// NewMemory returns a store that is empty, whose requests become what fate says, which may be nil, by a clock; nil stands for time.Now.
func NewMemory(fate func(Request) Fate, now func() time.Time) *Memory {
	if fate == nil {
		fate = func(Request) Fate { return Fate{} }
	}
	if now == nil {
		now = time.Now
	}
	return &Memory{objects: map[string]stored{}, fate: fate, now: now}
}

// Client returns a client of the store, whose requests become what fate says.
func (m *Memory) Client(fate func(Request) Fate) bucket.Client { return client{m, fate} }

// Keys returns those of all objects, sorted.
func (m *Memory) Keys() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Sorted(maps.Keys(m.objects))
}

// Requests returns how many there have been.
func (m *Memory) Requests() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.requests
}

// Lost is the answer to a request whose own was lost: of those that create something, nobody knows what became.
func Lost(kind, key string) error {
	err := errors.New("the connection was reset")
	if kind == "create" {
		err = fmt.Errorf("%w: %w", store.ErrUnsure, err)
	}
	return &bucket.Error{Op: kind, Key: key, Temporary: true, Err: err}
}

// client is a bucket.Client of a Memory.
type client struct {
	m    *Memory
	fate func(Request) Fate
}

var _ bucket.Client = client{}

// do carries a request out as its fate has it.
func (c client) do(ctx context.Context, kind, key string, act func() error) error {
	c.m.mu.Lock()
	c.m.requests++
	r := Request{c.m.requests, kind, key}
	c.m.mu.Unlock()
	fate := c.m.fate(r)
	if c.fate != nil {
		fate = c.fate(r)
	}
	if fate.Before != nil {
		fate.Before()
	}
	if err := ctx.Err(); err != nil {
		return &bucket.Error{Op: kind, Key: key, Err: err}
	}
	if fate.Err != nil && !fate.Done {
		if fate.Late > 0 {
			go func() {
				time.Sleep(fate.Late)
				c.m.mu.Lock()
				defer c.m.mu.Unlock()
				// Whoever wanted to know is told already.
				_ = act()
			}()
		}
		return fate.Err
	}
	c.m.mu.Lock()
	err := act()
	c.m.mu.Unlock()
	if fate.After != nil {
		fate.After()
	}
	if fate.Err != nil {
		return fate.Err
	}
	return err
}

// Put implements bucket.Client.
func (c client) Put(ctx context.Context, key string, from store.Content, size int64) (v bucket.Version, err error) {
	return c.put(ctx, "put", key, from, size, func() error { return nil })
}

// Create implements bucket.Client.
func (c client) Create(ctx context.Context, key string, from store.Content, size int64) (bucket.Version, error) {
	return c.put(ctx, "create", key, from, size, func() error {
		if _, ok := c.m.objects[key]; ok {
			return &bucket.Error{Op: "create", Key: key, Status: 412, Err: store.ErrExists}
		}
		return nil
	})
}

func (c client) put(ctx context.Context, kind, key string, from store.Content, size int64, check func() error) (v bucket.Version, err error) {
	switch c.m.Vice {
	case IgnoresCondition:
		check = func() error { return nil }
	case ChecksThenActs:
		c.m.mu.Lock()
		err := check()
		c.m.mu.Unlock()
		check = func() error { return err }
	}
	var data bytes.Buffer
	if n, err := from.WriteTo(&data); err != nil || n != size {
		return "", errors.Join(err, fmt.Errorf("put %s: %d of %d bytes", key, n, size))
	}
	err = c.do(ctx, kind, key, func() error {
		if err := check(); err != nil {
			return err
		}
		if c.m.Vice == OtherBytes && data.Len() > 1000 {
			data.Bytes()[999] ^= 1
		}
		s := stored{data.Bytes(), c.m.now()}
		c.m.objects[key] = s
		v = s.version()
		return nil
	})
	return v, err
}

// version is as S3's: equal for equal content.
func (s stored) version() bucket.Version { return bucket.Version(fmt.Sprintf("%x", md5.Sum(s.data))) }

// Get implements bucket.Client.
func (c client) Get(ctx context.Context, key string, offset, length int64, of bucket.Version) (body io.ReadCloser, info bucket.Info, err error) {
	err = c.do(ctx, "get", key, func() error {
		s, ok := c.m.objects[key]
		switch {
		case !ok:
			return &bucket.Error{Op: "get", Key: key, Status: 404, Err: fs.ErrNotExist}
		case of != "" && of != s.version():
			return &bucket.Error{Op: "get", Key: key, Status: 412, Err: bucket.ErrChanged}
		}
		size := int64(len(s.data))
		info = bucket.Info{Key: key, Size: size, Version: s.version(), Modified: s.modified, Now: c.m.now()}
		body = io.NopCloser(bytes.NewReader(s.data[min(offset, size):min(offset+length, size)]))
		return nil
	})
	return body, info, err
}

// List implements bucket.Client.
func (c client) List(ctx context.Context, prefix, after string) iter.Seq2[bucket.Info, error] {
	return func(yield func(bucket.Info, error) bool) {
		var found []bucket.Info
		err := c.do(ctx, "list", prefix, func() error {
			for key, s := range c.m.objects {
				if strings.HasPrefix(key, prefix) && key > after && c.m.Vice != ListsNothing {
					found = append(found, bucket.Info{Key: key, Size: int64(len(s.data)), Version: s.version(), Modified: s.modified, Now: c.m.now()})
				}
			}
			return nil
		})
		if err != nil {
			yield(bucket.Info{}, err)
			return
		}
		slices.SortFunc(found, func(a, b bucket.Info) int { return strings.Compare(a.Key, b.Key) })
		for _, info := range found {
			if !yield(info, nil) {
				return
			}
		}
	}
}

// Remove implements bucket.Client.
func (c client) Remove(ctx context.Context, keys ...string) error {
	if len(keys) == 0 {
		return nil
	}
	return c.do(ctx, "remove", keys[0], func() error {
		for _, key := range keys {
			delete(c.m.objects, key)
		}
		return nil
	})
}

// String implements bucket.Client.
func (c client) String() string { return "mem://test" }
