package interop

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
	"time"
)

// Toxics that do nothing until they are told to. A toxic reset_peer makes every connection end with a reset, whatever ends
// it, also while it does nothing.
const (
	resetToxic = `{"name": "reset", "type": "reset_peer", "toxicity": 0}`
	limitToxic = `{"name": "limit", "type": "limit_data", "toxicity": 0, "attributes": {"bytes": 400}}`
	stallToxic = `{"name": "stall", "type": "timeout", "toxicity": 0, "attributes": {"timeout": 0}}`
	haltToxic  = `{"name": "halt", "type": "slicer", "toxicity": 0, "attributes": {"average_size": 400, "delay": 3600000000}}`
)

// connectionFault is how a connection fails: one at a time, and the next ones are good again.
type connectionFault struct {
	name string
	// toxics are those of the proxy, acting is the name of the one that does it.
	toxics []string
	acting string
	args   []string
	// times is how often each answer is lost before it arrives.
	times int
	// class is that of the error, stderr a pattern for it.
	class, stderr string
	// attempts is how many requests two attempts are. A request whose connection is reset before an answer is sent again
	// without counting as another attempt if it was not the connection's first.
	attempts int
}

// The limit of 400 bytes, and the slicer's first slice, are in the middle of every body.
var connectionFaults = []connectionFault{
	{name: "reset before the headers", toxics: []string{resetToxic}, acting: "reset", times: 2, class: "transport",
		stderr: `status=0 bytes=0 .*connection reset by peer`, attempts: 3},
	{name: "reset in a body", toxics: []string{resetToxic, limitToxic}, acting: "limit", times: 1, class: "transport",
		stderr: `status=200 bytes=[1-9]\d* .*connection reset by peer`, attempts: 2},
	{name: "cut in a body", toxics: []string{limitToxic}, acting: "limit", times: 1, class: "truncated",
		stderr: `status=200 bytes=[1-9]\d* .*body ended after \d+ bytes`, attempts: 2},
	{name: "stall before the headers", toxics: []string{stallToxic}, acting: "stall", times: 1, class: "timeout",
		args: []string{"--header-timeout", "500ms"}, stderr: `status=0 bytes=0 .*no answer in time`, attempts: 2},
	{name: "stall in a body", toxics: []string{haltToxic}, acting: "halt", times: 1, class: "stalled",
		args: []string{"--idle-timeout", "500ms"}, stderr: `status=200 bytes=[1-9]\d* .*no byte of the body in time`, attempts: 2},
}

// A listing and a blob are lost once or twice. They are tried again as a whole, and nothing else is.
func TestToxiproxy_ConnectionFault_IsTriedAgain(t *testing.T) {
	t.Parallel()
	for _, f := range connectionFaults {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			n := startNetwork(t, equalPages(t, 4, 20_000), f.toxics...)
			hit := n.lose(t, f.acting, func(x *request) bool {
				return x.try <= f.times && (x.blob == 2 || x.path == "/api/v1/beta/directories/dir-pages/files")
			})
			stderr := n.run(t, 0, append(f.args, "--concurrency", "1")...)
			if !regexp.MustCompile(f.stderr).MatchString(stderr) {
				t.Errorf("stderr has no match for %q:\n%s", f.stderr, stderr)
			}
			if len(hit) != 2 {
				t.Errorf("answers to %v were lost, want a listing and a blob", hit)
			}
			for path, got := range n.asked {
				if want := 1 + hit[path]; got != want {
					t.Errorf("%s was asked for %d times, want %d", path, got, want)
				}
			}
			n.check(t, expectation{})
		})
	}
}

// A blob is lost every time, and fails. Once the connections are good again the same command completes.
func TestToxiproxy_ConnectionFault_ThatLasts_FailsTheAsset(t *testing.T) {
	t.Parallel()
	for _, f := range connectionFaults {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			n := startNetwork(t, equalPages(t, 4, 20_000), f.toxics...)
			hit := n.lose(t, f.acting, func(x *request) bool { return x.blob == 2 })
			n.run(t, 3, append(f.args, "--concurrency", "1", "--max-attempts", "2")...)
			if lost := slices.Collect(maps.Values(hit)); !slices.Equal(lost, []int{f.attempts}) {
				t.Errorf("answers to %v were lost, want those to one blob, %d times", hit, f.attempts)
			}
			n.check(t, expectation{
				classes: []string{f.class},
				failed:  func(a *asset) bool { return hit[a.key().escapedRoute()] > 0 },
			})
			n.complete(t, expectation{})
		})
	}
}

