package manifest

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/parquet-go/parquet-go"

	"exporter/pipeline"
)

// layout says where a table has the columns of its series: one of an earlier schema has others, and one that another program wrote
// may have them in another order, or all of them optional. All other numbers of columns are those of the series.
type layout struct {
	// from has for each column the number of the table's, or -1 where that has none.
	from []int
	// has are the columns that the table has, keys those of them by which rows are sorted.
	has, keys []int
	// other are the columns of which values do not come as exporter writes them now, and optional says which may be null.
	other    []int
	optional []bool
	// earlier is nil but for assets of schema 1.
	earlier *earlierAssets
}

// earlierAssets are columns that schema 1 does not have. Both a blob's own file and its shard are its path: of the two, a member
// of a shard has the shard.
type earlierAssets struct{ fileName, shard, member, origin int }

// earlierNames are what schema 1 calls columns.
var earlierNames = map[string]string{"file_name": "path", "shard": "path", "member_offset": "offset"}

// layoutOf finds the columns of the series in a table. It fails where one is missing, of another type, or not known.
func (s *series) layoutOf(t *table) (*layout, error) {
	has, isEarlier := t.parquet.Schema(), t.meta.schema != Schema
	l := &layout{}
	if isEarlier && s.name == AssetsName {
		l.earlier = &earlierAssets{
			columnOf(s.schema, "file_name"), columnOf(s.schema, "shard"), columnOf(s.schema, "member"), columnOf(s.schema, "origin"),
		}
	}
	for c, field := range s.schema.Fields() {
		name := field.Name()
		if l.earlier != nil {
			name = cmp.Or(earlierNames[name], name)
		}
		column, ok := has.Lookup(name)
		at := -1
		switch {
		case ok && !isLike(column.Node, field):
			return nil, fmt.Errorf("its column %s is %s, want %s", name, column.Node, field)
		case ok:
			at = column.ColumnIndex
			l.has = append(l.has, c)
		case slices.Contains(s.later, name):
		case !isEarlier || !field.Optional() && (l.earlier == nil || c != l.earlier.origin):
			return nil, fmt.Errorf("it has no column %s", name)
		}
		if l.earlier != nil || ok && (at != c || column.Node.Optional() != field.Optional()) {
			l.other = append(l.other, c)
		}
		l.from, l.optional = append(l.from, at), append(l.optional, field.Optional())
	}
	for _, key := range s.keys {
		if l.from[key] >= 0 {
			l.keys = append(l.keys, key)
		}
	}
	if extra := len(has.Columns()) - len(l.has); !isEarlier && extra > 0 {
		return nil, fmt.Errorf("it has %d columns that exporter does not know", extra)
	}
	return l, nil
}

// isLike tells whether a column has values of the kind of another one, whether or not they may be null.
func isLike(a, b parquet.Node) bool {
	return a.Leaf() && !a.Repeated() && a.Type().Kind() == b.Type().Kind() && timeOf(a) == timeOf(b)
}

// timeOf returns the unit and the zone of a column of timestamps; empty for other columns.
func timeOf(n parquet.Node) string {
	if t := n.Type().LogicalType(); t != nil && strings.HasPrefix(t.String(), "TIMESTAMP") {
		return t.String()
	}
	return ""
}

// fit makes a batch, of which some columns were read, what it is in the series.
func (l *layout) fit(b batch, columns []int) error {
	if l.earlier != nil && len(columns) == len(l.has) {
		l.earlier.place(b)
	}
	for _, c := range l.other {
		optional := l.optional[c]
		for i, v := range b.column(c) {
			level := 1
			switch {
			case v.IsNull() && !optional && slices.Contains(columns, c):
				return fmt.Errorf("it has a row without a value in column %d, which every row has", c)
			case v.IsNull() || !optional:
				level = 0
			}
			b.column(c)[i] = v.Level(0, level, c)
		}
	}
	return nil
}

// place fills in the columns that schema 1 does not have.
func (e *earlierAssets) place(b batch) {
	for i, member := range b.column(e.member) {
		other := e.shard
		if !member.IsNull() {
			other = e.fileName
		}
		b.column(other)[i] = parquet.Value{}
		b.column(e.origin)[i] = parquet.ByteArrayValue([]byte(pipeline.OriginFile))
	}
}
