//go:build !windows

package main

import (
	"os"
	"os/signal"
	"syscall"
)

// understandsEscapes tells whether a terminal obeys escape sequences.
func understandsEscapes(*os.File) bool { return true }

// resizes tells of each time that a terminal of this process becomes larger or smaller, until forget is called.
func resizes() (resized <-chan os.Signal, forget func()) {
	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGWINCH)
	return c, func() { signal.Stop(c) }
}
