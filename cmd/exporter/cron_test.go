package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"exporter/internal/emulator"
	"exporter/internal/export"
	"exporter/internal/testmain"
	"exporter/pipeline"
)

// nightly is an export that is run again and again, as cron does, while things change upstream.
type nightly struct {
	*cli
	corpus *emulator.Corpus
	server *emulator.Server
	out    string
	args   []string
}

// perDirectory is how many requests a run makes for a directory of one page with files: for that, and for when the directory expires.
const perDirectory = 2

func newNightly(t *testing.T, files int, sink string) *nightly {
	t.Helper()
	corpus := emulator.Synthetic(emulator.SyntheticOptions{Files: files, AssetsPerFile: 4, BlobSize: 300, Seed: 11})
	server, url := startEmulator(t, emulator.Options{Corpus: corpus})
	out := filepath.Join(t.TempDir(), "out")
	return &nightly{newCLI(t, url), corpus, server, out, []string{
		"run", "--directory", emulator.SyntheticDirectory, "--out", out, "--sink", sink,
	}}
}

// night runs the export once and returns its summary. Afterwards the emulator's log holds its requests alone.
func (n *nightly) night(args ...string) string {
	n.t.Helper()
	n.server.Reset()
	return n.mustRun(append(slices.Clone(n.args), args...)...)
}

// requests returns how many requests there were in all, and how many of them for blobs.
func (n *nightly) requests() (all, blobs int) {
	return len(n.server.Requests()), blobRequests(n.server)
}

func (n *nightly) wantRequests(what string, all, blobs int) {
	n.t.Helper()
	if gotAll, gotBlobs := n.requests(); gotAll != all || gotBlobs != blobs {
		n.t.Errorf("%s: %d requests, of which %d for blobs; want %d and %d", what, gotAll, gotBlobs, all, blobs)
	}
}

func (n *nightly) must(err error) {
	n.t.Helper()
	if err != nil {
		n.t.Fatal(err)
	}
}

func jpegOf(t *testing.T, width, height int) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, image.NewGray(image.Rect(0, 0, width, height)), nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestRun_ManyUnchangedFiles_CostOneListing(t *testing.T) {
	testmain.Long(t)
	n := newNightly(t, 200, "local")
	n.night()
	n.wantRequests("first run", perDirectory+2*200+4*200, 4*200)
	n.night()
	if all, blobs := n.requests(); all > 10 || blobs > 0 {
		t.Errorf("second run over 200 unchanged files: %d requests, %d of them for blobs; want 10 at most, and 0", all, blobs)
	}
	n.must(n.corpus.PutAsset("file-00000007", emulator.AssetSpec{Kind: emulator.Screenshot, Page: 99, Data: jpegOf(t, 8, 8)}))
	n.must(n.corpus.Touch("file-00000007", time.Now()))
	n.night()
	n.wantRequests("after one file got a page", perDirectory+2+5, 5)
}

func TestRun_FileParsedAnew_EndsWithExactlyTheNewAssets(t *testing.T) {
	t.Parallel()
	for _, sink := range []string{"local", "archive"} {
		t.Run(sink, func(t *testing.T) {
			n := newNightly(t, 3, sink)
			n.night()
			const id = "file-00000001"
			committed := committedFrames(t, n.out)

			// One page less, one of another size, one more; the figures stay.
			n.must(n.corpus.RemoveAsset(id, emulator.Screenshot, 0, ""))
			n.must(n.corpus.PutAsset(id, emulator.AssetSpec{Kind: emulator.Screenshot, Page: 1, Data: jpegOf(t, 40, 30)}))
			n.must(n.corpus.PutAsset(id, emulator.AssetSpec{Kind: emulator.Screenshot, Page: 2, Data: jpegOf(t, 20, 10)}))
			n.must(n.corpus.Touch(id, time.Now()))
			n.night()
			n.wantRequests("after the file was parsed anew", perDirectory+2+4, 4)
			// What is not listed for the first time may be again the next time.
			n.night()
			n.wantRequests("the night after", perDirectory+2, 0)

			rows := readExport(t, n.out).rows
			for page, want := range map[int32]struct {
				vanished bool
				width    int32
			}{0: {vanished: true}, 1: {width: 40}, 2: {width: 20}} {
				row := rows[pipeline.AssetKey{FileID: id, Kind: pipeline.Screenshot, Origin: pipeline.OriginFile, PageIndex: page}]
				if row == nil || row.Status != pipeline.Stored || !row.VanishedAt.IsZero() != want.vanished ||
					!want.vanished && row.Content.Width != want.width {
					t.Errorf("page %d: got %+v, want stored, vanished %v, width %d", page, row, want.vanished, want.width)
				}
			}
			if len(rows) != 13 {
				t.Errorf("%d rows, want 13", len(rows))
			}
			after := committedFrames(t, n.out)
			for name, before := range committed {
				if !strings.HasPrefix(after[name], before) {
					t.Errorf("what was committed in %s was changed", name)
				}
			}
			if want := map[string]int{"local": 0, "archive": 1}[sink]; len(after) != want {
				t.Errorf("%d shards, want %d: a run goes on with the last one", len(after), want)
			}
		})
	}
}

