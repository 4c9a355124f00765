package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"

	"exporter/internal/durable/durabletest"
	"exporter/internal/store"
)

var (
	// ErrCrashed is what every operation returns once the store has crashed.
	ErrCrashed = durabletest.ErrCrashed
	// ErrAnswerLost is the error of an operation that was carried out, ErrRequestLost of one that was not. Who is told of them
	// learns only that they are store.ErrUnsure.
	ErrAnswerLost  = fmt.Errorf("the answer was lost: %w", store.ErrUnsure)
	ErrRequestLost = fmt.Errorf("the request was lost: %w", store.ErrUnsure)
)

// Operation is something that is about to be done.
type Operation struct {
	// Number counts operations from 1. Kind is "put", "create", "remove", "add" and "sync" of a batch, "grow", "write", "truncate",
	// "flush" and "finish" of an object that grows, or "spool" and "fill" of a spool. Key is empty for "sync", "spool" and "fill".
	Number    int
	Kind, Key string
}

// Memory is a Store in memory that promises no more than it has to: it crashes, and keeps what it must then, fails, and loses
// answers.
type Memory struct {
	mu sync.Mutex
	// objects are what a reader sees, by key, and kept what survives a crash for sure. Of objects that are not finished, the keys
	// have store.PartialSuffix.
	objects, kept map[string][]byte
	open          map[string]bool
	operations    int
	// fail, where not nil, is asked before each operation: an error that it returns is that of the operation, which is not carried
	// out, unless the error is ErrAnswerLost.
	fail    func(Operation) error
	crashed bool
}

var _ store.Store = (*Memory)(nil)

// NewMemory returns an empty store that asks fail, which may be nil, before every operation.
func NewMemory(fail func(Operation) error) *Memory {
	return &Memory{objects: map[string][]byte{}, kept: map[string][]byte{}, open: map[string]bool{}, fail: fail}
}

// FailWith makes the store ask another function from now on.
func (m *Memory) FailWith(fail func(Operation) error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.fail = fail
}

// FailAt returns a function for NewMemory that lets operation number n fail.
func FailAt(n int, err error) func(Operation) error {
	return func(o Operation) error {
		if o.Number == n {
			return err
		}
		return nil
	}
}

// Operations returns the number of operations so far.
func (m *Memory) Operations() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.operations
}

// Recover returns the store as it may be found after a crash, which fails no more. The seed decides what is dropped where drop
// leaves a choice. The old store must not be used any more.
func (m *Memory) Recover(drop durabletest.Drop, seed uint64) *Memory {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.crashed = true
	random := rand.New(rand.NewPCG(seed, seed))
	recovered := NewMemory(nil)
	keys := slices.AppendSeq(slices.Collect(maps.Keys(m.objects)), maps.Keys(m.kept))
	slices.Sort(keys)
	for _, key := range slices.Compact(keys) {
		seen, isSeen := m.objects[key]
		kept, isKept := m.kept[key]
		lost := drop == durabletest.DropAll || drop == durabletest.DropHalf && random.IntN(2) == 0
		switch {
		case !lost && isSeen:
			recovered.objects[key] = seen
		case lost && isKept && len(seen) > len(kept) && drop == durabletest.DropHalf && strings.HasSuffix(key, store.PartialSuffix):
			recovered.objects[key] = seen[:len(kept)+random.IntN(len(seen)-len(kept))]
		case lost && isKept:
			recovered.objects[key] = kept
		}
	}
	recovered.kept = maps.Clone(recovered.objects)
	return recovered
}

// do counts an operation and carries it out, unless it is to fail.
func (m *Memory) do(kind, key string, operate func() error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.crashed {
		return &fs.PathError{Op: kind, Path: key, Err: ErrCrashed}
	}
	m.operations++
	var injected error
	if m.fail != nil {
		injected = m.fail(Operation{m.operations, kind, key})
	}
	if injected != nil && !errors.Is(injected, ErrAnswerLost) {
		m.crashed = errors.Is(injected, ErrCrashed)
		return &fs.PathError{Op: kind, Path: key, Err: injected}
	}
	if err := operate(); err != nil {
		return err
	}
	if injected != nil {
		return &fs.PathError{Op: kind, Path: key, Err: injected}
	}
	return nil
}

