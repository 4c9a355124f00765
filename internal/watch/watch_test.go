package watch

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"exporter/internal/ping"
	"exporter/internal/secret"
)

// A service that hangs keeps a run that was quick for no longer than one ping may last.
func TestWatch_PingHangs_EndIsBounded(t *testing.T) {
	done := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-done }))
	defer server.Close()
	defer close(done)
	u, err := secret.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	w := Start(Options{
		Export: "out", Ping: ping.Options{URL: u, Timeout: 300 * time.Millisecond}, Log: slog.New(slog.NewTextHandler(&log, nil)),
	})
	w.End(0, "")
	if said := log.String(); strings.Count(said, "the ping was not taken") != 2 || strings.Count(said, errRunEnded.Error()) != 2 {
		t.Errorf("the log says:\n%s", said)
	}
}
