package emulator

import (
	"cmp"
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"net/url"
	"slices"
	"strconv"
	"sync"
	"time"
)

// FaultKind names a fault that can be injected.
type FaultKind string

// The faults. Those of the first group can be injected everywhere, those of the second into blobs, those of the third
// into JSON answers, those of the fourth into listings with a cursor.
const (
	// FaultStatus500 and its like answer with that status and an error body.
	FaultStatus500 FaultKind = "status_500"
	FaultStatus503 FaultKind = "status_503"
	FaultStatus429 FaultKind = "status_429"
	FaultStatus408 FaultKind = "status_408"
	FaultStatus422 FaultKind = "status_422"
	FaultStatus404 FaultKind = "status_404"
	FaultStatus402 FaultKind = "status_402"
	FaultStatus405 FaultKind = "status_405"
	FaultStatus501 FaultKind = "status_501"
	FaultStatus403 FaultKind = "status_403"
	FaultStatus401 FaultKind = "status_401"
	FaultStatus400 FaultKind = "status_400"
	// FaultReset resets the connection before the headers.
	FaultReset FaultKind = "reset"
	// FaultCut resets the connection in the middle of the body.
	FaultCut FaultKind = "cut"
	// FaultShort closes the connection in the middle of the body, before the Content-Length is reached.
	FaultShort FaultKind = "short"
	// FaultStall stops in the middle of the body, and closes the connection after Options.StallFor.
	FaultStall FaultKind = "stall"
	// FaultTrickle sends a byte every Options.TrickleEvery, and closes the connection after Options.StallFor.
	FaultTrickle FaultKind = "trickle"
	// FaultSlowHeaders waits for Options.StallFor before the headers, and then answers.
	FaultSlowHeaders FaultKind = "slow_headers"
	// FaultNoLength sends half of the body without Content-Length and closes the connection: only the listed size and
	// the end of the image tell that bytes are missing.
	FaultNoLength FaultKind = "no_length"
	// FaultGzip sends the body with Content-Encoding: gzip.
	FaultGzip FaultKind = "gzip"
	// FaultHTML answers 200 with a page of HTML.
	FaultHTML FaultKind = "html"
	// FaultEmptyJSON answers 200 with an empty JSON object.
	FaultEmptyJSON FaultKind = "empty_json"
	// FaultRedirectLoop redirects to itself without end. The hops are one attempt.
	FaultRedirectLoop FaultKind = "redirect_loop"
	// FaultRedirectOther redirects to Options.OtherOrigin, or to the storage origin.
	FaultRedirectOther FaultKind = "redirect_other"

	// FaultWrongSize sends one byte less or more than there should be, with a Content-Length that fits.
	FaultWrongSize FaultKind = "wrong_size"
	// FaultWrongBytes sends as many bytes as there should be, but text.
	FaultWrongBytes FaultKind = "wrong_bytes"
	// FaultPDF sends as many bytes as there should be, but those of a PDF, declared as the picture.
	FaultPDF FaultKind = "pdf"
	// FaultOddType sends the body as it is, declared as something else, or as nothing.
	FaultOddType FaultKind = "odd_type"
	// FaultOddEncoding sends the body as it is, with a Content-Encoding that is no coding.
	FaultOddEncoding FaultKind = "odd_encoding"
	// FaultLong sends the body twice, in chunks and without Content-Length.
	FaultLong FaultKind = "long"

	// FaultMalformedJSON answers 200 with what is no JSON.
	FaultMalformedJSON FaultKind = "malformed_json"
	// FaultTruncatedJSON sends half of the body, with a Content-Length that fits.
	FaultTruncatedJSON FaultKind = "truncated_json"
	// FaultDeepJSON answers with an array in an array in an array, 100,000 deep.
	FaultDeepJSON FaultKind = "deep_json"
	// FaultHugeJSON puts Options.HugeSize bytes of white space before the body.
	FaultHugeJSON FaultKind = "huge_json"

	// FaultOddItem makes what identifies the first item of a list something that it cannot be; FaultOddField a field of it that
	// may be absent.
	FaultOddItem  FaultKind = "odd_item"
	FaultOddField FaultKind = "odd_field"
	// FaultNullList has null in place of the list of a file's assets, of attachments, or of the images of a parse job.
	FaultNullList FaultKind = "null_list"
	// FaultSmallPages answers 422 to a listing with a page_size or limit of more than SmallPage.
	FaultSmallPages FaultKind = "small_pages"
	// FaultShift lists the pages of a pipeline behind the first as if a file had been removed meanwhile.
	FaultShift FaultKind = "shift"

	// FaultRepeatCursor answers with a next_page_token that leads to the same page: the very one that was sent, if any.
	FaultRepeatCursor FaultKind = "repeat_cursor"
	// FaultRepeatPage answers with a next_page_token that leads to the same page, another one each time.
	FaultRepeatPage FaultKind = "repeat_page"
	// FaultEmptyPage answers with no items, and a token for those that should have been there.
	FaultEmptyPage FaultKind = "empty_page"
	// FaultExpiredCursor answers 400 to a request with a page_token.
	FaultExpiredCursor FaultKind = "expired_cursor"
)

