package llamacloud

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"exporter/pipeline"
)

// minBodyRate is the least average rate of a body in bytes a second, past a grace of Options.IdleTimeout.
const minBodyRate = 1 << 10

// body is the body of an answer. A read fails when no byte comes in time, or too few on average; time that passes between
// reads does not count. It is read by one goroutine at a time, and has to be closed.
type body struct {
	ctx     context.Context
	cancel  context.CancelCauseFunc
	answer  *answer
	raw     io.ReadCloser
	started time.Time
	idle    *time.Timer

	received int64
	waited   time.Duration
	err      error
	closed   bool
}

func newBody(
	ctx context.Context, cancel context.CancelCauseFunc, a *answer, raw io.ReadCloser, started time.Time,
) *body {
	idle := time.AfterFunc(a.call.client.opts.IdleTimeout, func() { cancel(errStalled) })
	idle.Stop()
	return &body{ctx: ctx, cancel: cancel, answer: a, raw: raw, started: started, idle: idle}
}

// Read returns io.EOF only where the body ended as it should.
func (b *body) Read(p []byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	grace := b.answer.call.client.opts.IdleTimeout
	started := time.Now()
	b.idle.Reset(grace)
	n, err := b.raw.Read(p)
	b.idle.Stop()
	b.waited += time.Since(started)
	b.received += int64(n)
	switch {
	case err == io.EOF:
		b.err = io.EOF
	case err != nil:
		b.err = b.explain(err)
	case tooSlow(b.received, b.waited-grace):
		b.err = b.answer.fail(ClassSlow, fmt.Errorf("%d bytes in %v, less than %d bytes a second",
			b.received, b.waited.Round(time.Millisecond), minBodyRate))
	}
	return n, b.err
}

func (b *body) explain(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) && b.ctx.Err() == nil {
		return b.answer.fail(ClassTruncated, fmt.Errorf("body ended after %d bytes: %w", b.received, err))
	}
	return b.answer.call.explain(b.ctx, b.answer.host, err, false)
}

func tooSlow(received int64, waited time.Duration) bool {
	return waited > 0 && float64(received) < minBodyRate*waited.Seconds()
}

// Close ends the request. It never fails: what was read has been judged by Read.
func (b *body) Close() error {
	if b.closed {
		return nil
	}
	b.closed = true
	b.idle.Stop()
	b.cancel(nil)
	// The connection is given back or dropped; neither is of concern here.
	_ = b.raw.Close()
	event := pipeline.Requested{
		Method: b.answer.call.method, Route: b.answer.call.route, Status: b.answer.status,
		Date: b.answer.date(), Bytes: b.received, Took: time.Since(b.started),
	}
	if b.err != io.EOF {
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

func startDeadline(after time.Duration, expire func()) *deadline {
	return &deadline{after: after, timer: time.AfterFunc(after, expire)}
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
