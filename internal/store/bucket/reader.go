package bucket

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"exporter/internal/store"
)

const (
	// entryStart is how many bytes of an entry are read first: most have a line that is shorter.
	entryStart = 16 << 10
	// maxLine and maxCheckpoint bound what is read of an entry's line and of a checkpoint, in bytes.
	maxLine, maxCheckpoint = 16 << 20, 256 << 20
	// loaders is how many entries are read at once.
	loaders = 8
	// freshness is how old a reader's knowledge of the log may be.
	freshness = time.Second
)

// Reader reads an export in a bucket, beside its writer. What it finds at one moment is one state of the log.
type Reader struct {
	client *patient
	direct []string
	blocks *blocks

	mu sync.Mutex
	// state is what is known of the log, since loaded. It is replaced, and never changed, unless the bucket is owned.
	state  *state
	loaded time.Time
	// isOwner says that nobody else changes the log.
	isOwner bool
	// checkpoint is the number of the one that the state began with.
	checkpoint int
}

var _ store.ReadCloser = (*Reader)(nil)

// Open opens the export below a prefix of a bucket for reading, and changes nothing there.
func Open(ctx context.Context, client Client, prefix string, o Options) (*Reader, error) {
	r, err := newReader(client, prefix, &o)
	if err != nil {
		return nil, err
	}
	_, err = r.loadOrSalvage(ctx, o.Repair)
	return r, err
}

// loadOrSalvage is load, and salvage where the log is damaged and that is wanted.
func (r *Reader) loadOrSalvage(ctx context.Context, repair bool) (isDamaged bool, err error) {
	if err = r.load(ctx); repair && isDamage(err) {
		return true, r.salvage(ctx)
	}
	return false, err
}

func newReader(client Client, prefix string, o *Options) (*Reader, error) {
	if err := o.complete(); err != nil {
		return nil, err
	}
	if prefix != "" {
		prefix = strings.TrimSuffix(prefix, "/") + "/"
		if !fs.ValidPath(strings.TrimSuffix(prefix, "/")) {
			return nil, fmt.Errorf("%q cannot be the prefix of an export: name folders with '/' between them", prefix)
		}
	}
	client = below{client, prefix}
	return &Reader{
		client: &patient{client, o.Within, o.Delay, o.Log}, direct: o.Direct, blocks: newBlocks(),
	}, nil
}

// String names the place of the export.
func (r *Reader) String() string { return r.client.String() }

// Close implements store.ReadCloser.
func (r *Reader) Close() error { return nil }

