// Package ping tells a service that watches over jobs how a run goes, by the conventions of healthchecks.io, which others have too, or
// those of Uptime Kuma's push monitors. A ping that fails is nothing but an error to log, and none lasts longer than Timeout.
//
// The conventions are those of https://healthchecks.io/docs/http_api/ and of the URLs that Uptime Kuma gives for monitors of the type
// Push. Who knows a URL can send pings, so that it is a secret: no error shows it.
package ping

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"exporter/internal/secret"
)

const (
	// Timeout bounds a ping with all its tries.
	Timeout = 5 * time.Second
	// MaxBody is the most bytes of a text that are sent.
	MaxBody = 100_000
	// maxMessage is the most bytes of a text that go into a query.
	maxMessage = 250
	// tries is how often a ping is sent that was not taken, a sixth of the time after each other.
	tries = 3
)

// Client sends pings.
type Client struct {
	url       secret.Text
	userAgent string
	transport *http.Transport
	timeout   time.Duration
}

// Options say how pings are sent.
type Options struct {
	URL       secret.Text
	UserAgent string
	// Proxy returns the proxy for a URL, or nil; it may be nil. Roots are who is believed, nil for those of the system.
	Proxy func(*url.URL) *url.URL
	Roots *x509.CertPool
	// Timeout bounds a ping with all its tries; 0 stands for the constant of that name.
	Timeout time.Duration
}

// New returns a client.
func New(o Options) *Client {
	proxy := func(r *http.Request) (*url.URL, error) {
		if o.Proxy == nil {
			return nil, nil
		}
		return o.Proxy(r.URL), nil
	}
	return &Client{url: o.URL, userAgent: o.UserAgent, transport: &http.Transport{
		Proxy: proxy, TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: o.Roots}, ForceAttemptHTTP2: true, DisableKeepAlives: true, DisableCompression: true,
	}, timeout: cmp.Or(o.Timeout, Timeout)}
}

// Start says that a run has begun. Uptime Kuma has nothing for that.
func (c *Client) Start(ctx context.Context) error {
	u, isKuma, err := c.parse()
	if err != nil || isKuma {
		return err
	}
	addPath(u, "start")
	return c.send(ctx, http.MethodPost, u, "")
}

// End says that a run has ended with an exit code after some time, and what came of it.
func (c *Client) End(ctx context.Context, exitCode int, took time.Duration, text string) error {
	u, isKuma, err := c.parse()
	if err != nil {
		return err
	}
	if !isKuma {
		addPath(u, strconv.Itoa(exitCode))
		return c.send(ctx, http.MethodPost, u, shorten(text, MaxBody))
	}
	q := u.Query()
	q.Set("status", map[bool]string{true: "up", false: "down"}[exitCode == 0])
	q.Set("msg", shorten(fmt.Sprintf("exit %d: %s", exitCode, strings.Join(strings.Fields(text), " ")), maxMessage))
	q.Set("ping", strconv.FormatInt(took.Milliseconds(), 10))
	u.RawQuery = q.Encode()
	return c.send(ctx, http.MethodGet, u, "")
}

// parse returns the URL, and whether it is one of Uptime Kuma.
func (c *Client) parse() (u *url.URL, isKuma bool, err error) {
	if u, err = url.Parse(c.url.Reveal()); err != nil {
		return nil, false, errors.New("the URL of the ping is none")
	}
	return u, strings.Contains(u.Path, "/api/push/"), nil
}

// addPath adds an element to the path, before the query.
func addPath(u *url.URL, element string) { *u = *u.JoinPath(element) }

// shorten cuts a text to so many bytes, between two characters.
func shorten(text string, most int) string {
	if len(text) <= most {
		return text
	}
	for most > 0 && !utf8.RuneStart(text[most]) {
		most--
	}
	return text[:most]
}

// send sends a request until it is taken, or time is up.
func (c *Client) send(ctx context.Context, method string, u *url.URL, body string) error {
	ctx, cancel := context.WithTimeoutCause(ctx, c.timeout, fmt.Errorf("no answer within %v", c.timeout))
	defer cancel()
	defer c.transport.CloseIdleConnections()
	for try := 1; ; try++ {
		again, err := c.sendOnce(ctx, method, u, body)
		if err == nil || !again || try == tries || ctx.Err() != nil {
			return err
		}
		select {
		case <-time.After(c.timeout / tries / 2):
		case <-ctx.Done():
			return err
		}
	}
}

// sendOnce sends a request once. No redirect is followed: it would show the URL, or what is left of it, to others.
func (c *Client) sendOnce(ctx context.Context, method string, u *url.URL, body string) (again bool, err error) {
	request, err := http.NewRequestWithContext(ctx, method, u.String(), strings.NewReader(body))
	if err != nil {
		return false, errors.New("the URL of the ping is none")
	}
	request.Header.Set("User-Agent", c.userAgent)
	if u.User != nil {
		password, _ := u.User.Password()
		request.SetBasicAuth(u.User.Username(), password)
	}
	if body != "" {
		request.Header.Set("Content-Type", "text/plain; charset=utf-8")
	}
	answer, err := c.transport.RoundTrip(request)
	if err != nil {
		return true, c.hide(ctx, err)
	}
	defer answer.Body.Close()
	if answer.StatusCode/100 == 2 {
		return false, nil
	}
	again = answer.StatusCode >= 500 || answer.StatusCode == http.StatusTooManyRequests
	return again, fmt.Errorf("the answer was %d %s", answer.StatusCode, http.StatusText(answer.StatusCode))
}

// hide returns an error without the URL, or that time was up.
func (c *Client) hide(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	text := err.Error()
	u, _, parseErr := c.parse()
	if parseErr != nil {
		return parseErr
	}
	// The host is what a person needs to know, and no secret; what comes after it, or before it, is. A server that speaks no HTTP may
	// repeat it.
	parts := append(strings.Split(u.EscapedPath()+"/"+u.Path, "/"), u.RawQuery)
	if u.User != nil {
		parts = append(parts, u.User.String())
	}
	for _, part := range parts {
		if len(part) >= leastSecret {
			text = strings.ReplaceAll(text, part, secret.Redacted)
		}
	}
	return errors.New(text)
}

// leastSecret is how long a part of the URL is that is taken for a secret, where an answer repeats it.
const leastSecret = 8
