package store

import (
	"errors"
	"io"

	"exporter/internal/durable"
)

// spool is a Spool of a Dir.
type spool struct {
	durable.File
	size int64
	// remove removes the file where that has to wait until it is closed; nil where it is done.
	remove func() error
}

// Spool implements Store.
func (d *Dir) Spool() (Spool, error) {
	name := d.tempName("spool")
	f, err := d.fsys.Create(name)
	if err != nil {
		return nil, err
	}
	s := &spool{File: f}
	// Windows removes no file that is open.
	if err := d.fsys.Remove(name); err != nil {
		s.remove = func() error { return d.fsys.Remove(name) }
	}
	return s, nil
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
