package main

import (
	"fmt"
	"log/slog"
	"os"
	"time"

	"exporter/internal/export"
	"exporter/internal/human"
)

// progress is something of which can be shown how far it is: as bars on a terminal, as a line now and then elsewhere.
type progress interface {
	// bars returns the bars as they are now.
	bars(took time.Duration) []bar
	// attrs says the same for a line of the log.
	attrs(took time.Duration) []any
}

// startBars shows bars on a terminal until stop is called. What else is to appear there meanwhile has to be written to out. Where
// the terminal cannot show them, out is nil.
func startBars(terminal *os.File, environ []string, p progress) (out *screen, stop func()) {
	started := time.Now()
	s := newScreen(terminal, environ, func(columns int) (lines []string, done int64) {
		bars := p.bars(time.Since(started))
		for _, b := range bars {
			done += b.done
		}
		return barLines(bars, columns), done
	})
	if s == nil {
		return nil, nil
	}
	return s, s.show()
}

// The first line of progress in a log comes after firstLine. From one to the next the time doubles up to lastLine: a run of ten
// hours leaves some 125 lines.
const (
	firstLine = 10 * time.Second
	lastLine  = 5 * time.Minute
)

// startLines logs a line of progress now and then until stop is called.
func startLines(log *slog.Logger, p progress) (stop func()) {
	started, next := time.Now(), firstLine
	return again(firstLine, nil, func() time.Duration {
		took := time.Since(started)
		log.Info("progress", append([]any{"elapsed_seconds", export.Seconds(took.Round(time.Second))}, p.attrs(took)...)...)
		next = min(2*next, lastLine)
		return next
	})
}

// transferProgress shows how far listing and fetching are.
type transferProgress func() export.Counts

// bars implements progress.
func (p transferProgress) bars(took time.Duration) []bar {
	c, now := p(), time.Now()
	listed := c.FilesKnown() - c.FilesToAsk()
	files := bar{name: "files", hasBar: true, done: listed, total: c.FilesKnown(), before: ofAll(listed, c.FilesKnown(), c.AllFilesKnown())}
	if c.Files.Failed > 0 {
		files.after = append(files.after, part{text: fmt.Sprintf("%d failed", c.Files.Failed), rank: 1})
	}
	limit := c.Limit.Texts(now)
	rate := bar{name: "rate", after: []part{
		{text: limit.Rate, rank: 2}, {text: limit.Throttled, rank: 3}, {text: limit.Paused, short: shortUntil(limit.Until), rank: 1},
	}}
	return []bar{files, assetsBar(&c, took), rate, timeBar(&c, now, took)}
}

func assetsBar(c *export.Counts, took time.Duration) bar {
	b := bar{name: "assets", hasBar: c.Fetches()}
	if !c.Fetches() {
		b.before = known(c.Assets.Planned+c.Assets.Kept+c.Skipped(), c.AllAssetsKnown()) + " listed"
		return b
	}
	b.done, b.total = c.AssetsDone(), c.Assets.Planned
	b.before = ofAll(b.done, b.total, c.AllAssetsKnown())
	if c.Assets.Failed > 0 {
		b.after = append(b.after, part{text: fmt.Sprintf("%d failed", c.Assets.Failed), rank: 1})
	}
	b.after = append(b.after, part{text: human.Bytes(c.Assets.StoredBytes), rank: 3})
	if b.done > 0 {
		b.after = append(b.after, part{text: export.RateText(perSecond(b.done, took)), rank: 2})
	}
	return b
}

// timeBar says how long it took, and when it will be done. A plus sign says that it may take longer, a question mark that nobody knows.
func timeBar(c *export.Counts, now time.Time, took time.Duration) bar {
	b := bar{name: "time", after: []part{{text: humanTime(took) + " elapsed", short: humanTime(took), rank: 2}}}
	left, isLeast, ok := c.TimeLeft(now, took)
	eta := "ETA ?"
	switch {
	case ok && isLeast:
		eta = "ETA " + humanTime(left) + "+"
	case ok && left > 0:
		eta = "ETA " + humanTime(left)
	case ok:
		return b
	}
	b.after = append(b.after, part{text: eta, rank: 1})
	return b
}

// ofAll says how many of all are done, where there may be more than are known: then a plus sign stands behind them.
func ofAll(done, all int64, allKnown bool) string {
	return fmt.Sprintf("%d/%s", done, known(all, allKnown))
}

func known(n int64, all bool) string {
	switch {
	case all:
		return fmt.Sprint(n)
	case n == 0:
		return "?"
	}
	return fmt.Sprintf("%d+", n)
}

func shortUntil(until string) string {
	if until == "" {
		return ""
	}
	return "until " + until
}

// attrs implements progress.
func (p transferProgress) attrs(took time.Duration) []any {
	c, now := p(), time.Now()
	attrs := []any{
		"files_listed", c.FilesKnown() - c.FilesToAsk(), "files_done", c.FilesDone(), "files", c.FilesKnown(), "all_files_known", c.AllFilesKnown(),
		"assets_done", c.AssetsDone(), "assets_planned", c.Assets.Planned, "all_assets_known", c.AllAssetsKnown(),
		"bytes", c.Assets.StoredBytes, "failed", c.Assets.Failed,
		"assets_per_second", rounded(perSecond(c.AssetsDone(), took)),
	}
	if left, isLeast, ok := c.TimeLeft(now, took); ok {
		attrs = append(attrs, "eta_seconds", export.Seconds(left.Round(time.Second)), "eta_is_least", isLeast)
	}
	return append(attrs, c.Limit.Attrs(now)...)
}
