package llamacloud

import (
	"io"
	"net"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"exporter/pipeline"
)

func TestSource_Blob_HTTP2(t *testing.T) {
	image := picture(t)
	requests := 0
	server := quietServer(func(w http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor != 2 {
			t.Errorf("the request is %s, want HTTP/2", r.Proto)
		}
		if requests++; requests == 1 {
			_, _ = w.Write(image[:40])
			breakOff(w)
		}
		_, _ = w.Write(image)
	})
	server.EnableHTTP2 = true
	server.StartTLS()
	client := newServerClient(t, server, true)
	blob, err := NewSource(client, Selection{}).Blob(t.Context(), &pipeline.Asset{FileID: "f", Kind: pipeline.Screenshot}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer blob.Close()
	if blob.Attempts != 2 || blob.Size != int64(len(image)) {
		t.Errorf("got %d bytes after %d attempts, want %d after 2", blob.Size, blob.Attempts, len(image))
	}
}

// silentProxy passes bytes on between its connections and a server, until it is muted: from then on those of the
// connections that it has vanish, and nobody is told. New connections are as they should be.
type silentProxy struct {
	net.Listener
	server string
	muted  atomic.Pointer[atomic.Bool]
	count  atomic.Int64
	open   sync.WaitGroup
}

func startSilentProxy(t *testing.T, server string) *silentProxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &silentProxy{Listener: l, server: server}
	p.muted.Store(new(atomic.Bool))
	p.open.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			p.count.Add(1)
			upstream, err := net.Dial("tcp", server)
			if err != nil {
				t.Error(err)
				return
			}
			muted := p.muted.Load()
			p.open.Go(func() { pass(upstream, client, muted) })
			p.open.Go(func() { pass(client, upstream, muted) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		p.open.Wait()
	})
	return p
}

// mute silences the connections that there are.
func (p *silentProxy) mute() { p.muted.Swap(new(atomic.Bool)).Store(true) }

// pass copies from one connection to another until either ends.
func pass(to, from net.Conn, muted *atomic.Bool) {
	defer to.Close()
	defer from.Close()
	buffer := make([]byte, 4096)
	for {
		n, err := from.Read(buffer)
		if !muted.Load() {
			if _, err := to.Write(buffer[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// A connection over HTTP/2 dies without a sign, as behind a router that forgot it. It is given up, and what was under way is
// tried again over a new one.
func TestSource_Blob_HTTP2_DeadConnectionIsReplaced(t *testing.T) {
	image := picture(t)
	server := quietServer(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(image) })
	server.EnableHTTP2 = true
	server.StartTLS()
	proxy := startSilentProxy(t, server.Listener.Addr().String())
	client := newServerClient(t, server, true, func(o *Options) {
		o.BaseURL = &url.URL{Scheme: "https", Host: proxy.Addr().String()}
		o.IdleTimeout, o.HeaderTimeout, o.MaxAttempts = 200*time.Millisecond, 500*time.Millisecond, 3
	})
	source := NewSource(client, Selection{})
	for i, attempts := range []int{1, 2} {
		blob, err := source.Blob(t.Context(), &pipeline.Asset{FileID: "f", Kind: pipeline.Screenshot}, nil)
		if err != nil {
			t.Fatalf("blob %d: %v", i, err)
		}
		if got, err := io.ReadAll(blob.Open()); err != nil || len(got) != len(image) {
			t.Errorf("blob %d has %d bytes, %v, want %d", i, len(got), err, len(image))
		}
		if blob.Attempts < attempts {
			t.Errorf("blob %d took %d attempts, want %d at least", i, blob.Attempts, attempts)
		}
		if err := blob.Close(); err != nil {
			t.Error(err)
		}
		proxy.mute()
	}
	if n := proxy.count.Load(); n != 2 {
		t.Errorf("%d connections, want 2", n)
	}
}
