package manifest

import "github.com/parquet-go/parquet-go"

// placing makes rows of one of several exports those of an export that has it in a folder: the paths of blobs get the folder's prefix, and behind
// the columns of the series each row has the number of the export that it is of.
type placing struct {
	prefix string
	number int32
	// paths are the columns that have paths.
	paths []int
	// columns are those of the last batch, and added the places of their values that are others.
	columns [][]parquet.Value
	added   [][]parquet.Value
	numbers []parquet.Value
	texts   []byte
}

// newPlacing returns the placing of rows of a series.
func newPlacing(s *series, prefix string, number int) *placing {
	p := &placing{prefix: prefix, number: int32(number), columns: make([][]parquet.Value, len(s.schema.Fields())+1)}
	for _, name := range []string{"file_name", "shard"} {
		if column, ok := s.schema.Lookup(name); ok {
			p.paths, p.added = append(p.paths, column.ColumnIndex), append(p.added, nil)
		}
	}
	return p
}

// all places rows.
func (p *placing) all(rows batches) batches {
	return func(yield func(batch, error) bool) {
		for b, err := range rows {
			if err == nil {
				b = p.place(b)
			}
			if !yield(b, err) || err != nil {
				return
			}
		}
	}
}

// place returns the rows of a batch, which are valid until the next call.
func (p *placing) place(b batch) batch {
	last := len(p.columns) - 1
	copy(p.columns[:last], b.columns)
	for len(p.numbers) < b.end {
		p.numbers = append(p.numbers, parquet.Int32Value(p.number).Level(0, 0, last))
	}
	p.columns[last] = p.numbers
	p.texts = p.texts[:0]
	for i, column := range p.paths {
		for len(p.added[i]) < b.end {
			p.added[i] = append(p.added[i], parquet.Value{})
		}
		for at := b.first; at < b.end; at++ {
			p.added[i][at] = p.placed(b.columns[column][at], column)
		}
		p.columns[column] = p.added[i]
	}
	return batch{p.columns, b.first, b.end, b.isLost}
}

// placed returns a path with the prefix; null stays null.
func (p *placing) placed(path parquet.Value, column int) parquet.Value {
	if path.IsNull() {
		return path
	}
	start := len(p.texts)
	p.texts = append(append(p.texts, p.prefix...), path.ByteArray()...)
	return parquet.ByteArrayValue(p.texts[start:]).Level(0, 1, column)
}
