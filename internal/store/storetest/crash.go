package storetest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"testing"

	"exporter/internal/durable/durabletest"
	"exporter/internal/store"
)

// Fault is how an operation goes wrong.
type Fault string

// The faults. Of a lost answer the operation was carried out, of a lost request it was not.
const (
	Crash       Fault = "crash"
	Fail        Fault = "fail"
	LoseAnswer  Fault = "lose the answer"
	LoseRequest Fault = "lose the request"
)

// RunFaults lets each operation of a history go wrong in turn, and checks that what a store has promised is there. newDisk returns
// an empty disk of which the operation with a number goes wrong, and a function that tells whether it has.
func RunFaults(t *testing.T, faults []Fault, newDisk func(number int, f Fault) (Disk, func() bool)) {
	for _, f := range faults {
		t.Run(string(f), func(t *testing.T) {
			for n := 1; ; n++ {
				disk, fired := newDisk(n, f)
				h := &history{}
				err := h.write(t.Context(), disk)
				if !fired() {
					if err != nil {
						t.Fatal(err)
					}
					t.Logf("each of %d operations went wrong", n-1)
					break
				}
				if err == nil && f == Crash {
					t.Fatalf("operation %d: the store has crashed, and nobody noticed", n)
				}
				if f != Crash {
					// It goes on beside what failed, as well as after a crash.
					if err := h.check(t.Context(), disk); err != nil {
						t.Fatalf("operation %d went wrong (%v): %v", n, h.failed, err)
					}
				}
				checkRecovered(t, h, n, disk)
			}
		})
	}
}

func checkRecovered(t *testing.T, h *history, n int, disk Disk) {
	t.Helper()
	drops := []durabletest.Drop{durabletest.DropNone, durabletest.DropAll}
	for range 2 {
		drops = append(drops, durabletest.DropHalf)
	}
	for seed, drop := range drops {
		if err := h.check(t.Context(), disk.Recover(drop, uint64(n*len(drops)+seed))); err != nil {
			t.Fatalf("after a crash at operation %d that drops %s (%d, %v): %v", n, drop, seed, h.failed, err)
		}
	}
}

// history is what was done to a store, as far as it got.
type history struct {
	// now are the objects that are there for sure, and next what may have taken the place of one, or be gone: the step that was
	// begun last.
	now  map[string]string
	next map[string]change
	// synced is what an object that grows has for sure; nil where there may be none.
	synced *string
	// reopened says that it was finished before, and may be found so.
	reopened bool
	failed   error
}

type change struct {
	content string
	// loose says that it need not be whole, gone that the object is removed.
	loose, gone bool
}

const grown = "shards/1"

// write does things to a new store until one fails.
func (h *history) write(ctx context.Context, disk Disk) error {
	h.now, h.next = map[string]string{}, map[string]change{}
	s, err := disk.Open()
	if err == nil {
		err = errors.Join(h.writeAll(ctx, s), s.Close())
	}
	h.failed = err
	return err
}

func (h *history) writeAll(ctx context.Context, s store.Store) error {
	for _, step := range []func() error{
		func() error { return h.put(ctx, s, "run.json", "the first report") },
		func() error { return h.put(ctx, s, "run.json", "the second one") },
		func() error { return h.spool(ctx, s, "manifest.parquet", "a row") },
		func() error { return h.batch(ctx, s, "few", 3) },
		func() error { return h.remove(ctx, s, "run.json") },
		func() error { return h.grow(ctx, s) },
		func() error { return h.create(ctx, s, ".exporter/log/1", "an entry") },
		func() error { return h.reopen(ctx, s) },
		func() error { return h.batch(ctx, s, "many", 70) },
		func() error { return h.remove(ctx, s, "few/0/pages/0.jpg") },
		func() error { return h.put(ctx, s, "few/0/pages/0.jpg", "again") },
		func() error { return h.spool(ctx, s, "manifest.parquet", "two rows") },
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// done says that what was begun is there.
func (h *history) done(err error) error {
	if err != nil {
		return err
	}
	for key, c := range h.next {
		if delete(h.now, key); !c.gone {
			h.now[key] = c.content
		}
		delete(h.next, key)
	}
	return nil
}

func (h *history) put(ctx context.Context, s store.Store, key, content string) error {
	h.next[key] = change{content: content}
	return h.done(store.PutBytes(ctx, s, key, []byte(content)))
}

func (h *history) create(ctx context.Context, s store.Store, key, content string) error {
	h.next[key] = change{content: content}
	if err := h.done(s.Create(ctx, key, []byte(content))); err != nil {
		return err
	}
	if err := s.Create(ctx, key, []byte("another")); !errors.Is(err, store.ErrExists) {
		return errors.Join(err, errors.New("it exists and was created"))
	}
	return nil
}

func (h *history) remove(ctx context.Context, s store.Store, key string) error {
	h.next[key] = change{content: h.now[key], gone: true}
	return h.done(s.Remove(ctx, key))
}

func (h *history) batch(ctx context.Context, s store.Store, folder string, count int) error {
	b := s.NewBatch()
	for key, content := range contents(folder, count) {
		h.next[key] = change{content: content, loose: true}
		if err := b.Put(ctx, key, store.Bytes(content), int64(len(content))); err != nil {
			return err
		}
	}
	return h.done(b.Sync(ctx))
}

func (h *history) spool(ctx context.Context, s store.Store, key, content string) (err error) {
	sp, err := s.Spool()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, sp.Close()) }()
	content = strings.Repeat(content, 100)
	for range 3 {
		if _, err := io.WriteString(sp, content); err != nil {
			return err
		}
	}
	h.next[key] = change{content: strings.Repeat(content, 3)}
	return h.done(s.Put(ctx, key, sp, sp.Size()))
}

