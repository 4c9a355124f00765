package main

import (
	"io"
	"log/slog"
	"os"
	"sync"

	"exporter/internal/config"
	"exporter/internal/export"
	"exporter/internal/verify"
)

// console is standard error, which log and bars share. It implements export.Watcher.
type console struct {
	log     *slog.Logger
	options config.Log
	stderr  io.Writer
	// environ says what kind of terminal standard error is.
	environ []string

	mu sync.Mutex
	// out is where the log goes: to the bars while they are shown, since they have to draw around it.
	out io.Writer
}

// console returns standard error for a command that shows how far it is.
func (a *app) console(o config.Log) *console {
	c := newConsole(a.stderr, o)
	c.environ = a.environ
	return c
}

func newConsole(stderr io.Writer, o config.Log) *console {
	c := &console{options: o, stderr: stderr, out: stderr}
	c.log = newLogger(c, o)
	return c
}

// Write takes a line of the log.
func (c *console) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.out.Write(p)
}

func (c *console) redirect(out io.Writer) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.out = out
}

// showProgress shows how far something is until the returned function is called.
func (c *console) showProgress(p progress) (stop func()) {
	switch {
	case c.options.NoProgress:
		return func() {}
	case c.options.Format == config.LogText && isTerminal(c.stderr):
		if screen, stop := startBars(c.stderr.(*os.File), c.environ, p); screen != nil {
			c.redirect(screen)
			return func() {
				stop()
				c.redirect(c.stderr)
			}
		}
	}
	return startLines(c.log, p)
}

// Transfer implements export.Watcher.
func (c *console) Transfer(counts func() export.Counts) (stop func()) {
	return c.showProgress(transferProgress(counts))
}

// Verification implements export.Watcher.
func (c *console) Verification(counts func() verify.Counts) (stop func()) {
	return c.showProgress(verifyProgress(counts))
}

// Surveyed implements export.Watcher.
func (c *console) Surveyed(s export.Survey) { c.log.Info("plan: " + surveyText(s)) }

// newLogger logs to w as text or as JSON lines. Requests and single failures are logged only when verbose. Package slog
// quotes most of what does not print, but not in JSON.
func newLogger(w io.Writer, o config.Log) *slog.Logger {
	w = printableWriter{w}
	options := &slog.HandlerOptions{Level: slog.LevelInfo}
	if o.Verbose {
		options.Level = slog.LevelDebug
	}
	if o.Format == config.LogJSON {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}
