// Package where is the language of conditions on rows, as --where takes them: columns, compared with values, joined by and, or and not. Who has
// rows says which columns there are, and what a row has in each. docs/datasets.md has the grammar.
package where

import (
	"fmt"
	"strings"

	"exporter/internal/spell"
)

// Type is the type of a column.
type Type string

// The types of columns. A Timestamp is in microseconds since 1970, UTC.
const (
	String    Type = "string"
	Int32     Type = "int32"
	Int64     Type = "int64"
	Float64   Type = "float64"
	Bool      Type = "bool"
	Timestamp Type = "timestamp"
)

// Value is what a column has for a row. The field of its type counts: Int is for Int32, Int64 and Timestamp as well. Where Valid is false,
// it is null.
type Value struct {
	Valid bool
	Text  string
	Int   int64
	Float float64
	Bool  bool
}

// Column is a column of some rows.
type Column struct {
	Name string
	Type Type
}

// Row has a value in each column. Columns are numbered as Parse was given them.
type Row interface{ Value(column int) Value }

// column is a Column with its number.
type column struct {
	Column
	number int
}

func (c *column) of(r Row) Value { return r.Value(c.number) }

// findColumn returns the column that has a name; nil where there is none.
func findColumn(columns []Column, name string) *column {
	for n, c := range columns {
		if c.Name == name {
			return &column{c, n}
		}
	}
	return nil
}

// UnknownColumn says that there is no column of a name, and which was meant.
func UnknownColumn(columns []Column, name string) error {
	var names []string
	for _, c := range columns {
		names = append(names, c.Name)
	}
	if near := spell.Closest(strings.ToLower(name), names); near != "" {
		return fmt.Errorf("there is no column %q: did you mean %s?", name, near)
	}
	return fmt.Errorf("there is no column %q: there are %s", name, strings.Join(names, ", "))
}
