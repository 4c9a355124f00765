package config

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"

	"exporter/internal/secret"
)

// promFileField takes the path of a file that node_exporter reads, or an empty text for none.
func promFileField(p *string) field {
	parse := func(text string) (string, error) {
		if text != "" && !strings.HasSuffix(filepath.Base(text), ".prom") {
			return "", &hinted{fmt.Errorf("%s does not end in .prom", quote(text)), "node_exporter reads no other file"}
		}
		return text, checkPath(text)
	}
	return scalar(field{typ: TypeString, placeholder: "FILE.prom"}, p, parse, func(s string) string { return s })
}

// addressField takes an address to listen at, or an empty text for none. Without a host it is on loopback: who means all addresses of this
// machine writes 0.0.0.0 or [::].
func addressField(p *string) field {
	parse := func(text string) (string, error) {
		if text == "" {
			return "", nil
		}
		host, port, err := net.SplitHostPort(text)
		if _, bad := strconv.ParseUint(text, 10, 16); bad == nil {
			host, port, err = "", text, nil
		}
		if _, bad := strconv.ParseUint(port, 10, 16); err != nil || bad != nil {
			return "", fmt.Errorf("%s is not an address to listen at", quote(text))
		}
		if host == "" {
			host = "127.0.0.1"
		}
		return net.JoinHostPort(host, port), nil
	}
	const allowed = `a host and a port, such as "127.0.0.1:9464" or ":9464"`
	return scalar(field{typ: TypeString, placeholder: "ADDRESS", allowed: allowed}, p, parse, func(s string) string { return s })
}

// pingURLField takes a URL that is a secret, or an empty text for none.
func pingURLField(p *secret.Text) field {
	f := scalar(field{typ: TypeString, placeholder: "URL", allowed: `such as "https://hc-ping.com/UUID"`, isSecret: true}, p, parsePing,
		func(t secret.Text) string {
			if t.IsZero() {
				return ""
			}
			return secret.Redacted
		})
	return f
}

// parsePing parses a URL without showing it.
func parsePing(text string) (secret.Text, error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return secret.Text{}, nil
	}
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" || !validPort(u) {
		return secret.Text{}, errors.New("not a URL with a scheme (https or http) and a host")
	}
	return secret.Parse(text)
}

// ReadPing returns the URL of the service that is told of a run; zero where there is none. The warnings and the error are as those of
// ReadKey.
func (c *Config) ReadPing() (u secret.Text, warnings []string, err error) {
	path := c.Ping.URLFile
	if path == "" {
		return c.Ping.URL, nil, nil
	}
	text, warnings, err := c.readSmallFile(path, "the URL of the ping")
	if err == nil {
		if u, err = parsePing(text); err == nil && u.IsZero() {
			err = errors.New("the file is empty")
		}
	}
	if err != nil {
		failure := c.fail("cannot read the URL of the ping: "+err.Error(), "put the URL alone into the file", "ping.url_file")
		failure.Err = err
		return secret.Text{}, nil, failure
	}
	return u, warnings, nil
}
