package llamacloud

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"exporter/internal/llamacloud/governor"
	"exporter/internal/proxy"
	"exporter/pipeline"
)

// call is one operation of the API on its way: the request, and how often it was sent.
type call struct {
	client        *Client
	method, route string
	url           *url.URL
	// payload is the request's body; nil for none.
	payload *payload
	// single tells that only one file or asset is asked for, so that a refusal may be its own; blob that it is a blob, which
	// needs a place on the line.
	single, blob bool
	// limit bounds how often requests of its kind are sent; nil for as the governor lets them.
	limit *limiter
	// linked tells that the API answers with a link to what was asked for. links gives the link of what has one already, other than a dead
	// one, which is empty where none is known; nil for what has none.
	linked bool
	links  func(ctx context.Context, dead string) (PresignedURL, error)
	// link is the one that is followed: it grants access by itself, and the key does not go there. dead is one that was refused.
	link *url.URL
	dead string
	// requests is how many requests were made so far: retries, redirect hops and throttled ones included.
	requests int
	// kept is what governors keep of the request that they throttled; nil where none did.
	kept map[*governor.Governor]*governor.Request
	// reserved is the place of a blob at the origin that it will be redirected to, as far as it is known before.
	reserved *governor.Ticket
	// patient tells that a link is kept while its host takes no request: there was no place, or it was no good too often.
	patient bool
	// pause gives up a blob's place among those that are fetched while it waits; nil where it has none.
	pause pipeline.Pause
	// likely is the likeness of what went wrong before with another request for much the same: where this one fails so too, it is
	// not sent again. Empty where nothing did.
	likely string
	// refusedAt is Client.standing.sent when the API first refused the key for this request; 0 before.
	refusedAt int64
}

// payload is a request's body, which can be opened for every attempt anew.
type payload struct {
	contentType string
	// size in bytes; negative when unknown.
	size int64
	open func() (io.ReadCloser, error)
}

// newCall fills the segments into the route's template. The error, for an identifier that is not valid, is a
// *RequestError of ClassBadID.
func (c *Client) newCall(method, route string, query url.Values, segments ...segment) (*call, error) {
	for _, p := range [...]struct{ name, value string }{
		{"organization_id", c.opts.OrganizationID}, {"project_id", c.opts.ProjectID},
	} {
		switch {
		case p.value == "":
		case query == nil:
			query = url.Values{p.name: {p.value}}
		default:
			query.Set(p.name, p.value)
		}
	}
	k := &call{client: c, method: method, route: route, url: c.base}
	u, err := expand(c.base, route, segments, query)
	if err != nil {
		failure := k.fail(c.base, ClassBadID, err)
		failure.unsent = true
		return nil, failure
	}
	k.url = u
	return k, nil
}

// do sends the request until use has got an answer that it accepts, or until it is to be given up. The answers that use
// gets have a status of 200 to 299; it has to close their bodies.
func (k *call) do(ctx context.Context, use func(*answer) error) error {
	t := tries{max: k.client.opts.MaxAttempts, last: k.likely}
	k.client.origins.retries.Earn()
	for {
		err := k.attempt(ctx, use)
		if err == nil {
			return nil
		}
		delay, final := t.next(k.method, err)
		if final != nil {
			return k.settle(ctx, final)
		}
		if err := k.park(ctx, delay, err); err != nil {
			return err
		}
	}
}

// park waits as wait does. A request that was throttled leaves its place to others meanwhile.
func (k *call) park(ctx context.Context, delay time.Duration, cause error) error {
	refused, ok := errors.AsType[*APIError](cause)
	if !ok || !refused.throttled || k.pause == nil {
		return k.wait(ctx, delay, cause)
	}
	return k.pause(func() error { return k.wait(ctx, delay, cause) })
}

// wait waits before the request is sent again because of an error: as long as is given, or as the retry budget wants.
func (k *call) wait(ctx context.Context, delay time.Duration, cause error) error {
	delay = max(delay, k.client.origins.retries.Spend())
	k.client.opts.Observer.Observe(pipeline.Retrying{
		Method: k.method, Route: k.route, Attempt: k.requests, Delay: delay, Err: cause,
	})
	return k.client.origins.Sleep(ctx, delay)
}

// attempt sends the request once, follows redirects, and turns answers that are errors into errors. A blob's request waits
// for a place on the line before it takes a token.
func (k *call) attempt(ctx context.Context, use func(*answer) error) error {
	if k.blob {
		turn := k.client.line.enter()
		defer k.client.line.leave(turn)
		if turn != nil {
			if err := k.client.origins.Wait(ctx, turn); err != nil {
				return err
			}
		}
	}
	if err := k.limit.wait(ctx, k.client.origins.Switch); err != nil {
		return err
	}
	k.patient = false
	for renewals, busy := 0, 0; ; {
		err := k.follow(ctx, use)
		dead, ok := errors.AsType[*APIError](err)
		switch {
		case errors.Is(err, errBusy):
			// The link is given up, and a place is waited for before there is another.
			busy++
			k.patient = busy == maxRenewals
		case ok && dead.deadLink() && renewals < maxRenewals:
			renewals++
			if k.link != nil {
				k.dead = k.link.String()
			}
		default:
			return err
		}
		if err := k.wait(ctx, 0, err); err != nil {
			return err
		}
	}
}

// errBusy is why a link is not followed: its host takes no request at present.
var errBusy = errors.New("the host that it was redirected to takes no request at present")

