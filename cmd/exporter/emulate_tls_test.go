//go:build unix && !darwin

package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"exporter/internal/loopback"
)

// With a certificate, the API and its storage speak HTTPS, HTTP/2 and TLS 1.3, and an export trusts them as it is told to.
func TestEmulate_Certificate_ServesHTTPS(t *testing.T) {
	t.Parallel()
	certificate, key, err := loopback.WriteCertificate(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	read, write := io.Pipe()
	stop, ended := make(chan struct{}), make(chan int)
	a := &app{stdin: strings.NewReader(""), stdout: write, stderr: t.Output(), stop: stop}
	go func() {
		ended <- run(context.Background(), a, []string{"emulate", "--key", canaryKey, "--tls-cert", certificate, "--tls-key", key, "--storage"})
	}()
	defer func() {
		close(stop)
		if code := <-ended; code != 0 {
			t.Errorf("emulate ended with %d", code)
		}
	}()
	var api, storage string
	if _, err := fmt.Fscanf(read, "listening on %s\nstorage on %s\n", &api, &storage); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(api, "https://127.0.0.1:") || !strings.HasPrefix(storage, "https://127.0.0.1:") {
		t.Errorf("listening on %s, storage on %s, want https", api, storage)
	}
	trusted, err := os.ReadFile(certificate)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(trusted)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: true}
	defer transport.CloseIdleConnections()
	response, err := (&http.Client{Transport: transport}).Get(api)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.ProtoMajor != 2 || response.TLS.Version != tls.VersionTLS13 {
		t.Errorf("it speaks %s with TLS %#x, want HTTP/2 with 1.3", response.Proto, response.TLS.Version)
	}
	code, stderr := runWith(t, nil, "run", "--base-url", api, "--ca-cert", certificate, "--project", "--out", filepath.Join(t.TempDir(), "out"))
	if code != 0 {
		t.Errorf("an export ends with %d: %s", code, stderr)
	}
}
