// Package wire is what clients of object stores over HTTP have in common: connections, requests in which nothing moves, what it means that
// there was no answer, and parts of objects that are read. It repeats nothing; package net/http repeats a read whose connection broke before an
// answer began, and never a write.
package wire

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	"exporter/internal/store"
	"exporter/internal/store/bucket"
)

// What is done with an object, as errors say it.
const (
	OpPut    = "put"
	OpCreate = "create"
	OpGet    = "get"
	OpList   = "list"
	OpRemove = "remove"
)

// Options say how a store is spoken with.
type Options struct {
	// Proxy returns the proxy for a URL, or nil; it may be nil.
	Proxy func(*url.URL) *url.URL
	// Roots are the authorities that are believed; nil are the system's.
	Roots *x509.CertPool
	// Connections is how many connections are kept; 0 stands for 64.
	Connections int
	// Idle bounds the time in which nothing moves; 0 stands for a minute.
	Idle time.Duration
	// UserAgent is what requests say of the program; "" stands for "exporter".
	UserAgent string
	// CertificateHint and NameHint say what to do about a certificate that is not believed, and a name that nobody knows.
	CertificateHint, NameHint string
}

// connectTimeout bounds the time in which a connection is made, and that of its TLS handshake.
const connectTimeout = 20 * time.Second

// Line is the way to a store. It is safe for concurrent use.
type Line struct {
	options   Options
	transport *http.Transport
	// answered tells that the store has answered at all.
	answered atomic.Bool
}

// New returns a line on which nothing was sent. It speaks HTTP/1.1 only: one connection of HTTP/2 would carry all blobs, and cost more for each.
func New(o Options) *Line {
	o.Idle, o.UserAgent = cmp.Or(o.Idle, time.Minute), cmp.Or(o.UserAgent, "exporter")
	connections := cmp.Or(o.Connections, 64)
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	return &Line{options: o, transport: &http.Transport{
		Proxy: func(r *http.Request) (*url.URL, error) {
			if o.Proxy == nil {
				return nil, nil
			}
			return o.Proxy(r.URL), nil
		},
		DialContext:         (&net.Dialer{Timeout: connectTimeout, KeepAlive: 15 * time.Second}).DialContext,
		TLSClientConfig:     &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: o.Roots},
		TLSHandshakeTimeout: connectTimeout,
		Protocols:           &protocols,
		DisableCompression:  true,
		MaxIdleConns:        connections,
		MaxIdleConnsPerHost: connections,
		// AWS closes connections after twenty seconds: what is sent on one of those is lost.
		IdleConnTimeout:        15 * time.Second,
		MaxResponseHeaderBytes: 64 << 10,
		WriteBufferSize:        16 << 10,
		ReadBufferSize:         16 << 10,
	}}
}

// Transport is for what hands out credentials.
func (l *Line) Transport() *http.Transport { return l.transport }

// Close closes connections that are not in use.
func (l *Line) Close() { l.transport.CloseIdleConnections() }

// Send sends a request, with its body, once. An error is a *bucket.Error.
func (l *Line) Send(ctx context.Context, r *http.Request, op, key string) (*Answer, error) {
	w := l.watch(ctx)
	r = r.WithContext(w.ctx)
	r.Header.Set("User-Agent", l.options.UserAgent)
	if r.Body != nil {
		r.Body = io.NopCloser(&moving{r.Body, w})
	}
	resp, err := l.transport.RoundTrip(r)
	if err != nil {
		w.stop()
		return nil, l.lost(ctx, w, op, key, err)
	}
	l.answered.Store(true)
	w.moved()
	return &Answer{Response: resp, line: l, watch: w, ctx: ctx, op: op, key: key}, nil
}

// Answer is what the store has said. It has to be closed.
type Answer struct {
	*http.Response
	line    *Line
	watch   *watch
	ctx     context.Context
	op, key string
}

// IsSuccess tells whether the status is one of success.
func (a *Answer) IsSuccess() bool { return a.StatusCode/100 == 2 }

// Close gives up what is left of an answer: what is short is read, so that the connection can be used again.
func (a *Answer) Close() {
	_, _ = io.CopyN(io.Discard, a.Body, 64<<10)
	_ = a.Body.Close()
	a.watch.stop()
}

// ReadAll reads so many bytes at most. The error is a *bucket.Error.
func (a *Answer) ReadAll(most int64) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(&moving{a.Body, a.watch}, most))
	if err != nil {
		return nil, a.line.lost(a.ctx, a.watch, a.op, a.key, err)
	}
	return text, nil
}

// maxText is the most bytes of an answer that is no object.
const maxText = 16 << 20

// Decode reads all of an answer by a function such as json.Unmarshal. The error is a *bucket.Error.
func (a *Answer) Decode(unmarshal func([]byte, any) error, v any) error {
	text, err := a.ReadAll(maxText + 1)
	if err != nil {
		return err
	}
	if len(text) > maxText {
		return a.Fail(fmt.Errorf("%w: an answer of more than %d bytes", ErrOdd, maxText))
	}
	if err := unmarshal(text, v); err != nil {
		return a.Fail(fmt.Errorf("%w: %s", ErrOdd, Plain(err.Error())))
	}
	return nil
}

// Fail is an error of what the answer has.
func (a *Answer) Fail(err error) *bucket.Error {
	return &bucket.Error{Op: a.op, Key: a.key, Status: a.StatusCode, Err: err}
}

// Sum writes content into a sum, if it has so many bytes. The error is a *bucket.Error.
func Sum(op, key string, content store.Content, size int64, sum io.Writer) error {
	n, err := content.WriteTo(sum)
	if err == nil && n != size {
		err = fmt.Errorf("it has %d bytes, not %d", n, size)
	}
	if err != nil {
		return &bucket.Error{Op: op, Key: key, Err: fmt.Errorf("read what is to be stored: %w", err)}
	}
	return nil
}
