package interop

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"exporter/internal/emulator"
	"exporter/internal/parts"
	"exporter/pipeline"
)

// divided is an export in parts. Blobs of some parts are not answered before they are let through.
type divided struct {
	*export
	plan parts.Plan
	// held are the parts whose blobs wait, each until its channel is closed. asked are closed when the first of them is asked for.
	mu          sync.Mutex
	held, asked map[int]chan struct{}
}

// serveDivided serves a corpus of which every part has something, and holds parts of it.
func serveDivided(t *testing.T, count int, held ...int) *divided {
	t.Helper()
	options := emulator.SyntheticOptions{Files: 5 * count, AssetsPerFile: 4, BlobSize: 500, IDs: emulator.UUIDs}
	d := &divided{plan: parts.Plan{Count: count, Salt: "0123456789abcdef"}, held: map[int]chan struct{}{}, asked: map[int]chan struct{}{}}
	for _, part := range held {
		d.held[part], d.asked[part] = make(chan struct{}), make(chan struct{})
	}
	d.export = serve(t, nil, emulator.Options{Corpus: emulator.Synthetic(options)}, d.hold)
	d.corpus = &corpus{directories: []string{emulator.SyntheticDirectory}}
	have := map[int]bool{}
	for number := range options.Files {
		id, _ := options.SyntheticFile(number)
		have[d.part(id)] = true
	}
	if len(have) != count {
		t.Fatalf("%d of %d parts have files", len(have), count)
	}
	// Who is first makes the plan, by chance; this one is known before.
	must(t, os.MkdirAll(d.out, 0o755))
	must(t, os.WriteFile(d.path(parts.PlanName), d.plan.Encode(), 0o644))
	return d
}

func (d *divided) part(fileID string) int { return d.plan.Of(pipeline.FileKey{FileID: fileID}) }

// hold lets a request for a blob of a part that is held wait.
func (d *divided) hold(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if isBlob(r) {
			part := d.part(strings.Split(r.URL.Path, "/")[4])
			d.mu.Lock()
			if asked := d.asked[part]; asked != nil {
				close(asked)
				delete(d.asked, part)
			}
			held := d.held[part]
			d.mu.Unlock()
			if held != nil {
				select {
				case <-held:
				case <-r.Context().Done():
					return
				}
			}
		}
		h.ServeHTTP(w, r)
	})
}

// waitForBlob waits until a blob of a part that is held is asked for.
func (d *divided) waitForBlob(t *testing.T, part int) {
	t.Helper()
	d.mu.Lock()
	asked := d.asked[part]
	d.mu.Unlock()
	if asked == nil {
		return
	}
	select {
	case <-asked:
	case <-time.After(3 * time.Minute):
		t.Fatalf("nobody asks for a blob of part %d", part)
	}
}

// release lets the blobs of a part through.
func (d *divided) release(part int) { close(d.held[part]) }

// process returns the id of the program that runs a part.
func (d *divided) process(t *testing.T, part int) int {
	t.Helper()
	text, err := os.ReadFile(d.path(parts.Path(part) + "/.exporter/running.json"))
	must(t, err)
	var running struct{ Process int }
	must(t, json.Unmarshal(text, &running))
	return running.Process
}

// kill kills the program that runs a part.
func (d *divided) kill(t *testing.T, part int) {
	t.Helper()
	must(t, syscall.Kill(d.process(t, part), syscall.SIGKILL))
}

// partFolder is the folder of a part in the path of a blob.
var partFolder = regexp.MustCompile(`parts/part=\d+/`)

// checkMerged checks that the merged tables have the rows of one run, and that their blobs are there.
func (d *divided) checkMerged(t *testing.T) {
	t.Helper()
	whole := *d.export
	whole.out = filepath.Join(t.TempDir(), "whole")
	for part := range d.held {
		select {
		case <-d.held[part]:
		default:
			t.Fatalf("part %d is held", part)
		}
	}
	whole.run(t, 0)
	want, got := manifestRows(t, openDuckDB(t), whole.manifest()), manifestRows(t, openDuckDB(t), d.manifest())
	inParts := 0
	for i, row := range got {
		got[i] = partFolder.ReplaceAllString(row, "")
		if got[i] != row {
			inParts++
		}
	}
	if len(want) == 0 || inParts != len(want) {
		t.Errorf("%d of %d rows are in parts, want all of %d", inParts, len(got), len(want))
	}
	checkRows(t, want, got)
	c, stderr := d.exporter(t.Context(), "verify", d.out)
	if out, err := c.Output(); err != nil {
		t.Errorf("verify: %v\n%s%s", err, out, stderr)
	}
	folders, err := filepath.Glob(d.path(parts.Dir + "/*"))
	must(t, err)
	slices.Sort(folders)
	if len(folders) != d.plan.Count {
		t.Errorf("there are %q, want %d parts", folders, d.plan.Count)
	}
}
