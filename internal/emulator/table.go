package emulator

import (
	"cmp"
	"iter"
	"slices"
)

// table keeps things by id, and in the order in which they were added.
type table[T any] struct {
	rows []row[T]
	byID map[string]row[T]
}

// row is a thing and its place in the order.
type row[T any] struct {
	seq   uint64
	value T
}

// add appends a thing, or returns false when the id is taken. seq is higher than that of all others.
func (t *table[T]) add(seq uint64, id string, value T) bool {
	if _, taken := t.byID[id]; taken {
		return false
	}
	if t.byID == nil {
		t.byID = map[string]row[T]{}
	}
	r := row[T]{seq, value}
	t.byID[id], t.rows = r, append(t.rows, r)
	return true
}

func (t *table[T]) get(id string) (value T, ok bool) {
	r, ok := t.byID[id]
	return r.value, ok
}

// put replaces the thing of an id in its place, or adds it with seq.
func (t *table[T]) put(seq uint64, id string, value T) {
	r, ok := t.byID[id]
	if !ok {
		t.add(seq, id, value)
		return
	}
	t.byID[id] = row[T]{r.seq, value}
	t.rows[t.place(r.seq)].value = value
}

// remove takes a thing out; it is no error when there is none of that id.
func (t *table[T]) remove(id string) {
	r, ok := t.byID[id]
	if !ok {
		return
	}
	delete(t.byID, id)
	t.rows = slices.DeleteFunc(t.rows, func(o row[T]) bool { return o.seq == r.seq })
}

// all yields the things in their order.
func (t *table[T]) all() iter.Seq[T] {
	return func(yield func(T) bool) {
		for _, r := range t.rows {
			if !yield(r.value) {
				return
			}
		}
	}
}

// after yields the things behind seq.
func (t *table[T]) after(seq uint64) iter.Seq2[uint64, T] {
	return func(yield func(uint64, T) bool) {
		for _, r := range t.rows[t.place(seq+1):] {
			if !yield(r.seq, r.value) {
				return
			}
		}
	}
}

// before yields the things before seq, the latest first; all where it is 0.
func (t *table[T]) before(seq uint64) iter.Seq2[uint64, T] {
	return func(yield func(uint64, T) bool) {
		rows := t.rows
		if seq > 0 {
			rows = rows[:t.place(seq)]
		}
		for _, r := range slices.Backward(rows) {
			if !yield(r.seq, r.value) {
				return
			}
		}
	}
}

// place returns the place of the first row whose seq is not less.
func (t *table[T]) place(seq uint64) int {
	i, _ := slices.BinarySearchFunc(t.rows, seq, func(r row[T], seq uint64) int { return cmp.Compare(r.seq, seq) })
	return i
}
