package manifest

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"slices"
	"strconv"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"

	"exporter/internal/store"
	"exporter/pipeline"
)

// readBuffer is how much of a column is read ahead, beside the page that is being read: enough for the header of the next.
const readBuffer = 1 << 10

// table is one Parquet file, of which the rows are sorted by key and each key occurs once.
type table struct {
	name    string
	file    store.Object
	parquet *parquet.File
	meta    fileMeta
	// foreign says that another program wrote the file: it has no checksums. isSound says that all of it is as exporter wrote it, as far as
	// it is read.
	foreign, isSound bool
	// layout says where the columns of its series are.
	layout *layout
	// lost are rows that cannot be read; of those in lostKeys not even the key can. A table that openTable opened
	// has none.
	lost, lostKeys spans
}

// openTable opens a Parquet file that exporter wrote, or another program of what exporter wrote. What is not as it was written is
// a *pipeline.DamageError.
func openTable(ctx context.Context, r store.Reader, name string, fit func(*table) error) (*table, error) {
	return loadTable(ctx, r, name, func(t *table, damaged spans) error {
		if err := changed(damaged); err != nil {
			return err
		}
		if err := t.open(); err != nil {
			return err
		}
		return fit(t)
	})
}

// loadTable reads all of a Parquet file to compare it with its checksums, and has it opened by one who is told which of its
// bytes are damaged. Where nothing in it can be trusted, or open refuses it, it returns a *pipeline.DamageError.
func loadTable(ctx context.Context, r store.Reader, name string, open func(t *table, damaged spans) error) (*table, error) {
	o, err := r.Open(ctx, name)
	if err != nil {
		return nil, err
	}
	t := &table{name: name, file: o}
	damaged, err := t.check()
	if err == nil {
		t.isSound = !t.foreign && len(damaged) == 0
		err = open(t, damaged)
	}
	if err != nil {
		return nil, errors.Join(t.damaged(err), o.Close())
	}
	return t, nil
}

// glanceTable opens a Parquet file like openTable, but compares with the checksums only what is read of it, when it is.
func glanceTable(ctx context.Context, r store.Reader, name string, fit func(*table) error) (*table, error) {
	o, err := r.Open(ctx, name)
	if err != nil {
		return nil, err
	}
	t := &table{name: name, file: o}
	sums, err := readChecksums(o, o.Size())
	switch {
	case errors.Is(err, errNoChecksums):
		t.foreign, err = true, nil
	case err == nil:
		t.file, t.isSound = checkedObject{o, sums}, true
	}
	if err == nil {
		err = t.open()
	}
	if err == nil {
		err = fit(t)
	}
	if err != nil {
		return nil, errors.Join(t.damaged(err), o.Close())
	}
	return t, nil
}

