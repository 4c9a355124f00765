package wire

import (
	"context"
	"errors"
	"io"
	"time"
)

// ErrStalled says that nothing has moved for a while.
var ErrStalled = errors.New("nothing was sent or received for too long")

// watch ends a request in which nothing moves.
type watch struct {
	ctx    context.Context
	cancel context.CancelCauseFunc
	timer  *time.Timer
	idle   time.Duration
}

func (l *Line) watch(ctx context.Context) *watch {
	w := &watch{idle: l.options.Idle}
	w.ctx, w.cancel = context.WithCancelCause(ctx)
	w.timer = time.AfterFunc(w.idle, func() { w.cancel(ErrStalled) })
	return w
}

func (w *watch) moved() { w.timer.Reset(w.idle) }

func (w *watch) stop() {
	w.timer.Stop()
	w.cancel(nil)
}

// moving tells a watch of what is read.
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
