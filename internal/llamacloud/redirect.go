package llamacloud

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"exporter/internal/loopback"
)

const (
	// maxHops is how many redirects of a request are followed.
	maxHops = 3
	// maxRenewals is how often a request is made anew because the link that it was redirected to is dead.
	maxRenewals = 2
)

// isRedirect tells whether an answer wants its request sent elsewhere.
func isRedirect(status int, h http.Header) bool {
	switch status {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect,
		http.StatusPermanentRedirect:
		return h.Get("Location") != ""
	}
	return false
}

// redirectTarget returns where a redirect from one URL leads, or why it must not be followed: only https will do, or
// plain http to the API itself where that is how it was configured, and between loopback hosts where the API is on one.
func redirectTarget(base, from *url.URL, location string) (*url.URL, error) {
	to, err := from.Parse(location)
	if err != nil {
		return nil, errors.New("redirected to what is no URL")
	}
	to.Fragment, to.RawFragment = "", ""
	switch {
	case to.Hostname() == "" || to.Scheme != "https" && to.Scheme != "http":
		return nil, fmt.Errorf("redirected to what is no web address (%q)", to.Scheme)
	case to.User != nil:
		return nil, fmt.Errorf("redirected to %q with a user name", to.Host)
	case to.Scheme == "https", sameOrigin(base, to):
		return to, nil
	case base.Scheme == "http" && loopback.IsHost(base.Hostname()) && loopback.IsHost(to.Hostname()):
		return to, nil
	}
	return nil, fmt.Errorf("redirected to %q over plain http", to.Host)
}

// sameOrigin tells whether two URLs have the same scheme, host and port.
func sameOrigin(a, b *url.URL) bool {
	if a.Scheme != b.Scheme {
		return false
	}
	return a.Host == b.Host || strings.EqualFold(a.Hostname(), b.Hostname()) && port(a) == port(b)
}

func port(u *url.URL) string {
	switch {
	case u.Port() != "":
		return u.Port()
	case u.Scheme == "https":
		return "443"
	}
	return "80"
}
