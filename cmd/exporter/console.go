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

func newConsole(stderr io.Writer, o config.Log) *console {
	c := &console{options: o, stderr: stderr, out: stderr}
	c.log = newLogger(c, o)
	return c
}

// openConsole returns the console of a command, whose log goes to a file where one is named.
func (a *app) openConsole(o config.Log) (*console, error) {
	c := newConsole(a.stderr, o)
	c.environ = a.environ
	if o.File == "" {
		return c, nil
	}
	if err := a.openLog(o); err != nil {
		return nil, err
	}
	c.log = a.logFile.log
	return c, nil
}

// logFile is the file that the log of a command goes to.
type logFile struct {
	path string
	file *os.File
	log  *slog.Logger
}

// openLog opens the file of the log, unless it is open.
func (a *app) openLog(o config.Log) error {
	if a.logFile != nil && a.logFile.path == o.File {
		return nil
	}
	a.closeLog()
	f, err := a.openFile(o.File, os.O_APPEND|os.O_CREATE|os.O_WRONLY)
	if err != nil {
		return usagef("cannot open the log file (log.file, --log-file): %w", err)
	}
	a.logFile = &logFile{o.File, f, newLogger(f, o)}
	return nil
}

// closeLog closes the file of the log, if there is one.
func (a *app) closeLog() {
	if a.logFile != nil {
		a.logFile.file.Close()
		a.logFile = nil
	}
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
	case !c.options.ShowsProgress():
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

// logLevel returns the level of package slog.
func logLevel(l config.LogLevel) slog.Level {
	switch l {
	case config.LevelError:
		return slog.LevelError
	case config.LevelWarn:
		return slog.LevelWarn
	case config.LevelDebug:
		return slog.LevelDebug
	case config.LevelTrace:
		return export.LevelTrace
	}
	return slog.LevelInfo
}

// nameTrace gives the level that package slog does not know its name.
func nameTrace(groups []string, attr slog.Attr) slog.Attr {
	if level, ok := attr.Value.Any().(slog.Level); ok && len(groups) == 0 && attr.Key == slog.LevelKey && level == export.LevelTrace {
		return slog.String(slog.LevelKey, "TRACE")
	}
	return attr
}

// plainLog is the log of a command that takes no flag for one: it says what is waited for.
func (a *app) plainLog() *slog.Logger {
	return newLogger(a.stderr, config.Log{Format: a.logFormat, Level: config.LevelWarn})
}

// newLogger logs to w as text or as JSON lines. Package slog
// quotes most of what does not print, but not in JSON.
func newLogger(w io.Writer, o config.Log) *slog.Logger {
	w = printableWriter{w}
	options := &slog.HandlerOptions{Level: logLevel(o.Threshold()), ReplaceAttr: nameTrace}
	if o.Format == config.LogJSON {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}
