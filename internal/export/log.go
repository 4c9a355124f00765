package export

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"sync"
	"time"

	"exporter/internal/accepted"
	"exporter/pipeline"
)

// LevelTrace is the level at which every file and every asset is logged.
const LevelTrace = slog.LevelDebug - 4

// logObserver logs what happens: the first failure of each class, pauses and what sets the rate always, all else at debug
// level.
type logObserver struct {
	log *slog.Logger
	// isAccepted tells whether a failure was accepted; nil where none was.
	isAccepted func(accepted.Failure) bool

	mu   sync.Mutex
	seen map[string]bool
	// paused are the latest pauses that were logged, of the API and of the blob hosts; paced is the latest rate.
	paused [2]logged[pipeline.Paused]
	paced  logged[pipeline.Paced]
}

// logged is an event that was logged at a time; the zero value stands for none.
type logged[E any] struct {
	event E
	at    time.Time
}

// NewLogObserver returns an Observer that logs what happens.
func NewLogObserver(log *slog.Logger) pipeline.Observer { return newLogObserver(log) }

func newLogObserver(log *slog.Logger) *logObserver {
	return &logObserver{log: log, seen: map[string]bool{}}
}

// Observe implements pipeline.Observer. Names that come from the server are quoted by the logger.
func (l *logObserver) Observe(e pipeline.Event) {
	switch e := e.(type) {
	case pipeline.AssetDone:
		if e.Row.Status == pipeline.Failed {
			l.failed("asset failed", e.Row.Reason, l.accepts(accepted.OfAsset(e.Row)), append(idAttrs(e.Row.Key().Owner()), "kind", e.Row.Kind, "page", e.Row.PageIndex,
				"figure", e.Row.FigureName, "attempts", e.Row.Attempts, "error", e.Row.Reason)...)
			return
		}
		l.show(LevelTrace, "asset ", e.Row.Status, func() []any {
			attrs := append(idAttrs(e.Row.Key().Owner()), "kind", e.Row.Kind, "page", e.Row.PageIndex)
			if e.Row.FigureName != "" {
				attrs = append(attrs, "figure", e.Row.FigureName)
			}
			if e.Row.Reason != "" {
				attrs = append(attrs, "reason", e.Row.Reason)
			}
			return attrs
		})
	case pipeline.FileSettled:
		if e.Row.Status == pipeline.Failed {
			l.failed("file failed", e.Row.Error, l.accepts(accepted.OfFile(e.Row)), append(idAttrs(e.Row.File.Owner()), "error", e.Row.Error)...)
			return
		}
		l.show(LevelTrace, "file ", e.Row.Status, func() []any { return idAttrs(e.Row.File.Owner()) })
	case pipeline.SourceListed:
		if err := e.Outcome.Err; err != nil {
			l.log.Warn("source failed", "source", e.Outcome.Key, "error", err)
		}
	case pipeline.KindNotOffered:
		l.log.Warn(fmt.Sprintf("this API offers no %ss; what is known of them stays, and --%ss=false asks for none", e.Kind, e.Kind),
			"files", e.Files, "error", e.Err)
	case pipeline.KindRefused:
		l.log.Warn(fmt.Sprintf("the %ss of some files were refused as if the API had none", e.Kind), "files", e.Files, "error", e.Err)
	case pipeline.FieldOdd:
		l.failed("a value makes no sense, and is taken for null", e.Field, false,
			append([]any{"field", e.Field, "value", e.Value}, idAttrs(e.File.Owner())...)...)
	case pipeline.Paused:
		l.pause(e)
	case pipeline.Paced:
		l.pace(e)
	case pipeline.Retrying:
		l.log.Debug("retry", "method", e.Method, "route", e.Route, "attempt", e.Attempt, "delay_seconds", Seconds(e.Delay), "error", e.Err)
	case pipeline.Requested:
		l.show(slog.LevelDebug, "request", "", func() []any {
			return []any{
				"method", e.Method, "route", e.Route, "status", e.Status, "bytes", e.Bytes, "took_seconds", Seconds(e.Took), "error", e.Err,
			}
		})
	case pipeline.Committed:
		l.log.Debug("committed", "assets", e.Assets, "files", e.Files, "took_seconds", Seconds(e.Took))
	}
}

