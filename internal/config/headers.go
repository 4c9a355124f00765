package config

import (
	"fmt"
	"slices"
	"strings"

	"exporter/internal/secret"
)

// ReadHeaders returns what LLAMA_CLOUD_CUSTOM_HEADERS adds to each request to the API: a header in each line, "Name: value". The values
// are secrets. Of several lines with the same name the last counts. As with the official clients, a line without a colon is none, and
// Authorization takes the place of the API key; the warnings say so. The error is an *Error. Neither shows a value.
func (c *Config) ReadHeaders() (headers []secret.Header, warnings []string, err error) {
	number := 0
	for line := range strings.Lines(c.variable(headersVariable)) {
		number++
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		name, text, ok := strings.Cut(line, ":")
		if !ok {
			warnings = append(warnings, fmt.Sprintf("%s: line %d has no colon, and is no header", headersVariable, number))
			continue
		}
		h, err := parseHeader(name, text)
		if err != nil {
			const remedy = `a header in each line, as "Name: value"`
			return nil, nil, &Error{Origin: headersVariable, Problem: fmt.Sprintf("line %d: %v", number, err), Remedy: remedy, Err: err}
		}
		headers = append(headers, h)
	}
	if slices.ContainsFunc(headers, func(h secret.Header) bool { return strings.EqualFold(h.Name, "Authorization") }) {
		warnings = append(warnings, headersVariable+" has Authorization, which is sent in place of the API key")
	}
	return headers, warnings, nil
}

// parseHeader parses a line. Its errors show a name only where that is one of ours.
func parseHeader(name, text string) (secret.Header, error) {
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
		"Accept", "Accept-Encoding", "Connection", "Content-Encoding", "Content-Length", "Content-Type", "Expect",
		"Host", "If-Match", "If-Modified-Since", "If-None-Match", "If-Range", "If-Unmodified-Since", "Keep-Alive",
		"Proxy-Authorization", "Proxy-Connection", "Range", "TE", "Trailer", "Transfer-Encoding", "Upgrade", "User-Agent",
	}
	if i := slices.IndexFunc(own, func(o string) bool { return strings.EqualFold(o, name) }); i >= 0 {
		return own[i]
	}
	return ""
}
