package llamacloud

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode"

	"exporter/internal/llamacloud/governor"
	"exporter/pipeline"
)

// Classes of what can go wrong with a request. Together with "http_" and a status, they are the classes of the
// *pipeline.Failure values that Source returns.
const (
	// ClassTransport: no answer, or one that broke off: no connection, reset, not HTTP.
	ClassTransport = "transport"
	// ClassTLS: the server's certificate was refused, or it does not speak TLS.
	ClassTLS = "tls"
	// ClassProxy: the proxy refused to connect to the server.
	ClassProxy = "proxy"
	// ClassTimeout: the connection or the answer's headers did not come in time.
	ClassTimeout = "timeout"
	// ClassStalled: no byte of a body came in time.
	ClassStalled = "stalled"
	// ClassSlow: a body came, but below the least rate.
	ClassSlow = "slow"
	// ClassTruncated: a body ended before its end.
	ClassTruncated = "truncated"
	// ClassSizeMismatch: an image is not as long as it was listed.
	ClassSizeMismatch = "size_mismatch"
	// ClassNotImage: a body is no image by its bytes, whatever it is declared as.
	ClassNotImage = "not_image"
	// ClassTooLarge: an image is larger than Options.MaxBlobSize.
	ClassTooLarge = pipeline.ClassTooLarge
	// ClassEncoding: a body is in a content coding, which was not asked for.
	ClassEncoding = "encoding"
	// ClassMalformed: a body is not the JSON that the API's reference promises, or it is too large or too deep.
	ClassMalformed = pipeline.ClassMalformed
	// ClassRedirect: a redirect led to where requests must not go, or to too many others.
	ClassRedirect = "redirect"
	// ClassThrottled: a host that the API redirects to has accepted nothing for longer than Options.MaxPause.
	ClassThrottled = "throttled"
	// ClassNotDocument: a body is a page of a portal, or an error, in the place of a document.
	ClassNotDocument = "not_document"
	// ClassGone: what had been listed is not there any more. ClassPending: it is not there yet.
	ClassGone    = pipeline.ClassGone
	ClassPending = "pending"
	// ClassBadID: an identifier was refused before a request was made.
	ClassBadID = "bad_id"
)

// maxErrorText is the length in bytes to which text from the server is cut in errors.
const maxErrorText = 500

// ErrUnauthorized is what an *APIError is, in the sense of errors.Is, when the API refused the key, and not just a request.
var ErrUnauthorized = errors.New("the API refused the key")

// APIError is an answer that is an error by its status.
type APIError struct {
	Method string
	// Route is the route's template; it names no file, and has no query.
	Route string
	// Host is who answered: the API's own host, or one that it redirected to. It is printable and without the key.
	Host   string
	Status int
	// Detail is what the API says about it, at most 500 bytes, likewise; it may be empty.
	Detail string
	// RequestID is the answer's X-Request-Id, likewise.
	RequestID string
	// Proxy is the URL of the proxy that stood between, without user and password; empty where there was none.
	Proxy string
	// BasePath is the path of the base URL, below which the request was made; empty where it has none, and of another host's answer.
	BasePath string

	// fields are the parameters of the request that the answer names as wrong.
	fields []string
	// own tells that the configured origin answered, so that the answer speaks for the API.
	own bool
	// throttled tells that the host wants fewer requests, and hopeless that it is not to be asked again, since others are
	// accepted.
	throttled, hopeless bool
	// wait is how long the request is to wait before it is sent again.
	wait time.Duration
	// advice is what the configured origin says about sending the request again.
	advice advice
	// alone tells that the key was refused for this request only.
	alone bool
}

func (e *APIError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s%s: %d", e.Method, e.Host, e.Route, e.Status)
	if text := http.StatusText(e.Status); text != "" {
		b.WriteString(" " + text)
	}
	if e.Detail != "" {
		b.WriteString(": " + e.Detail)
	}
	if e.RequestID != "" {
		b.WriteString(" (request " + e.RequestID + ")")
	}
	return b.String()
}

// Is makes a refusal of the key match ErrUnauthorized. A 401 of a host that the API redirected to is none: it never saw
// the key.
func (e *APIError) Is(target error) bool { return target == ErrUnauthorized && e.unauthorized() }