// committedFrames returns the bytes of every shard up to the end of the last frame that a row names.
func committedFrames(t *testing.T, out string) map[string]string {
	t.Helper()
	ends := map[string]int64{}
	for _, row := range readExport(t, out).rows {
		if at := row.Location.Shard; at != nil {
			ends[row.Location.Path] = max(ends[row.Location.Path], at.Frame.Offset+at.Frame.Size)
		}
	}
	shards := map[string]string{}
	for name, end := range ends {
		b, err := os.ReadFile(filepath.Join(out, filepath.FromSlash(name)))
		if err != nil {
			t.Fatal(err)
		}
		shards[name] = string(b[:end])
	}
	return shards
}

func TestRun_Prune_RemovesWhatVanished(t *testing.T) {
	t.Parallel()
	n := newNightly(t, 3, "local")
	n.night()
	n.must(n.corpus.RemoveFile("file-00000002"))
	n.must(n.corpus.RemoveAsset("file-00000000", emulator.Screenshot, 1, ""))
	n.must(n.corpus.Touch("file-00000000", time.Now()))
	summary := n.night()
	if !strings.Contains(summary, "1 not listed for the first time") || strings.Contains(summary, "vanished") {
		t.Errorf("summary of the first night without a file:\n%s", summary)
	}
	if rows := readExport(t, n.out).rows; len(rows) != 12 {
		t.Fatalf("%d rows after the first night, want 12", len(rows))
	}
	summary = n.night()
	if !strings.Contains(summary, "1 not listed any more") || !strings.Contains(summary, "vanished 5 assets") {
		t.Errorf("summary does not tell what vanished:\n%s", summary)
	}
	if rows := readExport(t, n.out).rows; len(rows) != 12 {
		t.Fatalf("%d rows before anything is pruned, want 12", len(rows))
	}

	summary = n.night("--prune")
	if !strings.Contains(summary, "pruned   5 assets") {
		t.Errorf("summary does not tell what was pruned:\n%s", summary)
	}
	rows := readExport(t, n.out).rows
	blobs := 0
	err := filepath.WalkDir(filepath.Join(n.out, "blobs"), func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			blobs++
		}
		return err
	})
	if err != nil || len(rows) != 7 || blobs != 7 {
		t.Errorf("%d rows and %d blobs after --prune, want 7 and 7 (%v)", len(rows), blobs, err)
	}
	if _, err := os.Stat(filepath.Join(n.out, "blobs", "file-00000002")); !os.IsNotExist(err) {
		t.Errorf("the directory of the file that vanished is still there: %v", err)
	}
	if summary := n.night("--prune"); strings.Contains(summary, "pruned") {
		t.Errorf("something was pruned twice:\n%s", summary)
	}
}

