//go:build unix && !race

package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"exporter/internal/durable"
	"exporter/internal/emulator"
	"exporter/internal/export"
	"exporter/internal/testmain"
)

// A run that fetches everything again is killed while it replaces blobs by others. Every row leads to its own bytes, old or
// new; the next one of the kind replaces the rest.
func TestExport_KillWhileReplacing_KeepsRowsTrue(t *testing.T) {
	testmain.Long(t)
	t.Parallel()
	const named, removed = "rename blobs/*/*/page_screenshots/0~v*.jpg", "remove blobs/*/*/page_screenshots/0.jpg"
	before := exportSettings{sink: "local", files: 4, each: 6, seed: 1, workers: 2, checkpoint: time.Hour}
	after := before
	after.seed = 2
	wantBefore, want := before.undisturbed(t), after.undisturbed(t)
	for _, p := range []point{
		{"sync " + durable.TempDir + "/*.jpg"},
		{named},
		{named, "rename " + fileParts},
		{named, "rename " + assetParts},
		{removed},
		{removed, removed},
		{removed, "create " + durable.TempDir + "/*.files.parquet"},
		{"rename manifest.parquet"},
	} {
		t.Run(strings.Join(p, ", "), func(t *testing.T) {
			t.Parallel()
			var upstream atomic.Pointer[emulator.Server]
			front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				upstream.Load().ServeHTTP(w, r)
			}))
			t.Cleanup(front.Close)
			out := filepath.Join(t.TempDir(), "out")
			c := newCLI(t, front.URL)
			upstream.Store(newEmulator(t, before.emulator()))
			c.mustRun(before.args(out)...)
			upstream.Store(newEmulator(t, after.emulator()))
			refetch := append(after.args(out), "--refetch")
			startChild(t, front.URL, childOptions{CheckpointRows: 8, Stop: p}, refetch...).killAtPoint()

			checkReplaced(t, out, wantBefore, want)
			c.mustRun(after.args(out)...)
			checkReplaced(t, out, wantBefore, want)
			c.mustRun(refetch...)
			checkReplaced(t, out, want, want)
		})
	}
}

// checkReplaced fails unless every row is that of before or that of after, and leads to its bytes.
func checkReplaced(t *testing.T, out string, before, after exportedSet) {
	t.Helper()
	rows := readExport(t, out).rows
	for key, row := range after.rows {
		switch got := rows[key]; {
		case got == nil:
			t.Errorf("%v has no row", key)
		case got.Content.SHA256 != before.rows[key].Content.SHA256 && got.Content.SHA256 != row.Content.SHA256:
			t.Errorf("%v: the row is neither the old nor the new one: %s", key, describeRow(*got))
		}
	}
}

// A run that adds to a finished export is killed while it merges the parts. Each file of the export is the old or the new
// one, and together with the parts they have every row.
func TestExport_KillWhileMerging_KeepsEveryRow(t *testing.T) {
	testmain.Long(t)
	t.Parallel()
	s := exportSettings{sink: "local", files: 4, each: 6, workers: 2, checkpoint: time.Hour}
	want := s.undisturbed(t)
	_, url := startEmulator(t, s.emulator())
	// Some rows are withdrawn, so that there is something to merge.
	begun := filepath.Join(t.TempDir(), "out")
	newCLI(t, url).mustRun(s.args(begun)...)
	withdrawn := childOptions{CheckpointRows: 8, Stop: point{"rename " + assetParts}}
	startChild(t, url, withdrawn, append(s.args(begun), "--refetch")...).killAtPoint()
	for _, p := range slices.Concat(replaced("manifest.parquet"), replaced("files.parquet"), replaced(export.ReportName)) {
		t.Run(strings.Join(p, ", "), func(t *testing.T) {
			t.Parallel()
			out := filepath.Join(t.TempDir(), "out")
			if err := os.CopyFS(out, os.DirFS(begun)); err != nil {
				t.Fatal(err)
			}
			startChild(t, url, childOptions{Stop: p}, s.args(out)...).killAtPoint()
			if n := len(readExport(t, out).rows); n != s.assets() {
				t.Errorf("%d rows after the kill, want %d", n, s.assets())
			}
			report, err := os.ReadFile(filepath.Join(out, export.ReportName))
			if err != nil || !json.Valid(report) {
				t.Errorf("%s after the kill: %q, %v", export.ReportName, report, err)
			}
			newCLI(t, url).mustRun(s.args(out)...)
			checkReplaced(t, out, want, want)
		})
	}
}
