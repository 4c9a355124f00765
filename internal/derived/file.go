package derived

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"slices"

	"github.com/parquet-go/parquet-go"

	"exporter/internal/store"
)

// FileName is that of the file, below a prefix that the caller chooses. Prefix is that in an export.
const (
	FileName = "pictures.parquet"
	Prefix   = store.PrivatePrefix + "derived/"
)

const (
	// metaFormat and metaVersion are names in the file's metadata. Another format, or another version of the decoders, is a reason not to use it.
	metaFormat  = "exporter.derived"
	metaVersion = "exporter.decoders"
	format      = "1"

	// rowGroupRows and batchRows bound what is held in memory when a file is written and read.
	rowGroupRows = 50_000
	batchRows    = 1024
)

// record has the columns of a fact in the file.
type record struct {
	SHA256  [32]byte `parquet:"sha256"`
	State   string   `parquet:"state,dict"`
	Problem *string  `parquet:"problem,dict"`
	PHash   *uint64  `parquet:"phash"`
}

func schema() *parquet.Schema { return parquet.NewSchema("record", parquet.SchemaOf(record{})) }

// stateNames has the names by which the file knows the states. It is never changed.
var stateNames = [...]string{Decoded: "decoded", Broken: "broken", Unsupported: "unsupported"}

// Open reads the facts that are below prefix, which is "" or ends in '/'. version names the decoders that are in use; facts of others are not used. The
// only error is the cause of ctx when that has ended: otherwise what cannot be used is left out, and Ignored says why.
func Open(ctx context.Context, r store.Reader, prefix, version string) (*Table, error) {
	key := prefix + FileName
	t := newTable(key, version)
	err := t.read(ctx, r)
	if ctx.Err() != nil {
		return nil, fmt.Errorf("open %s: %w", key, context.Cause(ctx))
	}
	if err != nil {
		t = newTable(key, version)
		if !errors.Is(err, fs.ErrNotExist) {
			t.ignored = fmt.Errorf("open %s: %w", key, err)
		}
	}
	return t, nil
}

// Retain drops the facts below prefix that are of none of some pictures, whatever their decoders. A file that cannot be read goes.
func Retain(ctx context.Context, s store.Store, prefix string, sums iter.Seq2[[32]byte, error]) error {
	// The version is that of the file.
	t := newTable(prefix+FileName, "")
	err := t.read(ctx, s)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case err != nil:
		return s.Remove(ctx, t.key)
	}
	kept := newTable(t.key, t.version)
	for sum, err := range sums {
		if err != nil {
			return err
		}
		if f, found := t.Get(sum); found {
			kept.Add(sum, f)
		}
	}
	switch kept.Len() {
	case t.Len():
		return nil
	case 0:
		return s.Remove(ctx, t.key)
	}
	return kept.Save(ctx, s)
}

func (t *Table) read(ctx context.Context, r store.Reader) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("not readable as Parquet: %v", v)
		}
	}()
	o, err := r.Open(ctx, t.key)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, o.Close()) }()
	if err := checkSeal(o, o.Size()); err != nil {
		return err
	}
	// All rows are read, one after the other: nothing looks one up by an index or a filter.
	file, err := parquet.OpenFile(o, o.Size(), parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true))
	if err != nil {
		return err
	}
	if t.version == "" {
		t.version, _ = file.Lookup(metaVersion)
	}
	for _, want := range []struct{ name, value string }{{metaFormat, format}, {metaVersion, t.version}} {
		if value, _ := file.Lookup(want.name); value != want.value {
			return fmt.Errorf("its %s is %q, want %q", want.name, value, want.value)
		}
	}
	return t.readRecords(ctx, file)
}

func (t *Table) readRecords(ctx context.Context, file *parquet.File) error {
	if !parquet.EqualNodes(file.Schema(), schema()) {
		return errors.New("it has other columns")
	}
	for _, group := range file.RowGroups() {
		if err := t.readGroup(ctx, group); err != nil {
			return err
		}
	}
	return nil
}

