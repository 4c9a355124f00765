package s3

import (
	"context"
	"errors"
	"io"
	"net/http"

	"exporter/internal/store/bucket"
	"exporter/internal/store/wire"
)

// errRestless says that an object was found shorter and longer at once.
var errRestless = errors.New("the object was replaced while its size was asked for")

// Get implements bucket.Client.
func (c *Client) Get(ctx context.Context, key string, offset, length int64, of bucket.Version) (io.ReadCloser, bucket.Info, error) {
	q := request{op: wire.OpGet, method: http.MethodGet, key: key, header: http.Header{"Range": {wire.Range(offset, length)}}}
	if of != "" {
		q.header.Set("If-Match", tag(of))
	}
	a, err := c.send(ctx, q)
	if statusOf(err) == http.StatusRequestedRangeNotSatisfiable {
		return c.past(ctx, key, offset, of)
	}
	if err != nil {
		return nil, bucket.Info{}, err
	}
	info := infoOf(key, a)
	body, err := a.Part(&info, offset, length, of)
	if err != nil {
		return nil, bucket.Info{}, err
	}
	return body, info, nil
}

// infoOf is what the headers of an answer say of an object, but for its size.
func infoOf(key string, a *wire.Answer) bucket.Info {
	info := bucket.Info{Key: key, Version: version(a.Header.Get("ETag"))}
	info.Modified, _ = http.ParseTime(a.Header.Get("Last-Modified"))
	info.Now, _ = http.ParseTime(a.Header.Get("Date"))
	return info
}

// past is Get from the end on, or behind it: nothing, of an object that is there.
func (c *Client) past(ctx context.Context, key string, offset int64, of bucket.Version) (io.ReadCloser, bucket.Info, error) {
	q := request{op: wire.OpGet, method: http.MethodHead, key: key, header: http.Header{}}
	if of != "" {
		q.header.Set("If-Match", tag(of))
	}
	a, err := c.send(ctx, q)
	if err != nil {
		return nil, bucket.Info{}, err
	}
	defer a.Close()
	info := infoOf(key, a)
	info.Size = a.ContentLength
	switch {
	case of != "" && info.Version != of:
		return nil, bucket.Info{}, a.Fail(bucket.ErrChanged)
	case info.Size > offset || info.Size < 0:
		e := a.Fail(errRestless)
		e.Temporary = true
		return nil, bucket.Info{}, e
	}
	return http.NoBody, info, nil
}
