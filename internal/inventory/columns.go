package inventory

import (
	"sync"

	"exporter/internal/where"
	"exporter/manifest"
)

// table is a table of the export with its columns by name.
type table struct {
	columns []manifest.Column
	numbers map[string]int
}

func newTable(columns []manifest.Column) *table {
	t := &table{columns, map[string]int{}}
	for n, c := range columns {
		t.numbers[c.Name] = n
	}
	return t
}

// number returns the number of a column, which the table has.
func (t *table) number(name string) int {
	n, ok := t.numbers[name]
	if !ok {
		panic("there is no column " + name)
	}
	return n
}

// some returns the numbers of some columns, and all those of all.
func (t *table) some(names ...string) []int {
	numbers := make([]int, len(names))
	for i, name := range names {
		numbers[i] = t.number(name)
	}
	return numbers
}

func (t *table) all() []int {
	numbers := make([]int, len(t.columns))
	for n := range numbers {
		numbers[n] = n
	}
	return numbers
}

// types are what conditions call the types of columns.
var types = map[manifest.ColumnType]where.Type{
	manifest.TypeText: where.String, manifest.TypeInt32: where.Int32, manifest.TypeInt64: where.Int64, manifest.TypeFloat: where.Float64,
	manifest.TypeBool: where.Bool, manifest.TypeTime: where.Timestamp,
}

// value returns what a row has in a column.
func (t *table) value(r manifest.Record, column int) where.Value {
	v := where.Value{Valid: !r.IsNull(column)}
	switch t.columns[column].Type {
	case manifest.TypeText:
		v.Text = r.Text(column)
	case manifest.TypeFloat:
		v.Float = r.Float(column)
	case manifest.TypeBool:
		v.Bool = r.Bool(column)
	default:
		v.Int = r.Int(column)
	}
	return v
}

// Where is a condition on the rows of files, of assets, or of either, as its columns are.
type Where struct {
	condition *where.Condition
	// files and assets are the numbers of the columns that it depends on, by those of the condition; nil where a table lacks one.
	files, assets map[int]int
}

// ParseWhere reads a condition on the columns of manifest.parquet, or on those of files.parquet. An error says where it is.
func ParseWhere(text string) (*Where, error) {
	assets, files := newTable(manifest.AssetColumns()), newTable(manifest.FileColumns())
	var all []where.Column
	for _, c := range assets.columns {
		all = append(all, where.Column{Name: c.Name, Type: types[c.Type]})
	}
	for _, c := range files.columns {
		if _, shared := assets.numbers[c.Name]; !shared {
			all = append(all, where.Column{Name: c.Name, Type: types[c.Type]})
		}
	}
	condition, err := where.Parse(text, all)
	if err != nil {
		return nil, err
	}
	w := &Where{condition: condition}
	var ofAssets, ofFiles string
	w.assets, ofFiles = assets.have(all, condition.Columns())
	w.files, ofAssets = files.have(all, condition.Columns())
	if w.assets == nil && w.files == nil {
		return nil, &MixedError{ofAssets, ofFiles}
	}
	return w, nil
}

// have returns the table's numbers of some columns; nil and the name of one that it has not where there is one.
func (t *table) have(all []where.Column, wanted []int) (numbers map[int]int, lacking string) {
	numbers = map[int]int{}
	for _, n := range wanted {
		number, ok := t.numbers[all[n].Name]
		if !ok {
			return nil, all[n].Name
		}
		numbers[n] = number
	}
	return numbers, ""
}

// MixedError says that a condition asks for columns of assets and of files.
type MixedError struct{ Asset, File string }

func (e *MixedError) Error() string {
	return e.Asset + " is of assets (manifest.parquet), and " + e.File + " of files (files.parquet): a condition is on either"
}

// FitsFiles and FitsAssets tell whether the condition is one on files, and on assets.
func (w *Where) FitsFiles() bool  { return w.files != nil }
func (w *Where) FitsAssets() bool { return w.assets != nil }

// test adds the condition to a query of a table, of which numbers has the columns.
func (w *Where) test(t *table, numbers map[int]int, q *manifest.Query) {
	if w == nil {
		return
	}
	for _, n := range numbers {
		q.Tests = append(q.Tests, n)
	}
	rows := sync.Pool{New: func() any { return &conditionRow{table: t, numbers: numbers} }}
	also(q, func(r manifest.Record) bool {
		row := rows.Get().(*conditionRow)
		defer rows.Put(row)
		row.record = r
		return w.condition.Holds(row)
	})
}

// conditionRow is a record as a row of columns.
type conditionRow struct {
	table   *table
	numbers map[int]int
	record  manifest.Record
}

// Value implements where.Row.
func (r *conditionRow) Value(column int) where.Value {
	return r.table.value(r.record, r.numbers[column])
}
