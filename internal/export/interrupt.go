package export

import (
	"context"

	"exporter/pipeline"
)

// The causes of the ends that an interrupt brings about. A run that finishes what is in flight returns pipeline.ErrInterrupted
// itself.
var (
	// ErrStoppedAtOnce ends what commits, ErrAbandoned what commits nothing.
	ErrStoppedAtOnce error = &interruption{"stopped at once"}
	ErrAbandoned     error = &interruption{"interrupted"}
)

// interruption is a pipeline.ErrInterrupted of another kind.
type interruption struct{ text string }

func (i *interruption) Error() string { return i.text }
func (i *interruption) Unwrap() error { return pipeline.ErrInterrupted }

// Interruptible returns a context for what has nothing to commit: it ends with ErrAbandoned when stop is closed.
func Interruptible(ctx context.Context, stop <-chan struct{}) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	go func() {
		select {
		case <-stop:
			cancel(ErrAbandoned)
		case <-ctx.Done():
		}
	}()
	return ctx, func() { cancel(nil) }
}

// announceStop says what the first interrupt does, as soon as it comes, until the returned function is called.
func (r *run) announceStop() (end func()) {
	return inBackground(func(done <-chan struct{}) {
		select {
		case <-r.Stop:
			r.Log.Warn("interrupted: what is in flight is finished and committed; another interrupt stops at once")
		case <-done:
		}
	})
}

// inBackground runs f until the returned function is called, which closes done and waits for its end.
func inBackground(f func(done <-chan struct{})) (stop func()) {
	done, finished := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(finished)
		f(done)
	}()
	return func() {
		close(done)
		<-finished
	}
}
