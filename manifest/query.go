package manifest

import (
	"bytes"
	"context"
	"iter"
	"slices"

	"github.com/parquet-go/parquet-go"

	"exporter/pipeline"
)

// ColumnType is the type of the values of a column.
type ColumnType int

// The types of columns. A TypeTime is in microseconds since 1970, UTC.
const (
	TypeText ColumnType = iota
	TypeInt32
	TypeInt64
	TypeFloat
	TypeBool
	TypeTime
)

// Column is a column of a table.
type Column struct {
	Name string
	Type ColumnType
}

// AssetColumns returns the columns of manifest.parquet, and FileColumns those of files.parquet. Their numbers are those of a Query.
func AssetColumns() []Column { return columnsOf(schemaOf[assetRow]()) }

// FileColumns is AssetColumns of files.parquet.
func FileColumns() []Column { return columnsOf(schemaOf[fileRow]()) }

func columnsOf(schema *parquet.Schema) []Column {
	var columns []Column
	for _, f := range schema.Fields() {
		t := TypeText
		switch f.Type().Kind() {
		case parquet.Int32:
			t = TypeInt32
		case parquet.Int64:
			t = TypeInt64
		case parquet.Double:
			t = TypeFloat
		case parquet.Boolean:
			t = TypeBool
		}
		if timeOf(f) != "" {
			t = TypeTime
		}
		columns = append(columns, Column{f.Name(), t})
	}
	return columns
}

// Query says which rows of a table are wanted, and what is to be read of them. Where a million rows have few that match, it costs little
// more than to read the columns that say which these are.
type Query struct {
	// Of leaves the rows of assets of one owner, or with a FileID alone those of a file and its jobs; nil for all.
	Of *pipeline.Owner
	// From is the key of a file, which need not be there, before which rows of files are left out, and FromAsset that of an asset; nil for none.
	From      *pipeline.FileKey
	FromAsset *pipeline.AssetKey
	// Skip is how many wanted rows are left out before the first. Where a table answers alone, and all its rows are wanted, they are not read.
	Skip int64
	// Only is a column of texts, and Values are what it has in wanted rows; no Values for any.
	Only   int
	Values []string
	// Tests are the columns that Matches asks for, which is called from several goroutines at once. It is nil for any row.
	Tests   []int
	Matches func(Record) bool
	// Columns are those to read of the rows that are wanted.
	Columns []int
}

// Record is a row of which some columns were read; the others are null. It is valid until the next one is asked for.
type Record struct{ row row }

// IsNull tells whether a column has no value.
func (r Record) IsNull(column int) bool { return r.row.value(column).IsNull() }

// Text returns what a column of texts has; empty where it is null.
func (r Record) Text(column int) string { return string(r.row.value(column).ByteArray()) }

// Is tells whether a column of texts has a text.
func (r Record) Is(column int, text string) bool {
	return string(r.row.value(column).ByteArray()) == text
}

// Int returns what a column of integers or times has; 0 where it is null.
func (r Record) Int(column int) int64 {
	switch v := r.row.value(column); {
	case v.IsNull():
		return 0
	case v.Kind() == parquet.Int32:
		return int64(v.Int32())
	default:
		return v.Int64()
	}
}

// Float and Bool return what a column of floats or booleans has; 0 and false where it is null.
func (r Record) Float(column int) float64 {
	if v := r.row.value(column); !v.IsNull() {
		return v.Double()
	}
	return 0
}

// Bool is Float of a column of booleans.
func (r Record) Bool(column int) bool {
	v := r.row.value(column)
	return !v.IsNull() && v.Boolean()
}

// QueryAssets yields the wanted rows of assets, sorted by key, and QueryFiles those of files. The snapshot is none that was salvaged.
func (s *Snapshot) QueryAssets(ctx context.Context, q Query) iter.Seq2[Record, error] {
	q.From = nil
	return s.assets.records(ctx, &q)
}

// QueryFiles is QueryAssets of files. Neither heeds what is for the other.
func (s *Snapshot) QueryFiles(ctx context.Context, q Query) iter.Seq2[Record, error] {
	q.Of, q.FromAsset = nil, nil
	return s.files.records(ctx, &q)
}

// records yields the rows of a query.
func (l *log) records(ctx context.Context, q *Query) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		skip := q.Skip
		if l.skips(q) {
			skip = 0
		}
		yieldRecords(withContext(ctx, l.query(q)), skip, yield)
	}
}

// skips tells whether the rows that a query leaves out first are not among those that the tables yield.
func (l *log) skips(q *Query) bool { return len(l.tables()) == 1 && !q.isChoosy() }

// yieldRecords is what records returns: a function of its own, which the compiler does not put anew wherever records are asked for.
func yieldRecords(all batches, skip int64, yield func(Record, error) bool) {
	for b, err := range all {
		if err != nil {
			yield(Record{}, err)
			return
		}
		skipped := min(skip, int64(b.count()))
		skip -= skipped
		for i := int(skipped); i < b.count(); i++ {
			if !yield(Record{b.row(i)}, nil) {
				return
			}
		}
	}
}

// query yields the wanted rows. One table answers by itself; of several, later ones have to be known for what the others say to count.
func (l *log) query(q *Query) batches {
	tables := l.tables()
	if len(tables) == 1 {
		return l.queryOne(tables[0], q)
	}
	columns := slices.Concat(l.keys, q.tests(), q.Columns)
	inputs := make([]batches, len(tables))
	for i, t := range tables {
		inputs[i] = func(yield func(batch, error) bool) {
			within, err := l.within(t, q)
			if err != nil {
				yield(batch{}, err)
				return
			}
			t.columns(within, t.projected(columns))(yield)
		}
	}
	return without(merge(inputs, l.compare), func(r row) bool { return !q.wants(r) })
}

// within returns the rows among which those are that a query wants.
func (s *series) within(t *table, q *Query) (within span, err error) {
	within = t.all()
	if q.Of != nil {
		parts := ownerParts
		if q.Of.JobID == "" {
			parts = 1
		}
		if within, err = s.find(t, rowOf(s.schema, wantedOwner(*q.Of)), parts); err != nil {
			return within, err
		}
	}
	if from, ok := q.from(s.schema); ok && within.count > 0 {
		at, err := s.findWithin(t, within, from, len(s.keys))
		return between(at.first, within.end()), err
	}
	return within, nil
}

// from returns a row with the key before which rows are left out, and whether any are.
func (q *Query) from(schema *parquet.Schema) (from row, ok bool) {
	switch {
	case q.From != nil:
		return rowOf(schema, &fileRow{JobID: q.From.JobID, FileID: q.From.FileID, DirectoryFileID: q.From.DirectoryFileID}), true
	case q.FromAsset != nil:
		return rowOf(schema, wantedAsset(*q.FromAsset)), true
	}
	return from, false
}

// coalesced is how far apart rows may be for those between them to be read as well: to pass over fewer of them costs as much.
const coalesced = 512

// queryOne is query of a table alone, row group by row group.
func (s *series) queryOne(t *table, q *Query) batches {
	return func(yield func(batch, error) bool) {
		within, err := s.within(t, q)
		if err != nil {
			yield(batch{}, err)
			return
		}
		if !q.isChoosy() {
			within = between(min(within.first+q.Skip, within.end()), within.end())
		}
		inTurn(func(yield func(batches) bool) {
			for g, group := range t.groups() {
				if rows := group.and(within); rows.count > 0 && q.mayMatch(t, g) && !yield(q.inGroup(t, g, rows.from(group))) {
					return
				}
			}
		})(yield)
	}
}

// inGroup yields the wanted ones of some rows of a row group. It reads the tests of all rows first, and then the columns of those that match.
func (q *Query) inGroup(t *table, g parquet.RowGroup, rows span) batches {
	return func(yield func(batch, error) bool) {
		tests, all := t.projected(q.tests()), t.projected(slices.Concat(q.tests(), q.Columns))
		runs := spans{rows}
		if q.isChoosy() && len(tests) < len(all) {
			var err error
			if runs, err = q.runs(t, g, rows, tests); err != nil {
				yield(batch{}, err)
				return
			}
		}
		without(t.readAll(g, runs, all), func(r row) bool { return !q.wants(r) })(yield)
	}
}

// inTurn yields parts one after the other. While one is read, the next reads on its own until it has its first rows, which costs most where
// few are wanted.
func inTurn(parts iter.Seq[batches]) batches {
	return func(yield func(batch, error) bool) {
		next, stop := iter.Pull(parts)
		defer stop()
		ahead := begin(next())
		defer func() { ahead.end() }()
		for ahead != nil {
			now := ahead
			ahead = begin(next())
			if !now.yieldAll(yield) {
				return
			}
		}
	}
}

// begun is a part that was begun.
type begun struct {
	next func() (batch, error, bool)
	stop func()
	// first is closed once the part has its first rows, or none.
	first chan struct{}
	rows  batch
	err   error
	more  bool
}

// begin begins a part, if there is one.
func begin(part batches, ok bool) *begun {
	if !ok {
		return nil
	}
	b := &begun{first: make(chan struct{})}
	b.next, b.stop = iter.Pull2(part)
	go func() {
		defer close(b.first)
		b.rows, b.err, b.more = b.next()
	}()
	return b
}

// yieldAll yields what the part has, and ends it. It tells whether more is wanted.
func (b *begun) yieldAll(yield func(batch, error) bool) bool {
	defer b.end()
	for <-b.first; b.more; b.rows, b.err, b.more = b.next() {
		if !yield(b.rows, b.err) || b.err != nil {
			return false
		}
	}
	return true
}

// end ends the part, if there is one, whether it was read or not.
func (b *begun) end() {
	if b != nil {
		<-b.first
		b.stop()
	}
}

// runs returns which rows of a row group match, with those between them that are not worth passing over.
func (q *Query) runs(t *table, g parquet.RowGroup, of span, tests []int) (runs spans, err error) {
	at := of.first
	for b, err := range t.read(g, of, tests) {
		if err != nil {
			return nil, err
		}
		for i := range b.count() {
			if !q.wants(b.row(i)) {
				continue
			}
			here := at + int64(i)
			if n := len(runs); n > 0 && here <= runs[n-1].end()+coalesced {
				runs[n-1] = between(runs[n-1].first, here+1)
				continue
			}
			runs = append(runs, span{here, 1})
		}
		at += int64(b.count())
	}
	return runs, nil
}

// isChoosy tells whether there may be rows that are not wanted.
func (q *Query) isChoosy() bool { return len(q.Values) > 0 || q.Matches != nil }

// tests returns all columns that say whether a row is wanted.
func (q *Query) tests() []int {
	if len(q.Values) == 0 {
		return q.Tests
	}
	return append([]int{q.Only}, q.Tests...)
}

// wants tells whether a row is wanted.
func (q *Query) wants(r row) bool {
	if len(q.Values) > 0 && !slices.Contains(q.Values, string(r.value(q.Only).ByteArray())) {
		return false
	}
	return q.Matches == nil || q.Matches(Record{r})
}

// mayMatch tells whether a row group may have a row that is wanted, by what is told of its values.
func (q *Query) mayMatch(t *table, g parquet.RowGroup) bool {
	if len(q.Values) == 0 {
		return true
	}
	if t.layout.from[q.Only] < 0 {
		return false
	}
	least, most, ok := t.chunk(g, q.Only).Bounds()
	return !ok || slices.ContainsFunc(q.Values, func(text string) bool {
		return bytes.Compare([]byte(text), least.ByteArray()) >= 0 && bytes.Compare([]byte(text), most.ByteArray()) <= 0
	})
}

// projected returns those of some columns that the table has, each once, sorted. Of an earlier schema all are needed to make one.
func (t *table) projected(columns []int) []int {
	if t.layout.earlier != nil {
		return t.layout.has
	}
	columns = slices.Clone(columns)
	slices.Sort(columns)
	return slices.DeleteFunc(slices.Compact(columns), func(c int) bool { return t.layout.from[c] < 0 })
}
