package llamacloud

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"exporter/pipeline"
)

// resolveTo returns a resolver for which every name has these addresses.
func resolveTo(addrs ...string) *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		client, server := net.Pipe()
		go func() {
			defer server.Close()
			query := make([]byte, 512)
			if _, err := io.ReadFull(server, query[:2]); err != nil {
				return
			}
			query = query[:binary.BigEndian.Uint16(query)]
			if _, err := io.ReadFull(server, query); err != nil {
				return
			}
			answer := resolved(query, addrs)
			// Who asked may have gone.
			_, _ = server.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(answer))), answer...))
		}()
		return client, nil
	}}
}

// resolved returns the answer to a query for the addresses of a name, in the form of RFC 1035.
func resolved(query []byte, addrs []string) []byte {
	const header, answered, recordsTo = 12, 0x8180, 0xc00c
	end := header + slices.Index(query[header:], 0) + 1
	kind := binary.BigEndian.Uint16(query[end:])
	question := query[header : end+4]
	var records []byte
	count := 0
	for _, text := range addrs {
		addr := netip.MustParseAddr(text)
		if addr.Is4() != (kind == 1) || addr.Is6() != (kind == 28) {
			continue
		}
		count++
		for _, field := range []uint16{recordsTo, kind, 1, 0, 60, uint16(len(addr.AsSlice()))} {
			records = binary.BigEndian.AppendUint16(records, field)
		}
		records = append(records, addr.AsSlice()...)
	}
	answer := slices.Clone(query[:2])
	for _, field := range []uint16{answered, 1, uint16(count), 0, 0} {
		answer = binary.BigEndian.AppendUint16(answer, field)
	}
	return slices.Concat(answer, question, records)
}

// storage is a server on loopback that has a picture, and counts its connections.
type storage struct {
	*httptest.Server
	port      string
	connected atomic.Int64
}

func newStorage(t *testing.T) *storage {
	t.Helper()
	s, image := &storage{}, picture(t)
	s.Server = quietServer(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(image) })
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			s.connected.Add(1)
		}
	}
	s.StartTLS()
	t.Cleanup(s.Close)
	_, s.port, _ = net.SplitHostPort(s.Listener.Addr().String())
	return s
}

// newGuarded returns a client of http://api.test, which is at no address, and which redirects to a link. Whatever else is dialled is
// dialled really, by names that the resolver knows.
func newGuarded(t *testing.T, s *storage, link string, resolver *net.Resolver, change ...func(*Options)) *api {
	t.Helper()
	h := func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, link, http.StatusFound) }
	a := newAPI(t, h, append(change, func(o *Options) { o.BaseURL, o.InsecureHTTP = mustParse(t, "http://api.test"), true })...)
	a.serve(t, "api.test:80", h)
	setDial(a.client, func(ctx context.Context, network, address string) (net.Conn, error) {
		if address == "api.test:80" {
			return a.dial(ctx, network, address)
		}
		return a.client.guard.dial(ctx, network, address)
	})
	trust(a.client, s.Server)
	a.client.guard.dialer.Resolver = resolver
	return a
}

// permitOnly permits hosts, and addresses of any.
func permitOnly(hosts ...string) func(string, netip.Addr) bool {
	return func(host string, addr netip.Addr) bool {
		return slices.Contains(hosts, host) || slices.Contains(hosts, addr.String())
	}
}

// A link to where only this machine or its network can go is the asset's failure: nothing connects there, and it is not tried again.
func TestSource_Blob_LinkToNoPublicAddress_IsRefused(t *testing.T) {
	s := newStorage(t)
	for name, tt := range map[string]struct {
		host     string
		resolver *net.Resolver
		want     string
	}{
		"a name":                 {"storage.test", resolveTo("127.0.0.1"), `"storage.test" at 127.0.0.1, a loopback address`},
		"a name, over IPv6":      {"storage.test", resolveTo("::1"), `"storage.test" at ::1, a loopback address`},
		"a name, over both":      {"storage.test", resolveTo("::1", "127.0.0.1"), `"storage.test" at `},
		"a name, mapped":         {"storage.test", resolveTo("::ffff:127.0.0.1"), `"storage.test" at `},
		"a name that ends in .":  {"storage.test.", resolveTo("127.0.0.1"), `"storage.test" at 127.0.0.1, a loopback address`},
		"localhost":              {"localhost", nil, `"localhost" at `},
		"an address":             {"127.0.0.1", nil, `"127.0.0.1" at 127.0.0.1, a loopback address`},
		"an address of IPv6":     {"[::1]", nil, `"::1" at ::1, a loopback address`},
		"a mapped address":       {"[::ffff:127.0.0.1]", nil, `"::ffff:127.0.0.1" at ::ffff:127.0.0.1, a loopback address`},
		"an address that ends":   {"127.0.0.1.", nil, `"127.0.0.1" at 127.0.0.1, a loopback address`},
		"a number":               {"127.1", nil, `"127.1", which is no name of a host`},
		"a number in base 16":    {"0x7F000001", nil, `"0x7F000001", which is no name of a host`},
		"letters of other kinds": {"１２７.0.0.1", nil, `, which is no name of a host`},
	} {
		t.Run(name, func(t *testing.T) {
			a := newGuarded(t, s, "https://"+tt.host+":"+s.port+"/?signature=hidden", tt.resolver)
			_, err := a.fetchBlob(t, 0)
			failure, ok := errors.AsType[*pipeline.Failure](err)
			if !ok || failure.Class != ClassRedirect || failure.Attempts > 2 || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("got %v, want a failure of class redirect that says %s", err, tt.want)
			}
			if strings.Contains(err.Error(), " at ") != strings.Contains(err.Error(), "--allow-storage-host") || strings.Contains(err.Error(), "hidden") {
				t.Errorf("got %v, want the flag where there is an address, and no query", err)
			}
			if n := s.connected.Load(); n > 0 {
				t.Fatalf("%d connections", n)
			}
		})
	}
}

