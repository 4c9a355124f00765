package main

import (
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
)

// lineInterval is the time between two lines of progress where there is no terminal.
const lineInterval = 10 * time.Second

// barInterval is the time between two drawings of the bars.
const barInterval = 150 * time.Millisecond

// progress shows how far a run is: as bars on a terminal, as a line now and then elsewhere.
type progress struct {
	report  *report
	started time.Time
}

// startBars shows two bars on a terminal until stop is called. What else is to appear there meanwhile has to be written
// to the returned writer.
func startBars(terminal io.Writer, r *report) (out io.Writer, stop func()) {
	p := &progress{report: r, started: time.Now()}
	bars := mpb.New(mpb.WithOutput(terminal), mpb.WithRefreshRate(barInterval), mpb.WithWidth(28))
	files := bars.AddBar(0,
		mpb.PrependDecorators(decor.Name("files", decor.WCSyncSpaceR), p.decorate(fileCounts)),
		mpb.AppendDecorators(p.decorate(failures)))
	assets := bars.AddBar(0,
		mpb.PrependDecorators(decor.Name("assets", decor.WCSyncSpaceR), p.decorate(assetCounts)),
		mpb.AppendDecorators(p.decorate(throughput)))
	stopUpdates := every(barInterval, func() {
		c := r.snapshot()
		files.SetTotal(c.filesKnown(), false)
		files.SetCurrent(c.filesDone())
		assets.SetTotal(c.Assets.Planned, false)
		assets.SetCurrent(c.assetsDone())
	})
	return bars, func() {
		stopUpdates()
		// A bar ends where it is, not where it was to go.
		c := r.snapshot()
		files.SetCurrent(c.filesDone())
		files.SetTotal(-1, true)
		assets.SetCurrent(c.assetsDone())
		assets.SetTotal(-1, true)
		bars.Wait()
	}
}

// startLines logs a line of progress now and then until stop is called.
func startLines(log *slog.Logger, r *report) (stop func()) {
	p := &progress{report: r, started: time.Now()}
	return every(lineInterval, func() { p.logLine(log) })
}

// every calls f again and again until stop is called, which waits for its end.
func every(interval time.Duration, f func()) (stop func()) {
	done, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		ticker := time.NewTicker(interval)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				f()
			case <-done:
				return
			}
		}
	}()
	return func() {
		close(done)
		<-stopped
	}
}

func (p *progress) logLine(log *slog.Logger) {
	c := p.report.snapshot()
	attrs := []any{
		"files_done", c.filesDone(), "files", c.filesKnown(),
		"assets_done", c.assetsDone(), "assets_planned", c.Assets.Planned,
		"bytes", c.Assets.StoredBytes, "failed", c.Assets.Failed,
		"assets_per_second", int64(perSecond(c.assetsDone(), time.Since(p.started))),
	}
	if left, ok := c.timeLeft(time.Since(p.started)); ok {
		attrs = append(attrs, "eta", left.String())
	}
	log.Info("progress", attrs...)
}

func (p *progress) decorate(text func(counts, time.Duration) string) decor.Decorator {
	return decor.Any(func(decor.Statistics) string { return text(p.report.snapshot(), time.Since(p.started)) },
		decor.WCSyncSpaceR)
}

// filesKnown is how many files the run has to look after, as far as it knows.
func (c *counts) filesKnown() int64 { return c.Files.Listed + c.Files.Recalled }

func (c *counts) filesDone() int64 {
	return c.Files.Unchanged + c.Files.Complete + c.Files.Partial + c.Files.Failed + c.Files.Skipped
}

func (c *counts) assetsDone() int64 { return c.Assets.Stored + c.Assets.Failed }

func perSecond(n int64, took time.Duration) float64 {
	return float64(n) / max(took.Seconds(), 0.001)
}

// timeLeft estimates when the planned assets will be done. While files are still being listed it is a lower bound.
func (c *counts) timeLeft(took time.Duration) (time.Duration, bool) {
	left, rate := c.Assets.Planned-c.assetsDone(), perSecond(c.assetsDone(), took)
	if left <= 0 || rate <= 0 {
		return 0, false
	}
	return time.Duration(float64(left) / rate * float64(time.Second)).Round(time.Second), true
}

func fileCounts(c counts, _ time.Duration) string {
	return fmt.Sprintf("%d/%d", c.filesDone(), c.filesKnown())
}

func assetCounts(c counts, _ time.Duration) string {
	return fmt.Sprintf("%d/%d", c.assetsDone(), c.Assets.Planned)
}

func throughput(c counts, took time.Duration) string {
	parts := []string{humanBytes(c.Assets.StoredBytes), fmt.Sprintf("%.0f/s", perSecond(c.assetsDone(), took))}
	if left, ok := c.timeLeft(took); ok {
		more := ""
		if !c.Files.ListingDone {
			more = "+"
		}
		parts = append(parts, "ETA "+left.String()+more)
	}
	return strings.Join(parts, "  ")
}

func failures(c counts, _ time.Duration) string {
	if c.Assets.Failed == 0 {
		return ""
	}
	return fmt.Sprintf("%d failed", c.Assets.Failed)
}

// humanBytes prints a number of bytes for people, such as "12.3 MiB".
func humanBytes(n int64) string {
	if n < 1024 {
		return fmt.Sprintf("%d B", n)
	}
	return fmt.Sprintf("% .1f", decor.SizeB1024(n))
}
