package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"exporter/internal/emulator"
	"exporter/internal/testmain"
)

// liar is an emulator that answers some requests as it is told to, and what a true one would make of the same corpus.
type liar struct {
	*nightly
	// lie changes an answer; nil where the API is true.
	lie atomic.Pointer[func(r *http.Request, answer map[string]any) any]
}

// newLiar returns an export of files that were updated at a time, each with four assets.
func newLiar(t *testing.T, files int, updated time.Time) *liar {
	t.Helper()
	corpus := emulator.Synthetic(emulator.SyntheticOptions{Files: files, AssetsPerFile: 4, BlobSize: 300, Seed: 11})
	for i := range files {
		if err := corpus.Touch(fmt.Sprintf("file-%08d", i), updated); err != nil {
			t.Fatal(err)
		}
	}
	server, err := emulator.New(emulator.Options{Corpus: corpus, Key: canaryKey})
	if err != nil {
		t.Fatal(err)
	}
	l := &liar{}
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		lie := l.lie.Load()
		if lie == nil {
			server.ServeHTTP(w, r)
			return
		}
		answer := httptest.NewRecorder()
		server.ServeHTTP(answer, r)
		body := answer.Body.Bytes()
		var object map[string]any
		var list []any
		if json.Unmarshal(body, &object) == nil {
			body = encodeJSON(t, (*lie)(r, object))
		} else if json.Unmarshal(body, &list) == nil {
			body = encodeJSON(t, (*lie)(r, map[string]any{"list": list}))
		}
		w.Header().Set("Content-Type", answer.Header().Get("Content-Type"))
		w.WriteHeader(answer.Code)
		_, _ = w.Write(body)
	}))
	t.Cleanup(api.Close)
	out := filepath.Join(t.TempDir(), "out")
	l.nightly = &nightly{newCLI(t, api.URL), corpus, server, out, []string{
		"run", "--directory", emulator.SyntheticDirectory, "--out", out,
	}}
	return l
}

func encodeJSON(t *testing.T, v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		t.Error(err)
	}
	return bytes.TrimSpace(b)
}

// whole returns what a lie is told of as it is.
func whole(answer map[string]any) any {
	if list, ok := answer["list"]; ok {
		return list
	}
	return answer
}

// wantTrue fails unless the export is the one that a true API would have given from the start.
func (l *liar) wantTrue(t *testing.T) {
	t.Helper()
	fresh := &nightly{l.cli, l.corpus, l.server, filepath.Join(t.TempDir(), "out"), nil}
	fresh.mustRun("run", "--directory", emulator.SyntheticDirectory, "--out", fresh.out)
	if got, want := readExportedSet(t, l.out), readExportedSet(t, fresh.out); !reflect.DeepEqual(got, want) {
		t.Errorf("the export differs from that of an API that was always true: %d and %d rows, files %q and %q",
			len(got.rows), len(want.rows), got.names, want.names)
	}
}

// For one night an API says something that is not so. The nights after, nothing shows of it, and no blob was fetched twice.
func TestRun_APILiesForOneNight_NothingShows(t *testing.T) {
	testmain.Long(t)
	t.Parallel()
	const files = 40
	past, future := time.Now().Add(-time.Hour*24*365), time.Now().Add(time.Hour)
	isOfDirectory := func(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, "/api/v1/beta/directories/") }
	for _, tt := range []struct {
		name    string
		updated time.Time
		// first says that the first night is the one.
		first bool
		lie   func(r *http.Request, answer map[string]any) any
		code  int
		// requests are those of the night of the lie and of the two after it: most for anything, and exactly for blobs.
		requests, blobs int
	}{
		{"pictures are not there yet", future, true, func(r *http.Request, answer map[string]any) any {
			if isOfDirectory(r) {
				return answer
			}
			return []any{}
			// The first files, and those that are listed beside them, are asked for attachments, twice as the answer makes no sense.
		}, 0, 3*(perDirectory+2*files) + 4*files + 2*(10+8), 4 * files},
		{"pictures are not there any more", future, false, func(r *http.Request, answer map[string]any) any {
			if isOfDirectory(r) {
				return answer
			}
			return []any{}
		}, exitStopped, 3 * (perDirectory + 2*files), 0},
		{"half of the pictures are not listed", future, false, func(r *http.Request, answer map[string]any) any {
			if list, ok := answer["list"].([]any); ok && len(list) > 0 {
				return list[:len(list)/2]
			}
			return whole(answer)
		}, 0, 3 * (perDirectory + 2*files), 0},
		{"files have no dates", past, false, func(r *http.Request, answer map[string]any) any {
			if items, ok := answer["items"].([]any); ok {
				for _, item := range items {
					item.(map[string]any)["updated_at"] = nil
				}
			}
			return whole(answer)
		}, 0, 3 * perDirectory, 0},
		{"no file is listed", past, false, func(r *http.Request, answer map[string]any) any {
			answer["items"] = []any{}
			return answer
			// When the directory expires is asked only where it has a file.
		}, exitStopped, 3*perDirectory - 1, 0},
		{"a file is not listed", past, false, func(r *http.Request, answer map[string]any) any {
			if items, ok := answer["items"].([]any); ok {
				answer["items"] = items[1:]
			}
			return answer
		}, 0, 3 * perDirectory, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := newLiar(t, files, tt.updated)
			if !tt.first {
				l.night()
			}
			l.server.Reset()
			l.lie.Store(&tt.lie)
			if code, _, stderr := l.run(append(l.args, "--prune")...); code != tt.code {
				t.Errorf("exit %d, want %d: %s", code, tt.code, stderr)
			}
			l.lie.Store(nil)
			for range 2 {
				l.mustRun(append(l.args, "--prune")...)
			}
			if all, blobs := l.requests(); all > tt.requests || blobs != tt.blobs {
				t.Errorf("%d requests, %d of them for blobs; want %d at most, and %d", all, blobs, tt.requests, tt.blobs)
			}
			l.wantTrue(t)
		})
	}
}

// What upstream deletes when it said it would stays, also with --prune: only --prune-expired removes it.
func TestRun_PruneExpired_RemovesWhatWentByItself(t *testing.T) {
	t.Parallel()
	l := newLiar(t, 20, time.Now().Add(-time.Hour*24*365))
	l.args = []string{"run", "--project", "--out", l.out}
	expired := time.Now().Add(-time.Minute).UTC().Format(time.RFC3339)
	expiring := func(_ *http.Request, answer map[string]any) any {
		items, _ := answer["items"].([]any)
		for _, item := range items {
			if file := item.(map[string]any); file["id"] == "file-00000003" {
				file["expires_at"] = expired
			}
		}
		return whole(answer)
	}
	l.lie.Store(&expiring)
	l.server.Reset()
	l.night()
	l.must(l.corpus.RemoveFile("file-00000003"))
	l.night("--prune")
	if summary := l.night("--prune"); !strings.Contains(summary, "1 expired") || len(readExport(t, l.out).rows) != 80 {
		t.Errorf("%d rows are left, want 80; the summary says:\n%s", len(readExport(t, l.out).rows), summary)
	}
	l.night("--prune")
	l.night("--prune-expired")
	if rows := readExport(t, l.out).rows; len(rows) != 76 {
		t.Errorf("%d rows are left with --prune-expired, want 76", len(rows))
	}
}
