package manifest

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"strconv"

	"github.com/parquet-go/parquet-go"

	"exporter/internal/durable"
	"exporter/pipeline"
)

// readBatch is how many rows are decoded at once: many enough to hide the cost of a call, few enough for a merge to hold
// as many of each of its tables.
const readBatch = 64

// table is one Parquet file, of which the rows are sorted by key and each key occurs once.
type table[T any] struct {
	name    string
	file    durable.File
	parquet *parquet.File
	meta    fileMeta
	// lost are rows that cannot be read; of those in lostKeys not even the key can. A table that openTable opened
	// has none.
	lost, lostKeys spans
}

// openTable opens a Parquet file that exporter wrote. What is not as it was written is a *pipeline.DamageError.
func openTable[T any](fsys durable.FS, name string) (*table[T], error) {
	return loadTable(fsys, name, func(t *table[T], damaged spans) error {
		if err := changed(damaged); err != nil {
			return err
		}
		return t.open()
	})
}

// loadTable reads all of a Parquet file to compare it with its checksums, and has it opened by one who is told which of its
// bytes are damaged. Where nothing in it can be trusted, or open refuses it, it returns a *pipeline.DamageError.
func loadTable[T any](fsys durable.FS, name string, open func(t *table[T], damaged spans) error) (*table[T], error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	t := &table[T]{name: name, file: f}
	damaged, err := t.check()
	if err == nil {
		err = open(t, damaged)
	}
	if err != nil {
		return nil, errors.Join(t.damaged(err), f.Close())
	}
	return t, nil
}

