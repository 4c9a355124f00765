package main

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"

	"exporter/internal/emulator"
	"exporter/internal/view"
)

// What a part commits while an export in parts is looked at is another state of it, merged or not: it is opened again, and says anew what it lacks.
func TestView_PartCommitsMeanwhile_IsAnotherState(t *testing.T) {
	_, api := startEmulator(t, emulator.Options{Corpus: loadCorpus(t, testCorpus())})
	c, out := newCLI(t, api), filepath.Join(t.TempDir(), "out")
	part := func(part string) {
		t.Helper()
		c.mustRun(append([]string{"run", "--out", out, "--part", part}, corpusDirectories(t, testCorpus())...)...)
	}
	part("0/3")
	var said bytes.Buffer
	open := (&app{stderr: &said}).viewOpener(out)
	look := func(wantNotes string) (*view.Export, int64) {
		t.Helper()
		e, err := open(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { e.Close() })
		if notes := strings.Join(e.Notes, "|"); notes != wantNotes {
			t.Errorf("its notes are %q, want %q", notes, wantNotes)
		}
		assets, _, _ := e.Count()
		return e, assets
	}
	hasChanged := func(e *view.Export) bool {
		t.Helper()
		before, err := e.AsOf(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		now, err := e.State(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return before != now
	}
	e, first := look("Not all parts are complete: 2 missing (part=0001, part=0002).")
	if hasChanged(e) {
		t.Error("it has changed, and nothing was committed")
	}
	part("1/3")
	if !hasChanged(e) {
		t.Error("a part has committed, and it has not changed")
	}
	e, second := look("Not all parts are complete: 1 missing (part=0002).")
	part("2/3")
	if !hasChanged(e) {
		t.Error("the last part has committed, and it has not changed")
	}
	e, third := look("")
	c.mustRun("merge", out)
	// Which part has which files differs from one export to the next.
	if all := int64(len(readExport(t, out).rows)); hasChanged(e) || first > second || second > third || third != all {
		t.Errorf("after the merge it has changed: %v; it had %d, %d and %d assets, want %d", hasChanged(e), first, second, third, all)
	}
	if got, want := said.String(), "exporter: not all parts are complete: 2 missing (part=0001, part=0002)\nexporter: not all parts are complete: 1 missing (part=0002)\n"; got != want {
		t.Errorf("it said\n%swant\n%s", got, want)
	}
}
