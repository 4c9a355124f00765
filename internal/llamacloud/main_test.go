package llamacloud

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"image"
	"image/jpeg"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/iotest"

	"go.uber.org/goleak"

	"exporter/internal/secret"
	"exporter/internal/testmain"
	"exporter/pipeline"
)

func TestMain(m *testing.M) {
	testmain.Quick()
	goleak.VerifyTestMain(m)
}

// canary is the key of all tests. It must not show anywhere but in requests to the configured origin.
const canary = "llx-canary-5f1d7a"

func canaryKey(t testing.TB) secret.Text {
	t.Helper()
	key, err := secret.Parse(canary)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func mustParse(t testing.TB, text string) *url.URL {
	t.Helper()
	u, err := url.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// network is an internet in memory: it works inside a synctest bubble, where no time passes while it is busy.
type network struct {
	mu    sync.Mutex
	hosts map[string]chan net.Conn
}

// serve starts a server at an address such as "127.0.0.1:80", until the test ends.
func (n *network) serve(t *testing.T, addr string, handler http.HandlerFunc) {
	conns := make(chan net.Conn)
	n.mu.Lock()
	if n.hosts == nil {
		n.hosts = make(map[string]chan net.Conn)
	}
	n.hosts[addr] = conns
	n.mu.Unlock()
	l := &memoryListener{conns: conns, closed: make(chan struct{})}
	h := &counted{handler: handler}
	server := &http.Server{Handler: h, ErrorLog: discardLog()}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(l)
	}()
	t.Cleanup(func() {
		_ = server.Close()
		<-done
		h.close()
	})
}

func (n *network) dial(ctx context.Context, _, addr string) (net.Conn, error) {
	n.mu.Lock()
	conns := n.hosts[addr]
	n.mu.Unlock()
	if conns == nil {
		return nil, fmt.Errorf("dial %s: connection refused", addr)
	}
	client, server := net.Pipe()
	select {
	case conns <- server:
		return client, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// counted is a handler that can be waited for.
type counted struct {
	handler http.HandlerFunc
	mu      sync.Mutex
	closed  bool
	busy    sync.WaitGroup
}

func (c *counted) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return
	}
	c.busy.Add(1)
	c.mu.Unlock()
	defer c.busy.Done()
	c.handler(w, r)
}

func (c *counted) close() {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.busy.Wait()
}

type memoryListener struct {
	conns  chan net.Conn
	once   sync.Once
	closed chan struct{}
}

func (l *memoryListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *memoryListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

func (l *memoryListener) Addr() net.Addr { return &net.TCPAddr{} }

// recorder keeps the events, and checks that none shows the key.
type recorder struct {
	t      *testing.T
	mu     sync.Mutex
	events []pipeline.Event
}

func (r *recorder) Observe(e pipeline.Event) {
	checkNoKey(r.t, e)
	switch e := e.(type) {
	case pipeline.Requested:
		checkNoKey(r.t, e.Err)
	case pipeline.Retrying:
		checkNoKey(r.t, e.Err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, e)
}

// eventsOf returns the recorded events of one type.
func eventsOf[E pipeline.Event](r *recorder) []E {
	r.mu.Lock()
	defer r.mu.Unlock()
	var found []E
	for _, e := range r.events {
		if e, ok := e.(E); ok {
			found = append(found, e)
		}
	}
	return found
}

// checkNoKey prints a value in every way and looks for the key.
func checkNoKey(t *testing.T, v any) {
	t.Helper()
	var logs bytes.Buffer
	slog.New(slog.NewTextHandler(&logs, nil)).Info("m", "v", v)
	slog.New(slog.NewJSONHandler(&logs, nil)).Info("m", "v", v)
	// What cannot be marshalled shows nothing.
	encoded, _ := json.Marshal(v)
	for _, text := range []string{
		fmt.Sprint(v), fmt.Sprintf("%+v", v), fmt.Sprintf("%#v", v), fmt.Sprintf("%q", v), fmt.Sprintf("%x", v),
		string(encoded), logs.String(),
	} {
		if strings.Contains(text, canary) || strings.Contains(text, fmt.Sprintf("%x", canary)) {
			t.Errorf("the key shows in %s", text)
		}
	}
}

// api is a client, the network that it is on, and what it reported.
type api struct {
	network
	client *Client
	events *recorder
	source *Source
	spools spools
}

// spools counts spools: how many there were, and how many are not closed.
type spools struct{ made, open atomic.Int64 }

func (s *spools) spool() (Spool, error) {
	f, err := spoolFile()
	s.made.Add(1)
	s.open.Add(1)
	return countedSpool{f, s}, err
}

type countedSpool struct {
	Spool
	of *spools
}

func (c countedSpool) Close() error {
	c.of.open.Add(-1)
	return c.Spool.Close()
}

func (s *spools) checkClosed(t *testing.T) {
	t.Helper()
	if n := s.open.Load(); n != 0 {
		t.Errorf("%d of %d spools are not closed", n, s.made.Load())
	}
}

// newAPI returns a client of http://127.0.0.1, where handler answers.
func newAPI(t *testing.T, handler http.HandlerFunc, change ...func(*Options)) *api {
	t.Helper()
	a := &api{events: &recorder{t: t}}
	o := Options{BaseURL: mustParse(t, "http://127.0.0.1"), Key: canaryKey(t), Spool: a.spools.spool, Observer: a.events}
	for _, f := range change {
		f(&o)
	}
	client, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	setDial(client, a.dial)
	a.client, a.source = client, NewSource(client, Selection{})
	t.Cleanup(client.Close)
	a.serve(t, "127.0.0.1:80", handler)
	return a
}

// setDial has a client that has sent nothing yet make its connections in another way.
func setDial(c *Client, dial func(ctx context.Context, network, address string) (net.Conn, error)) {
	changeTransports(c, func(t *http.Transport) { t.DialContext = dial })
}

// trust has a client that has sent nothing yet trust the certificate of a server.
func trust(c *Client, s *httptest.Server) {
	roots := s.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	changeTransports(c, func(t *http.Transport) { t.TLSClientConfig.RootCAs = roots })
}

func changeTransports(c *Client, change func(*http.Transport)) {
	change(c.transports.usual.(*http.Transport))
	change(c.transports.http1.(*http.Transport))
}

// fetchBlob asks for a screenshot of a listed size.
func (a *api) fetchBlob(t *testing.T, listed int64) (*pipeline.Blob, error) {
	t.Helper()
	blob, err := a.source.Blob(t.Context(), &pipeline.Asset{
		FileID: "file-1", Kind: pipeline.Screenshot, ListedSize: &listed,
	}, nil)
	checkNoKey(t, err)
	if err == nil {
		t.Cleanup(func() {
			if err := blob.Close(); err != nil {
				t.Errorf("close blob: %v", err)
			}
		})
	}
	return blob, err
}

func discardLog() *log.Logger { return slog.NewLogLogger(slog.DiscardHandler, slog.LevelError) }

// picture returns a JPEG of 3 by 2 pixels.
func picture(t testing.TB) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, image.NewGray(image.Rect(0, 0, 3, 2)), nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func answerWith(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, body) }
}

// roomy is a pipeline.Room that has no bound.
func roomy(int64) error { return nil }

// wanted asks for what the routes of a file have of a kind.
func wanted(id pipeline.ID, kind pipeline.Kind) pipeline.Wanted {
	return pipeline.Wanted{File: &pipeline.File{ID: string(id)}, Kind: kind, Origin: pipeline.OriginFile}
}

// parseJSON checks a text that is read as a whole, and removes its white space.
func parseJSON(raw []byte) (value, error) {
	if err := checkJSON(raw); err != nil {
		return nil, err
	}
	var compact bytes.Buffer
	err := compactJSON(&compact, raw)
	return compact.Bytes(), err
}

// decodeText decodes an answer that comes in pieces.
func decodeText[T any](text string, decode func(*stream) (T, error)) (T, error) {
	s := newStream(iotest.HalfReader(strings.NewReader(text)), int64(len(text)), maxJSONBody)
	result, err := decode(s)
	if err == nil {
		err = s.end()
	}
	return result, err
}

func listDecoder[T any](decode func(*object, value) T) func(*stream) ([]T, error) {
	return func(s *stream) ([]T, error) { return decodeList(s, decode) }
}

func pageDecoder(s *stream) (page[DirectoryFile], error) { return decodePage(s, readDirectoryFile) }

func offsetDecoder(s *stream) (offsetPage[PipelineFile], error) {
	return decodeOffsetPage(s, readPipelineFile)
}