// check compares the file with its checksums, and returns the damaged bytes. Where nothing in the file can be trusted it
// returns an error.
func (t *table) check() (spans, error) {
	sums, err := readChecksums(t.file, t.file.Size())
	if errors.Is(err, errNoChecksums) {
		t.foreign = true
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return sums.damage()
}

// changed returns an error that says what is damaged; nil where nothing is.
func changed(damaged spans) error {
	if len(damaged) == 0 {
		return nil
	}
	return fmt.Errorf("%d of its bytes are in blocks that have changed, the first at byte %d", damaged.count(), damaged[0].first)
}

// open reads what is behind the row groups.
func (t *table) open() (err error) {
	defer catch(&err)
	t.parquet, err = parquet.OpenFile(t.file, t.file.Size(),
		// Few need them: what looks a row up reads those of the row groups that may have it.
		parquet.SkipBloomFilters(true), parquet.SkipPageIndex(true),
		// The first magic bytes are part of the body, which may be damaged there: the checksums have vouched for what the
		// library reads here.
		parquet.SkipMagicBytes(true),
		parquet.ReadBufferSize(readBuffer))
	if err != nil {
		return err
	}
	t.meta, err = readMeta(t.parquet.Metadata().KeyValueMetadata, func() string { return guessSchema(t.parquet.Schema()) })
	return err
}

func (t *table) close() error { return t.file.Close() }

// damaged says that the file is damaged, unless it could not be read at all or is of another version.
func (t *table) damaged(err error) error {
	if _, unreadable := errors.AsType[*fs.PathError](err); unreadable || errors.Is(err, ErrSchema) {
		return fmt.Errorf("%s: %w", t.name, err)
	}
	return &pipeline.DamageError{Path: t.name, Err: err}
}

// writtenBy says of an error, which may be nil, which other program wrote the file.
func (t *table) writtenBy(err error) error {
	if err == nil || !t.foreign {
		return err
	}
	return fmt.Errorf("%q wrote it, and %w", t.parquet.Metadata().CreatedBy, err)
}

// catch turns a panic of the Parquet library, which damaged files can cause, into an error.
func catch(err *error) {
	if r := recover(); r != nil {
		*err = fmt.Errorf("not readable as Parquet: %v", r)
	}
}

// rows yields the rows of a span. Of a lost row it yields the key alone, or nothing where that is lost too.
func (t *table) rows(of span) batches { return t.columns(of, t.layout.has) }

// columns is rows with some columns alone, those of the key among them.
func (t *table) columns(of span, wanted []int) batches {
	return func(yield func(batch, error) bool) { t.yieldColumns(of, wanted, yield) }
}

func (t *table) yieldColumns(of span, wanted []int, yield func(batch, error) bool) {
	for g, group := range t.groups() {
		for known, keyLost := range t.lostKeys.split(group.and(of)) {
			if keyLost {
				continue
			}
			for run, lost := range t.lost.split(known) {
				columns := wanted
				if lost {
					columns = t.layout.keys
				}
				for b, err := range t.read(g, run.from(group), columns) {
					b.isLost = lost
					if !yield(b, err) || err != nil {
						return
					}
				}
			}
		}
	}
}

// all is the span of all rows.
func (t *table) all() span { return span{count: t.parquet.NumRows()} }

// groups yields the row groups and the rows that each of them has.
func (t *table) groups() iter.Seq2[parquet.RowGroup, span] {
	return func(yield func(parquet.RowGroup, span) bool) {
		at := span{}
		for _, g := range t.parquet.RowGroups() {
			at = span{at.end(), g.NumRows()}
			if !yield(g, at) {
				return
			}
		}
	}
}

// read yields some columns of a span of a row group's rows, of which none is lost.
func (t *table) read(g parquet.RowGroup, of span, columns []int) batches {
	return t.readAll(g, spans{of}, columns)
}

// readAll is read of several spans, which come sorted. It reads each dictionary once.
func (t *table) readAll(g parquet.RowGroup, all spans, columns []int) batches {
	return func(yield func(batch, error) bool) { t.yieldAll(g, all, columns, yield) }
}

func (t *table) yieldAll(g parquet.RowGroup, all spans, columns []int, yield func(batch, error) bool) {
	if len(all) == 0 {
		return
	}
	r, err := newRowReader(g, all[0].first, columns, t.layout.from)
	defer r.close()
	for n, of := range all {
		if n > 0 && err == nil {
			err = r.seek(of.first)
		}
		for count := of.count; count > 0; {
			var b batch
			if err == nil {
				b, err = r.read(count)
			}
			if err == nil {
				err = t.layout.fit(b, columns)
			}
			if err != nil {
				yield(batch{}, t.damaged(fmt.Errorf("%d rows are missing: %w", count, err)))
				return
			}
			if !yield(b, nil) {
				return
			}
			count -= int64(b.count())
		}
	}
}

// ErrSchema says that a file was written by a version of exporter whose columns this one does not know.
var ErrSchema = errors.New("written by another version of exporter")

// Keys of the key-value metadata.
const (
	metaVersion = "exporter.version"
	metaSchema  = "exporter.schema"
	metaSource  = "exporter.source"
	metaSink    = "exporter.sink"
	metaAssets  = "exporter.assets"
	metaThrough = "exporter.through"
	metaTier    = "exporter.tier"
	// metaWith is "true" in a part of files that counts only with the part of assets that is written behind it.
	metaWith = "exporter.with_assets"
	metaFrom = "exporter.from"
)

// fileMeta is the key-value metadata of one file.
type fileMeta struct {
	Info
	// from and through are the numbers of the first and the last part that the file contains; tier is how often its rows
	// were rolled up.
	from, through, tier int
	// withAssets says of a part of files that it counts only where the assets of its checkpoint do.
	withAssets bool
	// merged is the value of metaMerged; empty for what was not merged of the tables of parts. It is not read here.
	merged string
	// schema is the version of the columns.
	schema string
}

// Info is what every file of an export says of the run that wrote it.
type Info struct {
	// Version is the program's.
	Version string
	// Source and Sink are JSON objects: the settings that identify what is exported, and how it is stored.
	Source, Sink string
	// Assets is a JSON object: the settings that say which assets are wanted. Files of earlier versions have it empty.
	Assets string
}

// readMeta reads the key-value metadata of a file. Where it does not say what schema it is of, guess does.
func readMeta(pairs []format.KeyValue, guess func() string) (fileMeta, error) {
	values := make(map[string]string, len(pairs))
	for _, p := range pairs {
		values[p.Key] = p.Value
	}
	schema, known := values[metaSchema]
	if !known {
		return fileMeta{schema: guess()}, nil
	}
	if !slices.Contains([]string{schema1, schema11, schema2, schema21, Schema}, schema) {
		return fileMeta{}, fmt.Errorf("%w: %s is %q, this one reads %s, %s, %s, %s and %s: use a version of exporter that knows it", ErrSchema,
			metaSchema, schema, schema1, schema11, schema2, schema21, Schema)
	}
	if schema == schema2 || schema == schema21 {
		schema = Schema
	}
	m := fileMeta{
		schema: schema, withAssets: values[metaWith] == "true",
		Info: Info{Version: values[metaVersion], Source: values[metaSource], Sink: values[metaSink], Assets: values[metaAssets]},
	}
	for key, n := range map[string]*int{metaFrom: &m.from, metaThrough: &m.through, metaTier: &m.tier} {
		var err error
		if *n, err = strconv.Atoi(values[key]); err != nil || *n < 0 {
			return fileMeta{}, fmt.Errorf("%s is %q, want a number", key, values[key])
		}
	}
	return m, nil
}

// guessSchema returns the version of columns that another program wrote without saying which they are.
func guessSchema(has *parquet.Schema) string {
	for _, column := range []string{"file_name", "asked_at", "markdown"} {
		if _, ok := has.Lookup(column); ok {
			return Schema
		}
	}
	return schema1
}
