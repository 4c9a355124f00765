package manifest

import (
	"bytes"
	"fmt"

	"github.com/parquet-go/parquet-go"

	"exporter/pipeline"
)

// placing makes rows of one of several exports those of an export that has it in a folder: the paths of blobs get the folder's prefix, and behind
// the columns of the series each row has the number of the export that it is of.
type placing struct {
	prefix string
	number int32
	series *series
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
	p := &placing{prefix: prefix, number: int32(number), series: s, columns: make([][]parquet.Value, len(s.schema.Fields())+1)}
	for _, name := range []string{"file_name", "shard"} {
		if column, ok := s.schema.Lookup(name); ok {
			p.paths, p.added = append(p.paths, column.ColumnIndex), append(p.added, nil)
		}
	}
	return p
}

// all places rows. A path that leads out of the folder is a *pipeline.DamageError: no run writes one.
func (p *placing) all(rows batches) batches {
	return func(yield func(batch, error) bool) {
		for b, err := range rows {
			if err == nil {
				b, err = p.place(b)
			}
			if !yield(b, err) || err != nil {
				return
			}
		}
	}
}

// place returns the rows of a batch, which are valid until the next call.
func (p *placing) place(b batch) (batch, error) {
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
			path := b.columns[column][at]
			if !path.IsNull() && !isInside(path.ByteArray()) {
				return batch{}, p.outside(row{columns: b.columns, number: at}, path)
			}
			p.added[i][at] = p.placed(path, column)
		}
		p.columns[column] = p.added[i]
	}
	return batch{p.columns, b.first, b.end, b.isLost}, nil
}

// isInside tells whether a path leads nowhere but into the export that has it, on any system.
func isInside(path []byte) bool {
	if len(path) == 0 || path[0] == '/' || bytes.IndexByte(path, '\\') >= 0 {
		return false
	}
	for element := range bytes.SplitSeq(path, []byte("/")) {
		if string(element) == ".." {
			return false
		}
	}
	return true
}

// outside says that the path of a row leads out of its export.
func (p *placing) outside(r row, path parquet.Value) error {
	text := func(name string) string { return string(r.value(columnOf(p.series.schema, name)).ByteArray()) }
	what := fmt.Sprintf("file %q", text("file_id"))
	if job := text("job_id"); job != "" {
		what = fmt.Sprintf("parse job %q", job)
	}
	return &pipeline.DamageError{
		Path: p.series.name, Err: fmt.Errorf("the row of a %s of %s says that its blob is at %.200q, which is no path within the export", text("kind"), what, path.ByteArray()),
	}
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
