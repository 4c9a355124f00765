package dataset

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"

	"exporter/internal/derived"
	"exporter/internal/phash"
	decoder "exporter/internal/picture"
	"exporter/internal/store"
	"exporter/internal/store/place"
	"exporter/pipeline"
	"exporter/sinks"
)

// MaxNear is the most bits in which near duplicates may differ.
const MaxNear = phash.MaxDistance

// saveInterval is the time after which what was found out is kept.
const saveInterval = 2 * time.Minute

// pagePixels is more than a page has, at 200 dots per inch.
const pagePixels = 4 << 20

// facts is what was found out about pictures by decoding them.
type facts struct {
	options *Options
	// room is how many pixels may be in memory at once: those of a page for each worker, and those of the largest picture once.
	room *semaphore.Weighted
	// tables are those of the exports, or one for all of them.
	tables []*factTable
	// groups has the group of near duplicates of each picture that may be taken, phash.Alone for most; nil where nobody asks.
	groups []int32
}

// factTable is a table, and where it is kept.
type factTable struct {
	*derived.Table
	path, prefix string
	// isForeign says that nothing may be written there.
	isForeign bool
	saved     time.Time
}

// look decodes the pictures that are taken, if anything is asked for that needs it, and leaves out those that are broken.
func (m *maker) look(ctx context.Context, c *choice) (err error) {
	o := m.options
	if !o.Decode && !o.PHash && o.Near == nil {
		return nil
	}
	if c.facts, err = m.openFacts(ctx); err != nil {
		return err
	}
	var pictures, bytes int64
	for i := range c.fates.len() {
		if c.fates.at(i).taken() {
			pictures++
			bytes += c.size(i)
		}
	}
	m.progress.enter("decoding", pictures, bytes)
	err = m.decodeAll(ctx, c)
	// What was found out before an error, or an interrupt, is found out.
	c.facts.save(context.WithoutCancel(ctx), o, true)
	if err != nil {
		return err
	}
	return m.judgeFacts(ctx, c)
}

// openFacts opens the tables.
func (m *maker) openFacts(ctx context.Context) (*facts, error) {
	f := &facts{options: m.options, room: semaphore.NewWeighted(decoder.DefaultMaxPixels + int64(m.options.Workers)*pagePixels)}
	if m.options.Cache != "" {
		t, err := openCache(ctx, m.options.Cache, m.options.Place)
		if err != nil {
			return nil, fmt.Errorf("the cache: %w", openError(m.options.Cache, err))
		}
		f.tables = []*factTable{t}
		return f, nil
	}
	for _, s := range m.exports {
		t, err := openFactTable(ctx, s.dir, s.path, derived.Prefix)
		if err != nil {
			return nil, s.readError(err)
		}
		// What another program has put together, or somebody copied without what is private, stays as it is.
		if t.isForeign, err = place.IsNew(ctx, s.path); err != nil {
			return nil, s.readError(err)
		}
		f.tables = append(f.tables, t)
	}
	return f, nil
}

func openCache(ctx context.Context, path string, o place.Options) (*factTable, error) {
	dir, err := place.Own(ctx, path, o)
	if err != nil {
		return nil, err
	}
	t, err := openFactTable(ctx, dir, path, "")
	return t, errors.Join(err, dir.Close())
}

func openFactTable(ctx context.Context, r store.Reader, path, prefix string) (*factTable, error) {
	t, err := derived.Open(ctx, r, prefix, decoder.Version())
	return &factTable{Table: t, path: path, prefix: prefix, saved: time.Now()}, err
}

// of returns the table of an export.
func (f *facts) of(from int) *factTable {
	if len(f.tables) == 1 {
		return f.tables[0]
	}
	return f.tables[from]
}

// save keeps what was found out, unless that was done not long ago. Where it cannot, it says so at the last. A dry run changes no export.
func (f *facts) save(ctx context.Context, o *Options, isLast bool) {
	if o.DryRun && o.Cache == "" {
		return
	}
	for _, t := range f.tables {
		if !isLast && time.Since(t.saved) < saveInterval {
			continue
		}
		t.saved = time.Now()
		if err := t.keep(ctx, o.Place); err != nil && isLast {
			o.Log.Warn("what was found out about pictures is not kept, and is to be found out again the next time; --cache DIR keeps it elsewhere",
				"dir", t.path, "error", err)
		}
	}
}

// keep writes the table, under the lock of where it is.
func (t *factTable) keep(ctx context.Context, o place.Options) error {
	if t.isForeign {
		return errors.New("it was not made by exporter, or is a copy without .exporter")
	}
	dir, err := place.Own(ctx, t.path, o)
	if err != nil {
		return err
	}
	return errors.Join(t.Save(ctx, dir), dir.Close())
}

