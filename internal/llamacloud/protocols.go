package llamacloud

import (
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"time"
)

const (
	// warmUp is how many blobs are asked for over HTTP/2 before another protocol is tried: shorter runs have nothing to gain.
	warmUp = 64
	// heats is how many answers are compared of each protocol.
	heats = 64
	// longest is after how many blobs a contest ends that has no winner, as with a server that wants a connection for each request.
	longest = warmUp + 8*heats
	// clearWin is how many of 100 pairs of answers HTTP/1.1 has to win. Were both as fast as each other, it would do so once in some
	// thousand contests: it wins half of the pairs then, with a standard deviation of 5 for as many heats.
	clearWin = 66
)

// protocols has a transport for what a server speaks of its own accord, which is HTTP/2 where it can, and another one for HTTP/1.1.
// It is safe for concurrent use.
//
// One connection serves all workers over HTTP/2, and one goroutine reads it. Over HTTP/1.1 each has its own, which costs a handshake
// more, and then less time where this side is what is slow, or one connection is not given all that the line has. A server is asked
// over both in turns, and after that over HTTP/1.1 where that was clearly faster.
type protocols struct {
	usual, http1 http.RoundTripper
	log          func(message string)

	mu       sync.Mutex
	contests map[string]*contest
}

func newProtocols(o Options, g *guard) *protocols {
	http1 := newTransport(o, g)
	http1.ForceAttemptHTTP2 = false
	return &protocols{usual: newTransport(o, g), http1: http1, log: o.Log, contests: map[string]*contest{}}
}

// close closes connections that are not in use.
func (p *protocols) close() {
	for _, t := range []http.RoundTripper{p.usual, p.http1} {
		if t, ok := t.(interface{ CloseIdleConnections() }); ok {
			t.CloseIdleConnections()
		}
	}
}

// contest compares the protocols that one host speaks, by the time that blobs take over each.
type contest struct {
	// began is how many blobs took part or warmed up.
	began int
	// usual and http1 are the times over HTTP/2 and HTTP/1.1.
	usual, http1 []time.Duration
	// over tells that the winner is known, and wins that it is HTTP/1.1.
	over, wins bool
}

// entry is a blob that is fetched over one of the protocols.
type entry struct {
	of    *protocols
	host  string
	http1 bool
	// fresh tells that a connection was made for it, which takes time that is no concern of the protocol.
	fresh bool
}

// choose returns the transport for a request. The entry, which may be nil, is told how it went.
func (p *protocols) choose(to *url.URL, blob bool) (http.RoundTripper, *entry) {
	if to.Scheme != "https" {
		return p.usual, nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	c := p.contests[to.Host]
	switch {
	case c == nil && len(p.contests) >= maxOrigins:
		return p.usual, nil
	case c == nil:
		c = &contest{}
		p.contests[to.Host] = c
	}
	switch {
	case c.over && c.wins:
		return p.http1, nil
	case c.over || !blob:
		return p.usual, nil
	case c.began == longest:
		c.end(false)
		return p.usual, nil
	}
	c.began++
	e := &entry{of: p, host: to.Host, http1: c.began > warmUp && c.began%2 == 0}
	if e.http1 {
		return p.http1, e
	}
	return p.usual, e
}

// connected says whether its connection was there before.
func (e *entry) connected(reused bool) {
	if e != nil {
		e.fresh = !reused
	}
}

// end says that a body came to its end, over which version of HTTP and in which time.
func (e *entry) end(major int, took time.Duration) {
	if e == nil {
		return
	}
	p := e.of
	p.mu.Lock()
	defer p.mu.Unlock()
	c := p.contests[e.host]
	switch {
	case c.over:
		return
	case !e.http1 && major < 2:
		// It speaks nothing else.
		c.end(false)
		return
	case e.fresh || c.began <= warmUp:
		return
	case e.http1:
		c.http1 = append(c.http1, took)
	default:
		c.usual = append(c.usual, took)
	}
	if len(c.usual) < heats || len(c.http1) < heats {
		return
	}
	if c.end(wonPairs(c.http1[:heats], c.usual[:heats]) >= clearWin*heats*heats/100); c.wins {
		p.log(fmt.Sprintf("%s sends blobs faster over HTTP/1.1 than over HTTP/2: HTTP/1.1 is used", printable(e.host)))
	}
}

// end says whether HTTP/1.1 has won.
func (c *contest) end(wins bool) { c.over, c.wins, c.http1, c.usual = true, wins, nil, nil }

// lost says that a connection could not be made, and tells whether it is to be tried over the usual protocol.
func (e *entry) lost() bool {
	if e == nil || !e.http1 {
		return false
	}
	e.of.mu.Lock()
	defer e.of.mu.Unlock()
	e.of.contests[e.host].end(false)
	return true
}

// wonPairs returns in how many pairs of one of each the former is less: the statistic of Mann and Whitney
// (https://doi.org/10.1214/aoms/1177730491).
func wonPairs(former, latter []time.Duration) int {
	won := 0
	for _, f := range former {
		for _, l := range latter {
			if f < l {
				won++
			}
		}
	}
	return won
}
