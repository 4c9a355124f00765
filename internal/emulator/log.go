package emulator

import (
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"
)

// Request is what the log keeps of a request.
type Request struct {
	// Time is when the request had arrived.
	Time   time.Time
	Method string
	// Route is empty when the path or the method is no operation's.
	Route Route
	// Path is the path as it was sent, escapes included.
	Path  string
	Query url.Values
	// Header is the request's, but Authorization holds "accepted" or "refused", and nothing when it was not sent.
	Header http.Header
	// Status is that of the answer; 0 where a fault kept the answer from being sent.
	Status int
	// Fault is the fault that was injected, or empty.
	Fault FaultKind
	// Storage is set for requests to the storage origin, which should never bring an Authorization.
	Storage bool
}

// requestLog keeps the latest requests, in the order in which they were about to be answered.
type requestLog struct {
	mu    sync.Mutex
	limit int // 0: all, negative: none
	kept  []Request
	// oldest is the place in kept of the first request, when kept is full.
	oldest int
}

func (l *requestLog) add(r Request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.limit == 0 || len(l.kept) < l.limit {
		l.kept = append(l.kept, r)
		return
	}
	l.kept[l.oldest] = r
	l.oldest = (l.oldest + 1) % l.limit
}

func (l *requestLog) requests() []Request {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Concat(l.kept[l.oldest:], l.kept[:l.oldest])
}

func (l *requestLog) reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.kept, l.oldest = nil, 0
}
