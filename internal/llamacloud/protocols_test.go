package llamacloud

import (
	"crypto/tls"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"exporter/pipeline"
)

// startProtocols starts a server that speaks HTTP/2 and HTTP/1.1.
func startProtocols(h http.HandlerFunc, change ...func(*httptest.Server)) *httptest.Server {
	server := quietServer(h)
	server.EnableHTTP2 = true
	for _, f := range change {
		f(server)
	}
	server.StartTLS()
	return server
}

// fetchMany asks for so many blobs, eight at a time, each of which has to come at the first attempt.
func fetchMany(t *testing.T, c *Client, count int) {
	t.Helper()
	source := NewSource(c, Selection{})
	var left atomic.Int64
	left.Store(int64(count))
	var workers sync.WaitGroup
	for range 8 {
		workers.Go(func() {
			for left.Add(-1) >= 0 {
				blob, err := source.Blob(t.Context(), &pipeline.Asset{FileID: "f", Kind: pipeline.Screenshot}, nil)
				if err != nil {
					t.Error(err)
					return
				}
				if blob.Attempts != 1 {
					t.Errorf("a blob took %d attempts", blob.Attempts)
				}
				if err := blob.Close(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	workers.Wait()
}

func TestProtocols_TheFasterOneIsUsed(t *testing.T) {
	image := picture(t)
	for slower, want := range map[int]struct {
		major int
		log   string
	}{
		1: {2, ""},
		2: {1, " sends blobs faster over HTTP/1.1 than over HTTP/2: HTTP/1.1 is used"},
	} {
		var asked [3]atomic.Int64
		server := startProtocols(func(w http.ResponseWriter, r *http.Request) {
			asked[r.ProtoMajor].Add(1)
			if r.ProtoMajor == slower {
				time.Sleep(20 * time.Millisecond)
			}
			_, _ = w.Write(image)
		})
		var log strings.Builder
		client := newServerClient(t, server, true, func(o *Options) {
			o.Log = func(message string) { log.WriteString(message) }
		})
		fetchMany(t, client, warmUp)
		if n := asked[1].Load(); n != 0 {
			t.Errorf("%d of the first %d blobs are asked for over HTTP/1.1", n, warmUp)
		}
		fetchMany(t, client, longest-warmUp)
		for i := range asked {
			asked[i].Store(0)
		}
		fetchMany(t, client, 20)
		if n := asked[want.major].Load(); n != 20 {
			t.Errorf("HTTP/%d is slower: %d of 20 blobs are asked for over HTTP/%d, want all", slower, n, want.major)
		}
		if got := strings.ReplaceAll(log.String(), strings.TrimPrefix(server.URL, "https://"), ""); got != want.log {
			t.Errorf("HTTP/%d is slower: the log is %q, want %q", slower, got, want.log)
		}
	}
}

// A server that takes no connection without HTTP/2 costs no attempt.
func TestProtocols_HTTP2Alone(t *testing.T) {
	image := picture(t)
	var refused atomic.Int64
	server := startProtocols(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(image) }, func(s *httptest.Server) {
		s.TLS = &tls.Config{GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
			for _, protocol := range hello.SupportedProtos {
				if protocol == "h2" {
					return nil, nil
				}
			}
			refused.Add(1)
			return nil, errors.New("HTTP/2 is all that is spoken here")
		}}
	})
	fetchMany(t, newServerClient(t, server, true), longest)
	if n := refused.Load(); n == 0 || n > 8 {
		t.Errorf("%d connections over HTTP/1.1, want one or as many as there are at a time", n)
	}
}

// A server that does not speak HTTP/2 is asked over the connections that there are: its first answer ends the contest.
func TestProtocols_HTTP1Alone(t *testing.T) {
	image := picture(t)
	server := startProtocols(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(image) }, func(s *httptest.Server) {
		s.EnableHTTP2 = false
	})
	client := newServerClient(t, server, true)
	fetchMany(t, client, 1)
	if c := client.transports.contests[client.base.Host]; !c.over || c.wins {
		t.Errorf("the contest is %+v", c)
	}
}

// Where every request over HTTP/1.1 takes a connection, it is given up.
func TestProtocols_HTTP1WithoutConnectionsThatLast(t *testing.T) {
	image := picture(t)
	var first atomic.Int64
	server := startProtocols(func(w http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor == 1 {
			first.Add(1)
			w.Header().Set("Connection", "close")
		}
		_, _ = w.Write(image)
	})
	client := newServerClient(t, server, true)
	fetchMany(t, client, longest)
	first.Store(0)
	fetchMany(t, client, 20)
	if n := first.Load(); n != 0 {
		t.Errorf("%d of the last 20 blobs are asked for over HTTP/1.1", n)
	}
}

// What is as fast as HTTP/2, or faster by what chance may do, does not win.
func TestProtocols_Contest_WantsAClearWinner(t *testing.T) {
	to := mustParse(t, "https://api.example.com/blob")
	for _, tt := range []struct {
		name string
		// http1 is what a time over HTTP/1.1 is of one over HTTP/2. Times are from 100 to 199 ms.
		http1 float64
		wins  bool
	}{
		{"as fast", 1, false}, {"a twentieth less", 0.95, false}, {"a quarter less", 0.75, true}, {"slower", 1.5, false},
	} {
		p := &protocols{log: func(string) {}, contests: map[string]*contest{}}
		for i := range longest {
			_, e := p.choose(to, true)
			took := time.Duration(100+37*(i/2)%100) * time.Millisecond
			if e != nil && e.http1 {
				took = time.Duration(float64(took) * tt.http1)
			}
			e.end(2, took)
		}
		c := p.contests[to.Host]
		if !c.over || c.wins != tt.wins || len(c.usual)+len(c.http1) > 0 {
			t.Errorf("%s: %+v, want HTTP/1.1 to win: %v", tt.name, c, tt.wins)
		}
	}
}

// What waited for a new connection says nothing about the protocol.
func TestProtocols_Contest_LeavesOutNewConnections(t *testing.T) {
	to := mustParse(t, "https://api.example.com/blob")
	p := &protocols{log: func(string) {}, contests: map[string]*contest{}}
	for range longest {
		_, e := p.choose(to, true)
		e.connected(!e.http1)
		e.end(2, time.Duration(map[bool]int{true: 1, false: 10}[e.http1])*time.Millisecond)
	}
	if _, e := p.choose(to, true); e != nil || p.contests[to.Host].wins {
		t.Errorf("the contest is %+v, want it to be over without a winner", p.contests[to.Host])
	}
}

// answering is a network over one version of HTTP, where everybody answers the same after some time.
type answering struct {
	fakeAnswer
	major int
	after time.Duration
}

func (a answering) RoundTrip(r *http.Request) (*http.Response, error) {
	time.Sleep(a.after)
	resp, err := a.fakeAnswer.RoundTrip(r)
	resp.ProtoMajor = a.major
	return resp, err
}

// Whoever refuses is quick, and wins nothing.
func TestProtocols_Contest_RefusalsWinNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, err := New(Options{BaseURL: mustParse(t, "https://api.example.com"), Key: canaryKey(t)})
		if err != nil {
			t.Fatal(err)
		}
		client.transports.usual = answering{fakeAnswer{http.StatusOK, http.Header{}, picture(t)}, 2, 10 * time.Millisecond}
		client.transports.http1 = answering{fakeAnswer{http.StatusNotFound, http.Header{}, nil}, 1, time.Millisecond}
		source, failed := NewSource(client, Selection{}), 0
		for range longest {
			blob, err := source.Blob(t.Context(), &pipeline.Asset{FileID: "f", Kind: pipeline.Screenshot}, nil)
			if err != nil {
				failed++
				continue
			}
			blob.Close()
		}
		if c := client.transports.contests["api.example.com"]; c.wins || failed < heats {
			t.Errorf("after %d refusals over HTTP/1.1 the contest is %+v", failed, c)
		}
	})
}

// However many hosts there are, few are remembered.
func TestProtocols_ManyHosts(t *testing.T) {
	p := &protocols{contests: map[string]*contest{}}
	for i := range 10 * maxOrigins {
		to := mustParse(t, "https://"+strings.Repeat("x", i+1)+".example.com/")
		p.choose(to, true)
	}
	if n := len(p.contests); n != maxOrigins {
		t.Errorf("%d hosts are remembered, want %d", n, maxOrigins)
	}
}