func (t *Table) readGroup(ctx context.Context, group parquet.RowGroup) (err error) {
	rows := group.Rows()
	defer func() { err = errors.Join(err, rows.Close()) }()
	batch := make([]parquet.Row, batchRows)
	for {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		n, err := rows.ReadRows(batch)
		for _, row := range batch[:n] {
			sum, f, err := factOf(row)
			if err != nil {
				return err
			}
			t.add(sum, f)
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// The columns of a record, by their numbers.
const (
	columnSHA256 = iota
	columnState
	columnProblem
	columnPHash
	columns
)

// factOf returns what a row says.
func factOf(row parquet.Row) (sum [32]byte, f Fact, err error) {
	if len(row) != columns || len(row[columnSHA256].ByteArray()) != len(sum) {
		return sum, f, errors.New("it has a row of other values")
	}
	copy(sum[:], row[columnSHA256].ByteArray())
	name := string(row[columnState].ByteArray())
	state := slices.Index(stateNames[:], name)
	if state < int(Decoded) {
		return sum, f, fmt.Errorf("it has a state %q", name)
	}
	f.State = State(state)
	if v := row[columnProblem]; !v.IsNull() {
		f.Problem = string(v.ByteArray())
	}
	if v := row[columnPHash]; !v.IsNull() {
		f.PHash, f.HasPHash = v.Uint64(), true
	}
	return sum, f, nil
}

// Save puts what was added into the store, whole, in place of what is there. It does nothing where nothing was added since the last time. Facts may be
// read and added meanwhile.
func (t *Table) Save(ctx context.Context, s store.Store) (err error) {
	t.saving.Lock()
	defer t.saving.Unlock()
	t.mu.RLock()
	changes := t.changes
	t.mu.RUnlock()
	if changes == t.saved {
		return nil
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("save %s: %w", t.key, err)
		}
	}()
	spool, err := s.Spool()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, spool.Close()) }()
	if err := t.write(ctx, spool); err != nil {
		return err
	}
	if err := s.Put(ctx, t.key, spool, spool.Size()); err != nil {
		return err
	}
	t.saved = changes
	return nil
}

func (t *Table) write(ctx context.Context, to io.Writer) error {
	out := bufio.NewWriterSize(to, 256<<10)
	sealed := newSealer(out)
	// GenericWriter has the linker keep code that makes columns of Go values of all types
	w := parquet.NewWriter(sealed, schema(),
		parquet.CreatedBy("exporter", t.version, ""),
		// Hashes do not shrink, and the rest is small by its dictionaries.
		parquet.Compression(&parquet.Uncompressed),
		parquet.MaxRowsPerRowGroup(rowGroupRows),
		parquet.WriteBufferSize(0),
		parquet.DataPageStatistics(false),
		parquet.SortingWriterConfig(parquet.SortingColumns(parquet.Ascending("sha256"))),
		parquet.KeyValueMetadata(metaFormat, format),
		parquet.KeyValueMetadata(metaVersion, t.version),
	)
	for shard := range t.shards {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if _, err := w.WriteRows(t.rows(shard)); err != nil {
			return err
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	sealed.hold()
	if err := w.Close(); err != nil {
		return err
	}
	if err := sealed.finish(); err != nil {
		return err
	}
	return out.Flush()
}

// rows returns the facts of a shard.
func (t *Table) rows(shard int) []parquet.Row {
	t.mu.RLock()
	entries, problems := slices.Clone(t.shards[shard]), t.problems
	t.mu.RUnlock()
	rows := make([]parquet.Row, len(entries))
	for i := range entries {
		e := &entries[i]
		problem, phash := parquet.NullValue().Level(0, 0, columnProblem), parquet.NullValue().Level(0, 0, columnPHash)
		if e.problem > 0 {
			problem = parquet.ByteArrayValue([]byte(problems[e.problem])).Level(0, 1, columnProblem)
		}
		if e.hasPHash {
			phash = parquet.Int64Value(int64(binary.BigEndian.Uint64(e.phash[:]))).Level(0, 1, columnPHash)
		}
		rows[i] = parquet.Row{
			parquet.FixedLenByteArrayValue(e.sum[:]).Level(0, 0, columnSHA256),
			parquet.ByteArrayValue([]byte(stateNames[e.state])).Level(0, 0, columnState),
			problem, phash,
		}
	}
	return rows
}
