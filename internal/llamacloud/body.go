package llamacloud

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"exporter/pipeline"
)

// body is the body of an answer. A read fails when no byte comes in time, or too few on average; time that passes between
// reads does not count. It is read by one goroutine at a time, and has to be closed.
type body struct {
	ctx     context.Context
	cancel  context.CancelCauseFunc
	answer  *answer
	raw     io.ReadCloser
	started time.Time

	vigil  vigil
	flow   flow
	err    error
	closed bool
}

func newBody(
	ctx context.Context, cancel context.CancelCauseFunc, a *answer, raw io.ReadCloser, started time.Time,
) *body {
	c := a.call.client
	b := &body{ctx: ctx, cancel: cancel, answer: a, raw: raw, started: started, flow: c.line.begin()}
	b.vigil = vigil{line: c.line, idle: c.opts.IdleTimeout, cuts: b.flow.cuts, stall: func() { cancel(errStalled) }}
	return b
}

// Read returns io.EOF only where the body ended as it should.
func (b *body) Read(p []byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	line := b.answer.call.client.line
	from := line.wait()
	b.vigil.begin(time.Now(), from)
	n, err := b.raw.Read(p)
	line.got(&b.flow, from, n, b.vigil.end(time.Now()))
	switch {
	case err == io.EOF:
		b.err = io.EOF
	case err != nil:
		b.err = b.explain(err)
	default:
		b.err = b.judge()
	}
	return n, b.err
}

// judge fails a body that comes too slowly, though it is not one of many.
func (b *body) judge() error {
	line, flow := b.answer.call.client.line, &b.flow
	switch flow.fortune(b.answer.call.client.opts.IdleTimeout) {
	case starving:
		line.starve(flow.cuts, flow.meanwhile.came, flow.waited)
	case slow:
		return b.answer.fail(ClassSlow, fmt.Errorf("%d bytes in %v, less than %d bytes a second",
			flow.received, flow.waited.Round(time.Millisecond), minBodyRate))
	}
	return nil
}

func (b *body) explain(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) && b.ctx.Err() == nil {
		return b.answer.fail(ClassTruncated, fmt.Errorf("body ended after %d bytes: %w", b.flow.received, err))
	}
	return b.answer.call.explain(b.ctx, b.answer.host, err, false)
}

// Close ends the request. It never fails: what was read has been judged by Read. A connection with something unread on it
// is dropped, not drained.
func (b *body) Close() error {
	if b.closed {
		return nil
	}
	b.closed = true
	b.vigil.close()
	b.cancel(nil)
	// The connection is given back or dropped; neither is of concern here.
	_ = b.raw.Close()
	event := pipeline.Requested{
		Method: b.answer.call.method, Route: b.answer.call.route, Status: b.answer.status,
		Date: b.answer.date(), Bytes: b.flow.received, Took: time.Since(b.started),
		Throttled: b.answer.throttled, Elsewhere: !b.answer.own(),
	}
	if b.err == io.EOF {
		b.answer.call.client.line.ended(&b.flow)
		if b.answer.status < http.StatusBadRequest {
			b.answer.entry.end(b.answer.major, time.Since(b.started))
		}
	} else {
		event.Err = b.err
	}
	b.answer.call.client.opts.Observer.Observe(event)
	return nil
}

// deadline calls a function when it is not extended in time.
type deadline struct {
	after time.Duration

	mu    sync.Mutex
	timer *time.Timer
	ended bool
}

// start begins the time.
func (d *deadline) start(after time.Duration, expire func()) {
	d.after, d.timer = after, time.AfterFunc(after, expire)
}

// extend starts the time anew, unless the deadline has ended.
func (d *deadline) extend() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.ended {
		d.timer.Reset(d.after)
	}
}

// hold stops the time until extend is called.
func (d *deadline) hold() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.timer.Stop()
}

// end stops the time for good.
func (d *deadline) end() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.ended = true
	d.timer.Stop()
}
