package manifest

import (
	"iter"

	"github.com/parquet-go/parquet-go"
)

// readBatch is the most rows that are read or written at once: many enough to hide the cost of a call, few enough for a merge
// to hold as many of each of its tables.
const readBatch = 32

// batches are the rows of a table, sorted. A batch, of which none is empty, is valid until the next one is asked for. An error
// is the last.
type batches = iter.Seq2[batch, error]

// batch is some rows of a table. They stay in columns, as they are read and written.
type batch struct {
	columns    [][]parquet.Value
	first, end int
	// isLost says that the rows were lost, and only their keys are known.
	isLost bool
}

func (b batch) count() int { return b.end - b.first }

// slice returns the rows from one to before another.
func (b batch) slice(from, to int) batch {
	return batch{b.columns, b.first + from, b.first + to, b.isLost}
}

// column returns the values of a column.
func (b batch) column(number int) []parquet.Value { return b.columns[number][b.first:b.end] }

// begin returns the first rows, at least one, that have no more bytes than most in some columns of texts, and how many they have.
func (b batch) begin(most int, columns []int) (some batch, bytes int) {
	for n := range b.count() {
		more := 0
		for _, c := range columns {
			more += len(b.columns[c][b.first+n].ByteArray())
		}
		if n > 0 && bytes+more > most {
			return b.slice(0, n), bytes
		}
		bytes += more
	}
	return b, bytes
}

func (b batch) row(number int) row { return row{b.columns, b.first + number, b.isLost} }

// row is a row of a batch.
type row struct {
	columns [][]parquet.Value
	number  int
	isLost  bool
}

func (r row) value(column int) parquet.Value { return r.columns[column][r.number] }

// nullColumns returns a place for a batch of so many rows, of which all values are null.
func nullColumns(count, rows int) [][]parquet.Value {
	columns := make([][]parquet.Value, count)
	all := make([]parquet.Value, count*rows)
	for c := range columns {
		columns[c] = all[c*rows:][:rows:rows]
		for i := range columns[c] {
			columns[c][i] = columns[c][i].Level(0, 0, c)
		}
	}
	return columns
}

// without leaves out the rows that drop is true for.
func without(all batches, drop func(row) bool) batches {
	return func(yield func(batch, error) bool) { yieldWithout(all, drop, yield) }
}

// yieldWithout is what without returns: like others of its kind a function of its own, which the compiler does not put anew wherever rows are gone
// over.
func yieldWithout(all batches, drop func(row) bool, yield func(batch, error) bool) {
	for b, err := range all {
		if err != nil {
			yield(b, err)
			return
		}
		for at := 0; at < b.count(); {
			if drop(b.row(at)) {
				at++
				continue
			}
			end := at + 1
			for end < b.count() && !drop(b.row(end)) {
				end++
			}
			if !yield(b.slice(at, end), nil) {
				return
			}
			at = end
		}
	}
}

// withoutLost leaves out rows of which only the key is known.
func withoutLost(all batches) batches { return without(all, func(r row) bool { return r.isLost }) }
