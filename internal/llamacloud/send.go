package llamacloud

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"sync/atomic"
	"time"

	"exporter/internal/llamacloud/governor"
	"exporter/pipeline"
)

// errStandIn is why a request that was answered well is sent again.
var errStandIn = errors.New("sent in the place of one that may be the only one to fail")

// Causes with which an attempt's context ends.
var (
	errNoHeaders = errors.New("no answer in time")
	errStalled   = errors.New("no byte of the body in time")
)

// answer is what came back for one request.
type answer struct {
	call *call
	host *url.URL
	// linked tells that a link led there, which is not the API's own word.
	linked bool
	status int
	header http.Header
	// length is the declared length of the body; -1 when there is none.
	length int64
	// delimited tells that the body itself says where it ends; otherwise it ends with the connection.
	delimited bool
	body      *body
	// entry is the request's in a contest of protocols, in which it was answered over this version of HTTP; nil where it has none.
	entry *entry
	major int
	// throttled, hopeless and wait are as in APIError.
	throttled, hopeless bool
	wait                time.Duration
}

// own tells that the configured origin answered, so that the answer speaks for the API.
func (a *answer) own() bool { return sameOrigin(a.call.client.base, a.host) }

// fail returns the error of an answer that cannot be used.
func (a *answer) fail(class string, err error) *RequestError { return a.call.fail(a.host, class, err) }

// date returns the time of the API's clock when it answered; zero where it does not say, or another host answered.
func (a *answer) date() time.Time {
	if !a.own() {
		return time.Time{}
	}
	return a.call.client.dates.of(a.header.Get("Date"), func(text string) time.Time {
		// It is zero where the text is no time.
		date, _ := http.ParseTime(text)
		return date
	})
}

// discard reads what little there may be left of the body, so that the connection can be used again, and closes it.
func (a *answer) discard() {
	const little = 16 << 10
	// Whether the rest could be read makes no difference.
	_, _ = io.CopyN(io.Discard, a.body, little)
	a.body.Close()
}

// send waits until it may, and makes one HTTP request. A hop to the configured origin is sent at once, on the token of the
// request that it belongs to; one to another host waits only for what that host has said itself.
//
// In an outage a request that is known to be answered otherwise is sent before it: one that always fails must not pass for
// an outage, and none is to be given up because of one. So it is where all wait for what comes of a request that was throttled
// before: it may be the only one that is.
func (k *call) send(ctx context.Context, to *url.URL, hop int) (*answer, error) {
	own := sameOrigin(k.client.base, to)
	if !own {
		if err := k.client.guard.check(to); err != nil {
			return nil, k.fail(to, ClassRedirect, err)
		}
	}
	for {
		admitted, err := k.admit(ctx, to, own && hop > 0)
		if err != nil {
			return nil, err
		}
		probe := k.client.answered.Load()
		doubtful := admitted.Outage() || admitted.Probe() && k.request(k.client.origins.own).Throttled() > 0
		if probe == nil || !own || !doubtful {
			return k.sendAdmitted(ctx, to, admitted)
		}
		again := probe.again()
		k.client.opts.Observer.Observe(pipeline.Retrying{Method: again.method, Route: again.route, Attempt: 1, Err: errStandIn})
		a, err := again.sendAdmitted(ctx, again.url, admitted)
		if err == nil {
			// Its connection is dropped with it: what is sent next is to show whether a new one can be had.
			a.body.Close()
		} else if failed, ok := errors.AsType[*RequestError](err); ok && failed.blocked() {
			// That ends the run, whatever was to be sent.
			return nil, err
		}
	}
}

// again returns a call that asks for the same, of which nothing is known.
func (k *call) again() *call {
	return &call{client: k.client, method: k.method, route: k.route, url: k.url}
}

// admit waits for the governor of an origin, or takes the ticket of a hop that goes at once or has its place.
func (k *call) admit(ctx context.Context, to *url.URL, atOnce bool) (*governor.Ticket, error) {
	switch {
	case atOnce:
		return k.client.origins.own.Follow(ctx)
	case sameOrigin(k.client.base, to):
		return k.client.origins.own.Admit(ctx, k.request(k.client.origins.own))
	}
	g := k.client.origins.other(to)
	if t := k.reserved; t != nil && t.Governor() == g && t.Begin() {
		k.reserved = nil
		return t, nil
	}
	k.release()
	if all := k.client.origins.blobs.known(); k.blob && !k.patient && all != nil && sameOrigin(all, to) {
		return k.admitNow(g)
	}
	t, err := g.Admit(ctx, k.request(g))
	if pause, ok := errors.AsType[*PauseError](err); ok && pause.Elsewhere {
		return nil, k.fail(to, ClassThrottled, pause)
	}
	return t, err
}

// admitNow returns the ticket for a link of a blob host whose turn can be waited for without a link, so that none is kept until
// it is dead. The error is errBusy where there is no ticket at once.
func (k *call) admitNow(g *governor.Governor) (*governor.Ticket, error) {
	if t := g.Try(); t != nil {
		return t, nil
	}
	return nil, errBusy
}

