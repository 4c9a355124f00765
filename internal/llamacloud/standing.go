package llamacloud

import (
	"context"
	"errors"
	"sync/atomic"
)

// standing is what requests tell about the key: whether the API accepts it. It is safe for concurrent use.
type standing struct {
	// sent is how many requests were sent. A request's number is what it was with that request.
	sent atomic.Int64
	// accepted is the highest number of a request that the configured origin accepted.
	accepted atomic.Int64
	// asking holds a value while somebody asks for what was answered well before.
	asking chan struct{}
}

// accept says that the request of a number was accepted.
func (s *standing) accept(number int64) {
	for {
		highest := s.accepted.Load()
		if number <= highest || s.accepted.CompareAndSwap(highest, number) {
			return
		}
	}
}

// settle decides what the error means that a request is given up with. The refusal of a key ends the run, unless it
// was one file or asset that was asked for, and others are accepted.
func (k *call) settle(ctx context.Context, err error) error {
	refused, ok := errors.AsType[*APIError](err)
	if !ok || !refused.unauthorized() {
		return err
	}
	if k.single {
		accepted, err := k.othersAccepted(ctx)
		if err != nil {
			return err
		}
		refused.alone = accepted
	}
	if !refused.alone {
		k.client.origins.Halt(err)
	}
	return err
}

// othersAccepted tells whether the API accepts the key for other requests than this one, which it refused: one that was sent
// after the refusal, or, if none was, one that it accepted before. The error is why that one could not be sent, or that it
// was refused too.
func (k *call) othersAccepted(ctx context.Context) (bool, error) {
	s := &k.client.standing
	select {
	case s.asking <- struct{}{}:
		defer func() { <-s.asking }()
	case <-ctx.Done():
		return false, context.Cause(ctx)
	}
	if s.accepted.Load() > k.refusedAt {
		return true, nil
	}
	known := k.client.answered.Load()
	if known == nil {
		return false, nil
	}
	err := known.again().do(ctx, func(a *answer) error {
		a.discard()
		return nil
	})
	if _, ok := concern(err); err == nil || ok {
		return true, nil
	}
	return false, err
}
