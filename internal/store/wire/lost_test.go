package wire

import (
	"bytes"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"exporter/internal/store"
	"exporter/internal/store/bucket"
)

// send sends a request on a line, and returns its error.
func send(t *testing.T, l *Line, op, url string) *bucket.Error {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	a, err := l.Send(t.Context(), r, op, "key")
	if err == nil {
		a.Close()
		return nil
	}
	e, ok := errors.AsType[*bucket.Error](err)
	if !ok {
		t.Fatalf("got error %v, want a *bucket.Error", err)
	}
	return e
}

// nobody returns the address of a port at which nothing listens.
func nobody(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

// What says that there is no such store is final as long as it has never answered.
func TestLine_Send_WrongEndpoint(t *testing.T) {
	plain := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(plain.Close)
	odd, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = odd.Close() })
	go func() {
		for {
			conn, err := odd.Accept()
			if err != nil {
				return
			}
			_, _ = conn.Write([]byte("220 mail.example.com ESMTP\r\n"))
			_ = conn.Close()
		}
	}()
	secure := httptest.NewTLSServer(plain.Config.Handler)
	t.Cleanup(secure.Close)
	for name, tt := range map[string]struct {
		url, hint string
		// before and after say whether it may do better before the store has answered, and after that.
		before, after bool
	}{
		"plain HTTP":         {strings.Replace(plain.URL, "http:", "https:", 1), "give its URL with http://", false, true},
		"another protocol":   {"https://" + odd.Addr().String(), "does not speak TLS", false, true},
		"unknown authority":  {secure.URL, "a certificate", false, false},
		"a port of nobody":   {"http://" + nobody(t), "a name", true, true},
		"nobody, after long": {"http://" + nobody(t), "a name", false, true},
	} {
		var said bytes.Buffer
		l := New(Options{CertificateHint: "a certificate", NameHint: "a name", Log: slog.New(slog.NewTextHandler(&said, nil))})
		t.Cleanup(l.Close)
		if strings.HasSuffix(name, "long") {
			l.refused.Store(time.Now().Add(-refusedFor).UnixNano())
		}
		e := send(t, l, OpCreate, tt.url)
		if e == nil || e.Temporary != tt.before || !strings.Contains(e.Hint, tt.hint) || errors.Is(e, store.ErrUnsure) {
			t.Errorf("%s: got %+v, want temporary %v, not unsure, and the hint %q", name, e, tt.before, tt.hint)
		}
		_ = send(t, l, OpCreate, tt.url)
		if got := strings.Count(said.String(), "is not reached"); (got == 1) != tt.before || got > 1 {
			t.Errorf("%s: said %q, want that once where it is tried again", name, said.String())
		}
		l.answered.Store(true)
		if e := send(t, l, OpGet, tt.url); e == nil || e.Temporary != tt.after {
			t.Errorf("%s, later: got %+v, want temporary %v", name, e, tt.after)
		}
	}
}

func TestLine_Explain_UnknownName(t *testing.T) {
	l := New(Options{NameHint: "a name"})
	for _, answered := range []bool{false, true} {
		l.answered.Store(answered)
		if hint, temporary := l.explain(&net.DNSError{IsNotFound: true}); hint != "a name" || temporary != answered {
			t.Errorf("answered %v: got %q, temporary %v, want a hint, %v", answered, hint, temporary, answered)
		}
	}
}
