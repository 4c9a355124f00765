package llamacloud

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"

	"exporter/pipeline"
)

const (
	// recordMemory is how many bytes of records are in memory.
	recordMemory = 1 << 20
	// maxRecords bounds how many records there are: so many are sorted in 64 MiB.
	maxRecords = 4 << 20
	// recordHead is the length of what comes before a record: its key, and its length.
	recordHead = 8
)

// errTooMany says that a list has more items than any that is known.
var errTooMany = fmt.Errorf("%w: it has more than %d items", errTooLarge, maxRecords)

// records keeps a list of an answer until all of the answer has come: an attempt that breaks off is followed by another one, and
// whoever is given the records gets each once. What is too much for memory goes to a Spool. They have to be reset in the end.
type records struct {
	open func() (Spool, error)
	// memory has those that are not in file, of whose size bytes all before are; file is nil where there are none.
	memory []byte
	file   Spool
	size   int64
	count  int
	// last is the key of the last one; unsorted says that one before has a higher one.
	last     int32
	unsorted bool
	// isList tells that there was a list, which may be empty.
	isList bool
}

func (c *Client) newRecords() *records { return &records{open: c.spool.open} }

// add appends a record. The error is errTooMany, or a *pipeline.StorageError.
func (r *records) add(key int32, v value) error {
	if r.count == maxRecords {
		return errTooMany
	}
	if len(r.memory) > 0 && len(r.memory)+recordHead+len(v) > recordMemory {
		if err := r.flush(); err != nil {
			return &pipeline.StorageError{Op: "spool answer", Err: err}
		}
	}
	r.unsorted = r.unsorted || r.count > 0 && key < r.last
	r.last = key
	r.count++
	r.memory = binary.LittleEndian.AppendUint32(r.memory, uint32(key))
	r.memory = binary.LittleEndian.AppendUint32(r.memory, uint32(len(v)))
	r.memory = append(r.memory, v...)
	return nil
}

func (r *records) flush() (err error) {
	if r.file == nil {
		if r.file, err = r.open(); err != nil {
			return err
		}
	}
	n, err := r.file.Write(r.memory)
	r.size += int64(n)
	r.memory = r.memory[:0]
	return err
}

// reset removes all records.
func (r *records) reset() error {
	file := r.file
	*r = records{open: r.open, memory: r.memory[:0]}
	if file == nil {
		return nil
	}
	if err := file.Close(); err != nil {
		return &pipeline.StorageError{Op: "remove spooled answer", Err: err}
	}
	return nil
}

// ReadAt implements io.ReaderAt.
func (r *records) ReadAt(p []byte, at int64) (int, error) {
	if at < r.size {
		n, err := r.file.ReadAt(p[:min(int64(len(p)), r.size-at)], at)
		if n < len(p) && (err == nil || err == io.EOF) {
			more, err := r.ReadAt(p[n:], at+int64(n))
			return n + more, err
		}
		return n, err
	}
	return bytes.NewReader(r.memory).ReadAt(p, at-r.size)
}

// recordReader reads records one after the other.
type recordReader struct {
	from *records
	left int
	// source has the next record at its beginning, unless order says where that begins.
	source io.Reader
	order  []recordPlace
	text   []byte
}

type recordPlace struct {
	at  int64
	key int32
}

// inOrder returns a reader of the records as they came.
func (r *records) inOrder() *recordReader {
	all := io.NewSectionReader(r, 0, r.size+int64(len(r.memory)))
	return &recordReader{from: r, left: r.count, source: bufio.NewReaderSize(all, streamBuffer)}
}

// byKey returns a reader of the records in the order of their keys. Those of one key come as they came.
func (r *records) byKey() (*recordReader, error) {
	if !r.unsorted {
		return r.inOrder(), nil
	}
	order := make([]recordPlace, 0, r.count)
	at := int64(0)
	for all := r.inOrder(); ; {
		key, v, err := all.next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
		order = append(order, recordPlace{at, key})
		at += recordHead + int64(len(v))
	}
	slices.SortStableFunc(order, func(a, b recordPlace) int { return cmp.Compare(a.key, b.key) })
	return &recordReader{from: r, left: r.count, order: order}, nil
}

// next returns a record, which is valid until the next one is asked for, and io.EOF where there is none. Any other error is a
// *pipeline.StorageError.
func (r *recordReader) next() (key int32, v value, err error) {
	if r.left == 0 {
		return 0, nil, io.EOF
	}
	if r.order != nil {
		next := r.order[len(r.order)-r.left]
		r.source = io.NewSectionReader(r.from, next.at, math.MaxInt64-next.at)
	}
	r.left--
	var head [recordHead]byte
	if _, err = io.ReadFull(r.source, head[:]); err == nil {
		length := int(binary.LittleEndian.Uint32(head[4:]))
		r.text = slices.Grow(r.text[:0], length)[:length]
		_, err = io.ReadFull(r.source, r.text)
	}
	if err != nil {
		return 0, nil, &pipeline.StorageError{Op: "read spooled answer", Err: notYet(err)}
	}
	return int32(binary.LittleEndian.Uint32(head[:])), r.text, nil
}

// record does the call as stream does. What came of an attempt that broke off is removed from all records.
func (k *call) record(ctx context.Context, all []*records, take func(*stream) error) error {
	return k.stream(ctx, k.client.maxJSON, func(s *stream) error {
		for _, r := range all {
			if s.failed = r.reset(); s.failed != nil {
				return s.failed
			}
		}
		return take(s)
	})
}

// record takes an object apart as listIn does. The elements become records of the key that they are given.
func (s *stream) record(of string, to *records, key func(*object, value) (*records, int32)) (others object, err error) {
	return s.listIn(of, func(o *object, v value) error {
		in, key := key(o, v)
		err := in.add(key, v)
		if _, ok := errors.AsType[*pipeline.StorageError](err); ok {
			s.failed = err
		}
		// It does not stay in memory.
		s.counted -= int64(s.sent)
		return err
	}, func(isList bool) error {
		s.failed = to.reset()
		to.isList = isList
		return s.failed
	})
}

// allTo gives every element to records, in the order in which they come.
func allTo(r *records) func(*object, value) (*records, int32) {
	return func(*object, value) (*records, int32) { return r, 0 }
}

// each calls do with the items that the records are.
func each[T any, P listItem[T]](c *Client, r *recordReader, decode func(*object, value) T, do func(*T) error) error {
	var o object
	for {
		_, v, err := r.next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		t := decode(&o, v)
		c.cleanItem(P(&t).item())
		if err := do(&t); err != nil {
			return err
		}
	}
}
