package metrics

import (
	"bufio"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// maxFile bounds what is read of a file, in bytes.
const maxFile = 1 << 20

// WriteFile replaces the file at path as a whole, so that a reader finds the old one or the new one, and everybody may read it. Until it
// has its name, it is called so that node_exporter does not take it for one of its own: that reads what ends in ".prom". What is there and is no
// file, such as a pipe, stays.
func WriteFile(path string, families []Family) error {
	if err := checkFile(path); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*.tmp")
	if err != nil {
		return err
	}
	// The rights of a temporary file are those of a secret. Without a sync, a power cut may leave the name without the bytes.
	err = errors.Join(Write(f, Text, families), f.Chmod(0o644), f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}

// ReadValue returns the value that a file of WriteFile has of a name with some labels; ok is false where it has none, or is not there.
func ReadValue(path, name string, labels []Label) (value float64, ok bool, err error) {
	if err := checkFile(path); err != nil {
		return 0, false, err
	}
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, err
	}
	defer f.Close()
	prefix := name + (&Sample{Labels: labels}).labels() + " "
	for s := bufio.NewScanner(io.LimitReader(f, maxFile)); s.Scan(); {
		if text, found := strings.CutPrefix(s.Text(), prefix); found {
			value, err := strconv.ParseFloat(text, 64)
			return value, err == nil, nil
		}
	}
	return 0, false, nil
}

// checkFile refuses what is there and is no file: whoever opens a pipe that nobody else has open waits for ever.
func checkFile(path string) error {
	info, err := os.Stat(path)
	if err == nil && !info.Mode().IsRegular() {
		err = &fs.PathError{Op: "open", Path: path, Err: errors.New("it is no regular file")}
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
