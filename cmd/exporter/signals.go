package main

import (
	"context"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"

	"exporter/pipeline"
)

// sameSignal is how long after a request to end another one is taken for the same: Slurm sends SIGTERM to the step and to its
// processes, systemd sends SIGHUP after it, and a terminal that closes sends SIGHUP more than once.
const sameSignal = 2 * time.Second

// The causes of the ends that an interrupt brings about. What is in flight is finished when a run returns
// pipeline.ErrInterrupted itself.
var (
	// errStoppedAtOnce ends what has a commit, errAbandoned what has none.
	errStoppedAtOnce = &interruption{"stopped at once"}
	errAbandoned     = &interruption{"interrupted"}
)

// interruption is a pipeline.ErrInterrupted of another kind.
type interruption struct{ text string }

func (i *interruption) Error() string { return i.text }
func (i *interruption) Unwrap() error { return pipeline.ErrInterrupted }

// withSignals returns a channel that the first SIGINT, SIGTERM or SIGHUP closes, and a context that the second one ends. A
// SIGHUP that was ignored when the program began, as nohup has it, stays ignored.
func withSignals(ctx context.Context) (context.Context, <-chan struct{}) {
	ctx, cancel := context.WithCancelCause(ctx)
	stop := make(chan struct{})
	signals := make(chan os.Signal, 2)
	wanted := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) {
		wanted = append(wanted, syscall.SIGHUP)
	}
	signal.Notify(signals, wanted...)
	go func() {
		heed(signals, stop, cancel)
		// A third one ends the program as it ends any other.
		signal.Stop(signals)
	}()
	return ctx, stop
}

// heed closes stop at the first signal, and cancels at the second that is another one.
func heed(signals <-chan os.Signal, stop chan<- struct{}, cancel context.CancelCauseFunc) {
	first, at := <-signals, time.Now()
	close(stop)
	for next := range signals {
		if endsSoftly(first) && endsSoftly(next) && time.Since(at) < sameSignal {
			continue
		}
		cancel(errStoppedAtOnce)
		return
	}
}

// endsSoftly tells whether a signal is one that programs send. Who presses Ctrl-C twice means it.
func endsSoftly(s os.Signal) bool {
	return slices.Contains([]os.Signal{syscall.SIGTERM, syscall.SIGHUP}, s)
}

// announceStop says what the first interrupt does, as soon as it comes, until the returned function is called.
func (e *export) announceStop(console *console) (end func()) {
	done := make(chan struct{})
	finished := make(chan struct{})
	go func() {
		defer close(finished)
		select {
		case <-e.stop:
			console.log.Warn("interrupted: what is in flight is finished and committed; another interrupt stops at once")
		case <-done:
		}
	}()
	return func() {
		close(done)
		<-finished
	}
}

// interruptible returns a context for commands that have nothing to commit: the first interrupt ends it.
func (a *app) interruptible(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	go func() {
		select {
		case <-a.stop:
			cancel(errAbandoned)
		case <-ctx.Done():
		}
	}()
	return ctx, func() { cancel(nil) }
}
