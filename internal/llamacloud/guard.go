package llamacloud

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"exporter/internal/proxy"
)

// guard keeps links of the API from leading requests to where only this machine, its network or its cloud can go. It judges the
// address that a connection is made to, after the name was resolved. The API's own connections are never refused, and an API on an
// address of some kind may lead to others of that kind. Through a proxy, which resolves names itself, it can judge only hosts that
// are given as addresses.
type guard struct {
	dialer net.Dialer
	// permits is Options.PermitStorage.
	permits func(host string, addr netip.Addr) bool
	// proxies is Options.Proxies.
	proxies *proxy.Proxies
	// proxied tells that a proxy stands before the API, so that nobody knows where it is.
	proxied bool
	// kinds has the bit 1<<kind for each kind of address that the API is on.
	kinds atomic.Uint32
}

func newGuard(base *url.URL, permits func(string, netip.Addr) bool, proxies *proxy.Proxies) *guard {
	g := &guard{
		dialer:  net.Dialer{Timeout: connectTimeout, KeepAlive: 30 * time.Second},
		permits: permits,
		proxies: proxies,
		proxied: proxies.For(base) != nil,
	}
	if addr, err := netip.ParseAddr(base.Hostname()); err == nil {
		g.saw(addr)
	}
	return g
}

// answered takes note of who has answered for the API; nil where nobody knows.
func (g *guard) answered(peer *net.TCPAddr) {
	if peer != nil && !g.proxied {
		g.saw(peer.AddrPort().Addr())
	}
}

func (g *guard) saw(addr netip.Addr) { g.kinds.Or(1 << kindOf(addr)) }

// addressError says that a link leads to where none of the API's may.
type addressError struct {
	host string
	addr netip.Addr
}

func (e *addressError) Error() string {
	return fmt.Sprintf("the link leads to %q at %v, %v: not followed (if blobs are there, give --allow-storage-host with the name "+
		"or the address)", e.host, e.addr, kindOf(e.addr))
}

// judge returns an *addressError unless a link to a host may lead to an address of it.
func (g *guard) judge(host string, addr netip.Addr) error {
	kind := kindOf(addr)
	if kind == publicAddress || g.kinds.Load()&(1<<kind) != 0 || g.permits(host, addr.WithZone("").Unmap()) {
		return nil
	}
	return &addressError{host, addr}
}

// check refuses a link by its host, as far as that tells anything: an address that is not permitted, and what programs read as an
// address or a name in more than one way.
func (g *guard) check(link *url.URL) error {
	host := hostOf(link)
	addr, err := netip.ParseAddr(host)
	switch {
	case err == nil:
		return g.judge(host, addr)
	case !isHostName(host):
		return fmt.Errorf("the link leads to %q, which is no name of a host", host)
	}
	return nil
}

// hostOf returns the host of a link without the dot that may end it.
func hostOf(link *url.URL) string { return strings.TrimSuffix(link.Hostname(), ".") }

// isHostName tells whether a host is a name, and nothing that could pass for a number.
func isHostName(host string) bool {
	odd := func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_' || r == '.')
	}
	last := strings.ToLower(host[strings.LastIndexByte(host, '.')+1:])
	return !strings.ContainsFunc(host, odd) && strings.Trim(last, "0123456789") != "" && !strings.HasPrefix(last, "0x")
}

// elsewhere is the context's key for a link to another origin than the API's.
type elsewhere struct{}

// leadingTo returns a context for the request of a link to another origin.
func leadingTo(ctx context.Context, link *url.URL) context.Context {
	return context.WithValue(ctx, elsewhere{}, link)
}

// dial connects to an address, in place of net.Dialer.DialContext.
func (g *guard) dial(ctx context.Context, network, address string) (net.Conn, error) {
	link, ok := ctx.Value(elsewhere{}).(*url.URL)
	if !ok || g.proxies.For(link) != nil {
		return g.dialer.DialContext(ctx, network, address)
	}
	// The dialer returns the error of one address only, whichever comes first.
	var refused atomic.Pointer[addressError]
	dialer := g.dialer
	dialer.ControlContext = func(_ context.Context, _, address string, _ syscall.RawConn) error {
		to, err := netip.ParseAddrPort(address)
		if err != nil {
			return err
		}
		err = g.judge(hostOf(link), to.Addr())
		if e, ok := err.(*addressError); ok {
			refused.Store(e)
		}
		return err
	}
	conn, err := dialer.DialContext(ctx, network, address)
	if e := refused.Load(); err != nil && e != nil {
		return nil, e
	}
	return conn, err
}
