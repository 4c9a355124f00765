package emulator

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"
)

// StorageOptions describe a storage origin as S3 is one: it answers GET requests to signed links that expire, wants no
// key, and has limits of its own.
type StorageOptions struct {
	// Origin is where Server.Storage is served, such as "http://127.0.0.1:8081".
	Origin string
	// Blobs says that every blob that the API has is answered with a redirect to its link. Otherwise only presigned URLs and
	// FaultRedirectOther lead to this origin.
	Blobs bool
	// Limit throttles requests with a valid link; nil means unlimited.
	Limit *RateLimit
	// ThrottleStatus is that of throttled answers, 503 or 429; 503 when 0.
	ThrottleStatus int
	// Latency is waited for before every answer.
	Latency time.Duration
}

// storage is the storage origin of a Server.
type storage struct {
	StorageOptions
	server  *Server
	limiter *Limiter // nil: unlimited
}

var _ http.Handler = (*storage)(nil)

func newStorage(s *Server, o *Options) (*storage, error) {
	t := &storage{StorageOptions: *o.Storage, server: s}
	t.ThrottleStatus = cmp.Or(t.ThrottleStatus, http.StatusServiceUnavailable)
	u, err := url.Parse(t.Origin)
	switch {
	case err != nil || u.Scheme == "" || u.Host == "" || u.Path != "":
		return nil, fmt.Errorf("Storage.Origin is %q, want an origin such as http://127.0.0.1:8081", t.Origin)
	case t.Latency < 0:
		return nil, errors.New("Storage.Latency must not be negative")
	case !slices.Contains(ThrottleStatuses(), t.ThrottleStatus):
		return nil, fmt.Errorf("Storage.ThrottleStatus is %d, it must be 429 or 503", t.ThrottleStatus)
	case t.Limit == nil:
		return t, nil
	}
	if t.limiter, err = NewLimiter(*t.Limit); err != nil {
		return nil, fmt.Errorf("Storage: %w", err)
	}
	t.limiter.Start(time.Now())
	return t, nil
}

// serves tells whether the blobs of a route are answered with a redirect. t may be nil.
func (t *storage) serves(r Route) bool {
	return t != nil && t.Blobs && slices.Contains(BlobRoutes(), r)
}

// redirect leads a request to its link.
func (t *storage) redirect(x *exchange) reply {
	return redirect(t.Origin + t.server.links.sign(x.r.URL, time.Now(), t.server.linkLife))
}

// ServeHTTP answers one request for the storage origin.
func (t *storage) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	t.server.serve(&exchange{w: w, r: r, query: r.URL.Query(), stored: true}, t.Latency, t.answer)
}

func (t *storage) answer(x *exchange, arrived time.Time) reply {
	e, params, _ := match(t.server.endpoints, x.r)
	if e != nil {
		x.route, x.params = e.route, params
	}
	switch {
	case x.r.Method != http.MethodGet:
		return xmlError(http.StatusMethodNotAllowed, storageError{
			Code: "MethodNotAllowed", Message: "The specified method is not allowed against this resource.",
		})
	case x.r.Header.Get("Authorization") != "":
		return xmlError(http.StatusBadRequest, storageError{
			Code: "InvalidArgument", Message: "Only one auth mechanism allowed",
		})
	}
	if refused := t.server.links.check(x.r.URL, arrived); refused != nil {
		return xmlError(http.StatusForbidden, *refused)
	}
	if t.limiter != nil {
		if wait := t.limiter.Take(arrived); wait > 0 {
			return t.throttled(arrived, wait)
		}
	}
	if e == nil {
		return noSuchKey()
	}
	unsign(x.query)
	return t.server.operate(e, x)
}

func (t *storage) throttled(now time.Time, wait time.Duration) reply {
	e := storageError{Code: "SlowDown", Message: "Please reduce your request rate."}
	if t.ThrottleStatus == http.StatusTooManyRequests {
		e.Code = "TooManyRequests"
	}
	return xmlError(t.ThrottleStatus, e).toWait(t.limiter.RetryAfter, now, wait)
}
