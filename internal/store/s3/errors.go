package s3

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/minio/minio-go/v7/pkg/credentials"

	"exporter/internal/store"
	"exporter/internal/store/bucket"
)

const (
	// maxMessage is the most bytes of a message of others that are shown, maxErrorBody the most that are read.
	maxMessage, maxErrorBody = 300, 64 << 10
	// maxRetryAfter bounds what a store may ask for.
	maxRetryAfter = time.Hour
)

// answered is an error that the store has said in its own words.
type answered struct {
	text string
	is   error
}

func (e *answered) Error() string { return e.text }
func (e *answered) Unwrap() error { return e.is }

// errRefused says that a request was answered with an error that has no other name here.
var errRefused = errors.New("the object store refused a request")

// errorBody is how stores say what is wrong.
type errorBody struct {
	XMLName xml.Name `xml:"Error"`
	Code    string
	Message string
	Region  string
}

// refused is the error of an answer that is no success.
func (c *Client) refused(q request, who credentials.Value, a *answer) error {
	var said errorBody
	text, err := io.ReadAll(io.LimitReader(a.Body, maxErrorBody))
	if err != nil || xml.Unmarshal(text, &said) != nil {
		said = errorBody{}
	}
	code := cmp.Or(said.Code, codeWithout(q, a.StatusCode))
	message := said.Message
	for _, s := range secrets(who) {
		if s != "" {
			message = strings.ReplaceAll(message, s, "[redacted]")
		}
	}
	shown := strings.TrimSpace(fmt.Sprintf("%d %s", a.StatusCode, plain(code, maxMessage)))
	if message != "" {
		shown += ": " + plain(message, maxMessage)
	}
	e := &bucket.Error{
		Op: q.op, Key: q.key, Status: a.StatusCode, Code: plain(code, maxMessage),
		Temporary: isTemporary(a.StatusCode, code), RetryAfter: retryAfter(a.Response),
	}
	if isExpired(code) && c.identity.expire(who) {
		e.Temporary = true
	}
	e.Err = &answered{shown, meaning(q.op, a.StatusCode, code)}
	e.Hint = c.hint(q.op, e, a.Response, said.Region)
	return e
}

// codeWithout is the code of an answer that has none: one to HEAD, or of what stands before the store.
func codeWithout(q request, status int) string {
	if status == http.StatusPreconditionFailed || q.method == http.MethodHead && status == http.StatusRequestedRangeNotSatisfiable {
		return "PreconditionFailed"
	}
	return ""
}

// meaning is what an answer says in the words of bucket.Client. Only a store that says that there is no such key means it: an answer 404
// may as well be of a bucket that is missing, or of no store at all.
func meaning(op string, status int, code string) error {
	conditionHeld := code == "ConditionalRequestConflict" || code == "OperationAborted" || code == "Conflict" || code == ""
	switch {
	case status == http.StatusPreconditionFailed && op == opCreate:
		return store.ErrExists
	case status == http.StatusPreconditionFailed && op == opGet:
		return bucket.ErrChanged
	case op == opCreate && (status >= 500 && status != http.StatusNotImplemented || status == http.StatusRequestTimeout || code == "RequestTimeout"):
		return store.ErrUnsure
	case op == opCreate && status == http.StatusConflict && conditionHeld:
		return store.ErrUnsure
	case status == http.StatusNotFound && code == "NoSuchKey":
		return fs.ErrNotExist
	case status == http.StatusForbidden || status == http.StatusUnauthorized:
		return fs.ErrPermission
	}
	return errRefused
}

// isTemporary tells whether the same may succeed soon.
func isTemporary(status int, code string) bool {
	switch status {
	case http.StatusRequestTimeout, http.StatusTooManyRequests, http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable,
		http.StatusGatewayTimeout:
		return true
	}
	return slices.Contains([]string{
		"SlowDown", "RequestTimeout", "InternalError", "ServiceUnavailable", "Throttling", "ThrottlingException", "RequestLimitExceeded",
		"ConditionalRequestConflict", "OperationAborted", "IncompleteBody", "BadDigest", "XAmzContentSHA256Mismatch",
	}, code)
}

// isExpired tells whether a store wants other credentials.
func isExpired(code string) bool {
	return code == "ExpiredToken" || code == "ExpiredTokenException" || code == "InvalidToken" || code == "TokenRefreshRequired"
}

// retryAfter is how long the store wants to be left alone.
func retryAfter(r *http.Response) time.Duration {
	text := strings.TrimSpace(r.Header.Get("Retry-After"))
	seconds, err := strconv.ParseFloat(text, 64)
	if err != nil {
		at, err := http.ParseTime(text)
		if err != nil {
			return 0
		}
		seconds = time.Until(at).Seconds()
	}
	return time.Duration(min(max(seconds, 0), maxRetryAfter.Seconds()) * float64(time.Second))
}

// lost is the error of a request without an answer, or with one that broke off.
func (c *Client) lost(ctx context.Context, w *watch, op, key string, err error) error {
	e := &bucket.Error{Op: op, Key: key, Err: err}
	unsent := isUnsent(err)
	switch cause := context.Cause(ctx); {
	case cause != nil:
		e.Err = cause
	case errors.Is(context.Cause(w.ctx), errStalled):
		e.Err, e.Temporary = errStalled, true
	default:
		e.Hint, e.Temporary = c.explain(err)
	}
	if op == opCreate && !unsent {
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
func (c *Client) explain(err error) (hint string, temporary bool) {
	dns, isDNS := errors.AsType[*net.DNSError](err)
	switch {
	case isCertificate(err):
		return "where its certificate is of an authority of your own, AWS_CA_BUNDLE names a PEM file of that", false
	case errors.Is(err, http.ErrSchemeMismatch):
		return "the store does not speak TLS: give its URL with http://", false
	case isDNS && dns.IsNotFound:
		return "look at the endpoint, AWS_ENDPOINT_URL_S3, and the region, AWS_REGION", c.answered.Load()
	}
	return "", true
}

// plain makes a text of others fit for a line.
func plain(text string, most int) string {
	text = strings.Join(strings.Fields(strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "?"))), " ")
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}