// SmallPage is the largest page_size or limit that FaultSmallPages allows.
const SmallPage = 3

// Faults say what goes wrong. A resource is an escaped path, together with the place in the listing that a page_token
// stands for: whether it is faulty, and how, depends only on it and on Options.Seed.
type Faults struct {
	// Rate is the share of resources that are faulty, from 0 to 1.
	Rate float64
	// Times is how many attempts of a faulty resource fail before it succeeds; 0 is taken as 1, negative means for ever.
	Times int
	// Kinds are the faults to choose from; each resource has one of those that fit it. At least one when Rate is not 0.
	Kinds []FaultKind
	// Routes are the operations that can be faulty; BlobRoutes and DownloadRoutes when nil.
	Routes []Route
	// RetryAfter is sent, as it is, as the Retry-After header of injected statuses 429 and 503, when it is not empty.
	RetryAfter string
}

// FaultKinds returns all kinds of fault.
func FaultKinds() []FaultKind {
	kinds := make([]FaultKind, len(faultSpecs))
	for i, f := range faultSpecs {
		kinds[i] = f.kind
	}
	return kinds
}

// injector decides which requests fail.
type injector struct {
	Options
	specs   []*faultSpec
	storage *storage // nil: none

	mu sync.Mutex
	// attempts counts the failures of resources that are not faulty for ever.
	attempts map[string]int
}

func newInjector(o Options, t *storage) (*injector, error) {
	f := &o.Faults
	switch {
	case !(f.Rate >= 0 && f.Rate <= 1):
		return nil, fmt.Errorf("Faults.Rate is %v, it must be from 0 to 1", f.Rate)
	case f.Rate > 0 && len(f.Kinds) == 0:
		return nil, errors.New("Faults.Kinds is empty, name the faults that Rate is for")
	}
	var specs []*faultSpec
	for _, kind := range f.Kinds {
		i := slices.IndexFunc(faultSpecs[:], func(s faultSpec) bool { return s.kind == kind })
		if i < 0 {
			return nil, fmt.Errorf("Faults.Kinds: there is no fault %q", kind)
		}
		u, err := url.Parse(o.OtherOrigin)
		toStorage := o.OtherOrigin == "" && t != nil
		if kind == FaultRedirectOther && !toStorage && (err != nil || u.Host == "") {
			return nil, fmt.Errorf("OtherOrigin is %q, %s needs an origin such as http://127.0.0.1:8080, or Storage",
				o.OtherOrigin, kind)
		}
		specs = append(specs, &faultSpecs[i])
	}
	if f.Times == 0 {
		f.Times = 1
	}
	if f.Routes == nil {
		f.Routes = append(BlobRoutes(), DownloadRoutes()...)
	}
	o.StallFor = cmp.Or(o.StallFor, 30*time.Second)
	o.TrickleEvery = cmp.Or(o.TrickleEvery, 100*time.Millisecond)
	o.HugeSize = cmp.Or(o.HugeSize, 1<<30)
	return &injector{Options: o, specs: specs, storage: t, attempts: map[string]int{}}, nil
}

// Fits tells whether the fault can be injected into answers of a route.
func (k FaultKind) Fits(r Route) bool {
	return slices.ContainsFunc(faultSpecs[:], func(f faultSpec) bool { return f.kind == k && f.scope.has(r) })
}

// choose returns the fault of this request, or nil.
func (in *injector) choose(x *exchange) *faultSpec {
	if in.Faults.Rate == 0 || !slices.Contains(in.Faults.Routes, x.route) {
		return nil
	}
	resource := x.r.URL.EscapedPath()
	if x.after > 0 {
		resource += "@" + strconv.FormatUint(x.after, 10)
	}
	h := fnv.New64a()
	h.Write([]byte(resource))
	random := rand.New(rand.NewPCG(in.Seed, h.Sum64()))
	if random.Float64() >= in.Faults.Rate {
		return nil
	}
	var fitting []*faultSpec
	for _, f := range in.specs {
		if f.fits(x) {
			fitting = append(fitting, f)
		}
	}
	if len(fitting) == 0 {
		return nil
	}
	f := fitting[random.IntN(len(fitting))]
	switch {
	case x.route.isDownload():
		// Those are served in one place, to which storage could only redirect again.
		if f.is(FaultRedirectOther) && in.OtherOrigin == "" {
			return nil
		}
	case x.stored != (in.storage.serves(x.route) && f.answer == nil):
		// Where blobs are fetched from the storage origin, what goes wrong with their bytes does so there.
		return nil
	}
	if x.isHop(f) || in.Faults.Times < 0 || in.count(resource) {
		return f
	}
	return nil
}

// count counts an attempt, and tells whether it fails.
func (in *injector) count(resource string) bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.attempts[resource] >= in.Faults.Times {
		return false
	}
	in.attempts[resource]++
	return true
}
