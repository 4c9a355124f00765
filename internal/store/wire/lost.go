package wire

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"

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
	if isCertificate(err) || errors.Is(err, http.ErrSchemeMismatch) {
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

// explain says what to do about a connection that failed, and whether it may do better next time. A name that nobody knows is believed as
// long as the store has never answered: later, it is the network.
func (l *Line) explain(err error) (hint string, temporary bool) {
	dns, isDNS := errors.AsType[*net.DNSError](err)
	switch {
	case isCertificate(err):
		return l.options.CertificateHint, false
	case errors.Is(err, http.ErrSchemeMismatch):
		return "the store does not speak TLS: give its URL with http://", false
	case isDNS && dns.IsNotFound:
		return l.options.NameHint, l.answered.Load()
	}
	return "", true
}