// show logs what comes for every file, asset or request. Its text and attributes are made only where it is shown.
func (l *logObserver) show(level slog.Level, message string, status pipeline.Status, attrs func() []any) {
	if ctx := context.Background(); l.log.Enabled(ctx, level) {
		l.log.Log(ctx, level, message+string(status), attrs()...)
	}
}

// idAttrs names a file, or a parse job and its file, where that is known.
func idAttrs(o pipeline.Owner) []any {
	var attrs []any
	if o.JobID != "" {
		attrs = append(attrs, "job_id", o.JobID)
	}
	if o.JobID == "" || o.FileID != "" {
		attrs = append(attrs, "file_id", o.FileID)
	}
	return attrs
}

// accepts tells whether a failure was accepted.
func (l *logObserver) accepts(f accepted.Failure) bool { return l.isAccepted != nil && l.isAccepted(f) }

// failed logs what went wrong: the first of its class as a warning, the others, which may be many, and those that were accepted at debug level.
func (l *logObserver) failed(message, reason string, isAccepted bool, attrs ...any) {
	if isAccepted {
		l.log.Debug(message+", as was accepted", attrs...)
		return
	}
	l.mu.Lock()
	class := message + failureClass(reason)
	first := !l.seen[class]
	l.seen[class] = true
	l.mu.Unlock()
	if first {
		l.log.Warn(message, attrs...)
		return
	}
	l.log.Debug(message, attrs...)
}

// logInterval is the least time between two lines about much the same.
const logInterval = 10 * time.Second

// pause logs a pause. There may be many: while requests that were sent before it are throttled too, it becomes longer by and
// by, and one short pause may follow the other. Of those a line comes now and then, the others at debug level.
func (l *logObserver) pause(e pipeline.Paused) {
	last, message := &l.paused[0], "the API asks to wait"
	switch {
	case e.Elsewhere:
		last, message = &l.paused[1], "a blob host asks to wait"
	case e.Quota:
		message = "the quota that the API announces is used up"
	case e.Outage:
		message = "the API cannot be reached"
	}
	l.log.Log(context.Background(), l.level(func(now time.Time) bool {
		long := e.For >= time.Second && e.Until.Sub(last.event.Until) >= time.Second
		if e.Outage == last.event.Outage && !long && now.Sub(last.at) < logInterval {
			return false
		}
		*last = logged[pipeline.Paused]{e, now}
		return true
	}), message, "for_seconds", Seconds(e.For), "until", clock(e.Until))
}

// pace logs what sets the rate, when that changes, or the rate does by a quarter; small changes, which come often, are logged
// at debug level, and so is the rate of a blob host.
func (l *logObserver) pace(e pipeline.Paced) {
	message := "the rate of requests"
	if e.Elsewhere {
		message = "the rate of requests to a blob host"
	}
	attrs := paceAttrs(e)
	if e.By == pipeline.LimitNone {
		attrs = []any{"limit", "none"}
	}
	l.log.Log(context.Background(), l.level(func(now time.Time) bool {
		last := &l.paced
		changed := e.By != last.event.By ||
			math.Abs(e.PerSecond-last.event.PerSecond) > last.event.PerSecond/4 && now.Sub(last.at) >= logInterval
		if e.Elsewhere || !changed {
			return false
		}
		*last = logged[pipeline.Paced]{e, now}
		return true
	}), message, attrs...)
}

// level returns that of news if what is to be logged is, and the debug level otherwise.
func (l *logObserver) level(isNews func(now time.Time) bool) slog.Level {
	l.mu.Lock()
	defer l.mu.Unlock()
	if isNews(time.Now()) {
		return slog.LevelInfo
	}
	return slog.LevelDebug
}
