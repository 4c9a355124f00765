package sinks

import "io"

// aheadBytes is how much of a shard that is inspected is read at once.
const aheadBytes = 64 << 10

// readAhead reads a file up to an end, more than is asked for at a time. What cannot be read costs no more than it would without.
type readAhead struct {
	file io.ReaderAt
	// at is the place of the next byte, and end that where reading ends.
	at, end int64
	// buffer has what was read from the byte first on.
	buffer []byte
	first  int64
}

// newReadAhead returns one that reads some bytes at once.
func newReadAhead(file io.ReaderAt, end, ahead int64) *readAhead {
	return &readAhead{file: file, end: end, buffer: make([]byte, 0, min(ahead, max(0, end)))}
}

// Seek implements io.Seeker, for places from the beginning.
func (r *readAhead) Seek(place int64, _ int) (int64, error) {
	r.at = place
	return place, nil
}

// Read implements io.Reader.
func (r *readAhead) Read(p []byte) (n int, err error) {
	p = p[:max(0, min(int64(len(p)), r.end-r.at))]
	if len(p) == 0 {
		return 0, io.EOF
	}
	if r.at < r.first || r.at >= r.first+int64(len(r.buffer)) {
		r.fill(len(p))
	}
	if known := r.at - r.first; known >= 0 && known < int64(len(r.buffer)) {
		n = copy(p, r.buffer[known:])
	} else if n, err = r.file.ReadAt(p, r.at); n == len(p) {
		err = nil
	}
	r.at += int64(n)
	return n, err
}

// fill reads what follows, unless more is asked for than there is place. Where nothing can be read, nothing is known.
func (r *readAhead) fill(asked int) {
	r.buffer, r.first = r.buffer[:0], r.at
	if asked >= cap(r.buffer) {
		return
	}
	// Who needs the bytes that cannot be read asks for them again, and gets the error.
	n, _ := r.file.ReadAt(r.buffer[:min(int64(cap(r.buffer)), r.end-r.at)], r.at)
	r.buffer = r.buffer[:n]
}
