package manifest

import (
	"bytes"
	"cmp"
	"context"
	"iter"
	"sort"

	"github.com/parquet-go/parquet-go"
)

// section is what a table has of row groups one after the other: one of another table, which is copied as it is, or some rows.
type section struct {
	copied *rowGroup
	rows   batches
	// groupRows is how many of the rows a row group has at most.
	groupRows int
}

// sections are all of a table, in the order of keys.
type sections = iter.Seq2[section, error]

// allRows returns a table of rows.
func allRows(rows batches, groupRows int) sections {
	return func(yield func(section, error) bool) { yield(section{rows: rows, groupRows: groupRows}, nil) }
}

// Of a table of few rows the row groups are small, so that a merge of fewer rows copies most of them.
const (
	// fewestGroups is about how many row groups a table has at least, and leastGroupShare the share of the largest that the smallest
	// ones may have: each weighs some 8 KiB beside its rows.
	fewestGroups    = 8
	leastGroupShare = 32
	// mostRewritten is how many rows may be written anew for each that is written anyway, so that two row groups become one. So few
	// as fewRows always may, or as the share of a row group that fewShare stands for: copying one more row group weighs as much.
	mostRewritten = 7
	fewRows       = 400
	fewShare      = 4
)

// groupRowsOf returns how many rows the row groups of a table have, which doubles when the table has grown to twice as many.
func groupRowsOf(total int64, most int) int {
	rows := most
	for rows > most/leastGroupShare && int64(rows)*fewestGroups > total {
		rows /= 2
	}
	return max(rows, 1)
}

// merging is a merge of the parts into the file of a series. A row group of the file into which no row falls is copied as it is,
// and one that has become small is joined with its neighbour, where few rows are written anew for that.
type merging struct {
	*log
	// kept is called with the rows that stay: those of row groups that are copied have no other columns than needs.
	kept  func(row)
	needs []int
}

// goes tells whether a row is to go. None of a row group that is copied does: it would not have been written.
func (m *merging) goes(r row) bool {
	if m.isPruned(r) {
		return true
	}
	m.kept(r)
	return false
}

// sections yields what the new file consists of.
func (m *merging) sections(ctx context.Context, info Info) sections {
	total := int64(0)
	for _, t := range m.tables() {
		total += t.parquet.NumRows()
	}
	groupRows := groupRowsOf(total, m.groupRows)
	if m.base == nil || !m.base.isSound || !m.base.isCurrent(info) || !parquet.EqualNodes(m.base.parquet.Schema(), m.schema) {
		return allRows(without(m.all(ctx), m.goes), groupRows)
	}
	return func(yield func(section, error) bool) {
		pieces, err := m.pieces(groupRows)
		if err != nil {
			yield(section{}, err)
			return
		}
		var parts []*table
		for _, p := range m.parts {
			parts = append(parts, p.table)
		}
		next, stop := iter.Pull2(mergeTables(parts, m.compare))
		defer stop()
		added := portions{next: next, keys: m.keys[:2]}
		for i, p := range pieces {
			if !p.isChanged {
				err := m.look(ctx, p)
				if !yield(section{copied: &rowGroup{m.base.file, m.base.parquet.Metadata().RowGroups[p.number]}}, err) || err != nil {
					return
				}
				continue
			}
			var end *piece
			if i+1 < len(pieces) {
				end = &pieces[i+1]
			}
			rows := merge([]batches{m.base.rows(p.span), added.before(end)}, m.compare)
			groups := (p.rows + int64(groupRows) - 1) / int64(groupRows)
			if !yield(section{
				rows:      without(withContext(ctx, rows), m.goes),
				groupRows: int((p.rows + groups - 1) / groups),
			}, nil) {
				return
			}
		}
	}
}

// look calls kept with the rows of a row group that is copied.
func (m *merging) look(ctx context.Context, p piece) error {
	if len(m.needs) == 0 {
		return context.Cause(ctx)
	}
	for b, err := range withContext(ctx, m.base.read(m.base.parquet.RowGroups()[p.number], span{count: p.span.count}, m.needs)) {
		if err != nil {
			return err
		}
		for i := range b.count() {
			m.kept(b.row(i))
		}
	}
	return nil
}

