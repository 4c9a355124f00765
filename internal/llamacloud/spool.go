package llamacloud

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"hash"
	"io"
	"os"
	"slices"
	"sync"

	"exporter/internal/media"
	"exporter/pipeline"
)

const (
	// maxPooled is the capacity in bytes up to which a buffer is used again. Larger ones would hold memory that nobody
	// accounts for while small blobs use them.
	maxPooled = 1 << 20
	// minBuffer is the capacity in bytes of a buffer when nothing is known about the size to come.
	minBuffer = 64 << 10
)

// spooler takes in the bytes of blobs. It is safe for concurrent use.
type spooler struct {
	// open makes a place for a blob of more than inMemory bytes.
	open     func() (Spool, error)
	inMemory int
	// released holds *spooled that are used again, with their memory.
	released sync.Pool
}

// Spool is where a blob is kept that is too large for memory. Write appends to it, ReadAt reads what was written, and what it has
// is gone when it is closed, or the program has ended.
type Spool interface {
	io.Writer
	io.ReaderAt
	io.Closer
}

// fileSpool is a Spool that is a file.
type fileSpool struct {
	*os.File
	// isNamed says that the file has a name until it is closed: Windows removes no file that is open.
	isNamed bool
}

// spoolFile returns a new file in os.TempDir.
func spoolFile() (Spool, error) {
	f, err := os.CreateTemp("", "exporter-blob-*")
	if err != nil {
		return nil, err
	}
	return &fileSpool{f, os.Remove(f.Name()) != nil}, nil
}

// Close implements io.Closer.
func (f *fileSpool) Close() error {
	err := f.File.Close()
	if f.isNamed {
		err = errors.Join(err, os.Remove(f.Name()))
	}
	return err
}

// spooled is what a spooler took in. It has to be released.
type spooled struct {
	owner *spooler
	// from is what is read: one byte more at most than is right.
	from   io.LimitedReader
	hash   hash.Hash
	size   int64
	memory []byte
	// reader is at what memory holds.
	reader bytes.Reader
	// file holds all bytes where there were too many for memory; nil otherwise.
	file Spool
}

// take begins to take in what r has, of which most bytes are right. The hint is how many bytes are expected, 0 when unknown; it may be
// wrong. Nothing has been read yet.
func (s *spooler) take(r io.Reader, most, hint int64) *spooled {
	sp, ok := s.released.Get().(*spooled)
	if !ok {
		sp = &spooled{owner: s, hash: sha256.New()}
	}
	sp.from = io.LimitedReader{R: r, N: most + 1}
	sp.hash.Reset()
	sp.size = 0
	// With one byte more than expected the end shows without growing.
	want := minBuffer
	if hint > 0 {
		want = max(media.SniffLen, int(min(hint, int64(s.inMemory)))+1)
	}
	if cap(sp.memory) < want {
		sp.memory = make([]byte, 0, want)
	}
	return sp
}

// head reads the first media.SniffLen bytes, or all where there are fewer, which are valid until rest is called. Errors are those of the
// reader.
func (sp *spooled) head() ([]byte, error) {
	for len(sp.memory) < media.SniffLen {
		if err := sp.fill(media.SniffLen); err != nil {
			return sp.memory, unlessEOF(err)
		}
	}
	return sp.memory, nil
}

// fill reads once, into memory up to a length, and returns io.EOF at the end.
func (sp *spooled) fill(to int) error {
	n, err := sp.from.Read(sp.memory[len(sp.memory):to])
	sp.hash.Write(sp.memory[len(sp.memory) : len(sp.memory)+n])
	sp.memory = sp.memory[:len(sp.memory)+n]
	sp.size += int64(n)
	return err
}

// rest reads on to the end. Errors are those of the reader, and *pipeline.StorageError where the spool cannot be written.
func (sp *spooled) rest() error {
	most := sp.owner.inMemory
	for len(sp.memory) <= most {
		if len(sp.memory) == cap(sp.memory) {
			sp.memory = slices.Grow(sp.memory, min(cap(sp.memory), most+1-len(sp.memory)))
		}
		if err := sp.fill(cap(sp.memory)); err != nil {
			return unlessEOF(err)
		}
	}
	return sp.fillFile()
}

// fillFile moves what is in memory to a spool and reads on there, through the same memory.
func (sp *spooled) fillFile() error {
	file, err := sp.owner.open()
	if err != nil {
		return &pipeline.StorageError{Op: "spool blob", Err: err}
	}
	sp.file = file
	for err == nil {
		if _, err := file.Write(sp.memory); err != nil {
			return &pipeline.StorageError{Op: "spool blob", Err: err}
		}
		sp.memory = sp.memory[:0]
		err = sp.fill(min(cap(sp.memory), maxPooled))
	}
	if _, err := file.Write(sp.memory); err != nil {
		return &pipeline.StorageError{Op: "spool blob", Err: err}
	}
	sp.memory = nil
	return unlessEOF(err)
}

func unlessEOF(err error) error {
	if err == io.EOF {
		return nil
	}
	return err
}

// body returns all bytes.
func (sp *spooled) body() io.ReaderAt {
	if sp.file != nil {
		return sp.file
	}
	sp.reader.Reset(sp.memory)
	return &sp.reader
}

// sum returns the SHA-256 of all bytes.
func (sp *spooled) sum() (sum [sha256.Size]byte) {
	sp.hash.Sum(sum[:0])
	return sum
}

// release closes the spool, and leaves the memory to the next blob. Nothing of it must be used afterwards.
func (sp *spooled) release() (err error) {
	if sp.file != nil {
		err = sp.file.Close()
		sp.file = nil
	}
	sp.from.R = nil
	if sp.memory = sp.memory[:0]; cap(sp.memory) > maxPooled {
		sp.memory = nil
	}
	sp.owner.released.Put(sp)
	if err != nil {
		return &pipeline.StorageError{Op: "remove spooled blob", Err: err}
	}
	return nil
}
