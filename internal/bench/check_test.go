package main

import (
	"os"
	"path/filepath"
	"testing"
)

func TestNewCorpus_HasAllBlobs(t *testing.T) {
	for _, blobs := range []int{1, 40, 97, 100, 101, 150, 3000} {
		c := newCorpus(blobs, 100)
		if c.blobs() != blobs || c.assetsPerFile > 100 {
			t.Errorf("%d blobs: got %d files of %d", blobs, c.files, c.assetsPerFile)
		}
		seen := map[string]bool{}
		for _, url := range c.urls("http://127.0.0.1") {
			seen[url] = true
		}
		if len(seen) != blobs {
			t.Errorf("%d blobs have %d URLs", blobs, len(seen))
		}
	}
}

func TestCheckDiscarded_Rejects(t *testing.T) {
	c := newCorpus(3, 100)
	if err := checkDiscarded(c, "3 300\n"); err != nil {
		t.Error(err)
	}
	for _, stdout := range []string{"", "3", "2 300", "3 299"} {
		if err := checkDiscarded(c, stdout); err == nil {
			t.Errorf("%q: no error", stdout)
		}
	}
}

func TestCheckFiles_Rejects(t *testing.T) {
	c := newCorpus(3, 100)
	for name, spoil := range map[string]func(dir string) error{
		"nothing": func(string) error { return nil },
		"missing": func(dir string) error { return os.Remove(filepath.Join(dir, blobName(1))) },
		"short":   func(dir string) error { return os.Truncate(filepath.Join(dir, blobName(2)), 99) },
		"extra":   func(dir string) error { return os.Mkdir(filepath.Join(dir, "more"), 0o755) },
		"renamed": func(dir string) error { return os.Rename(filepath.Join(dir, blobName(0)), filepath.Join(dir, "other")) },
	} {
		dir := t.TempDir()
		for n := range c.blobs() {
			writeBlob(t, filepath.Join(dir, blobName(n)), c.size)
		}
		if err := spoil(dir); err != nil {
			t.Fatal(err)
		}
		if err := checkFiles(c, dir); (err == nil) != (name == "nothing") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestCheckExport_Rejects(t *testing.T) {
	c := newCorpus(3, 100)
	good := func() *runReport {
		r := &runReport{}
		r.Counts.Assets.Stored, r.Counts.Assets.StoredBytes = 3, 300
		return r
	}
	for name, test := range map[string]struct {
		sink  string
		sizes []int
		spoil func(r *runReport)
		ok    bool
	}{
		"local":         {sink: sinkLocal, sizes: []int{100, 100, 100}, ok: true},
		"archive":       {sink: sinkArchive, sizes: []int{290}, ok: true},
		"file missing":  {sink: sinkLocal, sizes: []int{100, 200}},
		"file short":    {sink: sinkLocal, sizes: []int{100, 100, 99}},
		"shard short":   {sink: sinkArchive, sizes: []int{200}},
		"nothing there": {sink: sinkArchive},
		"exit code":     {sink: sinkArchive, sizes: []int{300}, spoil: func(r *runReport) { r.ExitCode = 3 }},
		"too few":       {sink: sinkArchive, sizes: []int{300}, spoil: func(r *runReport) { r.Counts.Assets.Stored = 2 }},
		"fewer bytes":   {sink: sinkArchive, sizes: []int{300}, spoil: func(r *runReport) { r.Counts.Assets.StoredBytes-- }},
	} {
		out := t.TempDir()
		for n, size := range test.sizes {
			writeBlob(t, filepath.Join(out, map[string]string{sinkLocal: "blobs", sinkArchive: "shards"}[test.sink], blobName(n)), size)
		}
		r := good()
		if test.spoil != nil {
			test.spoil(r)
		}
		if err := checkExport(c, out, test.sink, r); (err == nil) != test.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestEmptyFiles_KeepsInodes(t *testing.T) {
	dir := t.TempDir()
	out := filepath.Join(dir, "out")
	if err := emptyFiles(out); err != nil {
		t.Errorf("no directory: %v", err)
	}
	writeBlob(t, filepath.Join(out, "a", "b.jpg"), 100)
	if err := emptyFiles(out); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(out); !os.IsNotExist(err) {
		t.Errorf("it is still there: %v", err)
	}
	if files, bytes, err := countFiles(dir); files != 1 || bytes != 0 || err != nil {
		t.Errorf("%d files with %d bytes, %v, want an empty one", files, bytes, err)
	}
}

func writeBlob(t *testing.T, name string, size int) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, make([]byte, size), 0o644); err != nil {
		t.Fatal(err)
	}
}
