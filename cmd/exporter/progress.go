package main

import (
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"exporter/internal/export"
)

// lineInterval is the time between two lines of progress where there is no terminal.
const lineInterval = 10 * time.Second

// barInterval is the time between two drawings of the bars.
const barInterval = 150 * time.Millisecond

// progress is something of which can be shown how far it is: as bars on a terminal, as a line now and then elsewhere.
type progress interface {
	// bars returns the bars as they are now, always as many.
	bars(took time.Duration) []bar
	// attrs says the same for a line of the log.
	attrs(took time.Duration) []any
}

// bar is one bar. before and after are the texts beside it.
type bar struct {
	name          string
	done, total   int64
	before, after string
	// line is a text that stands in the place of a bar where it is not empty, always or never.
	line string
}

// startBars shows bars on a terminal until stop is called. What else is to appear there meanwhile has to be written to the
// returned writer.
func startBars(terminal io.Writer, p progress) (out io.Writer, stop func()) {
	started := time.Now()
	shown := mpb.New(mpb.WithOutput(terminal), mpb.WithRefreshRate(barInterval), mpb.WithWidth(28))
	var bars []*mpb.Bar
	for i, b := range p.bars(0) {
		text := func(of func(bar) string, width decor.WC) decor.Decorator {
			return decor.Any(func(decor.Statistics) string { return of(p.bars(time.Since(started))[i]) }, width)
		}
		name := decor.Name(b.name, decor.WCSyncSpaceR)
		if b.line != "" {
			// The text is wider than the columns of the bars, and not to widen them.
			bars = append(bars, shown.New(0, mpb.NopStyle(),
				mpb.PrependDecorators(name, text(func(b bar) string { return b.line }, decor.WC{}))))
			continue
		}
		bars = append(bars, shown.AddBar(0,
			mpb.PrependDecorators(name, text(func(b bar) string { return b.before }, decor.WCSyncSpaceR)),
			mpb.AppendDecorators(text(func(b bar) string { return b.after }, decor.WCSyncSpaceR))))
	}
	update := func() {
		for i, b := range p.bars(time.Since(started)) {
			bars[i].SetTotal(b.total, false)
			bars[i].SetCurrent(b.done)
		}
	}
	stopUpdates := every(barInterval, update)
	return shown, func() {
		stopUpdates()
		update()
		for _, b := range bars {
			// A bar ends where it is, not where it was to go.
			b.SetTotal(-1, true)
		}
		shown.Wait()
	}
}

// startLines logs a line of progress now and then until stop is called.
func startLines(log *slog.Logger, p progress) (stop func()) {
	started := time.Now()
	return every(lineInterval, func() { log.Info("progress", p.attrs(time.Since(started))...) })
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

// transferProgress shows how far listing and fetching are.
type transferProgress func() export.Counts

// bars implements progress.
func (p transferProgress) bars(took time.Duration) []bar {
	c := p()
	part := func(done, all int64) string { return fmt.Sprintf("%d/%d", done, all) }
	failed := ""
	if c.Assets.Failed > 0 {
		failed = fmt.Sprintf("%d failed", c.Assets.Failed)
	}
	return []bar{
		{
			name: "files", done: c.FilesDone(), total: c.FilesKnown(),
			before: part(c.FilesDone(), c.FilesKnown()), after: failed,
		},
		{
			name: "assets", done: c.AssetsDone(), total: c.Assets.Planned,
			before: part(c.AssetsDone(), c.Assets.Planned), after: throughput(&c, took),
		},
		{name: "rate", line: c.Limit.Text(time.Now())},
	}
}

// attrs implements progress.
func (p transferProgress) attrs(took time.Duration) []any {
	c := p()
	attrs := []any{
		"files_done", c.FilesDone(), "files", c.FilesKnown(),
		"assets_done", c.AssetsDone(), "assets_planned", c.Assets.Planned,
		"bytes", c.Assets.StoredBytes, "failed", c.Assets.Failed,
		"assets_per_second", int64(perSecond(c.AssetsDone(), took)),
	}
	if left, ok := timeLeft(c.AssetsDone(), c.Assets.Planned, took); ok {
		attrs = append(attrs, "eta", left.String())
	}
	return append(attrs, c.Limit.Attrs(time.Now())...)
}

func perSecond(n int64, took time.Duration) float64 {
	return float64(n) / max(took.Seconds(), 0.001)
}

// timeLeft estimates when all will be done, if it goes on as it did.
func timeLeft(done, all int64, took time.Duration) (time.Duration, bool) {
	left, rate := all-done, perSecond(done, took)
	if left <= 0 || rate <= 0 {
		return 0, false
	}
	return time.Duration(float64(left) / rate * float64(time.Second)).Round(time.Second), true
}

// throughput says how fast assets come. While files are still being listed, the time that is left is a lower bound.
func throughput(c *export.Counts, took time.Duration) string {
	text := fmt.Sprintf("%s  %.0f/s", humanBytes(c.Assets.StoredBytes), perSecond(c.AssetsDone(), took))
	if left, ok := timeLeft(c.AssetsDone(), c.Assets.Planned, took); ok {
		text += "  ETA " + left.String()
		if !c.Files.ListingDone {
			text += "+"
		}
	}
	return text
}

// humanBytes prints a number of bytes for people, such as "12.3 MiB".
func humanBytes(n int64) string {
	if n < 1024 {
		return fmt.Sprintf("%d B", n)
	}
	return fmt.Sprintf("% .1f", decor.SizeB1024(n))
}
