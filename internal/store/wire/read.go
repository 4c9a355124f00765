package wire

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"exporter/internal/store/bucket"
)

// ErrRange says that other bytes have come than were asked for.
var ErrRange = errors.New("the store has sent other bytes than those that were asked for")

// Range is the header that asks for so many bytes from an offset on. A range has one byte at least.
func Range(offset, length int64) string {
	return fmt.Sprintf("bytes=%d-%d", offset, last(offset, length))
}

func last(offset, length int64) int64 { return offset + max(length, 1) - 1 }

// Part returns what an answer has of an object, if it is what Range asked for of a version, which may be "". Of the info, all but the size
// is known before. It closes the answer where there is nothing to read, or the wrong thing.
func (a *Answer) Part(info *bucket.Info, offset, length int64, of bucket.Version) (io.ReadCloser, error) {
	start, n, err := a.extent(info)
	switch {
	case err == nil && of != "" && info.Version != of:
		err = bucket.ErrChanged
	case err == nil && (start != offset && n > 0 || n != min(max(length, 1), max(info.Size-offset, 0))):
		err = fmt.Errorf("%w: %d from %d on of %d", ErrRange, n, start, info.Size)
	}
	if err != nil {
		a.Close()
		return nil, a.Fail(err)
	}
	if length <= 0 {
		a.Close()
		return http.NoBody, nil
	}
	return &part{a, n}, nil
}

// extent says which bytes an answer has, and notes how many the object has.
func (a *Answer) extent(info *bucket.Info) (start, n int64, err error) {
	if a.StatusCode != http.StatusPartialContent {
		if a.ContentLength < 0 {
			return 0, 0, fmt.Errorf("%w: an answer without a length", ErrRange)
		}
		info.Size = a.ContentLength
		return 0, a.ContentLength, nil
	}
	text := a.Header.Get("Content-Range")
	bytes, total, _ := strings.Cut(strings.TrimPrefix(text, "bytes "), "/")
	from, to, _ := strings.Cut(bytes, "-")
	first, err1 := strconv.ParseInt(from, 10, 64)
	last, err2 := strconv.ParseInt(to, 10, 64)
	size, err3 := strconv.ParseInt(total, 10, 64)
	n = last - first + 1
	if errors.Join(err1, err2, err3) != nil || first < 0 || n < 0 || last >= size || a.ContentLength >= 0 && a.ContentLength != n {
		return 0, 0, fmt.Errorf("%w: %d bytes as %q", ErrRange, a.ContentLength, Plain(text))
	}
	info.Size = size
	return first, n, nil
}

// part reads what a range has, and says so where it breaks off.
type part struct {
	*Answer
	left int64
}

// Read implements io.Reader.
func (p *part) Read(b []byte) (int, error) {
	n, err := p.Body.Read(b[:min(int64(len(b)), p.left+1)])
	if n > 0 {
		p.watch.moved()
	}
	p.left -= int64(n)
	switch {
	case p.left < 0:
		return n - 1, p.Fail(ErrRange)
	case err == io.EOF && p.left > 0:
		err = io.ErrUnexpectedEOF
	case err == io.EOF:
		return n, io.EOF
	}
	if err != nil {
		err = p.line.lost(p.ctx, p.watch, p.op, p.key, err)
	}
	return n, err
}

// Close implements io.Closer.
func (p *part) Close() error {
	err := p.Body.Close()
	p.watch.stop()
	return err
}

// Info is what the headers of an answer say of an object of a version, but for its size.
func (a *Answer) Info(version bucket.Version) bucket.Info {
	info := bucket.Info{Key: a.key, Version: version}
	info.Modified, _ = http.ParseTime(a.Header.Get("Last-Modified"))
	info.Now, _ = http.ParseTime(a.Header.Get("Date"))
	return info
}

// errRestless says that an object was found shorter and longer at once.
var errRestless = errors.New("the object was replaced while its size was asked for")

// Nothing is what there is of an object, which the answer to HEAD describes, where a part was asked for that begins at its end or behind it.
func (a *Answer) Nothing(info bucket.Info, offset int64, of bucket.Version) (io.ReadCloser, bucket.Info, error) {
	defer a.Close()
	info.Size = a.ContentLength
	e := a.Fail(bucket.ErrChanged)
	switch {
	case of != "" && info.Version != of:
		return nil, bucket.Info{}, e
	case info.Size > offset || info.Size < 0:
		e.Err, e.Temporary = errRestless, true
		return nil, bucket.Info{}, e
	}
	return http.NoBody, info, nil
}
