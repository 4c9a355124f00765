package main

import (
	"io"
	"log/slog"
	"math"
	"sync"

	"exporter/pipeline"
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

// logObserver logs what happens: the first failure of each class and pauses always, all else at debug level.
type logObserver struct {
	log *slog.Logger

	mu   sync.Mutex
	seen map[string]bool
}

func newLogObserver(log *slog.Logger) *logObserver {
	return &logObserver{log: log, seen: map[string]bool{}}
}

// Observe implements pipeline.Observer. Names that come from the server are quoted by the logger.
func (l *logObserver) Observe(e pipeline.Event) {
	switch e := e.(type) {
	case pipeline.AssetDone:
		if e.Row.Status == pipeline.Failed {
			l.failed("asset failed", e.Row.Reason, "file_id", e.Row.FileID, "kind", e.Row.Kind, "page", e.Row.PageIndex,
				"figure", e.Row.FigureName, "attempts", e.Row.Attempts)
		}
	case pipeline.FileSettled:
		if e.Row.Status == pipeline.Failed {
			l.failed("file failed", e.Row.Error, "file_id", e.Row.ID)
		}
	case pipeline.Paused:
		reason := "the API asks to wait"
		if e.Outage {
			reason = "the API cannot be reached"
		}
		l.log.Info(reason, "for", e.For.String())
	case pipeline.Paced:
		l.log.Info("requests go on", "per_second", math.Round(e.PerSecond*100)/100)
	case pipeline.Retrying:
		l.log.Debug("retry", "method", e.Method, "route", e.Route, "attempt", e.Attempt, "delay", e.Delay.String(), "error", e.Err)
	case pipeline.Requested:
		l.log.Debug("request", "method", e.Method, "route", e.Route, "status", e.Status, "bytes", e.Bytes,
			"took", e.Took.String(), "error", e.Err)
	case pipeline.Committed:
		l.log.Debug("committed", "assets", e.Assets, "files", e.Files, "took", e.Took.String())
	}
}

// failed logs a failure: the first of its class as a warning, the others, which may be many, at debug level.
func (l *logObserver) failed(message, reason string, attrs ...any) {
	l.mu.Lock()
	class := message + failureClass(reason)
	first := !l.seen[class]
	l.seen[class] = true
	l.mu.Unlock()
	attrs = append(attrs, "error", reason)
	if first {
		l.log.Warn(message, attrs...)
		return
	}
	l.log.Debug(message, attrs...)
}
