package s3

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"exporter/internal/store/bucket"
)

var (
	// errRange says that other bytes have come than were asked for.
	errRange = errors.New("the store has sent other bytes than those that were asked for")
	// errRestless says that an object was found shorter and longer at once.
	errRestless = errors.New("the object was replaced while its size was asked for")
)

// Get implements bucket.Client.
func (c *Client) Get(ctx context.Context, key string, offset, length int64, of bucket.Version) (io.ReadCloser, bucket.Info, error) {
	// A range has one byte at least.
	q := request{op: opGet, method: http.MethodGet, key: key, header: http.Header{
		"Range": {fmt.Sprintf("bytes=%d-%d", offset, offset+max(length, 1)-1)},
	}}
	if of != "" {
		q.header.Set("If-Match", tag(of))
	}
	a, err := c.send(ctx, q)
	if refused, ok := errors.AsType[*bucket.Error](err); ok && refused.Status == http.StatusRequestedRangeNotSatisfiable {
		return c.past(ctx, q, offset, of)
	}
	if err != nil {
		return nil, bucket.Info{}, err
	}
	info := infoOf(key, a)
	start, n, err := c.extent(a, &info)
	switch {
	case err == nil && of != "" && info.Version != of:
		err = bucket.ErrChanged
	case err == nil && (start != offset && n > 0 || n != min(max(length, 1), max(info.Size-offset, 0))):
		err = fmt.Errorf("%w: %d from %d on of %d", errRange, n, start, info.Size)
	}
	if err != nil {
		a.close()
		return nil, bucket.Info{}, &bucket.Error{Op: opGet, Key: key, Status: a.StatusCode, Err: err}
	}
	if length <= 0 {
		a.close()
		return http.NoBody, info, nil
	}
	return &body{answer: a, client: c, ctx: ctx, key: key, left: n}, info, nil
}

// infoOf is what the headers of an answer say of an object, but for its size.
func infoOf(key string, a *answer) bucket.Info {
	info := bucket.Info{Key: key, Version: version(a.Header.Get("ETag"))}
	info.Modified, _ = http.ParseTime(a.Header.Get("Last-Modified"))
	info.Now, _ = http.ParseTime(a.Header.Get("Date"))
	return info
}

// extent says which bytes an answer has, and notes how many the object has.
func (c *Client) extent(a *answer, info *bucket.Info) (start, n int64, err error) {
	if a.StatusCode != http.StatusPartialContent {
		if a.ContentLength < 0 {
			return 0, 0, fmt.Errorf("%w: an answer without a length", errRange)
		}
		info.Size = a.ContentLength
		return 0, a.ContentLength, nil
	}
	text := a.Header.Get("Content-Range")
	var first, last, size int64
	bytes, total, _ := strings.Cut(strings.TrimPrefix(text, "bytes "), "/")
	from, to, _ := strings.Cut(bytes, "-")
	var errs [3]error
	first, errs[0] = strconv.ParseInt(from, 10, 64)
	last, errs[1] = strconv.ParseInt(to, 10, 64)
	size, errs[2] = strconv.ParseInt(total, 10, 64)
	n = last - first + 1
	if errors.Join(errs[:]...) != nil || n < 1 || last >= size || a.ContentLength >= 0 && a.ContentLength != n {
		return 0, 0, fmt.Errorf("%w: %d bytes as %q", errRange, a.ContentLength, plain(text, 80))
	}
	info.Size = size
	return first, n, nil
}

// past is Get from the end on, or behind it: nothing, of an object that is there.
func (c *Client) past(ctx context.Context, q request, offset int64, of bucket.Version) (io.ReadCloser, bucket.Info, error) {
	q.method = http.MethodHead
	q.header.Del("Range")
	a, err := c.send(ctx, q)
	if err != nil {
		return nil, bucket.Info{}, err
	}
	defer a.close()
	info := infoOf(q.key, a)
	info.Size = a.ContentLength
	if of != "" && info.Version != of {
		err = bucket.ErrChanged
	} else if info.Size > offset || info.Size < 0 {
		err = errRestless
	}
	if err != nil {
		return nil, bucket.Info{}, &bucket.Error{Op: opGet, Key: q.key, Status: a.StatusCode, Err: err, Temporary: errors.Is(err, errRestless)}
	}
	return http.NoBody, info, nil
}

// body reads what a range has, and says so where it breaks off.
type body struct {
	*answer
	client *Client
	ctx    context.Context
	key    string
	left   int64
}

// Read implements io.Reader.
func (b *body) Read(p []byte) (int, error) {
	n, err := b.Body.Read(p[:min(int64(len(p)), b.left+1)])
	if n > 0 {
		b.watch.moved()
	}
	b.left -= int64(n)
	switch {
	case b.left < 0:
		return n - 1, &bucket.Error{Op: opGet, Key: b.key, Err: errRange}
	case err == io.EOF && b.left > 0:
		err = io.ErrUnexpectedEOF
	case err == io.EOF:
		return n, io.EOF
	}
	if err != nil {
		err = b.client.lost(b.ctx, b.watch, opGet, b.key, err)
	}
	return n, err
}

// Close implements io.Closer.
func (b *body) Close() error {
	err := b.Body.Close()
	b.watch.stop()
	return err
}
