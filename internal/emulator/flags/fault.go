package flags

import (
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/spf13/pflag"

	"exporter/internal/emulator"
)

// throttleFlags are the flags of random throttling.
type throttleFlags struct {
	share  float64
	status int
	wait   time.Duration
}

func (t *throttleFlags) addFlags(fs *pflag.FlagSet) {
	fs.Float64Var(&t.share, "throttle-share", 0,
		"`SHARE` of all requests that is throttled at random, from 0 to 1, whatever their rate is")
	fs.IntVar(&t.status, "throttle-status", http.StatusTooManyRequests, "`STATUS` of these answers: 429 or 503")
	fs.DurationVar(&t.wait, "throttle-retry-after", 0,
		"how long these answers say to wait, as --retry-after does, and in seconds where that is empty; no header where it is 0s")
}

// throttle writes the header in the style of the limit.
func (t *throttleFlags) throttle(fs *pflag.FlagSet, style string) (emulator.Throttle, error) {
	throttle := emulator.Throttle{Share: t.share, Status: t.status, Wait: t.wait}
	switch {
	case !(t.share >= 0 && t.share <= 1):
		return throttle, fmt.Errorf("--throttle-share %v: want a share from 0 to 1", t.share)
	case !slices.Contains(emulator.ThrottleStatuses(), t.status):
		return throttle, fmt.Errorf("--throttle-status %d: want 429 or 503", t.status)
	case t.wait < 0:
		return throttle, fmt.Errorf("--throttle-retry-after %v: must not be negative", t.wait)
	case t.share == 0 && !fs.Changed("throttle-share"):
		return throttle, needs(fs, "--throttle-share", "throttle-status", "throttle-retry-after")
	case t.wait > 0 && style == "":
		throttle.RetryAfter = emulator.RetryAfterSeconds
	case t.wait > 0:
		throttle.RetryAfter = emulator.RetryAfterStyle(style)
	}
	return throttle, nil
}

// faultFlags are the flags of faults.
type faultFlags struct {
	kinds      []string
	rate       float64
	times      int
	routes     string
	retryAfter string
}

func (f *faultFlags) addFlags(fs *pflag.FlagSet) {
	fs.StringSliceVar(&f.kinds, "faults", nil, "`KINDS` of faults to inject: "+choice(emulator.FaultKinds()))
	fs.StringVar(&f.routes, "fault-routes", "blobs",
		"`ROUTES` that are faulty: blobs, listings (of files, assets, attachments and jobs), files, assets, "+
			"screenshots, figures, attachments or jobs (one of these listings), sources (directories, indexes, pipelines and projects), or all")
	fs.Float64Var(&f.rate, "fault-rate", 0.1, "`SHARE` of the blobs or listings that are faulty, from 0 to 1")
	fs.IntVar(&f.times, "fault-times", 1, "how often a faulty one fails before it succeeds; -1 for ever")
	fs.StringVar(&f.retryAfter, "fault-retry-after", "",
		"`VALUE` of the Retry-After of injected status_429 and status_503, sent as it is; none where it is empty")
}

// faultRoutes are the routes that may be faulty, by what --fault-routes calls them.
func faultRoutes() map[string][]emulator.Route {
	return map[string][]emulator.Route{
		"blobs":    append(emulator.BlobRoutes(), emulator.DownloadRoutes()...),
		"listings": emulator.ListingRoutes(), "all": emulator.Routes(),
		"files": emulator.FileListingRoutes(), "assets": emulator.AssetListingRoutes(),
		"screenshots": {emulator.RouteListPageScreenshots}, "figures": {emulator.RouteListPageFigures},
		"attachments": emulator.AttachmentRoutes(), "jobs": emulator.ParseRoutes(), "sources": emulator.SourceRoutes(),
	}
}

func (f *faultFlags) faults(fs *pflag.FlagSet) (faults emulator.Faults, err error) {
	routes := faultRoutes()[f.routes]
	switch {
	case len(f.kinds) == 0:
		return faults, needs(fs, "--faults", "fault-routes", "fault-rate", "fault-times", "fault-retry-after")
	case routes == nil:
		return faults, fmt.Errorf("--fault-routes %q: want blobs, listings, files, assets, screenshots, figures, attachments, jobs, "+
			"sources or all", f.routes)
	case !(f.rate >= 0 && f.rate <= 1):
		return faults, fmt.Errorf("--fault-rate %v: want a share from 0 to 1", f.rate)
	case f.times == 0 || f.times < -1:
		return faults, fmt.Errorf("--fault-times %d: want 1 or more, or -1 for ever", f.times)
	}
	faults = emulator.Faults{Rate: f.rate, Times: f.times, Routes: routes, RetryAfter: f.retryAfter}
	throttles := false
	for _, k := range f.kinds {
		kind := emulator.FaultKind(k)
		switch {
		case !slices.Contains(emulator.FaultKinds(), kind):
			return faults, fmt.Errorf("--faults: there is no fault %q: want %s", k, choice(emulator.FaultKinds()))
		case !slices.ContainsFunc(routes, kind.Fits):
			return faults, fmt.Errorf("--faults %s: does not fit --fault-routes %s: want %s", k, f.routes, fitting(kind))
		}
		faults.Kinds = append(faults.Kinds, kind)
		throttles = throttles || kind == emulator.FaultStatus429 || kind == emulator.FaultStatus503
	}
	if !throttles {
		return faults, needs(fs, "status_429 or status_503 among --faults", "fault-retry-after")
	}
	return faults, nil
}

// fitting names the routes that a fault fits, for those that do not fit all.
func fitting(kind emulator.FaultKind) string {
	group := "listings"
	if slices.ContainsFunc(emulator.BlobRoutes(), kind.Fits) {
		group = "blobs"
	}
	return fmt.Sprintf("%s or all", group)
}