// piece is one row group of a file, or several one after the other that are written anew.
type piece struct {
	span
	weight
	// number is that of the row group, where the piece is one.
	number int
	// least and most are those of its rows.
	least, most place
	// isChanged says that rows fall into the piece, or that it is joined with others.
	isChanged bool
}

// place is where a row comes among others by the first two columns of its key, as far as a row group tells of its rows: behind all that have
// the first one alone, where isBehind.
type place struct {
	first, second []byte
	isBehind      bool
}

func (p place) compare(o place) int {
	if order := bytes.Compare(p.first, o.first); order != 0 || !p.isBehind && !o.isBehind {
		return cmp.Or(order, bytes.Compare(p.second, o.second))
	}
	switch {
	case p.isBehind && o.isBehind:
		return 0
	case p.isBehind:
		return 1
	}
	return -1
}

// weight is what counts towards the bounds of a row group: rows, and bytes of texts in columns with a dictionary and without.
type weight struct{ rows, dictionaries, texts int64 }

func (w weight) plus(o weight) weight {
	return weight{w.rows + o.rows, w.dictionaries + o.dictionaries, w.texts + o.texts}
}

// fits tells whether so much may be one row group.
func (w weight) fits(groupRows int) bool {
	return w.rows <= int64(groupRows) && w.dictionaries <= dictionaryBytes && w.texts <= rowGroupBytes
}

// pieces returns what the file falls into when the rows of the parts are merged into it. Of two neighbours that are changed, or that
// are worth joining, it makes one.
func (m *merging) pieces(groupRows int) ([]piece, error) {
	old := m.oldPieces()
	between, err := m.place(old)
	if err != nil {
		return nil, err
	}
	var pieces []piece
	add := func(p piece) {
		for len(pieces) > 0 {
			last := pieces[len(pieces)-1]
			if !(last.isChanged && p.isChanged) && !last.isWorthJoining(p, groupRows) {
				break
			}
			p = last.joined(p)
			pieces = pieces[:len(pieces)-1]
		}
		pieces = append(pieces, p)
	}
	for i, added := range between {
		if added.rows > 0 {
			at := span{}
			if i > 0 {
				at.first = old[i-1].end()
			}
			add(piece{span: at, weight: added, isChanged: true})
		}
		if i < len(old) {
			add(old[i])
		}
	}
	return pieces, nil
}

// isWorthJoining tells whether a piece and the one behind it may be one row group, and so few rows are written anew for that, as against
// those that are written anyway, that nights of a few rows each do not write all of a row group again and again. Where neither is
// changed, the smaller one counts as what is written anyway.
func (p piece) isWorthJoining(next piece, groupRows int) bool {
	if sum := p.plus(next.weight); !sum.fits(groupRows) {
		return false
	}
	written, other := p.rows, next.rows
	if next.isChanged || !p.isChanged && next.rows < p.rows {
		written, other = other, written
	}
	return other <= max(min(fewRows, int64(groupRows)/fewShare), mostRewritten*written)
}

// joined returns a piece and the one behind it as one.
func (p piece) joined(next piece) piece {
	return piece{
		span: between(p.first, next.end()), weight: p.plus(next.weight), least: p.least, most: next.most, isChanged: true,
	}
}

// oldPieces returns the row groups of the file.
func (m *merging) oldPieces() []piece {
	var old []piece
	weights := weightsOf(m.base.parquet)
	for g, group := range m.base.groups() {
		p := piece{span: group, weight: weights[len(old)], number: len(old)}
		p.least.first, p.most.first = boundsOf(g, m.keys[0])
		if bytes.Equal(p.least.first, p.most.first) {
			p.least.second, p.most.second = boundsOf(g, m.keys[1])
		} else {
			p.most.isBehind = true
		}
		// What a row group with several first keys begins with is told by the one before.
		if n := len(old); n > 0 && !old[n-1].most.isBehind && p.least.compare(old[n-1].most) < 0 {
			p.least = old[n-1].most
		}
		old = append(old, p)
	}
	return old
}

