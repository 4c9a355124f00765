package emulator

import (
	"fmt"
	"io"
	"io/fs"
	"net/http"
)

// blob is the bytes of one asset. It does not change and is safe for concurrent use.
type blob interface {
	// size is in bytes; -1 where it is not known before all was written.
	size() int64
	// mediaType is the Content-Type that the blob is served with.
	mediaType() string
	writeTo(w io.Writer) error
}

// memoryBlob is a blob in memory.
type memoryBlob struct {
	data        []byte
	contentType string
}

func newMemoryBlob(data []byte, contentType string) memoryBlob {
	if contentType == "" {
		contentType = http.DetectContentType(data)
	}
	return memoryBlob{data, contentType}
}

func (b memoryBlob) size() int64       { return int64(len(b.data)) }
func (b memoryBlob) mediaType() string { return b.contentType }

func (b memoryBlob) writeTo(w io.Writer) error {
	_, err := w.Write(b.data)
	return err
}

// recordedBlob is a file of a recorded corpus, opened anew each time that it is read.
type recordedBlob struct {
	fsys        fs.FS
	path        string
	length      int64
	contentType string
}

// newRecordedBlob looks at a file's size and first bytes.
func newRecordedBlob(fsys fs.FS, path string) (b recordedBlob, err error) {
	f, err := fsys.Open(path)
	if err != nil {
		return b, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return b, err
	}
	if !info.Mode().IsRegular() {
		return b, fmt.Errorf("%s is not a regular file", path)
	}
	head := make([]byte, 512)
	n, err := io.ReadFull(f, head)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return b, fmt.Errorf("read %s: %w", path, err)
	}
	return recordedBlob{fsys, path, info.Size(), http.DetectContentType(head[:n])}, nil
}

func (b recordedBlob) size() int64       { return b.length }
func (b recordedBlob) mediaType() string { return b.contentType }

func (b recordedBlob) writeTo(w io.Writer) error {
	f, err := b.fsys.Open(b.path)
	if err != nil {
		return fmt.Errorf("open blob: %w", err)
	}
	defer f.Close()
	_, err = io.Copy(w, f)
	return err
}
