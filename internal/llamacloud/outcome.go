package llamacloud

import (
	"errors"
	"net/http"
	"net/url"
	"time"

	"exporter/internal/llamacloud/governor"
)

// answered tells the governor of the host that answered what it says about requests to come. The error is the governor's, if
// nothing is to be sent any more.
func (x *exchange) answered(a *answer) error {
	t := x.ticket.Load()
	quota := x.call.client.quota(a)
	d := parseRetryAfter(a.header, time.Now())
	switch {
	case a.status == http.StatusTooManyRequests,
		a.status == http.StatusServiceUnavailable && (d.wait > 0 || !a.own()):
		return x.throttled(a, t, d, quota)
	case !retryableStatus(a.status):
	case d.wait > x.call.client.opts.MaxPause:
		// It is for this request only, and too long.
		a.hopeless = true
	default:
		a.wait = d.wait
	}
	if isGateway(a.status) {
		err := t.Failed(&APIError{Method: x.call.method, Route: x.call.route, Host: a.host.Host, Status: a.status, own: a.own()})
		return x.halted(a.own(), err)
	}
	t.Accepted(quota)
	return nil
}

// throttled tells the governor that a host wants fewer requests. That a host which the API redirected to cannot be waited for
// is the asset's failure.
func (x *exchange) throttled(a *answer, t *governor.Ticket, d delay, quota *governor.Quota) error {
	request := x.call.keep(t.Governor())
	wait, err := t.Throttled(request, governor.Delay{Wait: d.wait.Seconds(), Unit: d.unit.Seconds()}, quota)
	a.throttled, a.wait = true, wait
	if err != nil && !a.own() {
		a.hopeless = true
		return nil
	}
	a.hopeless = request.Hopeless(x.call.client.opts.MaxAttempts)
	return x.halted(true, err)
}

// halted ends all sending where the API's own governor has a verdict, and returns it.
func (x *exchange) halted(own bool, verdict error) error {
	if verdict == nil || !own {
		return nil
	}
	x.call.client.origins.Halt(verdict)
	return verdict
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
	if !ok || failure.blocked() || failure.Class == ClassRedirect {
		t.Untold()
		return err
	}
	if verdict := x.halted(sameOrigin(x.call.client.base, to), t.Failed(err)); verdict != nil {
		return verdict
	}
	return err
}
