package interop

import (
	"bytes"
	"errors"
	"io/fs"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	gocmp "github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"

	"exporter/internal/emulator"
)

// network is an export whose connections to the emulator pass through a proxy, which makes them fail.
type network struct {
	*export
	proxy *toxiproxy.Proxy
	// upstream is the address of the emulator.
	upstream string
	// latest is how often each path was asked for in the latest run, asked in the latest one in which it was at all.
	latest, asked map[string]int

	mu sync.Mutex
	// answer is called with every request, one at a time, and answers it.
	answer func(*request)
	// tries is how often each path was asked for; blobs are the places of those that are blobs.
	tries, blobs map[string]int
}

// request is a request that has arrived and has no answer yet.
type request struct {
	w        http.ResponseWriter
	r        *http.Request
	emulator http.Handler
	// path is the path with its escapes.
	path string
	// blob is the place of what is asked for among the blobs, in the order in which they were first asked for, from 1; 0 if
	// it is none. try is how often it was asked for, this time included.
	blob, try int
}

// answer sends the whole answer.
func (x *request) answer() {
	x.emulator.ServeHTTP(x.w, x.r)
	_ = http.NewResponseController(x.w).Flush() // the connection may be lost
}

// startNetwork serves a corpus, and puts a proxy with toxics, which are as in toxiproxy's HTTP API, in front of it.
// Requests are answered as they should be.
func startNetwork(t *testing.T, c *corpus, toxics ...string) *network {
	t.Helper()
	n := &network{answer: (*request).answer, asked: map[string]int{}, tries: map[string]int{}, blobs: map[string]int{}}
	n.export = serve(t, c, emulator.Options{}, n.handler)
	n.upstream = strings.TrimPrefix(n.url, "http://")
	n.start(t, "127.0.0.1:0", toxics)
	n.url = "http://" + n.proxy.Listen
	t.Cleanup(func() { n.proxy.Stop() })
	return n
}

func (n *network) start(t *testing.T, address string, toxics []string) {
	t.Helper()
	// Some toxics log to the package's own logger, which writes to standard error.
	zerolog.SetGlobalLevel(zerolog.Disabled)
	server := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop())
	n.proxy = toxiproxy.NewProxy(server, "api", address, n.upstream)
	for _, toxic := range toxics {
		if _, err := n.proxy.Toxics.AddToxicJson(strings.NewReader(toxic)); err != nil {
			t.Fatalf("toxic %s: %v", toxic, err)
		}
	}
	// Between two starts at one address, a connection of another test may have its port for a moment.
	err := n.proxy.Start()
	for tries := 0; errors.Is(err, syscall.EADDRINUSE) && tries < 200; tries++ {
		time.Sleep(100 * time.Millisecond)
		err = n.proxy.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
}

// heal puts a proxy without toxics in the old one's place. From then on requests are answered as they should be.
func (n *network) heal(t *testing.T) {
	t.Helper()
	n.mu.Lock()
	defer n.mu.Unlock()
	n.proxy.Stop()
	n.start(t, n.proxy.Listen, nil)
	n.answer = (*request).answer
}

// respond says how requests are answered from now on.
func (n *network) respond(answer func(*request)) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.answer = answer
}

func (n *network) handler(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n.mu.Lock()
		defer n.mu.Unlock()
		path := r.URL.EscapedPath()
		n.tries[path]++
		if n.tries[path] == 1 && isBlob(r) {
			n.blobs[path] = len(n.blobs) + 1
		}
		n.answer(&request{w, r, h, path, n.blobs[path], n.tries[path]})
	})
}

// act makes toxics act on all connections, or no more.
func (n *network) act(t *testing.T, on bool, names ...string) {
	toxicity := map[bool]string{false: `{"toxicity": 0}`, true: `{"toxicity": 1}`}[on]
	for _, name := range names {
		if _, err := n.proxy.Toxics.UpdateToxicJson(name, strings.NewReader(toxicity)); err != nil {
			t.Errorf("toxic %s: %v", name, err)
		}
	}
}

// awaitLoss waits until the connection of a request is closed, and fails the test if it is not.
func (n *network) awaitLoss(t *testing.T, x *request) {
	select {
	case <-x.r.Context().Done():
	case <-time.After(20 * time.Second):
		t.Errorf("%s has not lost its connection", x.path)
	}
}