// lose makes answers get lost, one at a time, by a toxic. It returns how often each path was.
func (n *network) lose(t *testing.T, acting string, which func(*request) bool) (hit map[string]int) {
	hit = map[string]int{}
	n.respond(func(x *request) {
		if !which(x) {
			x.answer()
			return
		}
		hit[x.path]++
		n.act(t, true, acting)
		x.answer()
		n.awaitLoss(t, x)
		n.act(t, false, acting)
	})
	return hit
}

// A connection fails while a blob that is too large for memory is in a temporary file. The file is gone before the blob is
// asked for again.
func TestToxiproxy_ConnectionFault_RemovesTemporaryFile(t *testing.T) {
	t.Parallel()
	for _, f := range []connectionFault{
		{name: "reset", toxics: []string{resetToxic}, acting: "reset", stderr: "connection reset by peer"},
		{name: "cut", toxics: []string{limitToxic}, acting: "limit", stderr: "body ended after "},
		{name: "stall", toxics: []string{stallToxic}, acting: "stall", args: []string{"--idle-timeout", "500ms"},
			stderr: "no byte of the body in time"},
	} {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			const size = 10 << 20
			n := startNetwork(t, pages(t, size), f.toxics...)
			n.respond(func(x *request) {
				switch {
				case x.blob == 1 && x.try == 1:
					n.loseHalfway(t, x, f.acting)
				case x.blob == 1:
					if names := n.temporary(t); len(names) > 0 {
						t.Errorf("when the blob is asked for again, there are temporary files %v", names)
					}
					x.answer()
				default:
					x.answer()
				}
			})
			stderr := n.run(t, 0, f.args...)
			// More than 8 MiB had been read.
			if want := `status=200 bytes=(8[3-9]|9\d)\d{5} .*` + f.stderr; !regexp.MustCompile(want).MatchString(stderr) {
				t.Errorf("stderr has no match for %q:\n%s", want, stderr)
			}
			for _, a := range n.check(t, expectation{}) {
				if a.Attempts != 2 {
					t.Errorf("%v took %d attempts, want 2", a.key(), a.Attempts)
				}
			}
		})
	}
}

// loseHalfway answers, and makes the toxic act when the program has read more than memory takes.
func (n *network) loseHalfway(t *testing.T, x *request, acting string) {
	answer := httptest.NewRecorder()
	x.emulator.ServeHTTP(answer, x.r)
	body := answer.Body.Bytes()
	x.w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	const most = 9 << 20
	if _, err := x.w.Write(body[:most]); err != nil {
		t.Errorf("write the first part of a body: %v", err)
	}
	if err := http.NewResponseController(x.w).Flush(); err != nil {
		t.Errorf("flush the first part of a body: %v", err)
	}
	// The temporary file has no name by which it could be seen: the program gets the time to read what was sent.
	time.Sleep(2 * time.Second)
	n.act(t, true, acting)
	_, _ = x.w.Write(body[most:]) // the connection fails
	n.awaitLoss(t, x)
	n.act(t, false, acting)
}

// pages is a corpus of one file, with a screenshot of each size in bytes.
func pages(t *testing.T, sizes ...int) *corpus {
	t.Helper()
	m := mapCorpus{}
	m.put("dir-pages/directory.json", `{"id":"dir-pages","name":"","project_id":"proj","organization_id":"org"}`)
	m.put("dir-pages/entry/file.json", `{"id":"entry","directory_id":"dir-pages","project_id":"proj","file_id":"file-pages",`+
		`"display_name":"pages","unique_id":"pages","updated_at":"2024-06-13T12:30:45Z","metadata":null}`)
	var list []string
	noise := rand.NewChaCha8([32]byte{})
	for page, size := range sizes {
		data := make([]byte, size)
		picture := drawJPEG(t, page)
		_, _ = noise.Read(data[copy(data, picture):]) // never fails
		m[fmt.Sprintf("dir-pages/entry/page_screenshots/%d.jpg", page)] = &fstest.MapFile{Data: data}
		list = append(list, fmt.Sprintf(`{"file_id":"file-pages","image_size":%d,"page_index":%d}`, size, page))
	}
	m.put("dir-pages/entry/page_screenshots.json", "[%s]", strings.Join(list, ","))
	m.put("dir-pages/entry/page-figures.json", "[]")
	m.sum()
	return readCorpus(t, fstest.MapFS(m))
}

// equalPages is a corpus of n pages of about the same size.
func equalPages(t *testing.T, n, size int) *corpus {
	t.Helper()
	sizes := make([]int, n)
	for i := range sizes {
		sizes[i] = size + i
	}
	return pages(t, sizes...)
}
