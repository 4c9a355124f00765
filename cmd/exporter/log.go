package main

import (
	"io"
	"log/slog"
)

// newLogger logs to w as text or as JSON lines. Requests and single failures are logged only when verbose. Package slog
// quotes most of what does not print, but not in JSON.
func newLogger(w io.Writer, asJSON, verbose bool) *slog.Logger {
	w = printableWriter{w}
	options := &slog.HandlerOptions{Level: slog.LevelInfo}
	if verbose {
		options.Level = slog.LevelDebug
	}
	if asJSON {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}
