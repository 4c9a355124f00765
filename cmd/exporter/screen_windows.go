package main

import (
	"os"

	"golang.org/x/sys/windows"
)

// understandsEscapes has a console obey escape sequences, and tells whether it does.
func understandsEscapes(terminal *os.File) bool {
	console := windows.Handle(terminal.Fd())
	var mode uint32
	if err := windows.GetConsoleMode(console, &mode); err != nil {
		return false
	}
	return windows.SetConsoleMode(console, mode|windows.ENABLE_VIRTUAL_TERMINAL_PROCESSING) == nil
}

// resizes tells of nothing: a console has no signal for that, and the next drawing fits.
func resizes() (resized <-chan os.Signal, forget func()) { return nil, func() {} }
