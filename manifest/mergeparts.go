package manifest

import (
	"context"
	"errors"
	"fmt"

	"exporter/internal/parts"
	"exporter/internal/store"
	"exporter/pipeline"
)

// MergeSource is one of several exports whose tables are merged.
type MergeSource struct {
	// Folder is the name of its folder in parts/.
	Folder string
	// Open opens it for reading. It may be called more than once, and beside that of others. What it returns is closed soon.
	Open func(context.Context) (store.ReadCloser, error)
	// Yields says that its rows of files and jobs that another export has, which does not yield, do not count.
	Yields bool
}

// MergeOptions says what is merged. Sources, Info and Spool are required.
type MergeOptions struct {
	// Sources are the exports. Those that yield come last.
	Sources []MergeSource
	// Count is how many parts there are by the plan of the export, and Info what the tables say beside it.
	Count int
	Info  Info
	// Spool makes a place for what is too much for memory.
	Spool func() (store.Spool, error)
	// Ahead is how many sources are opened before it is their turn.
	Ahead int

	// mostTables and mostBytes are for tests: they bound what is open at once where they are not 0.
	mostTables int
	mostBytes  int64
	// groupRows is for tests, too: how many rows a row group has at most where it is not 0.
	groupRows int
}

// OverlapError says that two exports that are to be merged both have a file or a job, which nobody can tell apart.
type OverlapError struct {
	// Key is that of the file or the job.
	Key pipeline.FileKey
	// Folders are those of the exports.
	Folders [2]string
}

func (e *OverlapError) Error() string {
	what, id := "the entry", e.Key.DirectoryFileID
	switch {
	case e.Key.JobID != "":
		what, id = "the parse job", e.Key.JobID
	case e.Key.FileID != "":
		what, id = "the file", e.Key.FileID
	}
	return fmt.Sprintf("%s/%s and %s/%s both have %s %q", parts.Dir, e.Folders[0], parts.Dir, e.Folders[1], what, id)
}

// PartError is an error of one of the exports.
type PartError struct {
	Folder string
	Err    error
}

func (e *PartError) Error() string { return parts.Dir + "/" + e.Folder + ": " + e.Err.Error() }
func (e *PartError) Unwrap() error { return e.Err }

const (
	// mostMerged and mostMergedBytes bound how many tables of a kind are open at once, and how many bytes they take about.
	mostMerged      = 32
	mostMergedBytes = 24 << 20
)

// MergeParts merges the tables of exports, each as of its last commit, into those of an export that has them in folders. It changes nothing, and takes
// memory for a few tables, however many exports there are: what is merged is in spools until MergedTables is closed. Where there are more exports than are
// open at once, rows are kept in a spool between two merges. Damage is a *PartError, two that have a file or a job are an *OverlapError.
func MergeParts(ctx context.Context, o MergeOptions) (merged *MergedTables, err error) {
	m := &partsMerge{MergeOptions: o, merged: Merged{Count: o.Count, Parts: map[string]string{}}, yielding: yielding{columns: newOwnerColumns()}}
	if m.mostTables == 0 {
		m.mostTables = mostMerged
	}
	if m.mostBytes == 0 {
		m.mostBytes = mostMergedBytes
	}
	defer func() { err = errors.Join(err, m.close()) }()
	if err := m.findYielding(ctx); err != nil {
		return nil, err
	}
	if err := m.collect(ctx); err != nil {
		return nil, err
	}
	return m.write(ctx)
}

// kinds is how many kinds of tables there are. They are merged in the order of their numbers, in which they are read of an export: what is complete in
// the first has its rows in the others.
const (
	kindFiles = iota
	kindPages
	kindAssets
	kinds
)

// partsMerge is one call of MergeParts.
type partsMerge struct {
	MergeOptions
	merged Merged
	// open are exports that are open, and not merged yet.
	open []*openPart
	// runs are what others were merged into; nil as long as all are open. spool holds it.
	runs  []*runs
	spool store.Spool
	// rows counts those of the tables of each kind, and hasPages says that there is a table of pages.
	rows     [kinds]int64
	hasPages bool
	yielding yielding
}

// seriesOf returns the series of a kind, in no place.
func seriesOf(kind int) series {
	return [kinds]series{fileSeries(nil), pageSeries(nil), assetSeries(nil)}[kind]
}

// collect opens all exports, and merges some of them as soon as too many are open.
func (m *partsMerge) collect(ctx context.Context) (err error) {
	opening := newOpening(ctx, m)
	defer func() { err = errors.Join(err, opening.end()) }()
	for number, s := range m.Sources {
		p, err := opening.next()
		if err != nil {
			return &PartError{s.Folder, err}
		}
		isBorder := s.Yields && number > 0 && !m.Sources[number-1].Yields
		if len(m.open) > 0 && (isBorder || !m.fits(p)) {
			if err := m.spill(ctx); err != nil {
				return errors.Join(err, p.close())
			}
		}
		m.take(p)
	}
	if m.runs == nil {
		return nil
	}
	return m.spill(ctx)
}

// take takes an export that was opened.
func (m *partsMerge) take(p *openPart) {
	m.open = append(m.open, p)
	m.merged.Parts[m.Sources[p.number].Folder] = p.state
	for kind := range kinds {
		for _, t := range p.log(kind).tables() {
			m.rows[kind] += t.parquet.NumRows()
		}
	}
	m.hasPages = m.hasPages || len(p.snapshot.pages.tables()) > 0
}

