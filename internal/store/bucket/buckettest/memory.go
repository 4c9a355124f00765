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

// Vice is what a store does wrong.
type Vice int

// The vices: objects are stored also where that was not to be; whether there is one is looked at before all of it has come, or a moment
// before it is stored; one byte of long objects is another; lists are empty.
const (
	None Vice = iota
	IgnoresCondition
	ChecksThenActs
	Races
	OtherBytes
	ListsNothing
)

// Memory is an object store.
type Memory struct {
	// Vice is set before the first request.
	Vice Vice

	mu       sync.Mutex
	objects  map[string]stored
	requests int
}

type stored struct {
	data     []byte
	modified time.Time
}

// version is as S3's: equal for equal content.
func (s stored) version() bucket.Version { return bucket.Version(fmt.Sprintf("%x", md5.Sum(s.data))) }

func (s stored) info(key string) bucket.Info {
	return bucket.Info{Key: key, Size: int64(len(s.data)), Version: s.version(), Modified: s.modified, Now: time.Now()}
}

// NewMemory returns a store that is empty.
func NewMemory() *Memory { return &Memory{objects: map[string]stored{}} }

// Client returns a client of the store, whose requests become what fate says; nil lets them be.
func (m *Memory) Client(fate func(Request) Fate) bucket.Client { return Fated(client{m}, fate) }

// Keys returns those of all objects, sorted.
func (m *Memory) Keys() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Sorted(maps.Keys(m.objects))
}

// Requests returns how many were carried out.
func (m *Memory) Requests() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.requests
}

// client is a bucket.Client of a Memory.
type client struct{ m *Memory }

// do carries a request out, unless it was cancelled.
func (c client) do(ctx context.Context, op, key string, act func() error) error {
	c.m.mu.Lock()
	defer c.m.mu.Unlock()
	c.m.requests++
	if err := ctx.Err(); err != nil {
		return &bucket.Error{Op: op, Key: key, Err: err}
	}
	return act()
}

// Put implements bucket.Client.
func (c client) Put(ctx context.Context, key string, from store.Content, size int64) (bucket.Version, error) {
	return c.put(ctx, "put", key, from, size, func() error { return nil })
}

// Create implements bucket.Client.
func (c client) Create(ctx context.Context, key string, from store.Content, size int64) (bucket.Version, error) {
	check := func() error {
		if _, ok := c.m.objects[key]; ok {
			return &bucket.Error{Op: "create", Key: key, Status: 412, Err: store.ErrExists}
		}
		return nil
	}
	switch c.m.Vice {
	case IgnoresCondition:
		check = func() error { return nil }
	case ChecksThenActs:
		err := c.do(ctx, "create", key, check)
		check = func() error { return err }
	}
	return c.put(ctx, "create", key, from, size, check)
}

func (c client) put(ctx context.Context, op, key string, from store.Content, size int64, check func() error) (v bucket.Version, err error) {
	var data bytes.Buffer
	if n, err := from.WriteTo(&data); err != nil || n != size {
		return "", errors.Join(err, fmt.Errorf("put %s: %d of %d bytes", key, n, size))
	}
	if c.m.Vice == Races {
		err := c.do(ctx, op, key, check)
		check = func() error { return err }
		time.Sleep(time.Millisecond)
	}
	err = c.do(ctx, op, key, func() error {
		if err := check(); err != nil {
			return err
		}
		if c.m.Vice == OtherBytes && data.Len() > 1000 {
			data.Bytes()[999] ^= 1
		}
		s := stored{data.Bytes(), time.Now()}
		c.m.objects[key] = s
		v = s.version()
		return nil
	})
	return v, err
}

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
		info = s.info(key)
		body = io.NopCloser(bytes.NewReader(s.data[min(offset, info.Size):min(offset+length, info.Size)]))
		return nil
	})
	return body, info, err
}

// List implements bucket.Client.
func (c client) List(ctx context.Context, prefix, after string) iter.Seq2[bucket.Info, error] {
	return c.listed(ctx, prefix, after, func(string) string { return "" })
}

// Level implements bucket.Client.
func (c client) Level(ctx context.Context, prefix, after string) iter.Seq2[bucket.Info, error] {
	return c.listed(ctx, prefix, after, func(key string) string { return folderOf(key, prefix) })
}

// folderOf returns the folder below a prefix that a key is in, with the '/' at its end; "" where it is in none.
func folderOf(key, prefix string) string {
	name, _, isBelow := strings.Cut(key[len(prefix):], "/")
	if !isBelow {
		return ""
	}
	return prefix + name + "/"
}

// listed yields what is below a prefix and behind a key, and for what is in a folder the folder, once.
func (c client) listed(ctx context.Context, prefix, after string, folder func(key string) string) iter.Seq2[bucket.Info, error] {
	return func(yield func(bucket.Info, error) bool) {
		var found []bucket.Info
		err := c.do(ctx, "list", prefix, func() error {
			folders := map[string]bool{}
			for key, s := range c.m.objects {
				if !strings.HasPrefix(key, prefix) || c.m.Vice == ListsNothing {
					continue
				}
				info := s.info(key)
				if in := folder(key); in != "" {
					if folders[in] {
						continue
					}
					folders[in] = true
					info = bucket.Info{Key: in}
				}
				if info.Key > after {
					found = append(found, info)
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
	return c.do(ctx, "remove", strings.Join(keys, ", "), func() error {
		for _, key := range keys {
			delete(c.m.objects, key)
		}
		return nil
	})
}

// String implements bucket.Client.
func (c client) String() string { return "mem://test" }
