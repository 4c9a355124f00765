package pipeline

import (
	"bytes"
	"crypto/sha256"
	"io"
	"time"
)

// Content describes the bytes of a blob.
type Content struct {
	// Size in bytes.
	Size int64
	// SHA256 of all bytes.
	SHA256 [sha256.Size]byte
	// MediaType is sniffed from the bytes, such as "image/jpeg".
	MediaType string
	// Width and Height in pixels, as the picture is stored; 0 where the header could not be read.
	Width, Height int32
	// Orientation is EXIF's, 1 to 8: how the stored picture is to be turned and mirrored when it is shown; 0 where it is not known.
	Orientation int32
}

// Blob is the verified body of one asset. It can be read more than once, by one goroutine at a time, until it is closed.
type Blob struct {
	Content
	// Attempts is the number of requests that the blob cost.
	Attempts int
	// FetchedAt is when the last byte had arrived.
	FetchedAt time.Time
	// DeclaredType is the media type that the source declared, which may be wrong: printable, at most 255 bytes; empty where
	// it declared none.
	DeclaredType string

	body  io.ReaderAt
	close func() error
}

// NewBlob returns a Blob whose c.Size bytes are read from body. Close calls release, which may be nil.
func NewBlob(c Content, body io.ReaderAt, release func() error) *Blob {
	return &Blob{Content: c, body: body, close: release}
}

// Open returns a reader at the blob's first byte.
func (b *Blob) Open() *io.SectionReader { return io.NewSectionReader(b.body, 0, b.Size) }

// WriteTo writes the blob's bytes, those that are in memory at once.
func (b *Blob) WriteTo(w io.Writer) (n int64, err error) {
	memory, ok := b.body.(*bytes.Reader)
	if !ok {
		return io.Copy(w, b.Open())
	}
	if _, err := memory.Seek(0, io.SeekStart); err != nil {
		return 0, err
	}
	return memory.WriteTo(w)
}

// ReadAt implements io.ReaderAt.
func (b *Blob) ReadAt(p []byte, at int64) (int, error) { return b.Open().ReadAt(p, at) }

// Sum returns the SHA-256 of all bytes.
func (b *Blob) Sum() [sha256.Size]byte { return b.SHA256 }

// Close releases the blob's memory or its temporary file. The blob must not be read afterwards.
func (b *Blob) Close() error {
	b.body = nil
	if b.close == nil {
		return nil
	}
	release := b.close
	b.close = nil
	return release()
}
