package manifest

import (
	"bytes"
	"slices"

	"github.com/parquet-go/parquet-go"
)

// scanRows is how many rows are read one after the other where one is searched: less than a page of any column of keys has.
const scanRows = 4096

// findFile returns the span of the rows whose first key is a file_id, among which there may be lost ones; an empty one where there is
// none. It reads as much of that column as is left open by what is told of it: one page mostly.
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
	none := span{first: group.first}
	chunk := g.ColumnChunks()[t.layout.from[column]].(*parquet.FileColumnChunk)
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

// lookUp returns the newest row that has the key of a wanted one; nil where there is none. It searches each table.
func (l *log[T]) lookUp(wanted *T) (batches, error) {
	for b := range l.encoded(func(yield func(*T, error) bool) { yield(wanted, nil) }) {
		for _, t := range slices.Backward(l.tables()) {
			at, err := l.find(t, b.row(0))
			if err != nil {
				return nil, err
			}
			if at.count > 0 {
				return without(t.rows(at), l.isLost), nil
			}
		}
	}
	return nil, nil
}

// find returns the span of the row with a key; an empty one where there is none, or where the key is lost. Where rows with the first
// part of the key are many, it halves them until few are left.
func (s *series[T]) find(t *table, key row) (at span, err error) {
	left := t.all()
	if id := key.value(s.keys[0]).ByteArray(); len(id) > 0 {
		var some []span
		for g, group := range t.groups() {
			if rows := t.mayHold(g, group, s.keys[0], id); rows.count > 0 {
				some = append(some, rows)
			}
		}
		if len(some) == 0 {
			return span{}, nil
		}
		left = between(some[0].first, some[len(some)-1].end())
	}
	for left.count > scanRows && len(t.lostKeys) == 0 {
		middle := left.first + left.count/2
		_, order, err := s.seek(t, span{middle, 1}, key)
		switch {
		case err != nil:
			return span{}, err
		case order > 0:
			left = between(left.first, middle)
		default:
			left = between(middle, left.end())
		}
	}
	number, order, err := s.seek(t, left, key)
	if err != nil || order != 0 || left.count == 0 {
		return span{}, err
	}
	return span{number, 1}, nil
}

// seek returns the number of the first of some rows that does not come before a key, or what is behind them all, and how it compares with
// the key. It passes over those of which the key is lost.
func (s *series[T]) seek(t *table, rows span, key row) (number int64, order int, err error) {
	for g, group := range t.groups() {
		for run, lost := range t.lostKeys.split(group.and(rows)) {
			if lost {
				continue
			}
			number = run.first
			for b, err := range t.read(g, run.from(group), t.layout.keys) {
				if err != nil {
					return number, 0, err
				}
				for i := range b.count() {
					if order = s.compare(b.row(i), key); order >= 0 {
						return number + int64(i), order, nil
					}
				}
				number += int64(b.count())
			}
		}
	}
	return number, -1, nil
}
