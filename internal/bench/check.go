package main

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// A contestant that does less than the others is no measure: every result is looked at, outside of the time that is
// measured.

// checkDiscarded checks what a loop that threw the blobs away has printed.
func checkDiscarded(c corpus, stdout string) error {
	var blobs int
	var bytes int64
	if _, err := fmt.Sscan(stdout, &blobs, &bytes); err != nil {
		return fmt.Errorf("read what it printed: %w", err)
	}
	if blobs != c.blobs() || bytes != c.bytes() {
		return fmt.Errorf("%d blobs with %d bytes were fetched, want %v", blobs, bytes, c)
	}
	return nil
}

// checkFiles checks the files of a peer.
func checkFiles(c corpus, out string) error {
	entries, err := os.ReadDir(out)
	if err != nil {
		return err
	}
	if len(entries) != c.blobs() {
		return fmt.Errorf("%d files are stored, want %v", len(entries), c)
	}
	for n := range c.blobs() {
		info, err := os.Stat(filepath.Join(out, blobName(n)))
		if err != nil {
			return err
		}
		if info.Size() != int64(c.size) {
			return fmt.Errorf("%s has %d bytes, want %d", blobName(n), info.Size(), c.size)
		}
	}
	return nil
}

// checkExport checks what a first run of exporter says that it stored, and what is there.
func checkExport(c corpus, out, sink string, r *runReport) error {
	if a := r.Counts.Assets; r.ExitCode != 0 || a.Stored != c.blobs() || a.StoredBytes != c.bytes() {
		return fmt.Errorf("exit code %d, %d blobs with %d bytes are stored, want 0, %v", r.ExitCode, a.Stored, a.StoredBytes, c)
	}
	folder := map[string]string{sinkLocal: "blobs", sinkArchive: "shards"}[sink]
	files, bytes, err := countFiles(filepath.Join(out, folder))
	if err != nil {
		return err
	}
	switch {
	case sink == sinkLocal && (files != c.blobs() || bytes != c.bytes()):
		return fmt.Errorf("%d files with %d bytes are stored, want %v", files, bytes, c)
	case sink == sinkArchive && bytes < c.bytes()/10*9:
		// The blobs do not compress, other than what a JPEG begins with.
		return fmt.Errorf("%d shards have %d bytes, which cannot be %v", files, bytes, c)
	}
	return nil
}

// countFiles returns how many files are in dir and below, and their bytes.
func countFiles(dir string) (files int, bytes int64, err error) {
	err = filepath.WalkDir(dir, func(_ string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		files++
		bytes += info.Size()
		return nil
	})
	return files, bytes, err
}

// checkImageDataset checks what img2dataset counted, and what is there.
func checkImageDataset(c corpus, out string) error {
	counted, err := filepath.Glob(filepath.Join(out, "*_stats.json"))
	if err != nil {
		return err
	}
	stored := 0
	for _, name := range counted {
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		var shard struct{ Successes int }
		if err := json.Unmarshal(text, &shard); err != nil {
			return fmt.Errorf("read %s: %w", name, err)
		}
		stored += shard.Successes
	}
	_, bytes, err := countFiles(out)
	if err == nil && (stored != c.blobs() || bytes < c.bytes()) {
		err = fmt.Errorf("%d blobs are stored in %d bytes, want %v", stored, bytes, c)
	}
	return err
}