func TestRun_PruneOfAnEmptyListing_NeedsForce(t *testing.T) {
	t.Parallel()
	n := newNightly(t, 2, "local")
	n.night()
	for i := range 2 {
		n.must(n.corpus.RemoveFile(fmt.Sprintf("file-%08d", i)))
	}
	code, _, stderr := n.run(append(slices.Clone(n.args), "--prune")...)
	if code != exitStopped || !strings.Contains(stderr, "2 of 2 known files are not listed") || !strings.Contains(stderr, "give --force listing") {
		t.Errorf("exit %d, %s; want %d and a refusal", code, stderr, exitStopped)
	}
	if rows := readExport(t, n.out).rows; len(rows) != 8 {
		t.Errorf("%d rows after the refusal, want 8", len(rows))
	}
	if r := n.report(); r.Needs != "--force listing" || r.ExitCode != exitStopped {
		t.Errorf("run.json has exit code %d, and needs %q", r.ExitCode, r.Needs)
	}
	n.night("--prune", "--force")
	if got, want := n.report().Accepted, []export.Acceptance{{Kind: export.ForceListing, What: "2 of 2 known files are not listed"}}; !slices.Equal(got, want) {
		t.Errorf("run.json says that %v was accepted, want %v", got, want)
	}
	if rows := readExport(t, n.out).rows; len(rows) != 8 {
		t.Errorf("%d rows after one listing that was accepted, want 8", len(rows))
	}
	n.night("--prune")
	if rows := readExport(t, n.out).rows; len(rows) != 0 {
		t.Errorf("%d rows after a second one with --prune, want none", len(rows))
	}
}

// A listing that is believed may still cost much of an export: that is pruned only when it is meant.
func TestRun_PruneOfMuch_NeedsForce(t *testing.T) {
	testmain.Long(t)
	t.Parallel()
	n := newNightly(t, 150, "local")
	n.night()
	for i := range 30 {
		n.must(n.corpus.RemoveFile(fmt.Sprintf("file-%08d", i)))
	}
	n.night("--prune")
	code, _, stderr := n.run(append(slices.Clone(n.args), "--prune")...)
	if code != exitStopped || !strings.Contains(stderr, "120 of 600 stored assets would be pruned") {
		t.Errorf("exit %d, %s; want %d and a refusal", code, stderr, exitStopped)
	}
	if r, rows := n.report(), readExport(t, n.out).rows; r.Needs != "--force prune" || len(rows) != 600 {
		t.Errorf("run.json needs %q, and %d rows are left, want --force prune and 600", r.Needs, len(rows))
	}
	n.night("--prune", "--force")
	if got, want := n.report().Accepted, []export.Acceptance{{Kind: export.ForcePrune, What: "120 of 600 stored assets would be pruned"}}; !slices.Equal(got, want) {
		t.Errorf("run.json says that %v was accepted, want %v", got, want)
	}
	if rows := readExport(t, n.out).rows; len(rows) != 480 {
		t.Errorf("%d rows after --prune --force, want 480", len(rows))
	}
}

