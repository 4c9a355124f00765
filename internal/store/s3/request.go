package s3

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/minio/minio-go/v7/pkg/credentials"
	"github.com/minio/minio-go/v7/pkg/s3utils"
	"github.com/minio/minio-go/v7/pkg/signer"

	"exporter/internal/store/bucket"
)

// What is done with an object, as errors say it.
const (
	opPut    = "put"
	opCreate = "create"
	opGet    = "get"
	opList   = "list"
	opRemove = "remove"
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
	// key may be empty: then the bucket is meant.
	key    string
	query  url.Values
	header http.Header
	// body has size bytes. sum is what the header for the payload says; "" is that of nothing.
	body io.Reader
	size int64
	sum  string
}

// answer is what the store has said. Its body has to be read to its end or given up, and then the watch stopped.
type answer struct {
	*http.Response
	watch *watch
}

// give up what is left of an answer: what is short is read, so that the connection can be used again.
func (a *answer) close() {
	_, _ = io.CopyN(io.Discard, a.Body, 64<<10)
	_ = a.Body.Close()
	a.watch.stop()
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
var emptySum = hexSum(nil)

func hexSum(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// send sends a request once and returns an answer that is a success. Other answers, and none, are *bucket.Error.
func (c *Client) send(ctx context.Context, q request) (*answer, error) {
	who, err := c.identity.value(ctx)
	if err != nil {
		return nil, c.unknown(ctx, q, err)
	}
	w := c.watch(ctx)
	r, err := http.NewRequestWithContext(w.ctx, q.method, "", nil)
	if err != nil {
		w.stop()
		return nil, err
	}
	r.URL = c.url(q.key, q.query)
	r.Host = r.URL.Host
	for name, values := range q.header {
		r.Header[name] = values
	}
	r.Header.Set("User-Agent", c.userAgent)
	sum := q.sum
	if sum == "" {
		sum = emptySum
	}
	r.Header.Set(payloadHeader, sum)
	if q.size > 0 {
		r.Body, r.ContentLength = io.NopCloser(w.moving(q.body)), q.size
	}
	r = signer.SignV4(*r, who.AccessKeyID, who.SecretAccessKey, who.SessionToken, c.region)
	resp, err := c.transport.RoundTrip(r)
	if err != nil {
		w.stop()
		return nil, c.lost(ctx, w, q.op, q.key, err)
	}
	c.answered.Store(true)
	w.moved()
	a := &answer{resp, w}
	if resp.StatusCode/100 == 2 {
		return a, nil
	}
	defer a.close()
	return nil, c.refused(q, who, a)
}

// unknown says that there are no credentials for a request.
func (c *Client) unknown(ctx context.Context, q request, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return c.stopped(q.op, q.key, cause)
	}
	return &bucket.Error{Op: q.op, Key: q.key, Err: err, Temporary: c.identity.renews}
}

func (c *Client) stopped(op, key string, cause error) error {
	return &bucket.Error{Op: op, Key: key, Err: cause}
}

// errStalled says that nothing has moved for a while.
var errStalled = errors.New("nothing was sent or received for too long")

// watch ends a request in which nothing moves.
type watch struct {
	ctx    context.Context
	cancel context.CancelCauseFunc
	timer  *time.Timer
	idle   time.Duration
}

func (c *Client) watch(ctx context.Context) *watch {
	w := &watch{idle: c.idle}
	w.ctx, w.cancel = context.WithCancelCause(ctx)
	w.timer = time.AfterFunc(w.idle, func() { w.cancel(errStalled) })
	return w
}

func (w *watch) moved() { w.timer.Reset(w.idle) }

func (w *watch) stop() {
	w.timer.Stop()
	w.cancel(nil)
}

// moving tells a watch of what is read.
func (w *watch) moving(r io.Reader) io.Reader { return &moving{r, w} }

type moving struct {
	io.Reader
	watch *watch
}

func (m *moving) Read(p []byte) (int, error) {
	n, err := m.Reader.Read(p)
	if n > 0 {
		m.watch.moved()
	}
	return n, err
}

// secrets are what must not be in a text.
func secrets(v credentials.Value) []string {
	return []string{v.SecretAccessKey, v.SessionToken, v.AccessKeyID}
}
