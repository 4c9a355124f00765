package bucket

import (
	"context"
	"errors"
	"io"
	"iter"
	"log/slog"
	"math/rand/v2"
	"time"

	"exporter/internal/store"
)

const (
	// mostDelay bounds the time between two tries; the real one is drawn at random below a bound that doubles.
	mostDelay = 20 * time.Second
	// complainAfter is how long a request is tried before that is said.
	complainAfter = 10 * time.Second
)

// patient repeats requests that may succeed soon, and that may be repeated, until so much time is gone.
type patient struct {
	Client
	// within is how long, and delay bounds the time before the second try.
	within, delay time.Duration
	log           *slog.Logger
}

// leastTries is how often a request is tried at least that may succeed soon, however long each try takes.
const leastTries = 3

// again calls f until it succeeds, fails for good, or has failed for too long.
func (p *patient) again(ctx context.Context, f func() error) error {
	var failing time.Time
	said := false
	bound := p.delay
	for try := 1; ; try++ {
		err := f()
		failed, ok := errors.AsType[*Error](err)
		if !ok || !failed.Temporary {
			return err
		}
		if cause := context.Cause(ctx); cause != nil {
			// Whoever has asked for an end is told of that, and not of what would be tried again.
			return cause
		}
		if failing.IsZero() {
			failing = time.Now()
		}
		delay := max(failed.RetryAfter, rand.N(bound)+bound/4)
		bound = min(2*bound, mostDelay)
		if try >= leastTries && time.Since(failing)+delay > p.within {
			return err
		}
		if time.Since(failing) > complainAfter && !said {
			said = true
			p.log.Warn("the bucket does not answer as it should: trying again", "error", err, "for", p.within)
		}
		if err := wait(ctx, delay); err != nil {
			return err
		}
	}
}

// wait waits for some time, or until the context ends.
func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// put is Put of what nobody else puts.
func (p *patient) put(ctx context.Context, key string, c store.Content, size int64) (v Version, err error) {
	err = p.again(ctx, func() error {
		v, err = p.Put(ctx, key, c, size)
		return err
	})
	return v, err
}

// read reads so many bytes of an object, fewer where it ends before.
func (p *patient) read(ctx context.Context, key string, offset, length int64, of Version) (data []byte, info Info, err error) {
	err = p.again(ctx, func() error {
		body, i, err := p.Client.Get(ctx, key, offset, length, of)
		if err != nil {
			return err
		}
		info = i
		want := min(length, max(0, info.Size-offset))
		data = make([]byte, want)
		if _, err := io.ReadFull(body, data); err != nil {
			return errors.Join(&Error{Op: "read", Key: key, Temporary: true, Err: err}, body.Close())
		}
		return body.Close()
	})
	return data, info, err
}

// lister is List or Level of a client.
type lister func(ctx context.Context, prefix, after string) iter.Seq2[Info, error]

// all returns what List yields.
func (p *patient) all(ctx context.Context, prefix, after string) iter.Seq2[Info, error] {
	return p.allOf(ctx, p.List, prefix, after)
}

// allOf returns what a list has. It goes on where it broke off, as often as something has come since.
func (p *patient) allOf(ctx context.Context, all lister, prefix, after string) iter.Seq2[Info, error] {
	return func(yield func(Info, error) bool) {
		last, ended := after, false
		list := func() error {
			for info, err := range all(ctx, prefix, last) {
				if err != nil {
					return err
				}
				last = info.Key
				if ended = !yield(info, nil); ended {
					return nil
				}
			}
			ended = true
			return nil
		}
		for !ended {
			before := last
			if err := p.again(ctx, list); err != nil && (!isTemporary(err) || last == before || ctx.Err() != nil) {
				yield(Info{}, err)
				return
			}
		}
	}
}

// isTemporary tells whether the same may succeed soon.
func isTemporary(err error) bool {
	failed, ok := errors.AsType[*Error](err)
	return ok && failed.Temporary
}
