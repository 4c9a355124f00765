package main

import (
	"io"
	"log/slog"
	"sync"

	"github.com/spf13/pflag"
)

// outputOptions say how much a command tells, and in which form.
type outputOptions struct {
	noProgress, verbose bool
	logFormat           string
}

func (o *outputOptions) addFlags(fs *pflag.FlagSet) {
	fs.BoolVar(&o.noProgress, "no-progress", false, "show no progress")
	fs.BoolVarP(&o.verbose, "verbose", "v", false, "log every request, checkpoint and failure")
	fs.StringVar(&o.logFormat, "log-format", "text", "`FORMAT` of the log on standard error (text or json)")
}

func (o *outputOptions) validate() error {
	if o.logFormat != "text" && o.logFormat != "json" {
		return usagef("--log-format %q: want text or json", o.logFormat)
	}
	return nil
}

// console is standard error, which log and bars share.
type console struct {
	log     *slog.Logger
	options outputOptions
	stderr  io.Writer

	mu sync.Mutex
	// out is where the log goes: to the bars while they are shown, since they have to draw around it.
	out io.Writer
}

func newConsole(stderr io.Writer, o outputOptions) *console {
	c := &console{options: o, stderr: stderr, out: stderr}
	c.log = newLogger(c, o.logFormat == "json", o.verbose)
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
	case c.options.noProgress:
		return func() {}
	case c.options.logFormat == "text" && isTerminal(c.stderr):
		bars, stop := startBars(c.stderr, p)
		c.redirect(bars)
		return func() {
			c.redirect(c.stderr)
			stop()
		}
	}
	return startLines(c.log, p)
}
