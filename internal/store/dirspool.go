package store

import (
	"errors"
	"io"
	"os"

	"exporter/internal/durable"
)

// spool is a Spool of a Dir.
type spool struct {
	durable.File
	size int64
	// remove removes the file where that has to wait until it is closed; nil where it is done.
	remove func() error
}

// TempSpool returns an empty file in a folder; "" is that of the system's temporary files.
func TempSpool(folder string) (Spool, error) {
	f, err := os.CreateTemp(folder, "exporter-")
	if err != nil {
		return nil, err
	}
	return unnamed(f, func() error { return os.Remove(f.Name()) }), nil
}

// Spool implements Store.
func (d *Dir) Spool() (Spool, error) {
	name := d.tempName("spool")
	f, err := d.fsys.Create(name)
	if err != nil {
		return nil, err
	}
	return unnamed(f, func() error { return d.fsys.Remove(name) }), nil
}

// unnamed returns a spool that is a new file. Windows removes no file that is open.
func unnamed(f durable.File, remove func() error) *spool {
	s := &spool{File: f}
	if err := remove(); err != nil {
		s.remove = remove
	}
	return s
}

// Size implements Spool.
func (s *spool) Size() int64 { return s.size }

// Write implements io.Writer.
func (s *spool) Write(p []byte) (int, error) {
	n, err := s.File.Write(p)
	s.size += int64(n)
	return n, err
}

// WriteTo implements Content.
func (s *spool) WriteTo(w io.Writer) (int64, error) {
	return io.Copy(w, io.NewSectionReader(s.File, 0, s.size))
}

// Close implements io.Closer.
func (s *spool) Close() error {
	err := s.File.Close()
	if s.remove != nil {
		err = errors.Join(err, s.remove())
	}
	return err
}
