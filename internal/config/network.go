package config

import (
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"os"

	"exporter/internal/proxy"
)

// caCertPath is the path of the key that names the file with certificates of authorities.
const caCertPath = "api.ca_cert"

// ReadProxies returns the proxies that the environment names. The error is an *Error, and shows no password.
func (c *Config) ReadProxies() (*proxy.Proxies, error) {
	p, err := proxy.Parse(c.variable)
	if wrong, ok := errors.AsType[*proxy.Error](err); ok {
		return nil, &Error{Origin: wrong.Variable, Problem: wrong.Problem, Remedy: wrong.Remedy, Err: err}
	}
	return p, err
}

// ReadRoots returns the authorities that vouch for servers: those of this machine and those of api.ca_cert; nil where that names none. The
// error is an *Error.
func (c *Config) ReadRoots() (*x509.CertPool, error) {
	path := c.API.CACert
	if path == "" {
		return nil, nil
	}
	text, err := c.readFile(path)
	if err != nil {
		failure := c.fail("cannot read the certificates: "+err.Error(), "check the path and its permissions", caCertPath)
		failure.Err = err
		return nil, failure
	}
	roots, err := x509.SystemCertPool()
	if err != nil {
		roots = x509.NewCertPool()
	}
	if !roots.AppendCertsFromPEM(text) {
		problem := fmt.Sprintf("the file %q has no certificate in it", path)
		return nil, c.fail(problem, `give a PEM file, which has "-----BEGIN CERTIFICATE-----" in it`, caCertPath)
	}
	return roots, nil
}

// openFile opens a file to read.
func (c *Config) openFile(path string) (io.ReadCloser, error) {
	if c.open != nil {
		return c.open(path)
	}
	return os.Open(path)
}

// readFile returns what a file holds.
func (c *Config) readFile(path string) ([]byte, error) {
	f, err := c.openFile(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(f)
}
