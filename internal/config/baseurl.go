package config

import (
	"errors"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"exporter/internal/loopback"
)

// parseBaseURL parses the URL that the API is below. Its errors show nothing of text, which may hold a password.
func parseBaseURL(text string) (*url.URL, error) {
	u, err := url.Parse(strings.TrimRight(text, "/"))
	switch {
	case err != nil || u.Opaque != "" || u.Hostname() == "" || !validPort(u):
		return nil, errors.New("not a URL with a scheme and a host")
	case u.Scheme != "https" && u.Scheme != "http":
		return nil, errors.New("the URL's scheme is neither https nor http")
	case u.User != nil:
		return nil, errors.New("the URL must not hold a user name or a password")
	case strings.ContainsAny(text, "?#"):
		return nil, errors.New("the URL must not hold a query or a fragment")
	}
	u.Host = strings.ToLower(u.Host)
	return u, nil
}

func validPort(u *url.URL) bool {
	port := u.Port()
	if port == "" {
		return !strings.HasSuffix(u.Host, ":")
	}
	n, err := strconv.ParseUint(port, 10, 16)
	return err == nil && n > 0
}

// officialHosts are those of LlamaCloud: in the United States, and in Europe.
func officialHosts() []string {
	return []string{"api.cloud.llamaindex.ai", "api.cloud.eu.llamaindex.ai"}
}

// isTrusted tells whether the API key may go to a URL that nobody has given: to an official host, or nowhere from this machine.
func isTrusted(u *url.URL) bool {
	return u.Scheme == "https" && slices.Contains(officialHosts(), strings.TrimSuffix(u.Host, ":443")) || loopback.IsHost(u.Hostname())
}
