package main

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
)

// sumsName is the file that lists the SHA-256 of all others, as sha256sum writes it.
const sumsName = "SHA256SUMS"

// tree holds files by their path, separated by '/'.
type tree map[string][]byte

// sums returns the content of SHA256SUMS for all files of the tree.
func (t tree) sums() []byte {
	var b bytes.Buffer
	for _, name := range slices.Sorted(maps.Keys(t)) {
		fmt.Fprintf(&b, "%x  %s\n", sha256.Sum256(t[name]), name)
	}
	return b.Bytes()
}

// write stores the tree in a folder, which it makes where there is none. Files that the folder's SHA256SUMS lists and
// the tree does not have are removed; no others are.
func (t tree) write(folder string) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return fmt.Errorf("make folder: %w", err)
	}
	root, err := os.OpenRoot(folder)
	if err != nil {
		return fmt.Errorf("open folder: %w", err)
	}
	defer root.Close()
	if err := t.removeStale(root); err != nil {
		return err
	}
	for name, data := range t {
		if err := root.MkdirAll(path.Dir(name), 0o755); err != nil {
			return fmt.Errorf("make folder of %s: %w", name, err)
		}
		if err := root.WriteFile(name, data, 0o644); err != nil {
			return fmt.Errorf("write %s: %w", name, err)
		}
	}
	return nil
}

func (t tree) removeStale(root *os.Root) error {
	sums, err := root.ReadFile(sumsName)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read %s: %w", sumsName, err)
	}
	for line := range strings.Lines(string(sums)) {
		_, name, found := strings.Cut(strings.TrimSuffix(line, "\n"), "  ")
		if !found || t[name] != nil {
			continue
		}
		if err := root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("remove %s: %w", name, err)
		}
	}
	return nil
}