// load reads the newest checkpoint, and the entries behind it.
func (r *Reader) load(ctx context.Context) error {
	s, err := r.newestCheckpoint(ctx, 0)
	if err != nil {
		return fmt.Errorf("read the log of %v: %w", r, err)
	}
	if s == nil {
		s = newState()
	}
	checkpoint := s.Number
	if err := r.follow(ctx, s); err != nil {
		return fmt.Errorf("read the log of %v: %w", r, err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.state, r.checkpoint, r.loaded = s, checkpoint, time.Now()
	return nil
}

// newestCheckpoint reads the newest checkpoint of a number above after; nil where there is none.
func (r *Reader) newestCheckpoint(ctx context.Context, after int) (*state, error) {
	for {
		newest, err := r.lastCheckpoint(ctx, after)
		if err != nil || newest == 0 {
			return nil, err
		}
		data, info, err := r.client.read(ctx, checkpointKey(newest), 0, maxCheckpoint, "")
		if errors.Is(err, fs.ErrNotExist) {
			// A newer one is there then.
			after = newest
			continue
		}
		if err == nil && info.Size > maxCheckpoint {
			err = fmt.Errorf("%s has %d bytes, want %d at most", checkpointKey(newest), info.Size, maxCheckpoint)
		}
		if err != nil {
			return nil, err
		}
		return decodeState(data, newest)
	}
}

// lastCheckpoint returns the highest number of a checkpoint above after; 0 where there is none.
func (r *Reader) lastCheckpoint(ctx context.Context, after int) (last int, err error) {
	for info, err := range r.client.all(ctx, checkpointPrefix, checkpointKey(after)) {
		if err != nil {
			return 0, err
		}
		if number, ok := numberOf(info.Key, checkpointPrefix); ok && number > after {
			last = max(last, number)
		}
	}
	return last, nil
}

// numbered is an entry, the length of its line, and what is known of its object.
type numbered struct {
	*entry
	line int64
	info Info
}

// mostBehind is how many entries may lie behind a checkpoint.
const mostBehind = 1 << 20

// follow applies to a state all entries that come behind it: those up to the last one that is listed are read many at a time, and then one
// after another until one is missing, as a list may be late.
func (r *Reader) follow(ctx context.Context, s *state) error {
	last := s.Number
	for info, err := range r.client.all(ctx, logPrefix, logKey(s.Number)) {
		if err != nil {
			return err
		}
		if number, ok := numberOf(info.Key, logPrefix); ok {
			last = max(last, number)
		}
	}
	if last-s.Number > mostBehind {
		return damaged("it has an entry %d, and the last that is known is %d", last, s.Number)
	}
	for s.Number < last {
		entries := make([]numbered, min(8*loaders, last-s.Number))
		first := s.Number + 1
		g, ctx := errgroup.WithContext(ctx)
		g.SetLimit(loaders)
		for i := range entries {
			g.Go(func() (err error) {
				entries[i], err = r.readEntry(ctx, first+i)
				if isMissing(err) {
					err = damaged("entry %d of %d is missing", first+i, last)
				}
				return err
			})
		}
		if err := g.Wait(); err != nil {
			return err
		}
		for _, e := range entries {
			if err := s.apply(e.entry, e.line); err != nil {
				return err
			}
		}
	}
	return r.followOne(ctx, s)
}

// followOne is follow by reading alone.
func (r *Reader) followOne(ctx context.Context, s *state) error {
	for {
		e, err := r.readEntry(ctx, s.Number+1)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := s.apply(e.entry, e.line); err != nil {
			return err
		}
	}
}

// readEntry reads what an entry says, but not what its changes hold.
func (r *Reader) readEntry(ctx context.Context, number int) (numbered, error) {
	for length := int64(entryStart); ; length = maxLine {
		data, info, err := r.client.read(ctx, logKey(number), 0, length, "")
		if err != nil {
			return numbered{}, err
		}
		e, line, err := decodeEntry(data, number)
		if err != nil || e != nil {
			return numbered{e, line, info}, err
		}
		if length == maxLine {
			return numbered{}, damaged("%s has no end of its line", logKey(number))
		}
	}
}

// current returns the state as it is now, or was a moment ago.
func (r *Reader) current(ctx context.Context) (*state, error) {
	r.mu.Lock()
	s, isFresh := r.state, r.isOwner || time.Since(r.loaded) < freshness
	r.mu.Unlock()
	if isFresh {
		return s, nil
	}
	passed, err := r.newestCheckpoint(ctx, s.Number)
	if err != nil {
		return nil, err
	}
	if passed != nil {
		s = passed
	} else {
		s = s.clone()
	}
	if err := r.followOne(ctx, s); err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.state.Number <= s.Number {
		r.state, r.loaded = s, time.Now()
	}
	return r.state, nil
}

// IsOwned tells whether a writer has the export, as far as the log says: one that was killed has it until its last entry is so old that
// another may take it, by the clock of the bucket.
func (r *Reader) IsOwned(ctx context.Context) (bool, error) {
	s, err := r.current(ctx)
	if err != nil || !s.isOwned() {
		return false, err
	}
	// Its entry may not have been read: a checkpoint may have said all.
	last, err := r.readEntry(ctx, s.Number)
	if err != nil {
		return false, err
	}
	at := last.info
	return at.Now.IsZero() || at.Modified.IsZero() || at.Now.Sub(at.Modified) < DefaultPatience, nil
}

// IsNew tells whether nobody has owned the export before.
func (r *Reader) IsNew() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.state.Number == 0
}

// isDirect tells whether what a key holds lies under the key itself, and is not known by the log.
func (r *Reader) isDirect(key string) bool {
	return !isInternal(key) && hasPrefixOf(key, r.direct)
}

func hasPrefixOf(key string, prefixes []string) bool {
	return slices.ContainsFunc(prefixes, func(prefix string) bool { return strings.HasPrefix(key, prefix) })
}

// Open implements store.Reader. The context is that of all that is read of the object.
func (r *Reader) Open(ctx context.Context, key string) (store.Object, error) {
	if !fs.ValidPath(key) || isInternal(key) {
		return nil, &fs.PathError{Op: "open", Path: key, Err: fs.ErrInvalid}
	}
	if r.isDirect(key) {
		return r.openFirst(ctx, key)
	}
	s, err := r.current(ctx)
	if err != nil {
		return nil, err
	}
	if at, ok := s.Objects[key]; ok {
		return &object{ctx: ctx, reader: r, key: at.Object, offset: at.Offset, size: at.Size}, nil
	}
	if r.fallsThrough(s) && !s.Removed[key] {
		return r.openFirst(ctx, key)
	}
	return nil, &fs.PathError{Op: "open", Path: key, Err: fs.ErrNotExist}
}

// fallsThrough tells whether keys of which the log says nothing may hold something: where there is none, or it has adopted what was there.
func (r *Reader) fallsThrough(s *state) bool { return s.Number == 0 || s.Adopts }

// List implements store.Reader.
func (r *Reader) List(ctx context.Context, prefix string) iter.Seq2[store.Entry, error] {
	return func(yield func(store.Entry, error) bool) {
		s, err := r.current(ctx)
		if err != nil {
			yield(store.Entry{Key: prefix}, err)
			return
		}
		keys := slices.DeleteFunc(slices.Sorted(maps.Keys(s.Objects)), func(key string) bool { return !strings.HasPrefix(key, prefix) })
		known := func(key string) store.Entry { return store.Entry{Key: key, Size: s.Objects[key].Size} }
		for e, err := range r.listUnknown(ctx, s, prefix) {
			if err != nil {
				yield(store.Entry{Key: prefix}, err)
				return
			}
			for ; len(keys) > 0 && keys[0] < e.Key; keys = keys[1:] {
				if !yield(known(keys[0]), nil) {
					return
				}
			}
			if !yield(e, nil) {
				return
			}
		}
		for _, key := range keys {
			if !yield(known(key), nil) {
				return
			}
		}
	}
}

// listUnknown yields what lies under its own key, and of which the log says nothing, in order.
func (r *Reader) listUnknown(ctx context.Context, s *state, prefix string) iter.Seq2[store.Entry, error] {
	return func(yield func(store.Entry, error) bool) {
		for _, part := range r.unknownParts(s, prefix) {
			for info, err := range r.client.all(ctx, part, "") {
				if err != nil {
					yield(store.Entry{}, err)
					return
				}
				_, isKnown := s.Objects[info.Key]
				isHidden := isKnown || s.Removed[info.Key] || isInternal(info.Key) || strings.HasSuffix(info.Key, "/")
				if !isHidden && !yield(store.Entry{Key: info.Key, Size: info.Size}, nil) {
					return
				}
			}
		}
	}
}

// unknownParts returns the prefixes that are to be listed for all below one that lies under its own key, in order and apart from one another.
func (r *Reader) unknownParts(s *state, prefix string) (parts []string) {
	if r.fallsThrough(s) {
		return []string{prefix}
	}
	for _, direct := range slices.Sorted(slices.Values(r.direct)) {
		switch {
		case strings.HasPrefix(prefix, direct):
			return []string{prefix}
		case strings.HasPrefix(direct, prefix):
			parts = append(parts, direct)
		}
	}
	return parts
}