// keep makes an object durable.
func (m *Memory) keep(key string, content []byte) { m.objects[key], m.kept[key] = content, content }

// content reads what an object is to hold, twice, as a store may that tries again.
func content(key string, c store.Content, size int64) ([]byte, error) {
	var first, second bytes.Buffer
	for _, b := range []*bytes.Buffer{&first, &second} {
		if n, err := c.WriteTo(b); err != nil || n != size || n != int64(b.Len()) {
			return nil, errors.Join(err, fmt.Errorf("put %s: %d of %d bytes", key, n, size))
		}
	}
	part := make([]byte, size/2)
	if n, err := c.ReadAt(part, size-int64(len(part))); n < len(part) {
		return nil, fmt.Errorf("put %s: read %d of %d bytes: %w", key, n, len(part), err)
	}
	if !bytes.Equal(first.Bytes(), second.Bytes()) || !bytes.HasSuffix(first.Bytes(), part) {
		return nil, fmt.Errorf("put %s: the content is another one each time", key)
	}
	return first.Bytes(), nil
}

// Open implements store.Reader.
func (m *Memory) Open(_ context.Context, key string) (store.Object, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.crashed {
		return nil, &fs.PathError{Op: "open", Path: key, Err: ErrCrashed}
	}
	b, ok := m.objects[key]
	if !ok {
		return nil, &fs.PathError{Op: "open", Path: key, Err: fs.ErrNotExist}
	}
	return object{bytes.NewReader(b)}, nil
}

type object struct{ *bytes.Reader }

func (object) Close() error { return nil }

// List implements store.Reader.
func (m *Memory) List(_ context.Context, prefix string) iter.Seq2[store.Entry, error] {
	return func(yield func(store.Entry, error) bool) {
		m.mu.Lock()
		crashed, objects := m.crashed, maps.Clone(m.objects)
		m.mu.Unlock()
		if crashed {
			yield(store.Entry{Key: prefix}, &fs.PathError{Op: "list", Path: prefix, Err: ErrCrashed})
			return
		}
		for _, key := range slices.Sorted(maps.Keys(objects)) {
			if strings.HasPrefix(key, prefix) && !yield(store.Entry{Key: key, Size: int64(len(objects[key]))}, nil) {
				return
			}
		}
	}
}

// Put implements store.Store.
func (m *Memory) Put(_ context.Context, key string, c store.Content, size int64) error {
	b, err := content(key, c, size)
	if err != nil {
		return err
	}
	return m.do("put", key, func() error {
		m.keep(key, b)
		return nil
	})
}

// Create implements store.Store.
func (m *Memory) Create(_ context.Context, key string, data []byte) error {
	return m.do("create", key, func() error {
		if _, ok := m.objects[key]; ok {
			return &fs.PathError{Op: "create", Path: key, Err: store.ErrExists}
		}
		m.keep(key, slices.Clone(data))
		return nil
	})
}