// check compares the file with its checksums, and returns the damaged bytes. Where nothing in the file can be trusted it
// returns an error.
func (t *table[T]) check() (spans, error) {
	info, err := t.file.Stat()
	if err != nil {
		return nil, err
	}
	sums, err := readChecksums(t.file, info.Size())
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
func (t *table[T]) open() (err error) {
	defer catch(&err)
	info, err := t.file.Stat()
	if err != nil {
		return err
	}
	// Nothing looks rows up by bloom filters. The first magic bytes are part of the body, which may be damaged there: the
	// checksums have vouched for what the library reads here.
	t.parquet, err = parquet.OpenFile(t.file, info.Size(), parquet.SkipBloomFilters(true), parquet.SkipMagicBytes(true))
	if err != nil {
		return err
	}
	t.meta, err = readMeta(t.parquet)
	return err
}

func (t *table[T]) close() error { return t.file.Close() }

// damaged says that the file is damaged, unless it could not be read at all or is of another version.
func (t *table[T]) damaged(err error) error {
	if _, unreadable := errors.AsType[*fs.PathError](err); unreadable || errors.Is(err, ErrSchema) {
		return fmt.Errorf("%s: %w", t.name, err)
	}
	return &pipeline.DamageError{Path: t.name, Err: err}
}

// catch turns a panic of the Parquet library, which damaged files can cause, into an error.
func catch(err *error) {
	if r := recover(); r != nil {
		*err = fmt.Errorf("not readable as Parquet: %v", r)
	}
}

// rows yields the rows of a span. A row is valid until the next one is asked for, the values that its pointers lead to for
// longer. Of a lost row it yields the key alone, or nothing where that is lost too.
func (t *table[T]) rows(of span) iter.Seq2[*T, error] {
	return func(yield func(*T, error) bool) {
		for g, group := range t.groups() {
			for run, lost := range t.lost.split(group.and(of)) {
				if !lost {
					if !t.yieldRows(g, run.from(group), schemaOf[T](), yield) {
						return
					}
					continue
				}
				for run, keyLost := range t.lostKeys.split(run) {
					if !keyLost && !t.yieldRows(g, run.from(group), keySchemaOf[T](g.SortingColumns()), yield) {
						return
					}
				}
			}
		}
	}
}

// all is the span of all rows.
func (t *table[T]) all() span { return span{count: t.parquet.NumRows()} }

// groups yields the row groups and the rows that each of them has.
func (t *table[T]) groups() iter.Seq2[parquet.RowGroup, span] {
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

// yieldRows yields the columns of a schema for a span of a row group's rows, none of which is lost. It returns false where
// the sequence has to end.
func (t *table[T]) yieldRows(g parquet.RowGroup, of span, schema *parquet.Schema, yield func(*T, error) bool) bool {
	r, err := t.seek(g, of, schema)
	if err != nil {
		yield(nil, t.damaged(err))
		return false
	}
	defer r.Close()
	for count := of.count; count > 0; {
		// A fresh batch each time: rows of the last one may still be in use, by a merge that waits for other tables.
		batch := make([]T, min(readBatch, count))
		n, err := t.read(r, batch)
		for i := range batch[:n] {
			if !yield(&batch[i], nil) {
				return false
			}
		}
		count -= int64(n)
		if count > 0 && (err != nil || n == 0) {
			yield(nil, t.damaged(fmt.Errorf("%d rows are missing: %w", count, cmp.Or(err, io.ErrUnexpectedEOF))))
			return false
		}
	}
	return true
}

func (t *table[T]) seek(g parquet.RowGroup, of span, schema *parquet.Schema) (r *parquet.GenericReader[T], err error) {
	defer catch(&err)
	r = parquet.NewGenericRowGroupReader[T](firstRows{g, of.end()}, schema)
	return r, r.SeekToRow(of.first)
}

func (t *table[T]) read(r *parquet.GenericReader[T], batch []T) (n int, err error) {
	defer catch(&err)
	return r.Read(batch)
}

// fileSpans returns where the rows of each file are, from the first column alone.
func (t *table[T]) fileSpans() (found map[string]span, err error) {
	defer func() {
		if err != nil {
			err = t.damaged(err)
		}
	}()
	defer catch(&err)
	found = map[string]span{}
	var id string
	for g, group := range t.groups() {
		for run, lost := range t.lostKeys.split(group) {
			if lost {
				continue
			}
			at := run.first
			err := eachValue(g.ColumnChunks()[0], run.from(group), func(v parquet.Value) {
				file, known := found[id]
				if !known || string(v.ByteArray()) != id {
					id = string(v.ByteArray())
					file = span{first: at}
				}
				at++
				found[id] = between(file.first, at)
			})
			if err != nil {
				return nil, err
			}
		}
	}
	return found, nil
}

// eachValue calls f for the values of a span of a column chunk.
func eachValue(chunk parquet.ColumnChunk, of span, f func(parquet.Value)) error {
	pages := chunk.Pages()
	defer pages.Close()
	if err := pages.SeekToRow(of.first); err != nil {
		return err
	}
	values := make([]parquet.Value, readBatch)
	for count := of.count; count > 0; {
		page, err := pages.ReadPage()
		if err != nil {
			return fmt.Errorf("%d values are missing: %w", count, err)
		}
		for reader := page.Values(); count > 0; {
			n, err := reader.ReadValues(values[:min(readBatch, count)])
			for _, v := range values[:n] {
				f(v)
			}
			count -= int64(n)
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return err
			}
		}
		parquet.Release(page)
	}
	return nil
}

// ErrSchema says that a file was written by a version of exporter whose columns this one does not know.
var ErrSchema = errors.New("written by another version of exporter")

// Keys of the key-value metadata.
const (
	metaVersion = "exporter.version"
	metaSchema  = "exporter.schema"
	metaSource  = "exporter.source"
	metaSink    = "exporter.sink"
	metaThrough = "exporter.through"
	metaTier    = "exporter.tier"
	metaFrom    = "exporter.from"
)

// fileMeta is the key-value metadata of one file.
type fileMeta struct {
	Info
	// from and through are the numbers of the first and the last part that the file contains; tier is how often its rows
	// were rolled up.
	from, through, tier int
}

// Info is what every file of an export says of the run that wrote it.
type Info struct {
	// Version is the program's.
	Version string
	// Source and Sink are JSON objects: the settings that identify what is exported, and how it is stored.
	Source, Sink string
}

func readMeta(f *parquet.File) (fileMeta, error) {
	get := func(key string) string {
		value, _ := f.Lookup(key)
		return value
	}
	if schema := get(metaSchema); schema != strconv.Itoa(Schema) {
		return fileMeta{}, fmt.Errorf("%w: %s is %q, this one reads %d", ErrSchema, metaSchema, schema, Schema)
	}
	m := fileMeta{Info: Info{Version: get(metaVersion), Source: get(metaSource), Sink: get(metaSink)}}
	for key, n := range map[string]*int{metaFrom: &m.from, metaThrough: &m.through, metaTier: &m.tier} {
		var err error
		if *n, err = strconv.Atoi(get(key)); err != nil || *n < 0 {
			return fileMeta{}, fmt.Errorf("%s is %q, want a number", key, get(key))
		}
	}
	return m, nil
}
