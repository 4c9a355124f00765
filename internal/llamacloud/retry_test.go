package llamacloud

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"exporter/pipeline"
)

func TestJudge(t *testing.T) {
	status := func(code int) error { return &APIError{Status: code, own: true} }
	advised := func(code int, a advice) error { return &APIError{Status: code, own: true, advice: a} }
	class := func(class string) error { return &RequestError{Class: class} }
	unsent := func(class string) error { return &RequestError{Class: class, unsent: true} }
	const get, patch, post, del = http.MethodGet, http.MethodPatch, http.MethodPost, http.MethodDelete
	tests := []struct {
		method string
		err    error
		want   verdict
	}{
		{get, status(400), giveUp}, {get, status(401), tryAgain}, {get, status(403), giveUp}, {get, status(404), giveUp},
		{get, status(410), giveUp}, {get, status(422), giveUp}, {get, status(501), giveUp}, {get, status(505), giveUp},
		{get, status(304), giveUp}, {get, status(408), tryAgain}, {get, status(409), tryAgain}, {get, status(425), tryAgain},
		{get, status(500), tryAgain}, {get, status(503), tryAgain}, {get, status(599), tryAgain}, {get, status(429), tryAgain},
		{get, &APIError{Status: 429, throttled: true}, comeBack}, {get, &APIError{Status: 503, throttled: true}, comeBack},
		{get, class(ClassTransport), tryAgain}, {get, class(ClassTimeout), tryAgain}, {get, class(ClassStalled), tryAgain},
		{get, class(ClassSlow), tryAgain}, {get, class(ClassTruncated), tryAgain}, {get, class(ClassSizeMismatch), tryAgain},
		{get, class(ClassNotImage), tryAgain}, {get, class(ClassMalformed), tryAgain}, {get, class(ClassTooLarge), giveUp},
		{get, class(ClassEncoding), giveUp}, {get, class(ClassRedirect), giveUp}, {get, class(ClassBadID), giveUp},
		{get, class(ClassTLS), giveUp}, {get, &PauseError{}, giveUp}, {get, pipeline.ErrStopped, giveUp},
		{get, context.Canceled, giveUp}, {get, &pipeline.StorageError{Err: errors.New("full")}, giveUp},
		{get, fmt.Errorf("wrapped: %w", class(ClassTransport)), tryAgain},
		{patch, status(500), tryAgain}, {patch, class(ClassTransport), tryAgain}, {del, status(503), tryAgain},
		{post, status(500), giveUp}, {post, &APIError{Status: 503, throttled: true}, giveUp}, {post, &APIError{Status: 429, throttled: true}, comeBack},
		{post, class(ClassTransport), giveUp}, {post, unsent(ClassTransport), tryAgain}, {post, class(ClassMalformed), giveUp},
		{post, unsent(ClassTLS), giveUp},
		{get, &APIError{Status: 401}, giveUp}, {post, status(401), giveUp}, {get, &APIError{Status: 401, own: true, alone: true}, giveUp},
		{get, advised(404, sendAgain), tryAgain}, {get, advised(501, sendAgain), tryAgain}, {post, advised(500, sendAgain), tryAgain},
		{post, advised(404, sendAgain), tryAgain}, {get, advised(500, leaveIt), giveUp}, {get, advised(401, leaveIt), giveUp},
		{get, &APIError{Status: 429, throttled: true, advice: leaveIt}, giveUp},
		{get, &APIError{Status: 503, throttled: true, advice: sendAgain}, comeBack},
		{post, &APIError{Status: 503, throttled: true, advice: sendAgain}, comeBack}, {post, advised(429, leaveIt), giveUp},
	}
	for _, test := range tests {
		if got := judge(test.method, test.err); got != test.want {
			t.Errorf("%s, %#v: verdict %d, want %d", test.method, test.err, got, test.want)
		}
	}
}

func TestTries_Next_BoundsAttempts(t *testing.T) {
	limited := &APIError{Status: 429, throttled: true}
	broken := &APIError{Status: 500}
	tries := tries{max: 3}
	for i, err := range []error{broken, limited, limited, broken} {
		if _, final := tries.next(http.MethodGet, err); final != nil {
			t.Fatalf("gave up at attempt %d: %v", i, final)
		}
	}
	if _, final := tries.next(http.MethodGet, broken); final != broken {
		t.Errorf("got %v, want %v after three attempts that count", final, broken)
	}
}

func TestTries_Next_EndsWithTheSameTwice(t *testing.T) {
	wrong := func(how string) error { return &RequestError{Class: ClassSizeMismatch, likeness: how} }
	cut, broken := &RequestError{Class: ClassTruncated}, &APIError{Status: 500, own: true}
	malformed, refused := &RequestError{Class: ClassMalformed}, &APIError{Status: 401, own: true}
	insisted := &APIError{Status: 401, own: true, advice: sendAgain}
	for _, test := range []struct {
		failures []error
		want     int
	}{
		{[]error{wrong("3"), wrong("3")}, 2},
		{[]error{wrong("3"), cut, broken, wrong("3")}, 4},
		{[]error{wrong("3"), wrong("4"), wrong("3"), wrong("4"), wrong("5"), wrong("5")}, 6},
		{[]error{wrong("3"), wrong("4"), wrong("4")}, 3},
		{[]error{cut, cut, cut, cut, cut, cut}, 6},
		{[]error{malformed, malformed}, 2},
		{[]error{malformed, broken, malformed}, 3},
		{[]error{refused, refused}, 2},
		{[]error{refused, broken, refused}, 3},
		{[]error{insisted, insisted, insisted, insisted, insisted, insisted}, 6},
	} {
		tries := tries{max: 6}
		for i, failure := range test.failures {
			_, final := tries.next(http.MethodGet, failure)
			if last := i == test.want-1; last != (final != nil) || last && final != failure {
				t.Errorf("%v: got %v after %d, want the end after %d", test.failures, final, i+1, test.want)
				break
			}
		}
	}
}

func TestParseAdvice(t *testing.T) {
	for value, want := range map[string]advice{
		"true": sendAgain, "TRUE": sendAgain, " True ": sendAgain, "false": leaveIt, "False": leaveIt,
		"": noAdvice, "1": noAdvice, "yes": noAdvice, "true, false": noAdvice, "\u017f": noAdvice,
	} {
		if got := parseAdvice(http.Header{"X-Should-Retry": {value}}); got != want {
			t.Errorf("%q: got %d, want %d", value, got, want)
		}
	}
}

func TestBackoff_HasFullJitter(t *testing.T) {
	for n, most := range []time.Duration{
		500 * time.Millisecond, time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second, 16 * time.Second,
		30 * time.Second, 30 * time.Second,
	} {
		var sum, highest time.Duration
		const rounds = 2000
		for range rounds {
			d := backoff(n)
			if d < 0 || d > most {
				t.Fatalf("backoff(%d) is %v, want 0 to %v", n, d, most)
			}
			sum += d
			highest = max(highest, d)
		}
		if mean := sum / rounds; mean < most*4/10 || mean > most*6/10 || highest < most*9/10 {
			t.Errorf("backoff(%d): mean %v, highest %v, want them spread over 0 to %v", n, mean, highest, most)
		}
	}
	if d := backoff(1 << 40); d > maxBackoff {
		t.Errorf("backoff of a large number is %v", d)
	}
}
