package s3

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/minio/minio-go/v7/pkg/s3utils"
	"github.com/minio/minio-go/v7/pkg/signer"

	"exporter/internal/store/bucket"
	"exporter/internal/store/wire"
)

// Headers of a request.
const (
	payloadHeader = "X-Amz-Content-Sha256"
	// unsigned in payloadHeader says that the signature is not one of the content.
	unsigned = "UNSIGNED-PAYLOAD"
)

// request is what is asked of the store.
type request struct {
	op, method string
	// key may be empty: then the bucket is meant, and errors name what is there in its place.
	key, name string
	query     url.Values
	header    http.Header
	// body has size bytes. sum is what the header for the payload says; "" is that of nothing.
	body io.Reader
	size int64
	sum  string
}

// url is that of an object, or of the bucket.
func (c *Client) url(key string, query url.Values) *url.URL {
	u := *c.endpoint
	path := "/" + key
	if c.isPath {
		path = "/" + c.bucket + path
	} else {
		u.Host = c.bucket + "." + u.Host
	}
	u.Path, u.RawPath = path, s3utils.EncodePath(path)
	u.RawQuery = strings.ReplaceAll(query.Encode(), "+", "%20")
	return &u
}

// emptySum is the SHA-256 of nothing.
const emptySum = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

func hexSum(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// withBody sends bytes, signed.
func (q request) withBody(text []byte) request {
	q.body, q.size, q.sum = bytes.NewReader(text), int64(len(text)), hexSum(text)
	return q
}

// send sends a request once and returns an answer that is a success. Other answers, and none, are *bucket.Error.
func (c *Client) send(ctx context.Context, q request) (*wire.Answer, error) {
	name := q.key + q.name
	who, err := c.identity.value(ctx)
	if err != nil {
		e := &bucket.Error{Op: q.op, Key: name, Err: err, Temporary: c.identity.renews}
		if cause := context.Cause(ctx); cause != nil {
			e.Err, e.Temporary = cause, false
		}
		return nil, e
	}
	r := &http.Request{Method: q.method, URL: c.url(q.key, q.query), Header: q.header, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1}
	if r.Header == nil {
		r.Header = http.Header{}
	}
	r.Host = r.URL.Host
	sum := q.sum
	if sum == "" {
		sum = emptySum
	}
	r.Header.Set(payloadHeader, sum)
	if q.size > 0 {
		r.Body, r.ContentLength = io.NopCloser(q.body), q.size
	}
	r = signer.SignV4(*r, who.AccessKeyID, who.SecretAccessKey, who.SessionToken, c.region)
	a, err := c.line.Send(ctx, r, q.op, name)
	if err != nil || a.IsSuccess() {
		return a, err
	}
	defer a.Close()
	return nil, c.refused(q, who, a)
}

// statusOf is the status of an answer that was an error; 0 where there was none.
func statusOf(err error) int {
	if e, ok := errors.AsType[*bucket.Error](err); ok {
		return e.Status
	}
	return 0
}
