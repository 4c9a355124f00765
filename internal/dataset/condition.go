package dataset

import "exporter/internal/where"

// Where is a condition on the columns of samples, as --where gives it. docs/datasets.md has its grammar.
type Where struct{ *where.Condition }

// ParseWhere reads a condition. An error says where it is.
func ParseWhere(text string) (*Where, error) {
	c, err := where.Parse(text, columnNames())
	if err != nil {
		return nil, err
	}
	return &Where{c}, nil
}

// Holds tells whether the condition is true of a sample.
func (w *Where) Holds(s *Sample) bool { return w.Condition.Holds(valued{s}) }

// Columns returns the columns that it depends on, each once, in the order of Columns.
func (w *Where) Columns() []*Column {
	var named []*Column
	for _, n := range w.Condition.Columns() {
		named = append(named, columns[n])
	}
	return named
}

// valued is a sample as a row of columns.
type valued struct{ *Sample }

// Value implements where.Row.
func (v valued) Value(column int) Value { return columns[column].Of(v.Sample) }

// columnNames returns what conditions know of the columns.
func columnNames() []where.Column {
	all := make([]where.Column, len(columns))
	for i, c := range columns {
		all[i] = where.Column{Name: c.Name, Type: where.Type(c.Type)}
	}
	return all
}
