package emulator

import (
	"cmp"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Options configure a Server. Only Corpus is required.
type Options struct {
	Corpus *Corpus
	// Key is the API key that is accepted; when empty, any bearer token that is not empty.
	Key string
	// Throttle throttles requests with a valid key at random, before Limit counts them.
	Throttle Throttle
	// Limit throttles requests with a valid key; nil means unlimited. It starts when the server is made.
	Limit *RateLimit
	// Latency is waited for before every answer. Limits count when the request arrives.
	Latency time.Duration
	Faults  Faults
	// PicturesAfter is when the pictures of files come, assets and attachments alike. A look is a request for a list of them; each
	// list is empty as long as it is looked at so often, and its pictures are not there.
	PicturesAfter Delay
	// Storage is a second origin, from which blobs are fetched; nil: there is none.
	Storage *StorageOptions
	// RefuseLargePages answers 422 to a page_size of more than 1000, which is lowered to that otherwise.
	RefuseLargePages bool
	// LinkLife is how long presigned URLs and links to Storage are valid, in whole seconds; an hour when 0.
	LinkLife time.Duration
	// OtherOrigin is where FaultRedirectOther leads, such as "http://127.0.0.1:8080"; to Storage when empty.
	OtherOrigin string
	// StallFor bounds the slow faults; 30 seconds when 0. A client that goes away ends them earlier.
	StallFor time.Duration
	// TrickleEvery is the time between two bytes of FaultTrickle; 100 ms when 0.
	TrickleEvery time.Duration
	// HugeSize is the white space of FaultHugeJSON in bytes; 1 GiB when 0.
	HugeSize int64
	// Seed decides which resources are faulty and how, which requests are throttled at random, and the keys of cursors and
	// links: they outlive a restart.
	Seed uint64
	// LogLimit is how many requests the log keeps, the latest ones; 0 keeps all, a negative number none.
	LogLimit int
}

// Server is a LlamaCloud. It is safe for concurrent use.
type Server struct {
	corpus           *Corpus
	key              string
	latency          time.Duration
	linkLife         time.Duration
	throttler        *throttler
	limiter          *Limiter // nil: unlimited
	injector         *injector
	storage          *storage // nil: none
	cursors          cursors
	refuseLargePages bool
	links            links
	late             lateness
	log              requestLog
	endpoints        []endpoint
}

var _ http.Handler = (*Server)(nil)

// New returns a Server. It fails when an option makes no sense, and names it.
func New(o Options) (*Server, error) {
	switch {
	case o.Corpus == nil:
		return nil, errors.New("emulator: Corpus is missing")
	case o.Latency < 0 || o.StallFor < 0 || o.TrickleEvery < 0 || o.HugeSize < 0:
		return nil, errors.New("emulator: Latency, StallFor, TrickleEvery and HugeSize must not be negative")
	case o.LinkLife < 0 || o.LinkLife%time.Second != 0:
		return nil, fmt.Errorf("emulator: LinkLife is %v, it must be a number of whole seconds", o.LinkLife)
	}
	o.LinkLife = cmp.Or(o.LinkLife, time.Hour)
	s := &Server{
		corpus: o.Corpus, key: o.Key, latency: o.Latency, linkLife: o.LinkLife,
		refuseLargePages: o.RefuseLargePages, links: links{newSigner(o.Seed)},
		late: lateness{Delay: o.PicturesAfter, asked: map[string]int{}}, log: requestLog{limit: o.LogLimit},
	}
	if err := s.configure(&o); err != nil {
		return nil, fmt.Errorf("emulator: %w", err)
	}
	s.endpoints = s.routes()
	return s, nil
}

func (s *Server) configure(o *Options) (err error) {
	if o.Limit != nil {
		if s.limiter, err = NewLimiter(*o.Limit); err != nil {
			return err
		}
		s.limiter.Start(time.Now())
	}
	if o.Storage != nil {
		if s.storage, err = newStorage(s, o); err != nil {
			return err
		}
	}
	if s.throttler, err = newThrottler(o.Throttle, o.Seed); err != nil {
		return err
	}
	if s.injector, err = newInjector(*o, s.storage); err != nil {
		return err
	}
	s.cursors, err = newCursors(o.Seed)
	return err
}

// Storage returns what serves Options.Storage at its Origin. It must not be called where that is nil.
func (s *Server) Storage() http.Handler { return s.storage }

// Requests returns a copy of the log. A request is in it before the first byte of its answer is sent.
func (s *Server) Requests() []Request { return s.log.requests() }

// Reset clears the log. Limits and the attempts that faults have counted stay.
func (s *Server) Reset() { s.log.reset() }

// exchange is a request under way.
type exchange struct {
	w      http.ResponseWriter
	r      *http.Request
	route  Route
	params []string
	query  url.Values
	// token is the page_token; binding identifies the listing that it was made for, and after is the place that it
	// stands for. badToken is set when it does not belong to this listing.
	token, binding string
	after          uint64
	badToken       bool
	fault          *faultSpec // nil: none
	// stored is set for requests to the storage origin.
	stored bool
}

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.serve(&exchange{w: w, r: r, query: r.URL.Query()}, s.latency, s.answer)
}

