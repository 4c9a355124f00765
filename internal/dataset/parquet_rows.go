package dataset

import (
	"io"
	"strings"

	"github.com/parquet-go/parquet-go"
)

// tableWriter is the library's writer that knows nothing of the types of rows. It counts as deprecated in favour of GenericWriter, which has
// the linker keep code that makes columns of Go values of all types: here values come in columns.
//
//lint:ignore SA1019 see above
type tableWriter = parquet.Writer

// rowWriter writes the columns of samples beside their pictures. Their first one is a name. Who has it ends row groups.
type rowWriter struct {
	*tableWriter
	schema  *Schema
	columns []*parquet.ColumnWriter
	// nameLevel is the definition level of a name that is there.
	nameLevel int
	// count is how many rows the row group under way has, and size how many bytes their texts.
	count, size int
	// values and texts are those of the column that is written.
	values []parquet.Value
	texts  []byte
}

// newRowWriter returns one whose names are a leaf, or the only one of a group.
func newRowWriter(to io.Writer, name field, s *Schema, options ...parquet.WriterOption) *rowWriter {
	w := &rowWriter{schema: s, nameLevel: 1}
	if !name.node.Leaf() {
		w.nameLevel = 2
	}
	options = append([]parquet.WriterOption{
		newParquetSchema(name, s),
		// The version is that of what is written, and not the program's: the same samples give the same bytes.
		parquet.CreatedBy("exporter", "1", ""),
		// Every reader knows Snappy and pages of version 1.
		parquet.Compression(&parquet.Snappy),
		parquet.DataPageVersion(1),
		parquet.DataPageStatistics(false),
	}, options...)
	w.tableWriter = parquet.NewWriter(to, options...)
	w.columns = w.ColumnWriters()
	return w
}

// add appends a row.
func (w *rowWriter) add(name Value, s *Sample) error {
	if err := w.write(0, name, String, w.nameLevel); err != nil {
		return err
	}
	for i, c := range w.schema.Columns {
		if err := w.write(1+i, c.Of(s), c.Type, 1); err != nil {
			return err
		}
	}
	w.count++
	if !w.schema.HasObjects {
		return nil
	}
	return w.addObjects(1+len(w.schema.Columns), s.Objects)
}

// flush ends a row group.
func (w *rowWriter) flush() error {
	w.count, w.size = 0, 0
	return w.Flush()
}

// write appends a value to a column.
func (w *rowWriter) write(column int, v Value, t Type, level int) error {
	w.begin()
	w.append(column, v, t, 0, level, 0)
	return w.end(column)
}

// Definition levels of lists: of one that is empty, of what stands in one, and of a null there. They count what may be null and the lists
// on the way: the group, the list, its elements, and for boxes another list and its elements.
const (
	emptyList   = 2
	nullElement = 3
	element     = 4
	boxElement  = 6
)

// addObjects appends the objects of a row, whose columns begin with the one of boxes.
func (w *rowWriter) addObjects(column int, objects []Object) error {
	w.begin()
	for i := range objects {
		for j, x := range objects[i].Box {
			repetition := 2
			if j == 0 {
				repetition = min(i, 1)
			}
			w.append(column, Value{Valid: true, Float: x}, Float64, repetition, boxElement, nullElement)
		}
	}
	if err := w.endList(column); err != nil {
		return err
	}
	for f := range objectFields {
		w.begin()
		for i := range objects {
			w.append(column+1+f, objectFields[f].of(&objects[i]), objectFields[f].typeName, min(i, 1), element, nullElement)
		}
		if err := w.endList(column + 1 + f); err != nil {
			return err
		}
	}
	return nil
}

func (w *rowWriter) begin() { w.values, w.texts = w.values[:0], w.texts[:0] }

// append appends a value with its levels to those that end writes.
func (w *rowWriter) append(column int, v Value, t Type, repetition, level, nullLevel int) {
	if !v.Valid {
		w.values = append(w.values, parquet.NullValue().Level(repetition, nullLevel, column))
		return
	}
	w.values = append(w.values, w.parquetValue(v, t).Level(repetition, level, column))
}

// endList is end for a row's list, which may be empty.
func (w *rowWriter) endList(column int) error {
	if len(w.values) == 0 {
		w.values = append(w.values, parquet.NullValue().Level(0, emptyList, column))
	}
	return w.end(column)
}

func (w *rowWriter) end(column int) error {
	w.size += len(w.texts)
	_, err := w.columns[column].WriteRowValues(w.values)
	return err
}

// parquetValue returns a value that is valid until the next begin.
func (w *rowWriter) parquetValue(v Value, t Type) parquet.Value {
	switch t {
	case Int32:
		return parquet.Int32Value(int32(v.Int))
	case Int64, Timestamp:
		return parquet.Int64Value(v.Int)
	case Float64:
		return parquet.DoubleValue(v.Float)
	case Bool:
		return parquet.BooleanValue(v.Bool)
	default:
		start := len(w.texts)
		w.texts = append(w.texts, validText(v.Text)...)
		return parquet.ByteArrayValue(w.texts[start:])
	}
}

// validText is what readers of text take: they refuse a file for one byte that is not UTF-8.
func validText(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }
