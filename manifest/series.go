package manifest

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/parquet-go/parquet-go"

	"exporter/internal/store"
	"exporter/pipeline"
)

const (
	// AssetsName and FilesName are the two files of a finished export, beside which there is PagesName where it has pages.
	AssetsName = "manifest.parquet"
	FilesName  = "files.parquet"
	PagesName  = "pages.parquet"

	partsDir = store.PrivatePrefix + "parts"
	// fanIn is how many parts make a roll-up, and how many tables a ledger merges at most: few, as each takes about a third of a
	// MiB while it is merged, and many enough for the rows of a million assets to be rolled up once.
	fanIn = 16
)

// series is one of the three tables as it lies on disk: a file, and the parts that came after it. It knows rows as columns alone; the schema
// says which structs they are made of, see encode.go.
type series struct {
	reader store.Reader
	// name is that of the file, suffix that of the parts behind their number.
	name, suffix string
	schema       *parquet.Schema
	// keys are the columns by which rows are sorted, nulls first, and of which each row has other values. Where keyEnds, those behind
	// the first count in rows only that have none in it.
	keys    []int
	keyEnds bool
	// later are the columns that tables of schema 2 may lack.
	later []string
	// filtered are the columns that have bloom filters: those by which people look rows up.
	filtered []string
	// isPruned tells whether a row is to go when the run ends.
	isPruned func(row) bool
	// groupRows is how many rows a row group has at most.
	groupRows int
}

func assetSeries(r store.Reader) series {
	s := newSeries(r, schemaOf[assetRow](), AssetsName, ".assets.parquet", assetKeys[:])
	s.filtered, s.isPruned = []string{"file_id", "sha256"}, goesWithout(s.schema, "reason")
	return s
}

func fileSeries(r store.Reader) series {
	s := newSeries(r, schemaOf[fileRow](), FilesName, ".files.parquet", fileKeys[:])
	s.filtered, s.isPruned = []string{"file_id"}, goesWithout(s.schema, "error")
	s.keyEnds, s.later = true, laterColumns
	return s
}

func pageSeries(r store.Reader) series {
	s := newSeries(r, schemaOf[pageRow](), PagesName, ".pages.parquet", pageKeys[:])
	reason := columnOf(s.schema, "error")
	s.filtered = []string{"file_id", "job_id"}
	s.isPruned = func(r row) bool { return string(r.value(reason).ByteArray()) == pipeline.ReasonPruned }
	return s
}

func newSeries(r store.Reader, schema *parquet.Schema, name, suffix string, keys []string) series {
	s := series{reader: r, name: name, suffix: suffix, schema: schema, groupRows: rowGroupRows}
	for _, key := range keys {
		s.keys = append(s.keys, columnOf(s.schema, key))
	}
	return s
}

// compare compares the keys of two rows, column by column. A missing name counts as an empty one.
func (s *series) compare(a, b row) int { return s.compareFirst(a, b, len(s.keys)) }

// compareFirst compares the first parts of the keys of two rows.
func (s *series) compareFirst(a, b row, parts int) int {
	for _, key := range s.keys[:parts] {
		x, y := a.value(key), b.value(key)
		if order := compareValues(x, y); order != 0 || s.keyEnds && len(x.ByteArray()) > 0 {
			return order
		}
	}
	return 0
}

// ownerParts is how many parts of a key of assets or pages say whose they are.
const ownerParts = 2

// compareValues compares texts or numbers, one of which may be null.
func compareValues(a, b parquet.Value) int {
	if a.Kind() == parquet.Int32 {
		return cmp.Compare(a.Int32(), b.Int32())
	}
	return bytes.Compare(a.ByteArray(), b.ByteArray())
}

// goesWithout returns isPruned of assets or files, which have their reason in some column: nothing is stored of what such a row stands
// for, and nothing is listed.
func goesWithout(schema *parquet.Schema, reasonColumn string) func(row) bool {
	status, reason := columnOf(schema, "status"), columnOf(schema, reasonColumn)
	vanishedAt, expiredAt := columnOf(schema, "vanished_at"), columnOf(schema, "expired_at")
	return func(r row) bool {
		isGone := !r.value(vanishedAt).IsNull() || !r.value(expiredAt).IsNull()
		return isGone && string(r.value(reason).ByteArray()) == pipeline.ReasonPruned &&
			string(r.value(status).ByteArray()) == string(pipeline.Skipped)
	}
}

func (s *series) partName(number int) string {
	return fmt.Sprintf("%s/%08d%s", partsDir, number, s.suffix)
}

func (s *series) partNames(numbers []int) []string {
	names := make([]string, len(numbers))
	for i, number := range numbers {
		names[i] = s.partName(number)
	}
	return names
}

// inMemory is how many bytes of a table that is written are in memory: what a checkpoint has most often, and all of a small export.
const inMemory = 1 << 20

// write puts a table that has some rows in the place of the one of its name.
func (s *series) write(ctx context.Context, to store.Store, name string, m fileMeta, rows batches) error {
	return s.writeSections(ctx, to, name, m, allRows(rows, s.groupRows))
}

// writeSections is write for a table of which some may be copied.
func (s *series) writeSections(ctx context.Context, to store.Store, name string, m fileMeta, all sections) (err error) {
	dictionaries := dictionaryBytes
	if m.from > 0 {
		dictionaries = partDictionaryBytes
	}
	spool := store.Buffered(to.Spool, inMemory)
	defer func() { err = errors.Join(err, spool.Close()) }()
	if err := encodeTable(spool, all, dictionaries, s.writerOptions(m)...); err != nil {
		return err
	}
	return to.Put(ctx, name, spool, spool.Size())
}

// parts lists the numbers of the parts, ascending.
func (s *series) parts(ctx context.Context) ([]int, error) {
	var numbers []int
	for e, err := range s.reader.List(ctx, partsDir+"/") {
		if err != nil {
			return nil, err
		}
		digits, ok := strings.CutSuffix(strings.TrimPrefix(e.Key, partsDir+"/"), s.suffix)
		if number, err := strconv.Atoi(digits); ok && err == nil && number > 0 && s.partName(number) == e.Key {
			numbers = append(numbers, number)
		}
	}
	slices.Sort(numbers)
	return numbers, nil
}

// log is a series that is open for reading.
type log struct {
	series
	// base is the file; nil where there is none yet. parts came after it, oldest first, each with its number.
	base  *table
	parts []part
	// stale are numbers of parts that base or a later part contains. last is the highest number that has been used.
	stale []int
	last  int
}

type part struct {
	number int
	*table
}

// loader opens a table, and has it fitted into its series. It returns nil for one that is there, but of which nothing can be read.
type loader func(ctx context.Context, r store.Reader, name string, fit func(*table) error) (*table, error)

// open opens the file, unless ignoreBase, and all parts that count. A part does not where the file or a later part
// contains it: a merge or a roll-up was interrupted before it removed it.
func (s series) open(ctx context.Context, load loader, ignoreBase bool) (l *log, err error) {
	l = &log{series: s}
	defer func() {
		if err != nil {
			err = errors.Join(err, l.close())
			l = nil
		}
	}()
	// The parts are listed first: one that is merged into the file meanwhile is then found there, and missing here.
	numbers, err := s.parts(ctx)
	if err != nil {
		return l, err
	}
	if !ignoreBase {
		if l.base, err = s.load(ctx, load, s.name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return l, err
		}
	}
	through, from := 0, math.MaxInt
	if l.base != nil {
		through = l.base.meta.through
	}
	l.last = max(through, slices.Max(append(numbers, 0)))
	for _, number := range slices.Backward(numbers) {
		if number <= through || number >= from {
			l.stale = append(l.stale, number)
			continue
		}
		t, err := s.load(ctx, load, s.partName(number))
		if err != nil {
			return l, err
		}
		if t != nil {
			l.parts = append(l.parts, part{number, t})
			from = min(from, t.meta.from)
		}
	}
	slices.Reverse(l.parts)
	return l, nil
}