// follow sends the request once and follows redirects.
func (k *call) follow(ctx context.Context, use func(*answer) error) error {
	if err := k.reserve(ctx); err != nil {
		return err
	}
	defer k.release()
	to, err := k.first(ctx)
	if err != nil {
		return err
	}
	for hop := 0; ; hop++ {
		a, err := k.send(ctx, to, hop)
		if err != nil {
			if k.link != nil {
				hop++
			}
			return hopError(err, hop)
		}
		if k.linked && hop == 0 && a.status == http.StatusOK {
			if to, err = k.takeLink(a); err != nil {
				return err
			}
			continue
		}
		if isRedirect(a.status, a.header) {
			next, err := k.redirect(a, to, hop)
			if err != nil {
				return err
			}
			if to = next; k.blob && !sameOrigin(k.client.base, to) {
				k.client.origins.blobs.saw(to)
			}
			continue
		}
		k.release()
		if a.status < 200 || a.status > 299 {
			return k.refused(a)
		}
		if coding, _ := contentEncoding(a.header); coding != "" {
			a.body.Close()
			return a.fail(ClassEncoding, fmt.Errorf("Content-Encoding %q was not asked for", coding))
		}
		if k.blob {
			k.client.origins.blobs.saw(to)
		}
		if k.method == http.MethodGet && hop == 0 && k.link == nil {
			k.client.answered.CompareAndSwap(nil, k)
		}
		return use(a)
	}
}

// reserve waits until the origin that a blob will be redirected to takes a request: a link that waited there for its turn
// would be dead when it is used. Where it does not take any more, the blob is asked for all the same: it may be elsewhere.
func (k *call) reserve(ctx context.Context) error {
	if !k.blob {
		return nil
	}
	to := k.client.origins.blobs.known()
	if to == nil || sameOrigin(k.client.base, to) {
		return nil
	}
	g := k.client.origins.other(to)
	t, err := g.Admit(ctx, k.request(g))
	if pause, ok := errors.AsType[*PauseError](err); ok && pause.Elsewhere {
		k.patient = true
		return nil
	}
	k.reserved = t
	return err
}

// release gives back the place that was not used.
func (k *call) release() {
	if k.reserved != nil {
		k.reserved.Unused()
		k.reserved = nil
	}
}

// request returns what a governor keeps of the request; nil for nothing.
func (k *call) request(g *governor.Governor) *governor.Request { return k.kept[g] }

// keep returns where a governor keeps what it has to.
func (k *call) keep(g *governor.Governor) *governor.Request {
	if k.kept == nil {
		k.kept = map[*governor.Governor]*governor.Request{}
	}
	if k.kept[g] == nil {
		k.kept[g] = &governor.Request{}
	}
	return k.kept[g]
}

// hopError makes what keeps requests from another host the asset's problem: it says nothing about the API.
func hopError(err error, hop int) error {
	if failed, ok := errors.AsType[*RequestError](err); ok && hop > 0 && failed.blocked() {
		failed.Class = ClassRedirect
	}
	return err
}

// redirect closes the answer and returns where it leads.
func (k *call) redirect(a *answer, from *url.URL, hop int) (*url.URL, error) {
	a.discard()
	switch {
	case k.method != http.MethodGet:
		return nil, a.fail(ClassRedirect, errors.New("redirected, which is followed for GET only"))
	case hop == maxHops:
		return nil, a.fail(ClassRedirect, fmt.Errorf("redirected more than %d times", maxHops))
	}
	to, err := redirectTarget(k.client.base, from, a.header.Get("Location"))
	if err != nil {
		return nil, a.fail(ClassRedirect, err)
	}
	return to, nil
}

// refused closes an answer that is an error by its status, and returns the error.
func (k *call) refused(a *answer) error {
	said, fields := readDetail(a.body)
	err := &APIError{
		Method: k.method, Route: k.route, Host: k.clean(a.host.Host), Status: a.status, own: a.own() && !a.linked, throttled: a.throttled,
		wait: a.wait, hopeless: a.hopeless, Detail: k.clean(said), fields: fields, RequestID: k.clean(a.header.Get("X-Request-Id")),
		Proxy: k.proxy(a.host),
	}
	a.body.Close()
	if err.own {
		err.BasePath = k.client.base.Path
		err.advice = parseAdvice(a.header)
	}
	if err.unauthorized() && k.refusedAt == 0 {
		k.refusedAt = k.client.standing.sent.Load()
	}
	return err
}

// fail returns the error of a request to a host.
func (k *call) fail(host *url.URL, class string, err error) *RequestError {
	return &RequestError{
		Method: k.method, Route: k.route, Host: k.clean(host.Host), Class: class, Err: err, text: k.clean(err.Error()),
		Proxy: k.proxy(host),
	}
}

// proxy returns the name of the proxy between here and a host, or "".
func (k *call) proxy(host *url.URL) string {
	through := k.client.opts.Proxies.For(host)
	if through == nil {
		return ""
	}
	return proxy.Name(through)
}

// clean makes a text that a server may have had a hand in fit for an error. The host of a redirect is such a text.
func (k *call) clean(text string) string { return k.client.clean(text) }

func (c *Client) clean(text string) string {
	text = c.opts.Key.Redact(text)
	for _, h := range c.opts.Headers {
		text = h.Value.Redact(text)
	}
	return printable(text)
}
