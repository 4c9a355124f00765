package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"exporter/internal/secret"
)

// ReadHeaders returns what LLAMA_CLOUD_CUSTOM_HEADERS adds to each request to the API: a header in each line, "Name: value". The values
// are secrets. Of several lines with the same name the last counts. The error is an *Error, and shows no value.
func (c *Config) ReadHeaders() ([]secret.Header, error) {
	var headers []secret.Header
	number := 0
	for line := range strings.Lines(c.variable(headersVariable)) {
		number++
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		h, err := parseHeader(line)
		if err != nil {
			const remedy = `a header in each line, as "Name: value"`
			return nil, &Error{Origin: headersVariable, Problem: fmt.Sprintf("line %d: %v", number, err), Remedy: remedy, Err: err}
		}
		headers = append(headers, h)
	}
	return headers, nil
}

// parseHeader parses a line. Its errors show a name only where that is one of ours.
func parseHeader(line string) (secret.Header, error) {
	name, text, ok := strings.Cut(line, ":")
	if !ok {
		return secret.Header{}, errors.New("there is no colon")
	}
	h, err := secret.ParseHeader(strings.TrimSpace(name), text)
	if err != nil {
		return secret.Header{}, err
	}
	if own := ownHeader(h.Name); own != "" {
		return secret.Header{}, fmt.Errorf("the header %s is not to be given: exporter sets it, or goes without", own)
	}
	return h, nil
}

// ownHeader returns the name of a header that is set for each request, or that would make an answer another one than was asked for;
// empty where name is none.
func ownHeader(name string) string {
	own := []string{
		"Accept", "Accept-Encoding", "Authorization", "Connection", "Content-Encoding", "Content-Length", "Content-Type", "Expect",
		"Host", "If-Match", "If-Modified-Since", "If-None-Match", "If-Range", "If-Unmodified-Since", "Keep-Alive",
		"Proxy-Authorization", "Proxy-Connection", "Range", "TE", "Trailer", "Transfer-Encoding", "Upgrade", "User-Agent",
	}
	if i := slices.IndexFunc(own, func(o string) bool { return strings.EqualFold(o, name) }); i >= 0 {
		return own[i]
	}
	return ""
}
