package manifest

import (
	"context"
	"errors"

	"golang.org/x/sync/errgroup"

	"exporter/internal/store"
)

// openPart is an export that is open.
type openPart struct {
	// number is that of its source, and state what State said before its tables were opened: rows are never older than what is said of them.
	number   int
	state    string
	dir      store.ReadCloser
	snapshot *Snapshot
	// reading is what it takes to read its tables of each kind at once.
	reading [kinds]struct {
		tables int
		bytes  int64
	}
}

// openSource opens an export.
func openSource(ctx context.Context, number int, source MergeSource) (*openPart, error) {
	dir, err := source.Open(ctx)
	if err != nil {
		return nil, err
	}
	state, err := State(ctx, dir)
	if err != nil {
		return nil, errors.Join(err, dir.Close())
	}
	snapshot, err := Glance(ctx, dir)
	if err != nil {
		return nil, errors.Join(err, dir.Close())
	}
	if snapshot.pagesDamage != nil {
		return nil, errors.Join(snapshot.pagesDamage, snapshot.Close(), dir.Close())
	}
	p := &openPart{number: number, state: state, dir: dir, snapshot: snapshot}
	if lost := snapshot.LostTable(); lost != nil {
		return nil, errors.Join(lost, p.close())
	}
	if err := snapshot.LostPages(ctx); err != nil {
		return nil, errors.Join(err, p.close())
	}
	for kind := range kinds {
		for _, t := range p.log(kind).tables() {
			p.reading[kind].tables++
			p.reading[kind].bytes += t.readingBytes()
		}
	}
	return p, nil
}

// readingBytes returns about how many bytes it takes to read a table from its beginning to its end: its footer, and the dictionaries and a page of
// each column of its largest row group.
func (t *table) readingBytes() int64 {
	largest, coded := int64(0), map[int]bool{}
	dictionaries, _ := textColumns(t.parquet.Schema())
	for _, c := range dictionaries {
		coded[c] = true
	}
	groups := t.parquet.Metadata().RowGroups
	for _, g := range groups {
		size := int64(0)
		for c := range g.Columns {
			all := g.Columns[c].MetaData.TotalUncompressedSize
			if !coded[c] {
				all = min(all, pageBytes)
			}
			size += all
		}
		largest = max(largest, size)
	}
	return largest + int64(len(groups)*len(t.parquet.Schema().Columns()))*footerBytes
}

// footerBytes is about what a column of a row group takes in memory of a footer.
const footerBytes = 1 << 10

func (p *openPart) close() error { return errors.Join(p.snapshot.Close(), p.dir.Close()) }

// log returns its tables of a kind.
func (p *openPart) log(kind int) *log {
	return [kinds]*log{p.snapshot.files, p.snapshot.pages, p.snapshot.assets}[kind]
}

// opening opens the sources of a merge in turn, some of them ahead.
type opening struct {
	sources []MergeSource
	ahead   int
	// begun are those that are being opened, the next one first, and number is that of the one behind them.
	begun  []chan opened
	number int
	group  errgroup.Group
	// ctx is that of all that is read of them, too.
	ctx context.Context
}

// opened is what has become of opening a source.
type opened struct {
	*openPart
	err error
}

func newOpening(ctx context.Context, m *partsMerge) *opening {
	return &opening{sources: m.Sources, ahead: m.Ahead, ctx: ctx}
}

// next returns the next source, of which there is one.
func (o *opening) next() (*openPart, error) {
	for len(o.begun) <= o.ahead && o.number < len(o.sources) {
		number, done := o.number, make(chan opened, 1)
		o.group.Go(func() error {
			p, err := openSource(o.ctx, number, o.sources[number])
			done <- opened{p, err}
			return nil
		})
		o.begun = append(o.begun, done)
		o.number++
	}
	is := <-o.begun[0]
	o.begun = o.begun[1:]
	return is.openPart, is.err
}

// end closes what was opened ahead. An error there is of nobody's interest any more.
func (o *opening) end() (err error) {
	for _, done := range o.begun {
		if is := <-done; is.err == nil {
			err = errors.Join(err, is.close())
		}
	}
	return errors.Join(err, o.group.Wait())
}