// Remove implements store.Store.
func (m *Memory) Remove(_ context.Context, keys ...string) error {
	for _, key := range keys {
		err := m.do("remove", key, func() error {
			delete(m.objects, key)
			delete(m.kept, key)
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// Close implements store.Store.
func (m *Memory) Close() error { return nil }

// Generation implements store.Store.
func (m *Memory) Generation() string { return "" }

// IsNew implements store.Store.
func (m *Memory) IsNew() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.objects) == 0
}

// KeepsUnfinished implements store.Store.
func (m *Memory) KeepsUnfinished() bool { return true }

// NewBatch implements store.Store.
func (m *Memory) NewBatch() store.Batch { return &batch{m: m, added: map[string][]byte{}} }

// batch is a store.Batch. Readers see at once what is added.
type batch struct {
	m     *Memory
	added map[string][]byte
}

// Put implements store.Batch.
func (b *batch) Put(_ context.Context, key string, c store.Content, size int64) error {
	all, err := content(key, c, size)
	if err != nil {
		return err
	}
	return b.m.do("add", key, func() error {
		b.m.objects[key], b.added[key] = all, all
		return nil
	})
}

// Sync implements store.Batch.
func (b *batch) Sync(context.Context) error {
	return b.m.do("sync", "", func() error {
		maps.Copy(b.m.kept, b.added)
		return nil
	})
}

// Grow implements store.Store.
func (m *Memory) Grow(_ context.Context, key string) (store.Growing, error) {
	g := &growing{m: m, key: key, name: key + store.PartialSuffix}
	err := m.do("grow", key, func() error {
		if m.open[key] {
			return fmt.Errorf("grow %s: it is open", key)
		}
		m.objects[g.name] = slices.Clone(m.objects[g.name])
		return nil
	})
	if err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.open[key] = true
	return g, nil
}

// Reopen implements store.Store: as in a bucket, what is finished stays as it is.
func (m *Memory) Reopen(_ context.Context, key string) (store.Growing, error) {
	return nil, fmt.Errorf("reopen %s: %w", key, errors.ErrUnsupported)
}

// growing is a store.Growing. Its content is replaced, never changed, when it grows: a reader has the old one.
type growing struct {
	m         *Memory
	key, name string
}

// Size implements store.Growing.
func (g *growing) Size() int64 {
	g.m.mu.Lock()
	defer g.m.mu.Unlock()
	return int64(len(g.m.objects[g.name]))
}

// Write implements io.Writer.
func (g *growing) Write(p []byte) (int, error) {
	err := g.m.do("write", g.key, func() error {
		g.m.objects[g.name] = append(slices.Clip(g.m.objects[g.name]), p...)
		return nil
	})
	if err != nil {
		return 0, err
	}
	return len(p), nil
}

// ReadAt implements io.ReaderAt.
func (g *growing) ReadAt(p []byte, at int64) (int, error) {
	g.m.mu.Lock()
	defer g.m.mu.Unlock()
	return bytes.NewReader(g.m.objects[g.name]).ReadAt(p, at)
}

// Truncate implements store.Growing.
func (g *growing) Truncate(size int64) error {
	return g.m.do("truncate", g.key, func() error {
		g.m.objects[g.name] = g.m.objects[g.name][:size:size]
		return nil
	})
}

// Sync implements store.Growing.
func (g *growing) Sync() error {
	return g.m.do("flush", g.key, func() error {
		g.m.kept[g.name] = g.m.objects[g.name]
		return nil
	})
}

// Finish implements store.Growing.
func (g *growing) Finish(context.Context) error {
	return errors.Join(g.Close(), g.m.do("finish", g.key, func() error {
		g.m.keep(g.key, g.m.objects[g.name])
		delete(g.m.objects, g.name)
		delete(g.m.kept, g.name)
		return nil
	}))
}

// Close implements store.Growing.
func (g *growing) Close() error {
	g.m.mu.Lock()
	defer g.m.mu.Unlock()
	delete(g.m.open, g.key)
	return nil
}

// Spool implements store.Store.
func (m *Memory) Spool() (store.Spool, error) {
	if err := m.do("spool", "", func() error { return nil }); err != nil {
		return nil, err
	}
	return &spool{m: m}, nil
}

// spool is a store.Spool.
type spool struct {
	m       *Memory
	content []byte
}

// Write implements io.Writer.
func (s *spool) Write(p []byte) (int, error) {
	err := s.m.do("fill", "", func() error {
		s.content = append(s.content, p...)
		return nil
	})
	if err != nil {
		return 0, err
	}
	return len(p), nil
}

// Size implements store.Spool.
func (s *spool) Size() int64 { return int64(len(s.content)) }

// ReadAt implements io.ReaderAt.
func (s *spool) ReadAt(p []byte, at int64) (int, error) { return store.Bytes(s.content).ReadAt(p, at) }

// WriteTo implements io.WriterTo.
func (s *spool) WriteTo(w io.Writer) (int64, error) { return store.Bytes(s.content).WriteTo(w) }

// Close implements io.Closer.
func (s *spool) Close() error { return nil }