// dropTorn drops parts of a checkpoint whose assets are missing, since a run was killed within its commit: they count as stale.
// lastAssets is the number of the last one that has them.
func (l *log) dropTorn(lastAssets int) (err error) {
	for n := len(l.parts) - 1; n >= 0 && l.parts[n].meta.withAssets && l.parts[n].number > lastAssets; n-- {
		err = errors.Join(err, l.parts[n].close())
		l.stale = append(l.stale, l.parts[n].number)
		l.parts = l.parts[:n]
	}
	return err
}

// load loads a table of the series. One with other columns is a *pipeline.DamageError.
func (s *series) load(ctx context.Context, load loader, name string) (*table, error) {
	return load(ctx, s.reader, name, s.fit)
}

// fit finds the columns of the series in a table. One of another program is read once: nothing else says that its rows are as
// they have to be.
func (s *series) fit(t *table) (err error) {
	if t.layout, err = s.layoutOf(t); err != nil {
		return t.writtenBy(err)
	}
	if !t.foreign {
		return nil
	}
	if t.name != s.name {
		return t.writtenBy(errors.New("no other program may write a part of the commit log"))
	}
	return t.writtenBy(s.checkRows(t))
}

// checkRows fails unless the rows of a table are sorted by key and each key occurs once.
func (s *series) checkRows(t *table) error {
	columns := nullColumns(len(t.layout.from), 1)
	before, number := row{columns: columns}, int64(0)
	for b, err := range t.rows(t.all()) {
		if err != nil {
			return err
		}
		for i := range b.count() {
			here := b.row(i)
			if number > 0 && s.compare(before, here) >= 0 {
				return fmt.Errorf("its row %d comes before the one above it, or has the same key: sort it by %s", number+1, s.keyNames())
			}
			for _, key := range s.keys {
				columns[key][0] = here.value(key).Clone()
			}
			number++
		}
	}
	return nil
}

// keyNames returns the names of the key's columns.
func (s *series) keyNames() string {
	names := make([]string, len(s.keys))
	for i, key := range s.keys {
		names[i] = s.schema.Fields()[key].Name()
	}
	return strings.Join(names, ", ")
}

// tables returns everything that counts, oldest first.
func (l *log) tables() []*table {
	var tables []*table
	if l.base != nil {
		tables = append(tables, l.base)
	}
	for _, p := range l.parts {
		tables = append(tables, p.table)
	}
	return tables
}

// rows returns how many rows the tables have, those included that a later one took the place of.
func (l *log) rows() (count int64) {
	for _, t := range l.tables() {
		count += t.all().count
	}
	return count
}

// info returns what the newest file says of the run that wrote it; nil where there is no file. One that another program wrote may say
// nothing, and then an older one is asked.
func (l *log) info() (info *Info) {
	for _, t := range slices.Backward(l.tables()) {
		if info = &t.meta.Info; info.Source != "" {
			break
		}
	}
	return info
}

// all yields every row, sorted, each key once.
func (l *log) all(ctx context.Context) batches {
	return withoutLost(l.newest(ctx))
}

// newest is all, and has also the keys of rows that were lost, which hide what older tables say of them.
func (l *log) newest(ctx context.Context) batches {
	return withContext(ctx, mergeTables(l.tables(), l.compare))
}

func mergeTables(tables []*table, compare func(a, b row) int) batches {
	inputs := make([]batches, len(tables))
	for i, t := range tables {
		inputs[i] = t.rows(t.all())
	}
	return merge(inputs, compare)
}

// withContext ends a sequence with the context's cause when it is cancelled.
func withContext(ctx context.Context, all batches) batches {
	return func(yield func(batch, error) bool) { yieldWithContext(ctx, all, yield) }
}

func yieldWithContext(ctx context.Context, all batches, yield func(batch, error) bool) {
	for b, err := range all {
		err = cmp.Or(err, context.Cause(ctx))
		if !yield(b, err) || err != nil {
			return
		}
	}
	if err := context.Cause(ctx); err != nil {
		yield(batch{}, err)
	}
}

func (l *log) close() error {
	var err error
	for _, t := range l.tables() {
		err = errors.Join(err, t.close())
	}
	return err
}
