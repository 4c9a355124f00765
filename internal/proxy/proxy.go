// Package proxy says through which proxy a request goes, by the variables that other programs go by: HTTPS_PROXY, HTTP_PROXY,
// ALL_PROXY and NO_PROXY, in capitals or not. It imports nothing of this module but what a loopback host is.
//
// Package net/http reads all of them but ALL_PROXY, and goes without a proxy where the URL of one cannot be parsed.
package proxy

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"exporter/internal/loopback"
)

// Proxies are the proxies of an environment. Nil has none.
type Proxies struct {
	https, http *url.URL
	none        []exception
	// direct tells that nothing goes through a proxy.
	direct bool
}

// exception is an entry of NO_PROXY: a network, or a name with or without what is below it. The port is empty for all.
type exception struct {
	network netip.Prefix
	name    string
	below   bool
	port    string
}

// Error says what is wrong with a variable. It does not show the value, which may have a password in it.
type Error struct{ Variable, Problem, Remedy string }

func (e *Error) Error() string { return e.Variable + ": " + e.Problem + " (" + e.Remedy + ")" }

// Parse reads the variables. What is in capitals counts before what is not, and the variable of a scheme before ALL_PROXY. The error is an
// *Error.
func Parse(variable func(name string) string) (*Proxies, error) {
	read := func(name string) (*url.URL, error) {
		for _, name := range []string{name, strings.ToLower(name)} {
			if name == "HTTP_PROXY" && variable("REQUEST_METHOD") != "" {
				// A web server that starts a program hands it the header "Proxy" of a request so.
				continue
			}
			if text := variable(name); text != "" {
				u, problem, remedy := parse(text)
				if problem != "" {
					return nil, &Error{name, problem, remedy}
				}
				return u, nil
			}
		}
		return nil, nil
	}
	all, allErr := read("ALL_PROXY")
	https, httpsErr := read("HTTPS_PROXY")
	http, httpErr := read("HTTP_PROXY")
	for _, err := range []error{httpsErr, httpErr, allErr} {
		if err != nil {
			return nil, err
		}
	}
	p := &Proxies{https: https, http: http}
	if p.https == nil {
		p.https = all
	}
	if p.http == nil {
		p.http = all
	}
	none := variable("NO_PROXY")
	if none == "" {
		none = variable("no_proxy")
	}
	for entry := range strings.SplitSeq(none, ",") {
		p.except(strings.ToLower(strings.TrimSpace(entry)))
	}
	return p, nil
}

// schemes are those of proxies that package net/http knows.
var schemes = []string{"http", "https", "socks5", "socks5h"}

// parse reads the URL of a proxy, of which the scheme may be left out. The problem is empty where there is none.
func parse(text string) (u *url.URL, problem, remedy string) {
	const example = "such as http://proxy.example.com:3128; what is odd in a user or a password is written as %40"
	if !strings.Contains(text, "://") {
		text = "http://" + text
	}
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Hostname() == "" || strings.ContainsAny(u.Host, "\"'") || !isPort(u.Port()) || strings.HasSuffix(u.Host, ":"):
		return nil, "not the URL of a proxy", example
	case !slices.Contains(schemes, u.Scheme):
		return nil, fmt.Sprintf("%q is no scheme of a proxy", u.Scheme), "give http, https, socks5 or socks5h"
	case u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.Fragment != "":
		return nil, "the URL of a proxy has no path", "name the proxy itself, such as http://proxy.example.com:3128, not its script"
	}
	return u, "", ""
}

func isPort(text string) bool {
	if text == "" {
		return true
	}
	port, err := strconv.ParseUint(text, 10, 16)
	return err == nil && port > 0
}

// except adds an entry of NO_PROXY: "*", an address, a network, or a name, "." or "*." before which leaves out the name itself. All but a
// network may have a port.
func (p *Proxies) except(entry string) {
	if entry == "*" {
		p.direct = true
	}
	if network, err := netip.ParsePrefix(entry); err == nil {
		p.none = append(p.none, exception{network: network.Masked()})
		return
	}
	host, port, err := net.SplitHostPort(entry)
	if err != nil {
		host, port = strings.Trim(entry, "[]"), ""
	}
	if addr, err := netip.ParseAddr(host); err == nil {
		addr = addr.Unmap()
		p.none = append(p.none, exception{network: netip.PrefixFrom(addr, addr.BitLen()), port: port})
		return
	}
	host = strings.TrimPrefix(host, "*")
	if name := strings.TrimPrefix(host, "."); name != "" {
		p.none = append(p.none, exception{name: name, below: name != host, port: port})
	}
}

// For returns the proxy for a URL, or nil. What is on this machine is asked directly.
func (p *Proxies) For(u *url.URL) *url.URL {
	if p == nil {
		return nil
	}
	proxy, port := p.https, "443"
	if u.Scheme == "http" {
		proxy, port = p.http, "80"
	}
	host := strings.ToLower(strings.TrimSpace(u.Hostname()))
	if proxy == nil || p.direct || loopback.IsHost(host) {
		return nil
	}
	if given := u.Port(); given != "" {
		port = given
	}
	if slices.ContainsFunc(p.none, func(e exception) bool { return e.has(host) && (e.port == "" || e.port == port) }) {
		return nil
	}
	return proxy
}

// has tells whether a host is among what an entry names.
func (e *exception) has(host string) bool {
	if addr, err := netip.ParseAddr(host); err == nil {
		return e.network.IsValid() && e.network.Contains(addr.WithZone("").Unmap())
	}
	return e.name != "" && (strings.HasSuffix(host, "."+e.name) || !e.below && host == e.name)
}

// Name returns the URL of a proxy without user and password.
func Name(proxy *url.URL) string { return proxy.Scheme + "://" + proxy.Host }