// sendAdmitted makes one HTTP request. Every one that this package makes is made here.
//
// net/http sends a request a second time by itself when a connection that it reused turns out to be dead. That cannot be
// switched off, but it can be made to pay: see exchange.gotConn.
func (k *call) sendAdmitted(ctx context.Context, to *url.URL, admitted *governor.Ticket) (*answer, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	x := &exchange{call: k, cancel: cancel, to: to}
	x.ticket.Store(admitted)
	x.headers.start(k.client.opts.HeaderTimeout, func() { cancel(errNoHeaders) })
	defer x.headers.end()
	request, err := x.request(ctx, to)
	if err != nil {
		cancel(nil)
		admitted.Untold()
		return nil, err
	}
	k.requests++
	number := k.client.standing.sent.Add(1)
	started := time.Now()
	transport, entry := k.client.transports.choose(to, k.blob)
	x.entry = entry
	resp, err := transport.RoundTrip(request)
	if err != nil && x.connections.Load() == 0 && ctx.Err() == nil && entry.lost() {
		resp, err = k.client.transports.usual.RoundTrip(request)
	}
	if err != nil {
		err = x.failed(to, k.explain(ctx, to, err, !x.wrote.Load()))
		cancel(nil)
		k.client.opts.Observer.Observe(pipeline.Requested{
			Method: k.method, Route: k.route, Took: time.Since(started), Err: err, Elsewhere: !sameOrigin(k.client.base, to),
		})
		return nil, err
	}
	a := &answer{call: k, host: to, linked: k.link != nil, status: resp.StatusCode, header: resp.Header, length: resp.ContentLength}
	a.delimited = a.length >= 0 || len(resp.TransferEncoding) > 0 || resp.ProtoMajor >= 2
	a.body = newBody(ctx, cancel, a, resp.Body, started)
	a.entry, a.major = entry, resp.ProtoMajor
	if x.ticket.Load() == nil {
		// What net/http sent again was not admitted: its answer is not used.
		a.body.Close()
		return nil, context.Cause(ctx)
	}
	if a.own() {
		k.client.guard.answered(x.peer.Load())
	}
	if a.own() && a.status < http.StatusBadRequest {
		k.client.standing.accept(number)
	}
	if err := x.answered(a); err != nil {
		a.body.Close()
		return nil, err
	}
	return a, nil
}

// exchange is what goes on between sending a request and the headers of its answer.
type exchange struct {
	call    *call
	cancel  context.CancelCauseFunc
	headers deadline
	// to is where the request goes.
	to *url.URL
	// entry is the request's in a contest of protocols; nil where it has none.
	entry *entry
	// ticket is that of the latest connection; nil where it was not admitted.
	ticket atomic.Pointer[governor.Ticket]
	// connections is how many connections the request was given.
	connections atomic.Int32
	// peer is who is at the other end of the latest connection; nil where it has no such address.
	peer atomic.Pointer[net.TCPAddr]
	// wrote tells that the request may have been sent.
	wrote atomic.Bool
}

// request builds the request. The key and the headers that were given go to the configured origin only.
func (x *exchange) request(ctx context.Context, to *url.URL) (*http.Request, error) {
	c := x.call.client
	header := c.header
	switch own := sameOrigin(c.base, to); {
	case !own:
		ctx = leadingTo(ctx, to)
	case x.call.link == nil:
		header = c.keyed()
	}
	r := &http.Request{Method: x.call.method, URL: to, Header: header}
	if p := x.call.payload; p != nil {
		content, err := p.open()
		if err != nil {
			return nil, fmt.Errorf("open request body: %w", err)
		}
		r.Header = header.Clone()
		r.Header.Set("Content-Type", p.contentType)
		r.Body = &upload{ReadCloser: content, headers: &x.headers}
		r.ContentLength = p.size
	}
	return r.WithContext(httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn:      func(info httptrace.GotConnInfo) { x.gotConn(ctx, info) },
		WroteHeaders: func() { x.wrote.Store(true) },
	})), nil
}

// gotConn is called before the request is written to a connection. From the second one on it is sent again, which takes
// a token as every request does. Where there is none to be had any more the request is cancelled, at the latest while it
// is being sent.
func (x *exchange) gotConn(ctx context.Context, info httptrace.GotConnInfo) {
	if info.Conn != nil {
		if peer, ok := info.Conn.RemoteAddr().(*net.TCPAddr); ok {
			x.peer.Store(peer)
		}
	}
	x.entry.connected(info.Reused)
	if x.connections.Add(1) == 1 {
		return
	}
	x.headers.hold()
	if t := x.ticket.Swap(nil); t != nil {
		t.Untold()
	}
	again, err := x.call.admit(ctx, x.to, false)
	if err != nil {
		x.cancel(err)
		return
	}
	x.ticket.Store(again)
	x.call.requests++
	x.headers.extend()
}

// upload is a request's body. The answer is waited for from when the last of it was taken.
type upload struct {
	io.ReadCloser
	headers *deadline
}

func (u *upload) Read(p []byte) (int, error) {
	u.headers.extend()
	return u.ReadCloser.Read(p)
}

// explain turns what net/http says about a request, whose context is ctx, into an error of this package. Where the caller
// ended the request, or the governor did, it is the cause for that.
func (k *call) explain(ctx context.Context, host *url.URL, err error, unsent bool) error {
	cause := context.Cause(ctx)
	class := ClassTransport
	timeout, isNet := errors.AsType[net.Error](err)
	_, refused := errors.AsType[*addressError](err)
	switch {
	case errors.Is(cause, errNoHeaders):
		class, err = ClassTimeout, cause
	case errors.Is(cause, errStalled):
		class, err = ClassStalled, cause
	case cause != nil:
		return cause
	case refused:
		class = ClassRedirect
	case isTLS(err):
		class = ClassTLS
	case errors.Is(err, errProxyRefused):
		class = ClassProxy
	case isNet && timeout.Timeout():
		class = ClassTimeout
	}
	failure := k.fail(host, class, err)
	failure.unsent = unsent
	return failure
}

// isTLS tells whether a server cannot prove who it is.
func isTLS(err error) bool {
	_, refused := errors.AsType[*tls.CertificateVerificationError](err)
	_, noTLS := errors.AsType[tls.RecordHeaderError](err)
	return refused || noTLS
}
