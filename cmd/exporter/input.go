package main

import (
	"fmt"
	"io"
	"os"

	"exporter/internal/export"
)

// stdinName is how messages call standard input.
const stdinName = "standard input"

// awaitedError says that an interrupt came while somebody else was waited for, such as the one who writes to a pipe.
type awaitedError struct{ name string }

func (e *awaitedError) Error() string {
	return fmt.Sprintf("interrupted while %q was waited for", e.name)
}
func (e *awaitedError) Unwrap() error { return export.ErrAbandoned }

// await returns what do returns, or an *awaitedError when stop is closed before. Nobody can end a call that opens or reads a pipe: it goes on, and
// nobody waits for it.
func await[T any](stop <-chan struct{}, name string, do func() (T, error)) (value T, err error) {
	done := make(chan struct{})
	var result T
	var failure error
	go func() {
		defer close(done)
		result, failure = do()
	}()
	select {
	case <-done:
		return result, failure
	case <-stop:
		return value, &awaitedError{name}
	}
}

// mayBlock tells whether who opens or uses a file may have to wait for somebody else: it is a pipe, a terminal or a device.
func mayBlock(info os.FileInfo) bool { return !info.Mode().IsRegular() && !info.IsDir() }

// openFile opens a file, such as os.OpenFile does. The first interrupt ends the wait for the other end of a pipe.
func (a *app) openFile(path string, flag int) (*os.File, error) {
	open := func() (*os.File, error) { return os.OpenFile(path, flag, 0o666) }
	if info, err := os.Stat(path); err != nil || !mayBlock(info) {
		return open()
	}
	return await(a.stop, path, open)
}

// openInput opens a file to read. The first interrupt ends that, and the wait for what comes out of a pipe, a terminal or a device.
func (a *app) openInput(path string) (io.ReadCloser, error) {
	f, err := a.openFile(path, os.O_RDONLY)
	if err != nil {
		return nil, err
	}
	return struct {
		io.Reader
		io.Closer
	}{a.input(f, path), f}, nil
}

// input returns a reader of what r has, whose wait the first interrupt ends.
func (a *app) input(r io.Reader, name string) io.Reader {
	if f, ok := r.(*os.File); ok {
		if info, err := f.Stat(); err != nil || mayBlock(info) {
			return &awaitedReader{r, name, a.stop}
		}
	}
	return r
}

// awaitedReader reads until stop is closed.
type awaitedReader struct {
	r    io.Reader
	name string
	stop <-chan struct{}
}

// Read implements io.Reader.
func (r *awaitedReader) Read(p []byte) (int, error) {
	// A read that nobody waits for any more has a buffer of its own.
	data, err := await(r.stop, r.name, func() ([]byte, error) {
		buffer := make([]byte, len(p))
		n, err := r.r.Read(buffer)
		return buffer[:n], err
	})
	return copy(p, data), err
}

// readInput returns what a file holds.
func (a *app) readInput(path string) ([]byte, error) {
	f, err := a.openInput(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(f)
}
