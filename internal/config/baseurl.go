package config

import (
	"errors"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"exporter/internal/loopback"
)

// versionPath begins the path of most requests. It is no part of a base URL, but copied with one from examples.
const versionPath = "/api/v1"

// parseBaseURL parses the URL that the API is below. A host without a scheme means https, and slashes and versionPath at the end
// are dropped. Its errors show nothing of text, which may hold a password.
func parseBaseURL(text string) (*url.URL, error) {
	if isQuoted(text) {
		return nil, &hinted{errors.New("the URL has quotes around it"), "write it without them"}
	}
	if !strings.Contains(text, "://") {
		text = "https://" + strings.TrimPrefix(text, "//")
	}
	u, err := url.Parse(text)
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
	u.Path, u.RawPath = trimBasePath(u.Path), trimBasePath(u.RawPath)
	return u, checkBasePath(u.Path)
}

func trimBasePath(path string) string {
	return strings.TrimRight(strings.TrimSuffix(strings.TrimRight(path, "/"), versionPath), "/")
}

// requestPath matches a path that requests have, or the beginning that they have in common. A gateway may well have its services below
// /api/v1.
var requestPath = regexp.MustCompile(`/api/v[12](/(batches|beta|files|indexes|parse|parsing|pipelines|projects|retrieval)(/|$)|$)`)

// checkBasePath refuses a path below which no API is.
func checkBasePath(path string) error {
	parts := strings.Split(path, "/")
	switch {
	case strings.Contains(path, "//"):
		return &hinted{errors.New("the URL's path holds //"), "write one slash"}
	case requestPath.MatchString(path):
		return &hinted{errors.New("the URL is that of a request"), "end it before /api/v1 or /api/v2"}
	case slices.Contains(parts, "."), slices.Contains(parts, ".."):
		return &hinted{errors.New("the URL's path holds . or .. as a folder"), "write the path in full"}
	}
	return nil
}

func validPort(u *url.URL) bool {
	port := u.Port()
	if port == "" {
		return !strings.HasSuffix(u.Host, ":")
	}
	n, err := strconv.ParseUint(port, 10, 16)
	return err == nil && n > 0
}

// isTrusted tells whether the API key may go to a URL that nobody has given: to an official host, or nowhere from this machine.
func isTrusted(u *url.URL) bool {
	return u.Scheme == "https" && RegionOf(u.Host) != "" || loopback.IsHost(u.Hostname())
}
