package llamacloud

import "net/netip"

// addressKind is what an address is for.
type addressKind uint8

// The kinds of addresses. All but publicAddress have a meaning on this machine, in its network or in its cloud only, or none.
const (
	publicAddress addressKind = iota
	loopbackAddress
	privateAddress
	sharedAddress
	linkLocalAddress
	metadataAddress
	specialAddress
)

// String returns the kind with its article.
func (k addressKind) String() string {
	switch k {
	case loopbackAddress:
		return "a loopback address"
	case privateAddress:
		return "a private address"
	case sharedAddress:
		return "a shared address of carrier-grade NAT"
	case linkLocalAddress:
		return "a link-local address"
	case metadataAddress:
		return "a service of the cloud that this machine is in"
	case specialAddress:
		return "a special-purpose address"
	}
	return "a public address"
}

// specialNetworks are the networks of the kinds that are not public; the first that holds an address counts. They are those of IANA's
// registries of special-purpose addresses (RFC 6890), multicast, and where clouds serve a machine what only it may know. It is
// never changed.
var specialNetworks = []struct {
	netip.Prefix
	kind addressKind
}{
	{netip.MustParsePrefix("127.0.0.0/8"), loopbackAddress},
	{netip.MustParsePrefix("10.0.0.0/8"), privateAddress},
	{netip.MustParsePrefix("172.16.0.0/12"), privateAddress},
	{netip.MustParsePrefix("192.168.0.0/16"), privateAddress},
	{netip.MustParsePrefix("169.254.0.0/16"), linkLocalAddress},
	{netip.MustParsePrefix("100.100.100.200/32"), metadataAddress}, // Alibaba Cloud
	{netip.MustParsePrefix("168.63.129.16/32"), metadataAddress},   // Azure
	{netip.MustParsePrefix("100.64.0.0/10"), sharedAddress},
	{netip.MustParsePrefix("0.0.0.0/8"), specialAddress},
	{netip.MustParsePrefix("192.0.0.0/24"), specialAddress},
	{netip.MustParsePrefix("192.0.2.0/24"), specialAddress},
	{netip.MustParsePrefix("192.88.99.0/24"), specialAddress},
	{netip.MustParsePrefix("198.18.0.0/15"), specialAddress},
	{netip.MustParsePrefix("198.51.100.0/24"), specialAddress},
	{netip.MustParsePrefix("203.0.113.0/24"), specialAddress},
	{netip.MustParsePrefix("224.0.0.0/3"), specialAddress}, // multicast, reserved, broadcast

	{netip.MustParsePrefix("::1/128"), loopbackAddress},
	{netip.MustParsePrefix("fd00:ec2::/32"), metadataAddress},    // AWS
	{netip.MustParsePrefix("fd20:ce::254/128"), metadataAddress}, // Google Cloud
	{netip.MustParsePrefix("fc00::/7"), privateAddress},
	{netip.MustParsePrefix("fec0::/10"), privateAddress},
	{netip.MustParsePrefix("fe80::/10"), linkLocalAddress},
	{netip.MustParsePrefix("2001::/23"), specialAddress},
	{netip.MustParsePrefix("2001:db8::/32"), specialAddress},
	{netip.MustParsePrefix("3fff::/20"), specialAddress},
}

var (
	// globalUnicast holds all IPv6 addresses that were ever given to anybody (RFC 4291). It is never changed.
	globalUnicast = netip.MustParsePrefix("2000::/3")
	// translated is for IPv4 addresses behind NAT64 (RFC 6052), tunnelled for those behind 6to4 (RFC 3056). They are never changed.
	translated = netip.MustParsePrefix("64:ff9b::/96")
	tunnelled  = netip.MustParsePrefix("2002::/16")
)

// kindOf returns the kind of an address; of one that wraps an IPv4 address, that one's.
func kindOf(addr netip.Addr) addressKind {
	addr = unwrap(addr)
	for _, n := range specialNetworks {
		if n.Contains(addr) {
			return n.kind
		}
	}
	if addr.Is4() || globalUnicast.Contains(addr) {
		return publicAddress
	}
	return specialAddress
}

// unwrap returns the IPv4 address that an IPv6 address stands for, or the address itself, without its zone.
func unwrap(addr netip.Addr) netip.Addr {
	addr = addr.WithZone("").Unmap()
	b := addr.As16()
	switch {
	case translated.Contains(addr):
		return netip.AddrFrom4([4]byte(b[12:16]))
	case tunnelled.Contains(addr):
		return netip.AddrFrom4([4]byte(b[2:6]))
	}
	return addr
}
