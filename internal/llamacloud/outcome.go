package llamacloud

import (
	"errors"
	"net/http"
	"net/url"
	"time"
)

// answered tells the governor what an answer says about requests to come. Only the API itself is heard on that, no host
// that it redirected to. The error is the governor's, if nothing is to be sent any more.
func (x *exchange) answered(a *answer) error {
	t := x.ticket.Load()
	d := parseRetryAfter(a.header, time.Now())
	switch {
	case !a.own():
		t.untold()
	case a.status == http.StatusTooManyRequests, retryableStatus(a.status) && d.wait > 0:
		a.throttled = true
		return t.throttled(d)
	case isGateway(a.status):
		return t.failed(&APIError{Method: x.call.method, Route: x.call.route, Host: a.host.Host, Status: a.status, own: true})
	default:
		t.accepted()
	}
	return nil
}

// isGateway tells whether a status is that of a gateway which cannot reach the API.
func isGateway(status int) bool {
	switch status {
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// failed tells the governor of a request without an answer. It returns the error, or that of the governor if nothing is to
// be sent any more.
func (x *exchange) failed(to *url.URL, err error) error {
	t := x.ticket.Load()
	if t == nil {
		return err
	}
	failure, ok := errors.AsType[*RequestError](err)
	if !ok || failure.Class == ClassTLS || !sameOrigin(x.call.client.base, to) {
		t.untold()
		return err
	}
	if verdict := t.failed(err); verdict != nil {
		return verdict
	}
	return err
}