func (e *APIError) unauthorized() bool {
	return e.own && e.Status == http.StatusUnauthorized && !e.alone
}

// names tells whether the API refused one of the request's parameters.
func (e *APIError) names(parameter string) bool {
	return e.own && e.Status == http.StatusUnprocessableEntity && slices.Contains(e.fields, parameter)
}

// final tells whether the same request would be answered in the same way.
func (e *APIError) final() bool { return judgeStatus(e) == giveUp && !e.throttled }

// absent tells whether what was asked for is not there, or the API does not know how to answer for it.
func (e *APIError) absent() bool {
	switch e.Status {
	case http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusNotImplemented:
		return e.own
	}
	return false
}

// deadLink tells whether another host has refused a link that the API redirected to, as one that has expired. Some stores
// answer 400 to those.
func (e *APIError) deadLink() bool {
	switch e.Status {
	case http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusGone:
		return !e.own
	}
	return false
}

// RequestError is a request that got no answer, or one that cannot be used.
type RequestError struct {
	// Method, Route and Host are as in APIError.
	Method, Route, Host string
	// Class is one of the Class constants.
	Class string
	// Proxy is as in APIError.
	Proxy string
	// Err is the cause. Unlike the text of the RequestError itself, its text may repeat what the server sent.
	Err error

	text string
	// likeness is equal in answers that are wrong in the same way; empty where the next one may well be right.
	likeness string
	// unsent tells that no byte of the request left this machine.
	unsent bool
}

func (e *RequestError) Error() string {
	return fmt.Sprintf("%s %s%s: %s", e.Method, e.Host, e.Route, e.text)
}

func (e *RequestError) Unwrap() error { return e.Err }

// blocked tells whether every request to the same host would fail so, until somebody does something about it.
func (e *RequestError) blocked() bool { return e.Class == ClassTLS || e.Class == ClassProxy }

// PauseError and OutageError are what ends a run when the API's own governor gives up.
type (
	PauseError  = governor.PauseError
	OutageError = governor.OutageError
)

// ListingError says that a listing could not be had, or cannot be trusted. What it gave before is not complete.
type ListingError struct {
	// What was being listed, such as "directory dir-abc123".
	What string
	Err  error
}

func (e *ListingError) Error() string { return "list " + e.What + ": " + e.Err.Error() }
func (e *ListingError) Unwrap() error { return e.Err }

// IsRefusal tells whether an error is the API's refusal of a request, or of a listing, or that of what leads to the API, and will be
// again until somebody does something about it.
func IsRefusal(err error) bool {
	if failed, ok := errors.AsType[*RequestError](err); ok {
		return failed.blocked()
	}
	refused, ok := errors.AsType[*APIError](err)
	return ok && refused.final() && !errors.Is(err, ErrCursorRefused)
}

// IsAbsent tells whether an error is the API's answer that what was asked for is not there, or that it does not know how to answer for
// it.
func IsAbsent(err error) bool {
	refused, ok := errors.AsType[*APIError](err)
	return ok && refused.absent() && !errors.Is(err, ErrCursorRefused)
}

// isGone tells whether an error is the API's answer that what was asked for is not there.
func isGone(err error) bool {
	refused, ok := errors.AsType[*APIError](err)
	return ok && refused.own && (refused.Status == http.StatusNotFound || refused.Status == http.StatusGone)
}

// EndsAll tells whether an error of a listing is one that whatever else is asked of the API would end with.
func EndsAll(err error) bool {
	_, ok := concern(err)
	return err != nil && !ok && !errors.Is(err, ErrCursorRepeats) && !errors.Is(err, ErrListingStuck) && !errors.Is(err, ErrListingShifts)
}

// printable makes a server's text fit for an error: cut to maxErrorText, and with an escape for all that does not print.
func printable(text string) string {
	var b strings.Builder
	b.Grow(min(len(text), maxErrorText))
	for _, r := range text {
		if b.Len() >= maxErrorText {
			b.WriteString("…")
			break
		}
		if unicode.IsPrint(r) {
			b.WriteRune(r)
			continue
		}
		quoted := fmt.Sprintf("%+q", r)
		b.WriteString(quoted[1 : len(quoted)-1])
	}
	return b.String()
}
