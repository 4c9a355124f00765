package interop

import (
	"errors"
	"io/fs"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"
)

// No connection carries more than 100,000 bytes, which is two blobs and a part of a third, and then ends in the middle of an
// answer. The export completes all the same.
func TestToxiproxy_ShortLivedConnections_Complete(t *testing.T) {
	t.Parallel()
	const short = `{"type": "limit_data", "attributes": {"bytes": 100000}}`
	for l, toxics := range map[layout][]string{localFiles: {short}, compressedShards: {short, resetToxic}} {
		t.Run(l.String(), func(t *testing.T) {
			t.Parallel()
			const count, size = 40, 40_000
			n := startNetwork(t, equalPages(t, count, size), toxics...)
			n.run(t, 0, append(layouts()[l], "--concurrency", "4", "--max-attempts", "20")...)
			lost := -count
			for _, a := range n.check(t, expectation{layout: l}) {
				lost += int(a.Attempts)
			}
			// Half as many connections as blobs at least, and one answer for each but those that were left at the end.
			if least := count/2 - 10; lost < least {
				t.Errorf("%d answers were lost, want %d or more", lost, least)
			}
		})
	}
}

// From the fifth blob on, everything trickles. What is asked for from then on fails, and so may what was under way. Once the
// network is good again the same command completes.
func TestToxiproxy_Trickle_FailsTheAsset(t *testing.T) {
	t.Parallel()
	n := startNetwork(t, equalPages(t, 6, 20_000),
		`{"name": "bandwidth", "type": "bandwidth", "toxicity": 0, "attributes": {"rate": 1}}`,
		`{"name": "slicer", "type": "slicer", "toxicity": 0, "attributes": {"average_size": 20, "delay": 100000}}`)
	late := map[string]bool{}
	n.respond(func(x *request) {
		if x.blob == 5 && x.try == 1 {
			n.act(t, true, "bandwidth", "slicer")
		}
		if x.blob >= 5 {
			late[x.path] = true
		}
		x.answer()
	})
	n.run(t, 3, "--concurrency", "4", "--idle-timeout", "500ms", "--max-attempts", "2")
	if len(late) != 2 {
		t.Errorf("%d blobs were asked for while everything trickled, want 2", len(late))
	}
	n.check(t, expectation{classes: []string{"slow", "stalled"}, failed: func(a *asset) bool {
		path := a.key().escapedRoute()
		return late[path] || n.asked[path] > 1
	}})
	n.complete(t, expectation{})
}

// The API goes away in the middle of a run, and stays away for longer than is waited for. What was fetched is committed, and
// the same command goes on with the rest.
func TestToxiproxy_Outage_ThatLasts_StopsAndGoesOn(t *testing.T) {
	t.Parallel()
	for _, l := range []layout{localFiles, compressedShards} {
		t.Run(l.String(), func(t *testing.T) {
			t.Parallel()
			const count, workers, away = 40, 8, 20
			n := startNetwork(t, equalPages(t, count, 5000))
			n.respond(func(x *request) {
				if x.blob == away && x.try == 1 {
					n.proxy.Stop()
				}
				x.answer()
			})
			stderr := n.run(t, 5, append(layouts()[l], "--concurrency", "8", "--max-attempts", "20", "--max-outage", "2s")...)
			want := `could not be reached for \d+s \(max_outage is 2s\).*the same command goes on`
			if !regexp.MustCompile(want).MatchString(stderr) {
				t.Errorf("stderr has no match for %q:\n%s", want, stderr)
			}
			if took := n.ended.Sub(n.started); took > 30*time.Second {
				t.Errorf("the run took %v, want it to stop after an outage of 2s", took)
			}
			committed, _ := n.readDuckDB(t)
			n.checkAssets(t, l, committed, n.only(committed))
			n.checkBlobs(t, l, committed)
			// The worker that made the last request had stored what it had asked for before, as had all others but for one each.
			if got := len(committed); got < away-workers || got >= count {
				t.Errorf("%d assets are committed, want %d or more, and not all %d", got, away-workers, count)
			}
			n.complete(t, expectation{layout: l})
			for _, a := range committed {
				if path := a.key().escapedRoute(); n.latest[path] > 0 {
					t.Errorf("%s was committed, and asked for again", path)
				}
			}
		})
	}
}

// The API goes away in the middle of a run, and is back after a second.
func TestToxiproxy_Outage_OfASecond_IsWaitedFor(t *testing.T) {
	t.Parallel()
	const count, away = 40, 20
	n := startNetwork(t, equalPages(t, count, 5000))
	back := make(chan error, 1)
	n.respond(func(x *request) {
		if x.blob == away && x.try == 1 {
			n.proxy.Stop()
			time.AfterFunc(time.Second, func() { back <- n.proxy.Start() })
		}
		x.answer()
	})
	stderr := n.run(t, 0, "--concurrency", "8")
	select {
	case err := <-back:
		if err != nil {
			t.Fatal(err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("the proxy has not come back")
	}
	for _, want := range []string{`connection refused`, `the API cannot be reached`} {
		if !strings.Contains(stderr, want) {
			t.Errorf("stderr does not say %q:\n%s", want, stderr)
		}
	}
	tried := 0
	for _, a := range n.check(t, expectation{unseen: true}) {
		tried += int(a.Attempts)
	}
	if tried <= count {
		t.Errorf("%d attempts for %d blobs, want more", tried, count)
	}
	n.complete(t, expectation{unseen: true})
	for path, got := range n.latest {
		if n.blobs[path] > 0 {
			t.Errorf("%s was asked for %d times in a run that had nothing to fetch", path, got)
		}
	}
}

// The API is not there when a run begins.
func TestToxiproxy_NoConnection_StopsAndGoesOn(t *testing.T) {
	t.Parallel()
	n := startNetwork(t, equalPages(t, 3, 5000))
	n.proxy.Stop()
	stderr := n.run(t, 5, "--max-attempts", "3")
	if got := strings.Count(stderr, "connection refused"); got < 3 {
		t.Errorf("%d of 3 attempts are said to be refused:\n%s", got, stderr)
	}
	if len(n.latest) > 0 {
		t.Errorf("%v were asked for", n.latest)
	}
	if _, err := os.Stat(n.out); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("something is left of a run that came to nothing: %v", err)
	}
	n.complete(t, expectation{})
}