// decodeAll finds out what is not known of the pictures that are taken.
func (m *maker) decodeAll(ctx context.Context, c *choice) error {
	group, ctx := errgroup.WithContext(ctx)
	rows := make(chan numberedRow, m.options.Workers)
	group.Go(func() error {
		defer close(rows)
		for s, err := range m.taken(ctx, c) {
			if err != nil {
				return err
			}
			select {
			case rows <- numberedRow{s.Row, s.from}:
			case <-ctx.Done():
				return context.Cause(ctx)
			}
			c.facts.save(ctx, m.options, false)
		}
		return nil
	})
	for range m.options.Workers {
		group.Go(func() error {
			blobs := make([]*sinks.Reader, len(m.exports))
			for i, s := range m.exports {
				blobs[i] = sinks.NewReader(s.dir)
				defer blobs[i].Close()
			}
			for row := range rows {
				if err := m.decode(ctx, c.facts, blobs[row.from], row); err != nil {
					return err
				}
				m.progress.pictures.Add(1)
				m.progress.bytes.Add(row.Content.Size)
			}
			return context.Cause(ctx)
		})
	}
	return group.Wait()
}

// decode finds out what is not known of a picture. Of one that is damaged nothing is.
func (m *maker) decode(ctx context.Context, f *facts, blobs *sinks.Reader, row numberedRow) error {
	t := f.of(row.from)
	needsHash := m.options.PHash || m.options.Near != nil
	if fact, ok := t.Get(row.Content.SHA256); ok && (fact.HasPHash || !needsHash || fact.State != derived.Decoded) {
		return nil
	}
	// What is kept is of the bytes that the manifest names.
	bytes, err := appendPicture(ctx, nil, m.exports[row.from], blobs, row.Row, true)
	if _, ok := errors.AsType[*pipeline.DamageError](err); ok {
		return nil
	}
	if err != nil {
		return err
	}
	taken := int64(0)
	defer func() { f.room.Release(taken) }()
	admit := func(pixels int64) error {
		err := f.room.Acquire(ctx, pixels)
		if err == nil {
			taken = pixels
		}
		return err
	}
	img, err := decoder.Decode(ctx, row.Content.MediaType, bytes, decoder.Options{Admit: admit})
	switch {
	case err == nil:
		fact := derived.Fact{State: derived.Decoded}
		if needsHash {
			fact.PHash, fact.HasPHash = phash.Of(img), true
		}
		t.Add(row.Content.SHA256, fact)
	case context.Cause(ctx) != nil:
		return err
	case errors.Is(err, decoder.ErrUnsupported):
		t.Add(row.Content.SHA256, derived.Fact{State: derived.Unsupported, Problem: err.Error()})
	case errors.Is(err, decoder.ErrTooLarge):
		// That depends on what is allowed.
	default:
		t.Add(row.Content.SHA256, derived.Fact{State: derived.Broken, Problem: err.Error()})
	}
	return nil
}

// judgeFacts leaves out pictures that are broken, where that is asked for, and finds near duplicates among the others.
func (m *maker) judgeFacts(ctx context.Context, c *choice) error {
	o := m.options
	if !o.Decode && o.Near == nil {
		return nil
	}
	var hashes []uint64
	var numbers []int
	for s, err := range m.taken(ctx, c) {
		if err != nil {
			return err
		}
		fact, _ := c.facts.of(s.from).Get(s.Row.Content.SHA256)
		if o.Decode && fact.State == derived.Broken {
			c.leave(s.number, ReasonUndecodable)
			continue
		}
		if o.Near != nil && fact.HasPHash {
			hashes, numbers = append(hashes, fact.PHash), append(numbers, s.number)
		}
	}
	if o.Near == nil {
		return nil
	}
	groups, err := phash.Group(ctx, hashes, *o.Near)
	if err != nil {
		return err
	}
	c.facts.groups = slices.Repeat([]int32{phash.Alone}, c.fates.len())
	for i, group := range groups {
		if group != phash.Alone {
			c.facts.groups[numbers[i]] = group
		}
	}
	return nil
}

// add adds what was found out to a sample.
func (f *facts) add(s *Sample, number int) {
	if f == nil {
		return
	}
	if fact, ok := f.of(s.from).Get(s.Row.Content.SHA256); ok && fact.HasPHash && (f.options.PHash || f.options.Near != nil) {
		s.PHash = &fact.PHash
	}
	if f.groups != nil && f.groups[number] != phash.Alone {
		group := int64(f.groups[number])
		s.NearGroup = &group
	}
}

// problem returns why a picture could not be decoded; nil where nothing is known.
func (c *choice) problem(s *Sample) error {
	if c.facts == nil {
		return nil
	}
	fact, ok := c.facts.of(s.from).Get(s.Row.Content.SHA256)
	if !ok || fact.Problem == "" {
		return nil
	}
	return errors.New(fact.Problem)
}
