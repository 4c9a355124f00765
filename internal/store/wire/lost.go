package wire

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"syscall"
	"time"

	"exporter/internal/store"
	"exporter/internal/store/bucket"
)

// lost is the error of a request without an answer, or with one that broke off.
func (l *Line) lost(ctx context.Context, w *watch, op, key string, err error) error {
	e := &bucket.Error{Op: op, Key: key, Err: err}
	switch cause := context.Cause(ctx); {
	case cause != nil:
		e.Err = cause
	case errors.Is(context.Cause(w.ctx), ErrStalled):
		e.Err, e.Temporary = ErrStalled, true
	default:
		e.Hint, e.Temporary = l.explain(err)
	}
	l.complain(e)
	if op == OpCreate && !isUnsent(err) {
		e.Err = &unsure{e.Err}
	}
	return e
}

// unsure is store.ErrUnsure and what is the matter.
type unsure struct{ err error }

func (e *unsure) Error() string   { return e.err.Error() }
func (e *unsure) Unwrap() []error { return []error{store.ErrUnsure, e.err} }

// isUnsent tells whether nothing of a request can have reached the store.
func isUnsent(err error) bool {
	_, isPlain := errors.AsType[tls.RecordHeaderError](err)
	if isCertificate(err) || isPlain {
		return true
	}
	if _, ok := errors.AsType[*net.DNSError](err); ok {
		return true
	}
	op, ok := errors.AsType[*net.OpError](err)
	return ok && (op.Op == "dial" || op.Op == "proxyconnect")
}

func isCertificate(err error) bool {
	_, verify := errors.AsType[*tls.CertificateVerificationError](err)
	_, authority := errors.AsType[x509.UnknownAuthorityError](err)
	_, name := errors.AsType[x509.HostnameError](err)
	_, invalid := errors.AsType[x509.CertificateInvalidError](err)
	return verify || authority || name || invalid
}

// explain says what to do about a connection that failed, and whether it may do better next time. What says that there is no such store is
// believed as long as it has never answered: later, it is the network.
func (l *Line) explain(err error) (hint string, temporary bool) {
	dns, isDNS := errors.AsType[*net.DNSError](err)
	header, isPlain := errors.AsType[tls.RecordHeaderError](err)
	_, isAlert := errors.AsType[tls.AlertError](err)
	hasAnswered := l.answered.Load()
	switch {
	case isCertificate(err):
		return l.options.CertificateHint, false
	case isPlain && string(header.RecordHeader[:]) == "HTTP/":
		return "the store does not speak TLS: give its URL with http://", hasAnswered
	case isPlain:
		return "what answers there does not speak TLS", hasAnswered
	case isAlert:
		return "the TLS of the store, or of a proxy, is not one that is spoken here", hasAnswered
	case isDNS && dns.IsNotFound:
		return l.options.NameHint, hasAnswered
	case !hasAnswered && errors.Is(err, syscall.ECONNREFUSED):
		return l.options.NameHint, l.isYoung()
	}
	return "", true
}

// isYoung tells whether it was found not long ago that nothing listens.
func (l *Line) isYoung() bool {
	now := time.Now().UnixNano()
	l.refused.CompareAndSwap(0, now)
	return now-l.refused.Load() < refusedFor.Nanoseconds()
}

// complain tells the log, once, that a store which has never answered may be tried again.
func (l *Line) complain(e *bucket.Error) {
	if e.Temporary && l.options.Log != nil && !l.answered.Load() && !l.complained.Swap(true) {
		l.options.Log.Warn("the object store is not reached, and tried again", "error", e.Err)
	}
}