// boundsOf returns the least and the greatest text of a column of a row group; a null counts as an empty one.
func boundsOf(g parquet.RowGroup, column int) (least, most []byte) {
	chunk := g.ColumnChunks()[column].(*parquet.FileColumnChunk)
	if from, to, ok := chunk.Bounds(); ok {
		least, most = from.Clone().ByteArray(), to.Clone().ByteArray()
	}
	if chunk.NullCount() > 0 {
		least = nil
	}
	return least, most
}

// weightsOf returns what the row groups of a file weigh.
func weightsOf(f *parquet.File) []weight {
	dictionaries, plain := textColumns(f.Schema())
	weights := make([]weight, 0, len(f.RowGroups()))
	for _, g := range f.Metadata().RowGroups {
		size := func(columns []int) (bytes int64) {
			for _, c := range columns {
				bytes += g.Columns[c].MetaData.TotalUncompressedSize
			}
			return bytes
		}
		weights = append(weights, weight{g.NumRows, size(dictionaries), size(plain)})
	}
	return weights
}

// place adds the rows of the parts to the pieces into which they fall, and returns those that fall before each piece, and behind
// the last one.
func (m *merging) place(old []piece) ([]weight, error) {
	between := make([]weight, len(old)+1)
	for _, p := range m.parts {
		row := weightOfRow(p.parquet)
		at := 0
		for b, err := range columnsOfTable(p.table, m.keys[:2]) {
			if err != nil {
				return nil, err
			}
			for i := range b.count() {
				of := placeOf(b, i, m.keys)
				for at < len(old) && old[at].most.compare(of) < 0 {
					at++
				}
				if at == len(old) || of.compare(old[at].least) < 0 {
					between[at] = between[at].plus(row)
					continue
				}
				old[at].weight = old[at].plus(row)
				for i := at; i < len(old) && old[i].least.compare(of) <= 0; i++ {
					old[i].isChanged = true
				}
			}
		}
	}
	return between, nil
}

// placeOf returns that of a row, of which the keys are given; it is valid as long as the batch is.
func placeOf(b batch, row int, keys []int) place {
	return place{first: b.column(keys[0])[row].ByteArray(), second: b.column(keys[1])[row].ByteArray()}
}

// columnsOfTable yields some columns of all rows of a table.
func columnsOfTable(t *table, columns []int) batches {
	return func(yield func(batch, error) bool) {
		for g, group := range t.groups() {
			for b, err := range t.read(g, span{count: group.count}, columns) {
				if !yield(b, err) || err != nil {
					return
				}
			}
		}
	}
}

// weightOfRow returns what a row of a file weighs, as far as can be said of all.
func weightOfRow(f *parquet.File) weight {
	var all weight
	for _, w := range weightsOf(f) {
		all = all.plus(w)
	}
	rows := max(all.rows, 1)
	return weight{1, all.dictionaries / rows, all.texts / rows}
}

// portions gives out sorted rows a part at a time.
type portions struct {
	next func() (batch, error, bool)
	left batch
	// keys are the columns by which rows are sorted first.
	keys []int
}

// before yields the next rows, as many as come before a piece; all where that is nil.
func (p *portions) before(end *piece) batches {
	return func(yield func(batch, error) bool) {
		for {
			if p.left.count() == 0 {
				b, err, more := p.next()
				if !more {
					return
				}
				if err != nil {
					yield(b, err)
					return
				}
				p.left = b
			}
			some := p.left.count()
			if end != nil {
				some = sort.Search(p.left.count(), func(row int) bool { return placeOf(p.left, row, p.keys).compare(end.least) >= 0 })
			}
			b := p.left.slice(0, some)
			p.left = p.left.slice(some, p.left.count())
			if some == 0 || !yield(b, nil) || p.left.count() > 0 {
				return
			}
		}
	}
}