func TestRun_SinceLast_ListsOnlyWhatWasUpdated(t *testing.T) {
	t.Parallel()
	n := newNightly(t, 20, "local")
	listedSince := func() (since string) {
		t.Helper()
		for _, r := range n.server.Requests() {
			if r.Query.Has("updated_at_on_or_after") {
				since = r.Query.Get("updated_at_on_or_after")
			}
		}
		return since
	}
	before := time.Now().Truncate(time.Second)
	n.night("--since", "last")
	earlier := filepath.Join(n.out, "runs.jsonl")
	n.must(os.WriteFile(earlier, []byte("{}\n"), 0o644))
	if since := listedSince(); since != "" {
		t.Errorf("the first run asked for files updated since %s, want all", since)
	}
	mark := n.watermark()
	if mark.Before(before) || mark.After(time.Now()) {
		t.Errorf("watermark %v, want about %v", mark, before)
	}

	n.must(n.corpus.PutAsset("file-00000003", emulator.AssetSpec{Kind: emulator.Screenshot, Page: 50, Data: jpegOf(t, 8, 8)}))
	n.must(n.corpus.Touch("file-00000003", time.Now()))
	summary := n.night("--since", "last")
	n.wantRequests("incremental run", perDirectory+2+5, 5)
	if since, err := time.Parse(time.RFC3339, listedSince()); err != nil || !since.Equal(mark.Add(-time.Hour)) {
		t.Errorf("the second run asked for files updated since %v (%v), want %v", since, err, mark.Add(-time.Hour))
	}
	if !strings.Contains(summary, "19 unchanged") || strings.Contains(summary, "not listed any more") {
		t.Errorf("the files that were not listed are not taken to be as they were:\n%s", summary)
	}

	// A listing that does not come to its end leaves the watermark where it was.
	mark = n.watermark()
	n.stop = make(chan struct{})
	close(n.stop)
	if code, _, _ := n.run(append(slices.Clone(n.args), "--since", "last")...); code != exitInterrupted {
		t.Errorf("an interrupted run exits with %d, want %d", code, exitInterrupted)
	}
	if got := n.watermark(); !got.Equal(mark) {
		t.Errorf("the watermark moved from %v to %v with an interrupted run", mark, got)
	}

	if got, err := os.ReadFile(earlier); err != nil || string(got) != "{}\n" {
		t.Errorf("the history of an earlier version has become %q, %v", got, err)
	}
	var codes []int
	// Their names are in the order of time.
	for _, name := range fileNames(t, filepath.Join(n.out, "runs")) {
		content, err := os.ReadFile(filepath.Join(n.out, "runs", name))
		var r export.Report
		if err := errors.Join(err, json.Unmarshal(content, &r)); err != nil {
			t.Fatalf("%s: %v in %q", name, err, content)
		}
		if strings.ContainsAny(name, `:<>"|?*\`) || !strings.HasPrefix(name, r.StartedAt.Format("20060102T150405.")) {
			t.Errorf("the report of the run of %v is called %q", r.StartedAt, name)
		}
		codes = append(codes, r.ExitCode)
	}
	if !slices.Equal(codes, []int{0, 0, exitInterrupted}) {
		t.Errorf("runs/ has exit codes %v, want 0, 0 and %d", codes, exitInterrupted)
	}
}

func (n *nightly) watermark() time.Time {
	n.t.Helper()
	return n.report().Watermark
}

// report returns run.json.
func (n *nightly) report() (r export.Report) {
	n.t.Helper()
	b, err := os.ReadFile(filepath.Join(n.out, "run.json"))
	if err != nil {
		n.t.Fatal(err)
	}
	if err := json.Unmarshal(b, &r); err != nil {
		n.t.Fatal(err)
	}
	return r
}

func TestRun_SinceLast_TriesFailedFilesAgain(t *testing.T) {
	t.Parallel()
	corpus := emulator.Synthetic(emulator.SyntheticOptions{Files: 10, AssetsPerFile: 4, BlobSize: 300, Seed: 11})
	for i := range 10 {
		if err := corpus.Touch(fmt.Sprintf("file-%08d", i), time.Now().Add(-48*time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	server, url := startEmulator(t, emulator.Options{Corpus: corpus, Seed: 5, Faults: emulator.Faults{
		Kinds: []emulator.FaultKind{emulator.FaultStatus404}, Rate: 0.3, Times: 1,
	}})
	out := filepath.Join(t.TempDir(), "out")
	n := &nightly{newCLI(t, url), corpus, server, out, []string{
		"run", "--directory", emulator.SyntheticDirectory, "--out", out, "--since", "last",
	}}
	if code, _, stderr := n.run(n.args...); code != exitIncomplete {
		t.Fatalf("exit %d, want %d: %s", code, exitIncomplete, stderr)
	}
	failed := 0
	for _, row := range readExport(t, out).rows {
		if row.Status == pipeline.Failed {
			failed++
		}
	}
	if failed == 0 || failed == 40 {
		t.Fatalf("%d of 40 assets failed: the faults did not fire as they should", failed)
	}

	// None of the files was updated, so none is listed.
	n.night()
	if _, blobs := n.requests(); blobs != failed {
		t.Errorf("%d blob requests, want one for each of the %d that failed", blobs, failed)
	}
	for key, row := range readExport(t, out).rows {
		if row.Status != pipeline.Stored {
			t.Errorf("%v is %s", key, row.Status)
		}
	}
}
