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
}

// openTable opens a Parquet file that exporter wrote. What cannot be read is a *pipeline.DamageError.
func openTable[T any](fsys durable.FS, name string) (*table[T], error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	t := &table[T]{name: name, file: f}
	if err := t.open(); err != nil {
		return nil, errors.Join(t.damaged(err), f.Close())
	}
	return t, nil
}

func (t *table[T]) open() (err error) {
	defer catch(&err)
	info, err := t.file.Stat()
	if err != nil {
		return err
	}
	t.parquet, err = parquet.OpenFile(t.file, info.Size(), parquet.SkipBloomFilters(true))
	if err != nil {
		return err
	}
	t.meta, err = readMeta(t.parquet)
	return err
}

func (t *table[T]) close() error { return t.file.Close() }

func (t *table[T]) numRows() int64 { return t.parquet.NumRows() }

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

// rows yields count rows from the first on. A row is valid until the next one is asked for, the values that its
// pointers lead to for longer.
func (t *table[T]) rows(first, count int64) iter.Seq2[*T, error] {
	return func(yield func(*T, error) bool) {
		r, err := t.seek(first)
		if err != nil {
			yield(nil, t.damaged(err))
			return
		}
		defer r.Close()
		for count > 0 {
			// A fresh batch each time: rows of the last one may still be in use, by a merge that waits for other tables.
			batch := make([]T, min(readBatch, count))
			n, err := t.read(r, batch)
			for i := range batch[:n] {
				if !yield(&batch[i], nil) {
					return
				}
			}
			count -= int64(n)
			if err != nil && count > 0 || n == 0 && count > 0 {
				yield(nil, t.damaged(fmt.Errorf("%d rows are missing: %w", count, cmp.Or(err, io.ErrUnexpectedEOF))))
				return
			}
		}
	}
}

func (t *table[T]) seek(first int64) (r *parquet.GenericReader[T], err error) {
	defer catch(&err)
	r = parquet.NewGenericReader[T](t.parquet, schemaOf[T]())
	return r, r.SeekToRow(first)
}

func (t *table[T]) read(r *parquet.GenericReader[T], batch []T) (n int, err error) {
	defer catch(&err)
	return r.Read(batch)
}

// span is a run of rows.
type span struct{ first, count int64 }

// fileSpans returns where the rows of each file are, from the first column alone.
func (t *table[T]) fileSpans() (spans map[string]span, err error) {
	defer func() {
		if err != nil {
			err = t.damaged(err)
		}
	}()
	defer catch(&err)
	spans = map[string]span{}
	var last string
	next := int64(0)
	for _, group := range t.parquet.RowGroups() {
		err := eachValue(group.ColumnChunks()[0], func(v parquet.Value) {
			if next == 0 || string(v.ByteArray()) != last {
				last = string(v.ByteArray())
				spans[last] = span{first: next}
			}
			s := spans[last]
			s.count++
			spans[last] = s
			next++
		})
		if err != nil {
			return nil, err
		}
	}
	return spans, nil
}

// eachValue calls f for every value of a column chunk.
func eachValue(chunk parquet.ColumnChunk, f func(parquet.Value)) error {
	pages := chunk.Pages()
	defer pages.Close()
	values := make([]parquet.Value, readBatch)
	for {
		page, err := pages.ReadPage()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		for reader := page.Values(); ; {
			n, err := reader.ReadValues(values)
			for _, v := range values[:n] {
				f(v)
			}
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return err
			}
		}
		parquet.Release(page)
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
