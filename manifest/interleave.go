package manifest

import (
	"iter"

	"github.com/parquet-go/parquet-go"
)

// interleave yields the rows of sorted inputs, of which there may be many, in the order of their keys. Of rows with one key it yields all.
func interleave(inputs []batches, compare func(a, b row) int) batches {
	return func(yield func(batch, error) bool) { yieldInterleaved(inputs, compare, yield) }
}

func yieldInterleaved(inputs []batches, compare func(a, b row) int, yield func(batch, error) bool) {
	q := headQueue{compare: compare}
	for _, input := range inputs {
		next, stop := iter.Pull2(input)
		defer stop()
		if err := q.push(&head{next: next, stop: stop}); err != nil {
			yield(batch{}, err)
			return
		}
	}
	g := gatherer{yield: yield}
	for len(q.heads) > 0 {
		count := q.countFirst()
		if !g.add(q.heads[0].rows.slice(0, count)) {
			return
		}
		// What has been gathered is valid until an input is asked for more.
		if count == q.heads[0].rows.count() && !g.flush() {
			return
		}
		if err := q.drop(count); err != nil {
			yield(batch{}, err)
			return
		}
	}
	g.flush()
}

// headQueue has heads that have rows, as a binary heap: the one with the least row comes first.
type headQueue struct {
	heads   []*head
	compare func(a, b row) int
}

func (q *headQueue) isBefore(a, b int) bool {
	return q.compare(q.heads[a].rows.row(0), q.heads[b].rows.row(0)) < 0
}

// push adds a head, if it has rows.
func (q *headQueue) push(h *head) error {
	if err := h.drop(0); err != nil || h.rows.count() == 0 {
		return err
	}
	q.heads = append(q.heads, h)
	for at := len(q.heads) - 1; at > 0 && q.isBefore(at, (at-1)/2); at = (at - 1) / 2 {
		q.heads[at], q.heads[(at-1)/2] = q.heads[(at-1)/2], q.heads[at]
	}
	return nil
}

// countFirst returns how many rows of the first head come before those of all others.
func (q *headQueue) countFirst() int {
	first := q.heads[0].rows
	second := 1
	switch {
	case len(q.heads) == 1:
		return first.count()
	case len(q.heads) > 2 && q.isBefore(2, 1):
		second = 2
	}
	other, count := q.heads[second].rows.row(0), 1
	for count < first.count() && q.compare(first.row(count), other) < 0 {
		count++
	}
	return count
}

// drop has the first head go so many rows on.
func (q *headQueue) drop(count int) error {
	if err := q.heads[0].drop(count); err != nil {
		return err
	}
	if q.heads[0].rows.count() == 0 {
		last := len(q.heads) - 1
		q.heads[0] = q.heads[last]
		q.heads = q.heads[:last]
	}
	for at := 0; ; {
		least := at
		for child := 2*at + 1; child <= 2*at+2 && child < len(q.heads); child++ {
			if q.isBefore(child, least) {
				least = child
			}
		}
		if least == at {
			return nil
		}
		q.heads[at], q.heads[least] = q.heads[least], q.heads[at]
		at = least
	}
}

// fewGathered is from how many rows on it costs less to pass a batch on than to copy its values.
const fewGathered = 8

// gatherer makes larger batches of small ones, which cost more to write row by row.
type gatherer struct {
	yield func(batch, error) bool
	// rows are those that were gathered: values that others own.
	rows batch
}

// add takes rows, and tells whether more is wanted.
func (g *gatherer) add(b batch) bool {
	if b.count() >= fewGathered {
		return g.flush() && g.yield(b, nil)
	}
	if g.rows.columns == nil {
		g.rows.columns = make([][]parquet.Value, len(b.columns))
		all := make([]parquet.Value, len(b.columns)*readBatch)
		for c := range g.rows.columns {
			g.rows.columns[c] = all[c*readBatch:][:readBatch:readBatch]
		}
	}
	if g.rows.end+b.count() > readBatch && !g.flush() {
		return false
	}
	for c := range b.columns {
		copy(g.rows.columns[c][g.rows.end:], b.column(c))
	}
	g.rows.end += b.count()
	return true
}

// flush passes on what was gathered, and tells whether more is wanted.
func (g *gatherer) flush() bool {
	if g.rows.end == 0 {
		return true
	}
	b := g.rows
	g.rows.end = 0
	return g.yield(b, nil)
}
