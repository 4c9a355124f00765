package llamacloud

import (
	"net/url"
	"strings"
	"sync"

	"exporter/internal/llamacloud/governor"
)

// maxOrigins is how many origins have a governor of their own; the others share one.
const maxOrigins = 64

// origins has a governor for each origin that requests go to. It is safe for concurrent use.
//
// The API's own keeps the rate, and ends the run when it is told to wait for too long, or does not answer any more. Those of
// the hosts that the API redirects to know no rate and do what these hosts say; what they say concerns the asset.
type origins struct {
	*governor.Switch
	options governor.Options
	own     *governor.Governor
	retries governor.Budget

	mu     sync.Mutex
	others map[string]*governor.Governor
	// blobs is where blobs are.
	blobs destination
}

// destination is the origin that blobs are redirected to, as long as it is the same for all of them. It is safe for concurrent
// use.
type destination struct {
	mu sync.Mutex
	to *url.URL
	// several tells that some are elsewhere.
	several bool
}

// saw takes note of where a blob is.
func (d *destination) saw(at *url.URL) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.to == nil {
		d.to = at
	}
	d.several = d.several || !sameOrigin(d.to, at)
}

// known returns the origin of all blobs; nil where they are at several, or none was seen.
func (d *destination) known() *url.URL {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.several {
		return nil
	}
	return d.to
}

func newOrigins(o Options) *origins {
	s := governor.NewSwitch()
	options := governor.Options{
		MaxPause: o.MaxPause, MaxAttempts: o.MaxAttempts, Observer: o.Observer, Log: o.Log,
		PerSecond: o.Rate.PerSecond, Auto: o.Rate.Auto, MaxOutage: o.MaxOutage,
	}
	origins := &origins{Switch: s, own: governor.New(options, s), others: map[string]*governor.Governor{}}
	options.PerSecond, options.Auto, options.Elsewhere = 0, false, true
	origins.options = options
	return origins
}

// other returns the governor of an origin that is not the API's own.
func (o *origins) other(u *url.URL) *governor.Governor {
	name := strings.ToLower(u.Scheme + "://" + u.Hostname() + ":" + port(u))
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.others) >= maxOrigins && o.others[name] == nil {
		name = ""
	}
	g := o.others[name]
	if g == nil {
		g = governor.New(o.options, o.Switch)
		o.others[name] = g
	}
	return g
}
