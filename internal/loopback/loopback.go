// Package loopback knows which hosts are this machine.
package loopback

import (
	"net/netip"
	"strings"
)

// IsHost tells whether nothing that is sent to a host leaves this machine: it is localhost, or an address of 127.0.0.0/8, ::1 or
// IPv4's in IPv6, without brackets and port. Names are not looked up.
func IsHost(host string) bool {
	addr, err := netip.ParseAddr(host)
	return strings.EqualFold(host, "localhost") || err == nil && addr.Unmap().IsLoopback()
}
