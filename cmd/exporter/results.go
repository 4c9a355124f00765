package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"sync"
	"syscall"

	"golang.org/x/term"
)

// errUnread says that nobody reads standard output any more, as behind "| head". That is no failure: who only prints ends with it, and who does something
// goes on.
var errUnread = errors.New("nobody reads standard output any more")

// results is standard output. It keeps the first error, since some of those who print do not look at theirs, and returns it ever after.
type results struct {
	w          io.Writer
	isTerminal bool

	mu  sync.Mutex
	err error
}

func newResults(w io.Writer) *results { return &results{w: w, isTerminal: isTerminal(w)} }

// Write implements io.Writer.
func (r *results) Write(p []byte) (n int, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err != nil {
		return 0, r.err
	}
	if n, err = r.w.Write(p); err != nil {
		r.err = err
		if isGone(err) || r.isTerminal && errors.Is(err, syscall.EIO) {
			r.err = errUnread
		}
	}
	return n, r.err
}

// outcome returns what a command ended with, which returned err.
func (r *results) outcome(err error) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case isUnread(err):
		return nil
	case err == nil && r.err != nil && r.err != errUnread:
		return fmt.Errorf("write to standard output: %w", r.err)
	}
	return err
}

// isGone tells whether an error says that the reader of a pipe has gone away.
func isGone(err error) bool {
	// Windows has two numbers for that.
	const brokenPipe, noData = syscall.Errno(109), syscall.Errno(232)
	return errors.Is(err, syscall.EPIPE) || runtime.GOOS == "windows" && (errors.Is(err, brokenPipe) || errors.Is(err, noData))
}

// isUnread tells whether an error is errUnread, and no other one beside it.
func isUnread(err error) bool {
	switch e := err.(type) {
	case interface{ Unwrap() error }:
		return isUnread(e.Unwrap())
	case interface{ Unwrap() []error }:
		all := e.Unwrap()
		for _, one := range all {
			if !isUnread(one) {
				return false
			}
		}
		return len(all) > 0
	}
	return err == errUnread
}

// unlessUnread returns an error of writing a result, but for errUnread.
func unlessUnread(err error) error {
	if isUnread(err) {
		return nil
	}
	return err
}

// fileOf returns the file that w is.
func fileOf(w any) (*os.File, bool) {
	if r, ok := w.(*results); ok {
		w = r.w
	}
	f, ok := w.(*os.File)
	return f, ok
}

// isTerminal tells whether w is a terminal.
func isTerminal(w any) bool {
	f, ok := fileOf(w)
	return ok && term.IsTerminal(int(f.Fd()))
}
