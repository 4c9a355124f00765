package llamacloud

import (
	"cmp"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"
)

const (
	// firstBackoff and maxBackoff bound the jittered wait before a retry: rand(0, min(maxBackoff, firstBackoff·2ⁿ)).
	firstBackoff = 500 * time.Millisecond
	maxBackoff   = 30 * time.Second
)

// verdict is what a failed attempt means for the request.
type verdict int

const (
	// giveUp: the same request would fail again, or must not be sent again.
	giveUp verdict = iota
	// tryAgain: it may succeed next time.
	tryAgain
	// comeBack: the API asked to slow down.
	comeBack
)

// judge decides about an attempt of a method that failed with err. Requests that change something are sent again only
// where that cannot change it twice.
func judge(method string, err error) verdict {
	// unprocessed tells that the API has done nothing yet.
	v, unprocessed := giveUp, false
	if answered, ok := errors.AsType[*APIError](err); ok {
		v = judgeStatus(answered)
		unprocessed = answered.Status == http.StatusTooManyRequests || answered.advice == sendAgain
	} else if failed, ok := errors.AsType[*RequestError](err); ok && !errors.Is(err, errTooLarge) {
		v = judgeClass(failed.Class)
		unprocessed = failed.unsent
	}
	if method == http.MethodPost && !unprocessed {
		return giveUp
	}
	return v
}

func judgeStatus(e *APIError) verdict {
	switch {
	case e.advice == leaveIt, e.hopeless:
		return giveUp
	case e.advice == noAdvice && !retryableStatus(e.Status) && !e.unauthorized():
		return giveUp
	case e.throttled:
		return comeBack
	}
	return tryAgain
}

// advice is what an answer that is an error says about sending the request again, in its header X-Should-Retry.
type advice int

const (
	noAdvice advice = iota
	// sendAgain: it may succeed next time, whatever its status says, and nothing was done yet.
	sendAgain
	// leaveIt: it is the request's final answer.
	leaveIt
)

func parseAdvice(h http.Header) advice {
	switch strings.ToLower(strings.TrimSpace(h.Get("X-Should-Retry"))) {
	case "true":
		return sendAgain
	case "false":
		return leaveIt
	}
	return noAdvice
}

// likeness returns what is equal in failures that leave no hope that the next attempt differs; empty where there is hope.
func likeness(err error) string {
	if answered, ok := errors.AsType[*APIError](err); ok && answered.unauthorized() && answered.advice == noAdvice {
		return "unauthorized"
	}
	failed, ok := errors.AsType[*RequestError](err)
	switch {
	case !ok:
		return ""
	case failed.Class == ClassMalformed:
		return ClassMalformed
	}
	return failed.likeness
}

func retryableStatus(status int) bool {
	switch status {
	case http.StatusRequestTimeout, http.StatusConflict, http.StatusTooEarly, http.StatusTooManyRequests:
		return true
	case http.StatusNotImplemented, http.StatusHTTPVersionNotSupported:
		return false
	}
	return status >= 500
}

func judgeClass(class string) verdict {
	switch class {
	case ClassTransport, ClassTimeout, ClassStalled, ClassSlow, ClassTruncated, ClassSizeMismatch, ClassNotImage, ClassNotDocument,
		ClassMalformed:
		return tryAgain
	}
	return giveUp
}

// concern tells what an error of a request is about. If it concerns only the file or asset that was asked for, it returns
// its class; otherwise ok is false, and the run cannot go on.
func concern(err error) (class string, ok bool) {
	if answered, ok := errors.AsType[*APIError](err); ok {
		return fmt.Sprintf("http_%d", answered.Status), !answered.unauthorized()
	}
	if failed, ok := errors.AsType[*RequestError](err); ok {
		return failed.Class, !failed.blocked()
	}
	return "", false
}

// tries keeps count of the failed attempts of one request. Throttled ones are for the governor to count.
type tries struct {
	max, charged int
	// last is the likeness of the last failure that had one.
	last string
}

// next takes note of a failed attempt. It returns how long to wait before the next one, or the error to give up with.
func (t *tries) next(method string, err error) (time.Duration, error) {
	v := judge(method, err)
	if v == comeBack {
		return asked(err), nil
	}
	t.charged++
	like := likeness(err)
	if v == giveUp || t.charged >= t.max || like != "" && like == t.last {
		return 0, err
	}
	t.last = cmp.Or(like, t.last)
	return max(backoff(t.charged-1), asked(err)), nil
}

// asked returns how long a request has to wait by its last answer before it is sent again.
func asked(err error) time.Duration {
	if answered, ok := errors.AsType[*APIError](err); ok {
		return answered.wait
	}
	return 0
}

// backoff returns a wait with full jitter before retry number n, counted from 0.
func backoff(n int) time.Duration { return rand.N(backoffCap(n) + 1) }

// backoffCap returns the longest wait before retry number n.
func backoffCap(n int) time.Duration {
	if n < 6 {
		return firstBackoff << n
	}
	return maxBackoff
}
