package main

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"exporter/internal/emulator"
	"exporter/internal/export"
	"exporter/internal/export/exporttest"
	"exporter/internal/store"
	"exporter/internal/store/place"
	"exporter/pipeline"
)

// exportSettings say what an export is like that something happens to.
type exportSettings struct {
	sink        string
	files, each int
	// size is that of each blob in bytes, 700 where it is 0; seed decides the rest of them.
	size int
	seed uint64
	// latency is that of the emulator.
	latency time.Duration
	// rows bounds the assets that are not committed, 0 as the program does; workers are those in flight.
	rows, workers int
	checkpoint    time.Duration
}

// assets is the number of assets.
func (s exportSettings) assets() int { return s.files * s.each }

// emulator returns the API that has the assets.
func (s exportSettings) emulator() emulator.Options {
	o := emulator.SyntheticOptions{Files: s.files, AssetsPerFile: s.each, BlobSize: cmp.Or(s.size, 700), Seed: s.seed}
	return emulator.Options{Corpus: emulator.Synthetic(o), Latency: s.latency}
}

// args is the command line of a run. Shards and frames are so small that there are many of them.
func (s exportSettings) args(out string) []string {
	return []string{
		"run", "--directory", emulator.SyntheticDirectory, "--out", out, "--sink", s.sink, "--no-progress", "--rate", "unlimited",
		"--shard-size", "12KB", "--frame-size", "3KB", "--checkpoint", s.checkpoint.String(), "--concurrency", strconv.Itoa(s.workers),
	}
}

// undisturbed returns what a run leaves to which nothing happens.
func (s exportSettings) undisturbed(t *testing.T) exportedSet {
	t.Helper()
	server, url := startEmulator(t, s.emulator())
	out := filepath.Join(t.TempDir(), "out")
	newCLI(t, url).mustRun(s.args(out)...)
	if n := blobRequests(server); n != s.assets() {
		t.Fatalf("%d blob requests for %d assets", n, s.assets())
	}
	return readExportedSet(t, out)
}

// exportedSet is what two exports of the same corpus have in common, however they came about.
type exportedSet struct {
	rows map[pipeline.AssetKey]pipeline.Row
	// names are those of all files but shards.
	names []string
}

// readExportedSet reads a finished export back: every blob against its row, every shard member by member, and all of it as
// "exporter verify" does.
func readExportedSet(t *testing.T, out string) exportedSet {
	t.Helper()
	newCLI(t, "").mustRun("verify", "--out", out)
	s := exportedSet{rows: map[pipeline.AssetKey]pipeline.Row{}}
	members := map[string]int{}
	for key, row := range readExport(t, out).rows {
		common := *row
		common.Attempts, common.FetchedAt, common.DeclaredType = 0, time.Time{}, ""
		if at := row.Location.Shard; at != nil {
			members[row.Location.Path+" "+at.Member]++
			common.Location = pipeline.Location{Shard: &pipeline.ShardLocation{Member: at.Member}}
		}
		s.rows[key] = common
	}
	dir, err := place.Open(t.Context(), out, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	if err := exporttest.CheckMembers(dir, members); err != nil {
		t.Error(err)
	}
	s.names = keysOf(t, dir)
	s.names = slices.DeleteFunc(s.names, func(name string) bool {
		return strings.HasPrefix(name, "shards/") || strings.HasPrefix(name, export.HistoryPrefix)
	})
	return s
}

// keysOf lists all objects of an export.
func keysOf(t *testing.T, from store.Reader) (keys []string) {
	t.Helper()
	for e, err := range from.List(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, e.Key)
	}
	return keys
}

// fileNames lists all files below a directory.
func fileNames(t *testing.T, dir string) (names []string) {
	t.Helper()
	err := fs.WalkDir(os.DirFS(dir), ".", func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			names = append(names, name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// check fails for everything that differs.
func (s exportedSet) check(t *testing.T, want exportedSet) {
	t.Helper()
	for key, row := range want.rows {
		if got, ok := s.rows[key]; !ok || !reflect.DeepEqual(got, row) {
			t.Errorf("%v: got row %s, want %s", key, describeRow(got), describeRow(row))
		}
	}
	for key := range s.rows {
		if _, ok := want.rows[key]; !ok {
			t.Errorf("%v: a row that an undisturbed run does not have", key)
		}
	}
	if !slices.Equal(s.names, want.names) {
		t.Errorf("got files %q, want %q", s.names, want.names)
	}
}

func describeRow(r pipeline.Row) string {
	return fmt.Sprintf("{%s %q %x %+v}", r.Status, r.Reason, r.Content.SHA256, r.Location)
}

// fingerprint describes each file below a directory, but those whose names begin with what does not count.
func fingerprint(t *testing.T, dir string, except ...string) map[string]string {
	t.Helper()
	files := map[string]string{}
	for _, name := range fileNames(t, dir) {
		if slices.ContainsFunc(except, func(prefix string) bool { return strings.HasPrefix(name, prefix) }) {
			continue
		}
		content, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		info, err := os.Lstat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		files[name] = fmt.Sprintf("%v %v %x", info.Mode(), info.ModTime(), sha256.Sum256(content))
	}
	return files
}

// checkUntouched fails for every file below a directory that is not what its fingerprint was.
func checkUntouched(t *testing.T, dir string, before map[string]string, except ...string) {
	t.Helper()
	after := fingerprint(t, dir, except...)
	for _, name := range slices.Sorted(maps.Keys(after)) {
		if after[name] != before[name] {
			t.Errorf("%s is now %q, want %q", name, after[name], before[name])
		}
		delete(before, name)
	}
	for name := range before {
		t.Errorf("%s is gone", name)
	}
}
