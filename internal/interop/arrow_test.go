package interop

import (
	"fmt"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	pqfile "github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
	"github.com/google/go-cmp/cmp"
)

// openArrow opens a Parquet file with Apache Arrow until the test ends.
func openArrow(t *testing.T, name string) *pqarrow.FileReader {
	t.Helper()
	r, err := pqfile.OpenParquetFile(name, false)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	reader, err := pqarrow.NewFileReader(r, pqarrow.ArrowReadProperties{BatchSize: 100}, memory.DefaultAllocator)
	if err != nil {
		t.Fatal(err)
	}
	return reader
}

// readArrow returns the rows in the order in which they are written.
func readArrow[T any](t *testing.T, name string, fields func(*T) []any) []T {
	t.Helper()
	records, err := openArrow(t, name).GetRecordReader(t.Context(), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer records.Release()
	var rows []T
	for records.Next() {
		batch := records.RecordBatch()
		first := len(rows)
		rows = append(rows, make([]T, batch.NumRows())...)
		for i := range rows[first:] {
			targets := fields(&rows[first+i])
			if len(targets) != int(batch.NumCols()) {
				t.Fatalf("%s has %d columns, want %d", name, batch.NumCols(), len(targets))
			}
			for j, target := range targets {
				if err := scan(target, batch.Column(j), i); err != nil {
					t.Fatalf("%s: column %s: %v", name, batch.ColumnName(j), err)
				}
			}
		}
	}
	if err := records.Err(); err != nil {
		t.Fatal(err)
	}
	return rows
}

// scan sets what target points to from an element of a column, which must be of the type that goes with it.
func scan(target any, column arrow.Array, i int) error {
	switch to := target.(type) {
	case *string:
		return set(to, column, i)
	case *int32:
		return set(to, column, i)
	case *int64:
		return set(to, column, i)
	case **string:
		return setNullable(to, column, i)
	case **int32:
		return setNullable(to, column, i)
	case **int64:
		return setNullable(to, column, i)
	case **float64:
		return setNullable(to, column, i)
	case **bool:
		return setNullable(to, column, i)
	}
	return fmt.Errorf("no column can be read into %T", target)
}

func setNullable[T any](to **T, column arrow.Array, i int) error {
	if column.IsNull(i) {
		return nil
	}
	*to = new(T)
	return set(*to, column, i)
}

func set[T any](to *T, column arrow.Array, i int) error {
	v, ok := value(column, i).(T)
	if !ok || column.IsNull(i) {
		return fmt.Errorf("row %d is %s of type %s, want %T", i, column.ValueStr(i), column.DataType(), *to)
	}
	*to = v
	return nil
}

func value(column arrow.Array, i int) any {
	switch c := column.(type) {
	case *array.String:
		return c.Value(i)
	case *array.Int32:
		return c.Value(i)
	case *array.Int64:
		return c.Value(i)
	case *array.Float64:
		return c.Value(i)
	case *array.Boolean:
		return c.Value(i)
	case *array.Timestamp:
		return int64(c.Value(i))
	}
	return nil
}

func TestArrow_Rows_EqualTheCorpus(t *testing.T) {
	t.Parallel()
	for name, corpus := range map[string]func(*testing.T) *corpus{"recorded": recordedCorpus, "hostile": hostileCorpus} {
		for layout, flags := range layouts() {
			t.Run(name+"/"+layout.String(), func(t *testing.T) {
				e := exported(t, corpus(t), flags...)
				e.checkAssets(t, layout, readArrow(t, e.manifest(), (*asset).fields), e.assets)
				e.checkFiles(t, readArrow(t, e.filesManifest(), (*file).fields), e.files)
			})
		}
	}
}

func TestArrow_Schema_IsAsSpecified(t *testing.T) {
	t.Parallel()
	e := exported(t, hostileCorpus(t))
	types := map[string]arrow.DataType{
		"string": arrow.BinaryTypes.String, "int32": arrow.PrimitiveTypes.Int32,
		"int64": arrow.PrimitiveTypes.Int64, "double": arrow.PrimitiveTypes.Float64, "boolean": arrow.FixedWidthTypes.Boolean,
		"timestamp": arrow.FixedWidthTypes.Timestamp_us,
	}
	type field struct {
		Name, Type string
		Nullable   bool
	}
	for _, name := range []string{"manifest.parquet", "files.parquet"} {
		var want, got []field
		for _, c := range specified(t, name) {
			want = append(want, field{c.name, types[c.typ].String(), c.nullable})
		}
		s, err := openArrow(t, e.path(name)).Schema()
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range s.Fields() {
			got = append(got, field{f.Name, f.Type.String(), f.Nullable})
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("schema of %s (-want +got):\n%s", name, diff)
		}
	}
}
