package main

import (
	"context"
	"errors"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"exporter/pipeline"
)

func TestHeed_SecondSignal(t *testing.T) {
	t.Parallel()
	type at struct {
		after  time.Duration
		signal os.Signal
	}
	const second = time.Second
	for name, tt := range map[string]struct {
		then []at
		// ends is when the run is ended at once; 0 is never.
		ends time.Duration
	}{
		"SIGTERM alone":                {[]at{{0, syscall.SIGTERM}}, 0},
		"SIGTERM twice at once":        {[]at{{0, syscall.SIGTERM}, {0, syscall.SIGTERM}}, 0},
		"SIGTERM twice in two seconds": {[]at{{0, syscall.SIGTERM}, {2*second - 1, syscall.SIGTERM}}, 0},
		"SIGTERM after two seconds":    {[]at{{0, syscall.SIGTERM}, {2 * second, syscall.SIGTERM}}, 2 * second},
		"a third SIGTERM, later":       {[]at{{0, syscall.SIGTERM}, {second, syscall.SIGTERM}, {second, syscall.SIGTERM}}, 2 * second},
		"SIGHUP behind SIGTERM":        {[]at{{0, syscall.SIGTERM}, {second, syscall.SIGHUP}}, 0},
		"SIGHUP twice":                 {[]at{{0, syscall.SIGHUP}, {second, syscall.SIGHUP}, {5 * second, syscall.SIGHUP}}, 6 * second},
		"Ctrl-C twice":                 {[]at{{0, os.Interrupt}, {second / 10, os.Interrupt}}, second / 10},
		"Ctrl-C, then SIGTERM":         {[]at{{0, os.Interrupt}, {second, syscall.SIGTERM}}, second},
		"SIGTERM, then Ctrl-C":         {[]at{{0, syscall.SIGTERM}, {second, os.Interrupt}}, second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancelCause(context.Background())
				signals, stop := make(chan os.Signal), make(chan struct{})
				done := make(chan struct{})
				go func() {
					defer close(done)
					heed(signals, stop, cancel)
				}()
				began := time.Now()
				for i, s := range tt.then {
					time.Sleep(s.after)
					select {
					case <-stop:
						if i == 0 {
							t.Error("stopped before the first signal")
						}
					default:
						if i > 0 {
							t.Error("not stopped after the first signal")
						}
					}
					if ctx.Err() != nil {
						t.Fatalf("ended before signal %d", i)
					}
					signals <- s.signal
					synctest.Wait()
				}
				switch took := time.Since(began); {
				case tt.ends == 0 && ctx.Err() != nil:
					t.Errorf("ended at once after %v, want an orderly end", took)
				case tt.ends > 0 && (ctx.Err() == nil || took != tt.ends):
					t.Errorf("ended %t after %v, want it after %v", ctx.Err() != nil, took, tt.ends)
				case tt.ends > 0 && !errors.Is(context.Cause(ctx), pipeline.ErrInterrupted):
					t.Errorf("the cause is %v", context.Cause(ctx))
				}
				// No signal comes any more.
				close(signals)
				<-done
			})
		})
	}
}

// Who stops a command at once need not wait for what it waits for.
func TestOrStopped_CommandThatHangs_IsLeft(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		// takes is how long the command takes, and after its stop how long it takes to end.
		takes, takesToEnd, stopAfter time.Duration
		code                         int
		after                        time.Duration
	}{
		"ends by itself":      {takes: time.Minute, stopAfter: time.Hour, code: 3, after: time.Minute},
		"ends when told so":   {takes: time.Hour, takesToEnd: time.Second, stopAfter: time.Minute, code: 3, after: time.Minute + time.Second},
		"does not end at all": {takes: time.Hour, takesToEnd: time.Hour, stopAfter: time.Minute, code: exitInterrupted, after: time.Minute + longestEnd},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), tt.stopAfter)
				defer cancel()
				began := time.Now()
				code := orStopped(ctx, func() int {
					select {
					case <-time.After(tt.takes):
					case <-ctx.Done():
						time.Sleep(tt.takesToEnd)
					}
					return 3
				})
				took := time.Since(began)
				// Nothing is left behind.
				time.Sleep(tt.takesToEnd)
				if code != tt.code || took != tt.after {
					t.Errorf("code %d after %v, want %d after %v", code, took, tt.code, tt.after)
				}
			})
		})
	}
}
