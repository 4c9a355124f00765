package llamacloud

import (
	"cmp"
	"crypto/x509"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"exporter/internal/loopback"
	"exporter/internal/proxy"
	"exporter/internal/secret"
	"exporter/pipeline"
)

// Options configure a Client. A zero field means its default.
type Options struct {
	// BaseURL is where the API is, and required. It is https, or http on a loopback host. Its path comes before that of each
	// request, and does not end in a slash. It has neither user, query nor fragment.
	BaseURL *url.URL
	// InsecureHTTP allows http to hosts that are not loopback, which shows the key to everyone on the way.
	InsecureHTTP bool
	// PermitStorage tells whether links of the API to a host may lead to an address that is not public, and not of the kind that
	// the API is on: loopback, private (RFC 1918, fc00::/7), shared (100.64.0.0/10), link-local, or one for another special
	// purpose. IPv4 addresses come as such, and none has a zone. By default none is permitted.
	PermitStorage func(host string, addr netip.Addr) bool
	// Proxies stand between here and hosts; nil for none.
	Proxies *proxy.Proxies
	// Roots are the authorities that vouch for servers; nil for those of this machine.
	Roots *x509.CertPool
	// Key is required.
	Key secret.Text
	// Headers go with every request to the origin of BaseURL, and to no other. Authorization takes the place of the key; of others that the
	// client sets itself, that wins.
	Headers []secret.Header
	// OrganizationID and ProjectID go with every request where they are given.
	OrganizationID, ProjectID string

	// HeaderTimeout bounds the time from the end of the request to the end of the answer's headers, connecting included;
	// default 60 s.
	HeaderTimeout time.Duration
	// IdleTimeout bounds the time without a byte of a body; default 30 s. It is also the grace after which a body has to
	// have come at an average of 1 KiB/s. One of many bodies on a thin line has more time, as long as all of them together
	// come at that rate.
	IdleTimeout time.Duration

	// Rate limits how many requests are sent; by default nothing does.
	Rate Rate
	// Concurrency is how many requests are expected at once; default 32. As many connections are kept open.
	Concurrency int
	// MaxPause is the longest time to wait when the API says when to come back; default 15 min.
	MaxPause time.Duration
	// MaxOutage is the longest time to wait for an API that cannot be reached; default 2 min.
	MaxOutage time.Duration
	// MaxAttempts is how often a request is sent before it is given up; default 6. Throttled answers do not count.
	MaxAttempts int

	// MaxPageBytes is the size in bytes above which a page of a listing of files is refused, and a smaller one is asked for; default
	// 64 MiB, which bounds a single item, too.
	MaxPageBytes int64
	// MaxBlobSize is the size in bytes above which an image is refused; default 256 MiB.
	MaxBlobSize int64
	// Spool makes a place for an image larger than 8 MiB; default a file without a name on the disk of os.TempDir.
	Spool func() (Spool, error)

	// UserAgent goes with every request; default "exporter".
	UserAgent string
	// Log takes a line of what is odd and does no harm; it may be nil.
	Log func(message string)
	// Observer is told of requests, retries, pauses and the rate; it may be nil.
	Observer pipeline.Observer
}

// withDefaults returns the options with every zero field set.
func (o Options) withDefaults() Options {
	o.HeaderTimeout = cmp.Or(o.HeaderTimeout, 60*time.Second)
	o.IdleTimeout = cmp.Or(o.IdleTimeout, 30*time.Second)
	o.Concurrency = cmp.Or(o.Concurrency, 32)
	o.MaxPause = cmp.Or(o.MaxPause, 15*time.Minute)
	o.MaxOutage = cmp.Or(o.MaxOutage, 2*time.Minute)
	o.MaxAttempts = cmp.Or(o.MaxAttempts, 6)
	o.MaxPageBytes = cmp.Or(o.MaxPageBytes, maxJSONBody)
	o.MaxBlobSize = cmp.Or(o.MaxBlobSize, 256<<20)
	o.UserAgent = cmp.Or(o.UserAgent, "exporter")
	if o.PermitStorage == nil {
		o.PermitStorage = func(string, netip.Addr) bool { return false }
	}
	if o.Spool == nil {
		o.Spool = spoolFile
	}
	if o.Log == nil {
		o.Log = func(string) {}
	}
	if o.Observer == nil {
		o.Observer = pipeline.Observers(nil)
	}
	return o
}

// Validate returns an error that names the first field whose value is not allowed, and the value.
func (o Options) Validate() error {
	o = o.withDefaults()
	switch u := o.BaseURL; {
	case u == nil:
		return errors.New("no base URL")
	case u.Scheme != "https" && !o.InsecureHTTP && !loopback.IsHost(u.Hostname()):
		return fmt.Errorf("base URL %q would show the key on the way: use https, or pass --insecure-http", u)
	}
	if o.Key.IsZero() {
		return errors.New("no API key: set LLAMA_CLOUD_API_KEY or name a key file")
	}
	for _, d := range []struct {
		name  string
		value time.Duration
	}{
		{"header timeout", o.HeaderTimeout}, {"idle timeout", o.IdleTimeout},
		{"max pause", o.MaxPause}, {"max outage", o.MaxOutage},
	} {
		if d.value < 0 {
			return fmt.Errorf("%s %v: must be positive", d.name, d.value)
		}
	}
	for _, n := range []struct {
		name        string
		value, most int64
	}{
		{"concurrency", int64(o.Concurrency), 1 << 16},
		{"max attempts", int64(o.MaxAttempts), 1 << 10},
		{"max page bytes", o.MaxPageBytes, 1 << 40},
		{"max blob size", o.MaxBlobSize, 1 << 40},
	} {
		if n.value < 1 || n.value > n.most {
			return fmt.Errorf("%s %d: must be from 1 to %d", n.name, n.value, n.most)
		}
	}
	if strings.ContainsFunc(o.UserAgent, func(r rune) bool { return r < ' ' || r > '~' }) {
		return fmt.Errorf("user agent %q: must be printable ASCII", o.UserAgent)
	}
	return o.Rate.validate()
}