// grow lets an object grow, which is closed two times before it is finished.
func (h *history) grow(ctx context.Context, s store.Store) error {
	for round := range 3 {
		g, err := s.Grow(ctx, grown)
		if err != nil {
			return err
		}
		if !s.KeepsUnfinished() && g.Size() > 0 {
			return errors.Join(fmt.Errorf("%d bytes were kept of what is not finished", g.Size()), g.Close())
		}
		content, err := h.writeRound(s, g, round)
		if err != nil || round < 2 {
			err = errors.Join(err, g.Close())
		} else {
			h.next[grown] = change{content: content}
			err = h.done(g.Finish(ctx))
		}
		if err != nil {
			return err
		}
	}
	h.synced = nil
	return nil
}

// reopen lets the object that was finished grow once more, without its last bytes, where the store can do that.
func (h *history) reopen(ctx context.Context, s store.Store) error {
	kept := h.now[grown][:len(h.now[grown])-10]
	h.reopened, h.synced = true, &kept
	content := kept + strings.Repeat("more", 50)
	h.next[grown] = change{content: content, gone: true}
	g, err := s.Reopen(ctx, grown)
	if errors.Is(err, errors.ErrUnsupported) {
		delete(h.next, grown)
		h.synced = nil
		return nil
	}
	if err != nil {
		return err
	}
	if err := g.Truncate(int64(len(kept))); err != nil {
		return errors.Join(err, g.Close())
	}
	if _, err := io.WriteString(g, content[len(kept):]); err != nil {
		return errors.Join(err, g.Close())
	}
	h.next[grown] = change{content: content}
	if err := h.done(g.Finish(ctx)); err != nil {
		h.next[grown] = change{content: content, gone: true}
		return err
	}
	h.synced = nil
	return nil
}

// writeRound drops what was not synced in the round before, and writes something that is, and something that is not.
func (h *history) writeRound(s store.Store, g store.Growing, round int) (content string, err error) {
	if h.synced != nil {
		content = *h.synced
		if err := errors.Join(checkGrowing(g, content), g.Truncate(int64(len(content)))); err != nil {
			return "", err
		}
	}
	for i := range 2 {
		more := strings.Repeat(fmt.Sprint(round, i), 50)
		if _, err := io.WriteString(g, more); err != nil {
			return "", err
		}
		content += more
		if i > 0 {
			break
		}
		if !s.KeepsUnfinished() {
			continue
		}
		if err := g.Sync(); err != nil {
			return "", err
		}
		h.synced = new(content)
	}
	return content, nil
}

func checkGrowing(g store.Growing, want string) error {
	got := make([]byte, len(want))
	if n, err := g.ReadAt(got, 0); n < len(want) || string(got) != want {
		return fmt.Errorf("of %s, %d of %d synced bytes are there: %w", grown, n, len(want), err)
	}
	return nil
}

// check compares what is there with what has to be, as the next owner sees it.
func (h *history) check(ctx context.Context, disk Disk) (err error) {
	s, err := disk.Open()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	for key, content := range h.now {
		if err := h.checkObject(ctx, s, key, &content); err != nil {
			return err
		}
	}
	for key := range h.next {
		if _, checked := h.now[key]; checked {
			continue
		}
		if err := h.checkObject(ctx, s, key, nil); err != nil {
			return err
		}
	}
	if err := h.checkGrown(ctx, s); err != nil {
		return err
	}
	// Nothing else is left: no spool, no temporary file.
	for e, err := range s.List(ctx, "") {
		if err != nil {
			return err
		}
		_, isNow := h.now[e.Key]
		_, isNext := h.next[e.Key]
		isGrowing := s.KeepsUnfinished() && e.Key == grown+store.PartialSuffix
		if !isNow && !isNext && !isGrowing {
			return fmt.Errorf("%s was left behind", e.Key)
		}
	}
	return nil
}

// checkObject compares an object with what was there for sure, nil for nothing, and with what may have taken its place.
func (h *history) checkObject(ctx context.Context, s store.Store, key string, old *string) error {
	got, err := read(ctx, s, key)
	next, changing := h.next[key]
	missing := errors.Is(err, fs.ErrNotExist)
	switch {
	case err != nil && !missing:
		return err
	case missing && (old == nil || next.gone):
		return nil
	case missing:
		return fmt.Errorf("%s is gone", key)
	case old != nil && got == *old, changing && (next.loose || got == next.content):
		return nil
	}
	return fmt.Errorf("%s holds %.60q, neither the old nor the new object", key, got)
}

// checkGrown compares the object that grows.
func (h *history) checkGrown(ctx context.Context, s store.Store) error {
	if h.synced == nil {
		return nil
	}
	if got, err := read(ctx, s, grown); err == nil {
		if got != h.next[grown].content && !h.reopened {
			return fmt.Errorf("%s was finished with %d bytes", grown, len(got))
		}
		return nil
	}
	g, err := s.Grow(ctx, grown)
	if err != nil {
		return err
	}
	return errors.Join(checkGrowing(g, *h.synced), g.Close())
}
