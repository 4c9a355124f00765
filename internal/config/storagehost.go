package config

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
)

// StorageHost is where links of the API may lead although it is no public address: a host, or a network.
type StorageHost struct {
	// name is a host's, in lower case, or with "*." before it that of all hosts below it; empty for a network.
	name    string
	network netip.Prefix
}

// hostName matches the name of a host in lower case, which has a letter in its last part; an address has none.
var hostName = regexp.MustCompile(`^(\*\.)?([a-z0-9_-]+\.)*[0-9_-]*[a-z][a-z0-9_-]*$`)

// parseStorageHost parses a name, an address or a network.
func parseStorageHost(text string) (StorageHost, error) {
	network, err := netip.ParsePrefix(text)
	if addr, addrErr := netip.ParseAddr(text); addrErr == nil {
		network, err = netip.PrefixFrom(addr, addr.BitLen()), nil
	}
	name := strings.ToLower(text)
	switch {
	case err == nil && network.Addr().Is4In6():
		return StorageHost{}, fmt.Errorf("%s is no address as connections have it", quote(text))
	case err == nil && network != network.Masked():
		return StorageHost{}, &hinted{fmt.Errorf("%s is an address in a network", quote(text)),
			fmt.Sprintf("write %q for the network, or %q for the address", network.Masked(), network.Addr())}
	case err == nil:
		return StorageHost{network: network}, nil
	case !hostName.MatchString(name):
		return StorageHost{}, fmt.Errorf("%s is neither the name of a host nor a network", quote(text))
	}
	return StorageHost{name: name}, nil
}

// String returns the text that is parsed as h.
func (h StorageHost) String() string {
	if h.name != "" {
		return h.name
	}
	return h.network.String()
}

func (h StorageHost) permits(host string, addr netip.Addr) bool {
	if domain, ok := strings.CutPrefix(h.name, "*"); ok {
		return strings.HasSuffix(host, domain)
	}
	return h.name != "" && h.name == host || h.network.Contains(addr)
}

// PermitsStorage tells whether links of the API to a host may lead to an address that is not public.
func (a *API) PermitsStorage(host string, addr netip.Addr) bool {
	host = strings.ToLower(host)
	return slices.ContainsFunc(a.StorageHosts, func(h StorageHost) bool { return h.permits(host, addr) })
}

func storageHostsField(p *[]StorageHost) field {
	const allowed = `such as "minio.example.com", "*.example.com" for the hosts below it, or "10.1.0.0/16"`
	return listField(field{placeholder: "NAME|CIDR", allowed: allowed}, p, parseStorageHost, StorageHost.String)
}
