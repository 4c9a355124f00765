package manifest

import (
	"bytes"
	"cmp"

	"github.com/parquet-go/parquet-go"
)

// scanRows is how many rows are read one after the other where one is searched: less than a page of any column of keys has.
const scanRows = 4096

// lookUp returns the newest row that has a key; nil where there is none. It searches each table.
func (l *log) lookUp(key row) (batches, error) {
	tables := l.tables()
	for n := range tables {
		t := tables[len(tables)-1-n]
		at, err := l.find(t, key, len(l.keys))
		if err != nil {
			return nil, err
		}
		if at.count > 0 {
			return withoutLost(t.rows(at)), nil
		}
	}
	return nil, nil
}

// find returns the span of the rows that have the first parts of a key, among which there may be lost ones; an empty one where there is
// none. Rows of which the key is lost are passed over. It reads as much of the columns of these parts as is left open by what is told of
// them: one page mostly. Where that is many rows, it halves them until few are left.
func (s *series) find(t *table, key row, parts int) (found span, err error) {
	return s.findWithin(t, s.mayHold(t, key, parts), key, parts)
}

// findWithin is find among some rows. An empty span is before the first row that comes after the key.
func (s *series) findWithin(t *table, within span, key row, parts int) (found span, err error) {
	left := within
	for left.count > scanRows && len(t.lostKeys) == 0 {
		middle := span{left.first + left.count/2, 1}
		at, err := s.seek(t, middle, key, parts)
		switch {
		case err != nil:
			return span{}, err
		case at.first == middle.end():
			left = between(middle.end(), left.end())
		default:
			left = between(left.first, middle.first)
		}
	}
	return s.seek(t, between(left.first, within.end()), key, parts)
}

// seek returns, of some rows, those that have the first parts of a key, or an empty span before the first that comes after them.
func (s *series) seek(t *table, rows span, key row, parts int) (found span, err error) {
	var columns []int
	for _, c := range s.keys[:parts] {
		if t.layout.from[c] >= 0 {
			columns = append(columns, c)
		}
	}
	found = span{first: rows.end()}
	for g, group := range t.groups() {
		for run, lost := range t.lostKeys.split(group.and(rows)) {
			if lost {
				continue
			}
			at := run.first
			for b, err := range t.read(g, run.from(group), columns) {
				if err != nil {
					return span{}, err
				}
				for i := range b.count() {
					switch order := s.compareFirst(b.row(i), key, parts); {
					case order > 0 && found.count == 0:
						return span{first: at}, nil
					case order > 0:
						return found, nil
					case order == 0 && found.count == 0:
						found = span{at, 1}
					case order == 0:
						found = between(found.first, at+1)
					}
					at++
				}
			}
		}
	}
	return found, nil
}

// mayHold returns the rows among which those are that have the first parts of a key. What is told of row groups and of pages holds where it
// is told.
func (s *series) mayHold(t *table, key row, parts int) span {
	lead := 0
	for lead < parts && isNothing(key.value(s.keys[lead])) {
		lead++
	}
	if lead == parts {
		return t.all()
	}
	var within span
	for g, group := range t.groups() {
		if rows := s.mayHoldInGroup(t, g, group, key, lead); rows.count > 0 {
			within = between(cmp.Or(within, rows).first, rows.end())
		}
	}
	return within
}

// mayHoldInGroup is mayHold of a row group, where the part with the number lead is the first that is not null.
func (s *series) mayHoldInGroup(t *table, g parquet.RowGroup, group span, key row, lead int) span {
	none := span{first: group.first}
	// Rows are sorted by the leading part as far as those before it are null.
	isSorted := true
	for _, c := range s.keys[:lead] {
		if t.layout.from[c] < 0 {
			continue
		}
		chunk := t.chunk(g, c)
		if t.isSound && chunk.NullCount() == 0 {
			return none
		}
		isSorted = isSorted && chunk.NullCount() == chunk.NumValues()
	}
	column, text := s.keys[lead], key.value(s.keys[lead]).ByteArray()
	if t.layout.from[column] < 0 {
		return none
	}
	chunk := t.chunk(g, column)
	if least, most, ok := chunk.Bounds(); ok && (bytes.Compare(text, least.ByteArray()) < 0 || bytes.Compare(text, most.ByteArray()) > 0) {
		return none
	}
	if t.isSound {
		if filter := chunk.BloomFilter(); filter != nil {
			if ok, err := filter.Check(parquet.ByteArrayValue(text)); err == nil && !ok {
				return none
			}
		}
	}
	if !isSorted {
		return group
	}
	return pagesThatMayHold(chunk, group, text)
}

// chunk returns a column of the series in a row group of a table that has it.
func (t *table) chunk(g parquet.RowGroup, column int) *parquet.FileColumnChunk {
	return g.ColumnChunks()[t.layout.from[column]].(*parquet.FileColumnChunk)
}

// pagesThatMayHold returns the rows of those pages of a row group that may have a text in a column by which its rows are sorted.
func pagesThatMayHold(chunk *parquet.FileColumnChunk, group span, text []byte) span {
	index, err := chunk.ColumnIndex()
	if err != nil || index == nil {
		return group
	}
	pages, err := chunk.OffsetIndex()
	if err != nil || pages == nil || pages.NumPages() != index.NumPages() {
		return group
	}
	first, end := group.first, group.end()
	for page := range index.NumPages() {
		if !index.NullPage(page) && bytes.Compare(text, index.MinValue(page).ByteArray()) < 0 {
			end = group.first + pages.FirstRowIndex(page)
			break
		}
		if index.NullPage(page) || bytes.Compare(text, index.MaxValue(page).ByteArray()) > 0 {
			first = group.end()
			if page+1 < index.NumPages() {
				first = group.first + pages.FirstRowIndex(page+1)
			}
		}
	}
	return between(first, max(first, end))
}

// isNothing tells whether a part of a key is null, or an empty text, which counts as that.
func isNothing(part parquet.Value) bool {
	return part.IsNull() || part.Kind() == parquet.ByteArray && len(part.ByteArray()) == 0
}
