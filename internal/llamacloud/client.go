package llamacloud

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"exporter/pipeline"
)

// maxHeaderBytes bounds the headers of an answer.
const maxHeaderBytes = 256 << 10

// connectTimeout bounds the time in which a connection is made, and that of its TLS handshake.
const connectTimeout = 30 * time.Second

// Client is a connection to one LlamaCloud API. It is safe for concurrent use.
//
// Its methods wait for the governor's permission, try again what may succeed later, and return *APIError for answers
// that are errors, *RequestError where there is no usable answer, *PauseError where the API wants
// fewer requests than can be waited for, *OutageError where it cannot be reached, and the cause of the context where that ended.
type Client struct {
	opts Options
	base *url.URL
	// transports are used without an http.Client: that would follow redirects with the key, keep cookies, send Referer and
	// put whole URLs into its errors.
	transports *protocols
	// header is what requests have, and keyed returns it with the key and the headers that were given: package fmt cannot look into a
	// function. Neither is ever changed.
	header   http.Header
	keyed    func() http.Header
	guard    *guard
	origins  *origins
	spool    *spooler
	line     *line
	standing standing
	listings knownLimits
	// parseListings keeps requests for listings of parse jobs apart.
	parseListings *limiter
	// maxJSON bounds a JSON answer, in bytes.
	maxJSON int64
	// oddQuota tells that it was logged that headers which announce a quota make no sense.
	oddQuota atomic.Bool
	// dates and types are the Date and the Content-Type of the latest answer.
	dates memo[time.Time]
	types memo[string]
	// answered is the first GET that the API answered well; nil before.
	answered atomic.Pointer[call]
}

// New returns a client. It sends nothing yet. The error is that of Options.Validate.
func New(o Options) (*Client, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	o = o.withDefaults()
	g := newGuard(o.BaseURL, o.PermitStorage, o.Proxies)
	c := &Client{
		opts:       o,
		base:       o.BaseURL,
		header:     http.Header{"Accept": {"*/*"}, "Accept-Encoding": {"identity"}, "User-Agent": {o.UserAgent}},
		transports: newProtocols(o, g),
		guard:      g,
		origins:    newOrigins(o),
		spool:      &spooler{open: o.Spool, inMemory: pipeline.BufferedBlobSize},
		line:       newLine(),
		standing:   standing{asking: make(chan struct{}, 1)},
		maxJSON:    maxJSONBody,

		parseListings: &limiter{apart: parseListings},
	}
	c.keyed = sync.OnceValue(c.keyedHeader)
	return c, nil
}

// keyedHeader returns what requests to the configured origin have.
func (c *Client) keyedHeader() http.Header {
	header := http.Header{}
	header.Set("Authorization", "Bearer "+c.opts.Key.Reveal())
	for _, h := range c.opts.Headers {
		header.Set(h.Name, h.Value.Reveal())
	}
	maps.Copy(header, c.header)
	return header
}

// Close closes connections that are not in use.
func (c *Client) Close() { c.transports.close() }

// Resume lets requests be sent again after a Source was stopped. None may be under way.
func (c *Client) Resume() { c.origins.Resume() }

// newTransport returns a transport for what a server speaks of its own accord. It keeps as many connections as there are workers.
// Over HTTP/2 one may serve them all: where nothing has come over it for half of IdleTimeout it is asked for a sign of life, and
// given up when none comes in the other half; otherwise every retry would go to the same dead connection.
func newTransport(o Options, g *guard) *http.Transport {
	return &http.Transport{
		Proxy:                  func(r *http.Request) (*url.URL, error) { return o.Proxies.For(r.URL), nil },
		OnProxyConnectResponse: checkConnect,
		DialContext:            g.dial,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: o.Roots},
		TLSHandshakeTimeout:    connectTimeout,
		ForceAttemptHTTP2:      true,
		HTTP2:                  &http.HTTP2Config{SendPingTimeout: o.IdleTimeout / 2, PingTimeout: o.IdleTimeout / 2},
		DisableCompression:     true,
		MaxIdleConns:           2 * o.Concurrency,
		MaxIdleConnsPerHost:    o.Concurrency,
		IdleConnTimeout:        90 * time.Second,
		MaxResponseHeaderBytes: maxHeaderBytes,
		ReadBufferSize:         16 << 10,
	}
}

// errProxyRefused is what a proxy says that is not to be asked again.
var errProxyRefused = errors.New("the proxy refused to connect")

// checkConnect tells of a proxy that does not connect to a server. One that cannot reach it may do so next time.
func checkConnect(_ context.Context, _ *url.URL, _ *http.Request, answer *http.Response) error {
	if answer.StatusCode == http.StatusOK || retryableStatus(answer.StatusCode) {
		return nil
	}
	return fmt.Errorf("%w: %d %s", errProxyRefused, answer.StatusCode, http.StatusText(answer.StatusCode))
}
