package manifest

import (
	"bytes"
	"cmp"

	"github.com/parquet-go/parquet-go"
)

// findFile returns the span of the rows whose first key is a file_id, among which there may be lost ones; an empty one where there is
// none. It reads as much of that column as what says where its pages begin and end leaves open: one page mostly.
func (s *series[T]) findFile(t *table, id []byte) (found span, err error) {
	for g, group := range t.groups() {
		for run, lost := range t.lostKeys.split(t.mayHold(g, group, s.keys[0], id)) {
			if lost {
				continue
			}
			at := run.first
			for b, err := range t.read(g, run.from(group), s.keys[:1]) {
				if err != nil {
					return found, err
				}
				for _, v := range b.column(s.keys[0]) {
					switch order := bytes.Compare(v.ByteArray(), id); {
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

// mayHold returns the rows of a row group that may have a text in a column by which rows are sorted first. What is told of the
// group and of its pages holds where it is told.
func (t *table) mayHold(g parquet.RowGroup, group span, column int, text []byte) span {
	chunk := g.ColumnChunks()[t.layout.from[column]].(*parquet.FileColumnChunk)
	if least, most, ok := chunk.Bounds(); ok && (bytes.Compare(text, least.ByteArray()) < 0 || bytes.Compare(text, most.ByteArray()) > 0) {
		return span{first: group.first}
	}
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
		begin := group.first + pages.FirstRowIndex(page)
		if !index.NullPage(page) && bytes.Compare(text, index.MinValue(page).ByteArray()) < 0 {
			end = begin
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

// find returns the span of the row with a key; an empty one where there is none. No row of the table is lost.
func (s *series[T]) find(t *table, key row) (at span, err error) {
	if id := key.value(s.keys[0]).ByteArray(); s.keyEnds && len(id) > 0 {
		return s.findFile(t, id)
	}
	low, high := int64(0), t.parquet.NumRows()
	for low < high && err == nil {
		middle := low + (high-low)/2
		var order int
		switch order, err = s.compareAt(t, middle, key); {
		case err == nil && order == 0:
			return span{middle, 1}, nil
		case order < 0:
			low = middle + 1
		default:
			high = middle
		}
	}
	return span{}, err
}

// compareAt compares the row of a number with a key.
func (s *series[T]) compareAt(t *table, number int64, key row) (order int, err error) {
	for g, group := range t.groups() {
		for b, failed := range t.read(g, group.and(span{number, 1}).from(group), t.layout.keys) {
			if err = cmp.Or(err, failed); err == nil {
				order = s.compare(b.row(0), key)
			}
		}
	}
	return order, err
}
