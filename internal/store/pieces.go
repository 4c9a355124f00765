package store

import "io"

// pieceBytes is the size of the largest pieces.
const pieceBytes = 64 << 10

// pieces are bytes in memory. They grow by new pieces, so that none is copied, as it would be where one slice grew.
type pieces struct {
	all  [][]byte
	size int
}

var _ Content = (*pieces)(nil)

// add appends bytes.
func (s *pieces) add(p []byte) {
	for len(p) > 0 {
		last := len(s.all) - 1
		if last < 0 || len(s.all[last]) == cap(s.all[last]) {
			s.all = append(s.all, make([]byte, 0, min(max(len(p), s.size), pieceBytes)))
			last++
		}
		piece := s.all[last]
		n := min(len(p), cap(piece)-len(piece))
		s.all[last] = append(piece, p[:n]...)
		s.size += n
		p = p[n:]
	}
}

// ReadAt implements io.ReaderAt.
func (s *pieces) ReadAt(p []byte, at int64) (n int, err error) {
	if at < 0 || at > int64(s.size) {
		return 0, io.EOF
	}
	for _, piece := range s.all {
		skipped := min(at, int64(len(piece)))
		at -= skipped
		n += copy(p[n:], piece[skipped:])
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// WriteTo implements io.WriterTo.
func (s *pieces) WriteTo(w io.Writer) (size int64, err error) {
	for _, piece := range s.all {
		n, err := w.Write(piece)
		size += int64(n)
		if err != nil {
			return size, err
		}
	}
	return size, nil
}