// fits tells whether an export may be open beside those that are.
func (m *partsMerge) fits(p *openPart) bool {
	for kind := range kinds {
		sum := p.reading[kind]
		for _, other := range m.open {
			sum.tables += other.reading[kind].tables
			sum.bytes += other.reading[kind].bytes
		}
		if sum.tables > m.mostTables || sum.bytes > m.mostBytes {
			return false
		}
	}
	return true
}

// inputs returns the rows of a kind of the exports that are open, sorted, each with the number of its export.
func (m *partsMerge) inputs(ctx context.Context, kind int) (all []batches) {
	for _, p := range m.open {
		l := p.log(kind)
		if len(l.tables()) == 0 {
			continue
		}
		// None of its tables has lost rows: they would not have been opened.
		rows := without(l.newest(ctx), l.isPruned)
		if m.yielding.owners != nil {
			rows = m.yielding.settle(rows, kind, m.Sources[p.number].Yields)
		}
		folder := m.Sources[p.number].Folder
		all = append(all, inPart(newPlacing(&l.series, parts.Prefix(folder), p.number).all(rows), folder))
	}
	return all
}

// inPart says of an error in which export it is.
func inPart(rows batches, folder string) batches {
	return func(yield func(batch, error) bool) {
		for b, err := range rows {
			if err != nil {
				err = &PartError{folder, err}
			}
			if !yield(b, err) {
				return
			}
		}
	}
}

// spill merges the exports that are open into a run of each kind, and closes them.
func (m *partsMerge) spill(ctx context.Context) (err error) {
	if m.runs == nil {
		if err := m.beginRuns(); err != nil {
			return err
		}
	}
	for kind, r := range m.runs {
		inputs := m.inputs(ctx, kind)
		if len(inputs) == 0 {
			continue
		}
		if err := r.add(interleave(inputs, r.series.compare)); err != nil {
			return err
		}
	}
	return m.closeOpen()
}

func (m *partsMerge) beginRuns() (err error) {
	if m.spool, err = m.Spool(); err != nil {
		return err
	}
	for kind := range kinds {
		s := seriesOf(kind)
		r, err := newRuns(&s, 1, m.spool)
		if err != nil {
			return err
		}
		m.runs = append(m.runs, r)
	}
	return nil
}

func (m *partsMerge) closeOpen() (err error) {
	for _, p := range m.open {
		err = errors.Join(err, p.close())
	}
	m.open = nil
	return err
}

func (m *partsMerge) close() error {
	err := m.closeOpen()
	for _, r := range m.runs {
		r.close()
	}
	if m.spool != nil {
		err = errors.Join(err, m.spool.Close())
	}
	return err
}

// write makes the tables of what was collected.
func (m *partsMerge) write(ctx context.Context) (t *MergedTables, err error) {
	m.merged.HasPages = m.hasPages
	t = &MergedTables{Merged: m.merged}
	defer func() {
		if err != nil {
			err = errors.Join(err, t.Close())
			t = nil
		}
	}()
	for kind := range kinds {
		if kind == kindPages && !m.hasPages {
			continue
		}
		s := seriesOf(kind)
		if m.groupRows > 0 {
			s.groupRows = m.groupRows
		}
		var rows batches
		if m.runs != nil {
			rows = m.runs[kind].all()
		} else {
			rows = interleave(m.inputs(ctx, kind), s.compare)
		}
		spool := store.Buffered(m.Spool, inMemory)
		t.tables = append(t.tables, mergedTable{s.name, spool})
		count := &t.rows[kind]
		rows = m.checked(&s, kind, withContext(ctx, rows), count)
		meta := fileMeta{Info: m.Info, merged: m.merged.String()}
		if err := encodeTable(spool, allRows(rows, groupRowsOf(m.rows[kind], s.groupRows)), dictionaryBytes, s.writerOptions(meta)...); err != nil {
			return t, err
		}
	}
	return t, nil
}

// checked fails where two exports have an owner, and counts rows.
func (m *partsMerge) checked(s *series, kind int, rows batches, count *int64) batches {
	last, keys := nullColumns(len(s.schema.Fields())+1, 1), ownerParts
	if kind == kindFiles {
		keys = len(s.keys)
	}
	number := len(last) - 1
	kept := append(s.keys[:keys:keys], number)
	return func(yield func(batch, error) bool) {
		before := row{columns: last}
		for b, err := range rows {
			if err != nil {
				yield(b, err)
				return
			}
			for i := range b.count() {
				here := b.row(i)
				if *count > 0 && here.value(number).Int32() != before.value(number).Int32() && s.compareFirst(before, here, keys) == 0 {
					yield(batch{}, m.overlap(kind, before, here, number))
					return
				}
				*count++
				before = here
			}
			if !yield(b, nil) {
				return
			}
			for _, c := range kept {
				last[c][0] = before.value(c).Clone()
			}
			before = row{columns: last}
		}
	}
}

// overlap says that two rows of an owner are of two exports.
func (m *partsMerge) overlap(kind int, a, b row, number int) error {
	e := &OverlapError{Key: m.yielding.columns.key(kind, b)}
	for i, r := range []row{a, b} {
		e.Folders[i] = m.Sources[r.value(number).Int32()].Folder
	}
	return e
}
