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
	// buffers holds *[]byte.
	buffers sync.Pool
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
	owner  *spooler
	hash   hash.Hash
	size   int64
	memory []byte
	// file holds all bytes where there were too many for memory; nil otherwise.
	file Spool
}

// take reads r to its end. The hint is how many bytes are expected, 0 when unknown; it may be wrong. Errors are those of
// r, and *pipeline.StorageError where the spool cannot be written; nothing is left behind then.
func (s *spooler) take(r io.Reader, hint int64) (_ *spooled, err error) {
	sp := &spooled{owner: s, hash: sha256.New(), memory: s.buffer(hint)}
	defer func() {
		if err != nil {
			// The first error is the one that counts.
			_ = sp.release()
		}
	}()
	more, err := sp.fillMemory(r)
	if err == nil && more {
		err = sp.fillFile(r)
	}
	return sp, err
}

// buffer returns an empty buffer with room for one byte more than expected, so that the end shows without growing.
func (s *spooler) buffer(hint int64) []byte {
	want := minBuffer
	if hint > 0 {
		want = int(min(hint, int64(s.inMemory))) + 1
	}
	if pooled, ok := s.buffers.Get().(*[]byte); ok && cap(*pooled) >= want {
		return (*pooled)[:0]
	}
	return make([]byte, 0, want)
}

// fillMemory reads until the end, or until there is a byte too many for memory: then more is true.
func (sp *spooled) fillMemory(r io.Reader) (more bool, err error) {
	most := sp.owner.inMemory
	for len(sp.memory) <= most {
		if len(sp.memory) == cap(sp.memory) {
			sp.memory = slices.Grow(sp.memory, min(cap(sp.memory), most+1-len(sp.memory)))
		}
		n, err := r.Read(sp.memory[len(sp.memory):cap(sp.memory)])
		sp.hash.Write(sp.memory[len(sp.memory) : len(sp.memory)+n])
		sp.memory = sp.memory[:len(sp.memory)+n]
		sp.size += int64(n)
		if err != nil {
			return false, unlessEOF(err)
		}
	}
	return true, nil
}

// fillFile moves what is in memory to a spool and reads on there, through the same memory.
func (sp *spooled) fillFile(r io.Reader) error {
	file, err := sp.owner.open()
	if err != nil {
		return &pipeline.StorageError{Op: "spool blob", Err: err}
	}
	sp.file = file
	for err == nil {
		if _, err := file.Write(sp.memory); err != nil {
			return &pipeline.StorageError{Op: "spool blob", Err: err}
		}
		var n int
		n, err = r.Read(sp.memory[:min(cap(sp.memory), maxPooled)])
		sp.memory = sp.memory[:n]
		sp.hash.Write(sp.memory)
		sp.size += int64(n)
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
	return bytes.NewReader(sp.memory)
}

// sum returns the SHA-256 of all bytes.
func (sp *spooled) sum() (sum [sha256.Size]byte) {
	sp.hash.Sum(sum[:0])
	return sum
}

// release gives the memory back and closes the spool. The bytes must not be read afterwards.
func (sp *spooled) release() error {
	if cap(sp.memory) > 0 && cap(sp.memory) <= maxPooled {
		buffer := sp.memory[:0]
		sp.owner.buffers.Put(&buffer)
	}
	sp.memory = nil
	if sp.file == nil {
		return nil
	}
	err := sp.file.Close()
	sp.file = nil
	if err != nil {
		return &pipeline.StorageError{Op: "remove spooled blob", Err: err}
	}
	return nil
}
