package s3

import (
	"context"
	"io"
	"net/http"

	"exporter/internal/store/bucket"
	"exporter/internal/store/wire"
)

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
	info := a.Info(version(a.Header.Get("ETag")))
	body, err := a.Part(&info, offset, length, of)
	if err != nil {
		return nil, bucket.Info{}, err
	}
	return body, info, nil
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
	return a.Nothing(a.Info(version(a.Header.Get("ETag"))), offset, of)
}