// serve answers a request to one of the origins, which answer decides on before anything is sent.
func (s *Server) serve(x *exchange, latency time.Duration, answer func(*exchange, time.Time) reply) {
	arrived := time.Now()
	rep := answer(x, arrived)
	s.record(x, &rep, arrived)
	if latency > 0 && !x.wait(latency) {
		abort()
	}
	if x.fault != nil && x.fault.send != nil {
		x.fault.send(s.injector, x, rep)
		return
	}
	if err := rep.send(x.w); err != nil {
		// A body that is not whole must not look so.
		abort()
	}
}

func (s *Server) answer(x *exchange, arrived time.Time) reply {
	e, params, allow := match(s.endpoints, x.r)
	switch {
	case e == nil && len(allow) > 0:
		return detail(http.StatusMethodNotAllowed, "Method Not Allowed").with("Allow", strings.Join(allow, ", "))
	case e == nil:
		return detail(http.StatusNotFound, "Not Found")
	}
	x.route, x.params = e.route, params
	switch {
	case x.route.isDownload():
		return s.answerLink(e, x, arrived)
	case !s.authorized(x.r):
		return detail(http.StatusUnauthorized, "Invalid API key").with("WWW-Authenticate", "Bearer")
	case s.throttler.draw():
		return s.throttler.answer(arrived)
	case s.limiter == nil:
		return s.operate(e, x)
	}
	var rep reply
	wait := s.limiter.Take(arrived)
	quota := s.limiter.QuotaHeader(arrived)
	if wait > 0 {
		rep = s.limiter.throttled(arrived, wait)
	} else {
		rep = s.operate(e, x)
	}
	for name, values := range quota {
		rep = rep.with(name, values[0])
	}
	return rep
}

// operate carries out a request that was let through, and injects its fault.
func (s *Server) operate(e *endpoint, x *exchange) reply {
	if x.route.hasCursor() {
		s.readToken(x)
	}
	x.fault = s.injector.choose(x)
	if x.fault != nil && x.fault.answer != nil {
		return x.fault.answer(s.injector, x)
	}
	rep := s.handle(e, x)
	if !x.stored && s.storage.serves(x.route) && rep.status == http.StatusOK {
		return s.storage.redirect(x)
	}
	if x.fault == nil || x.fault.alter == nil {
		return rep
	}
	rep, err := rep.loaded()
	if err != nil {
		return detail(http.StatusInternalServerError, "The recorded blob cannot be read")
	}
	return x.fault.alter(x, rep)
}

// handle carries out a request whose query names no project or organization that cannot be.
func (s *Server) handle(e *endpoint, x *exchange) reply {
	if mistakes := s.scopeMistakes(x); len(mistakes) > 0 {
		return unprocessable(mistakes)
	}
	return e.handle(x)
}

func (s *Server) authorized(r *http.Request) bool {
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok || token == "" {
		return false
	}
	return s.key == "" || subtle.ConstantTimeCompare([]byte(token), []byte(s.key)) == 1
}

func (s *Server) record(x *exchange, rep *reply, arrived time.Time) {
	if s.log.limit < 0 {
		return
	}
	entry := Request{
		Time: arrived, Method: x.r.Method, Route: x.route, Path: x.r.URL.EscapedPath(), Query: x.query,
		Header: x.r.Header.Clone(), Status: rep.status, Storage: x.stored,
	}
	if entry.Header.Get("Authorization") != "" {
		verdict := "refused"
		if s.authorized(x.r) {
			verdict = "accepted"
		}
		entry.Header.Set("Authorization", verdict)
	}
	if x.fault != nil {
		entry.Fault = x.fault.kind
		if x.fault.silent {
			entry.Status = 0
		}
	}
	s.log.add(entry)
}

// wait returns false as soon as the client is gone, and true when d has passed.
func (x *exchange) wait(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-x.r.Context().Done():
		return false
	}
}