// run runs the program, and expects the exit code. It returns what was printed to standard error.
func (n *network) run(t *testing.T, exit int, args ...string) (stderr string) {
	t.Helper()
	c, buffer := n.command(t.Context(), append([]string{"-v"}, args...)...)
	first := n.started
	n.finish(t, c, buffer, exit)
	if !first.IsZero() {
		n.started = first
	}
	n.count(t)
	n.checkLeftovers(t)
	return buffer.String()
}

// count takes note of how often each path was asked for since it was last called.
func (n *network) count(t *testing.T) {
	t.Helper()
	n.latest = map[string]int{}
	for _, r := range n.emulator.Requests() {
		if got := r.Header.Get("Authorization"); got != "accepted" {
			t.Errorf("%s was asked for with a key that was %q, want it accepted", r.Path, got)
		}
		n.latest[r.Path]++
	}
	n.emulator.Reset()
	maps.Copy(n.asked, n.latest)
}

// checkLeftovers looks for temporary files, and for the key in what was written, if anything was.
func (n *network) checkLeftovers(t *testing.T) {
	t.Helper()
	if names := n.temporary(t); len(names) > 0 {
		t.Errorf("temporary files %v are left", names)
	}
	err := filepath.WalkDir(n.out, func(name string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) && name == n.out {
			return nil
		}
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := os.ReadFile(name)
		if bytes.Contains(data, []byte(apiKey)) {
			t.Errorf("%s has the key", name)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// temporary returns the names of the temporary files.
func (n *network) temporary(t *testing.T) []string {
	names, err := filepath.Glob(filepath.Join(n.out, ".exporter", "tmp", "*"))
	if err != nil {
		t.Error(err)
	}
	return names
}

// expectation is what an export has to be like.
type expectation struct {
	layout layout
	// failed tells which assets have failed, with one of the classes; nil stands for none.
	failed  func(*asset) bool
	classes []string
	// unseen allows for requests that have not reached the emulator.
	unseen bool
}

// check compares the manifest and the blobs with the corpus. Every row has to count the requests that were made for it.
func (n *network) check(t *testing.T, x expectation) []asset {
	t.Helper()
	assets, files := n.readDuckDB(t)
	got := map[key]*asset{}
	for i := range assets {
		got[assets[i].key()] = &assets[i]
	}
	wantAssets, wantFiles := n.except(func(a *asset) {
		a.Attempts = int32(n.asked[a.key().escapedRoute()])
		g := got[a.key()]
		if g == nil {
			return
		}
		if g.Reason != nil && strings.Contains(*g.Reason, apiKey) {
			t.Errorf("%v: the reason has the key", a.key())
		}
		if x.unseen {
			a.Attempts = max(a.Attempts, g.Attempts)
		}
		if x.failed == nil || !x.failed(a) {
			return
		}
		a.Status, a.Reason = "failed", g.Reason
		if g.Reason == nil || !slices.Contains(x.classes, strings.SplitN(*g.Reason, ": ", 2)[0]) {
			t.Errorf("%v: reason is %s, want one of class %s", a.key(), gocmp.Diff(nil, g.Reason), x.classes)
		}
	})
	n.checkAssets(t, x.layout, assets, wantAssets)
	n.checkFiles(t, files, wantFiles)
	n.checkBlobs(t, x.layout, assets)
	return assets
}

// complete heals the network, runs the same command again, and expects a whole export.
func (n *network) complete(t *testing.T, x expectation) {
	t.Helper()
	n.heal(t)
	n.run(t, 0, layouts()[x.layout]...)
	n.check(t, x)
}

// checkBlobs checks the bytes of the stored assets, and that no other blob has a name.
func (n *network) checkBlobs(t *testing.T, l layout, assets []asset) {
	t.Helper()
	n.frames().checkBlobs(t, assets)
	if l != localFiles {
		return
	}
	var want, got []string
	for _, a := range assets {
		if a.Status == "stored" {
			want = append(want, *a.FileName)
		}
	}
	slices.Sort(want)
	err := fs.WalkDir(os.DirFS(n.out), "blobs", func(name string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			got = append(got, name)
		}
		return err
	})
	if diff := gocmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("files in blobs (-want +got), %v:\n%s", err, diff)
	}
}