func TestGuard_Judge(t *testing.T) {
	g := newGuard(&url.URL{Scheme: "https", Host: "api.test"}, permitOnly("minio.test", "10.0.0.1"), nil)
	for _, tt := range []struct {
		host, addr string
		ok         bool
	}{
		{"storage.test", "192.0.2.1", false}, {"storage.test", "1.1.1.1", true}, {"storage.test", "10.0.0.1", true},
		{"storage.test", "::ffff:10.0.0.1", true}, {"storage.test", "10.0.0.2", false}, {"minio.test", "10.0.0.2", true},
		{"minio.test", "fe80::1%eth0", true}, {"storage.test", "fe80::1%eth0", false},
	} {
		if err := g.judge(tt.host, netip.MustParseAddr(tt.addr)); (err == nil) != tt.ok {
			t.Errorf("%s at %s: %v, want it permitted: %t", tt.host, tt.addr, err, tt.ok)
		}
	}
}

func TestSource_Blob_LinkToNoPublicAddress_Permitted(t *testing.T) {
	for name, tt := range map[string]struct{ host, permitted string }{
		"by name":              {"storage.example.com", "storage.example.com"},
		"by address":           {"storage.example.com", "127.0.0.1"},
		"an address, as such":  {"127.0.0.1", "127.0.0.1"},
		"by name, mapped form": {"[::ffff:127.0.0.1]", "127.0.0.1"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStorage(t)
			a := newGuarded(t, s, "https://"+tt.host+":"+s.port+"/", resolveTo("127.0.0.1"),
				func(o *Options) { o.PermitStorage = permitOnly(tt.permitted) })
			if _, err := a.fetchBlob(t, 0); err != nil || s.connected.Load() != 1 {
				t.Errorf("%v over %d connections, want the blob over one", err, s.connected.Load())
			}
		})
	}
}

// An API on an address of some kind may lead to others of that kind, and to no other kind.
func TestGuard_Answered_PermitsTheKindOfTheAPI(t *testing.T) {
	for _, tt := range []struct {
		api, link string
		ok        bool
	}{
		{"127.0.0.1", "127.0.0.2", true}, {"127.0.0.1", "::1", true}, {"127.0.0.1", "10.0.0.1", false}, {"127.0.0.1", "169.254.0.1", false},
		{"10.0.0.1", "192.168.0.1", true}, {"10.0.0.1", "fd00::1", true}, {"10.0.0.1", "127.0.0.1", false}, {"10.0.0.1", "169.254.0.1", false},
		{"10.0.0.1", "fd00:ec2::254", false}, {"10.0.0.1", "100.64.0.1", false}, {"100.64.0.1", "100.64.0.2", true},
		{"1.1.1.1", "10.0.0.1", false}, {"::ffff:10.0.0.1", "10.0.0.2", true},
	} {
		for how, g := range map[string]*guard{
			"by its address": newGuard(&url.URL{Scheme: "https", Host: net.JoinHostPort(tt.api, "443")}, permitOnly(), nil),
			"by its answer":  newGuard(&url.URL{Scheme: "https", Host: "api.test"}, permitOnly(), nil),
		} {
			if how == "by its answer" {
				g.answered(net.TCPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(tt.api), 443)))
			}
			if err := g.judge("storage.test", netip.MustParseAddr(tt.link)); (err == nil) != tt.ok {
				t.Errorf("API at %s, %s, link to %s: %v, want it permitted: %t", tt.api, how, tt.link, err, tt.ok)
			}
		}
	}
}

// What the API itself is on is never refused, and its answers tell what that is.
func TestSource_Blob_APIOnLoopback_LeadsToLoopback(t *testing.T) {
	s := newStorage(t)
	server := quietServer(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "https://storage.example.com:"+s.port+"/", http.StatusFound)
	})
	server.Start()
	server.URL = strings.Replace(server.URL, "127.0.0.1", "api.test", 1)
	client := newServerClient(t, server, false, func(o *Options) { o.InsecureHTTP = true })
	trust(client, s.Server)
	client.guard.dialer.Resolver = resolveTo("127.0.0.1")
	blob, err := NewSource(client, Selection{}).Blob(t.Context(), &pipeline.Asset{FileID: "f"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := blob.Close(); err != nil || s.connected.Load() != 1 {
		t.Errorf("%v, %d connections, want one", err, s.connected.Load())
	}
}
