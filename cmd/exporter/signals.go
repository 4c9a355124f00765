package main

import (
	"context"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"

	"exporter/internal/export"
)

// sameSignal is how long after a request to end another one is taken for the same: Slurm sends SIGTERM to the step and to its
// processes, systemd sends SIGHUP after it, and a terminal that closes sends SIGHUP more than once.
const sameSignal = 2 * time.Second

// withSignals returns a channel that the first SIGINT, SIGTERM or SIGHUP closes, and a context that the second one ends. A
// SIGHUP that was ignored when the program began, as nohup has it, stays ignored. No SIGPIPE ends the program: where nobody reads any more what it
// writes, the writes fail.
func withSignals(ctx context.Context) (context.Context, <-chan struct{}) {
	ctx, cancel := context.WithCancelCause(ctx)
	stop := make(chan struct{})
	signals := make(chan os.Signal, 2)
	wanted := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) {
		wanted = append(wanted, syscall.SIGHUP)
	}
	signal.Notify(signals, wanted...)
	signal.Ignore(syscall.SIGPIPE)
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
		cancel(export.ErrStoppedAtOnce)
		return
	}
}

// longestEnd is how long a command may take that is to end at once. It is more than a ping takes, which tells of that end.
const longestEnd = 10 * time.Second

// orStopped returns the exit code of a command. One that is to end at once, and does not as it waits for a disk or for the reader of a pipe, is left
// to itself.
func orStopped(ctx context.Context, command func() int) int {
	ended := make(chan int, 1)
	go func() { ended <- command() }()
	select {
	case code := <-ended:
		return code
	case <-ctx.Done():
	}
	late := time.NewTimer(longestEnd)
	defer late.Stop()
	select {
	case code := <-ended:
		return code
	case <-late.C:
		return exitInterrupted
	}
}

// endsSoftly tells whether a signal is one that programs send. Who presses Ctrl-C twice means it.
func endsSoftly(s os.Signal) bool {
	return slices.Contains([]os.Signal{syscall.SIGTERM, syscall.SIGHUP}, s)
}
