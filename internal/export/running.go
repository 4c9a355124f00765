package export

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"time"

	"exporter/internal/store"
	"exporter/internal/store/place"
)

const (
	// RunningName is the note of the run that is under way.
	RunningName = store.PrivatePrefix + "running.json"
	// runningInterval is the time between two updates of it.
	runningInterval = 15 * time.Second
	// bucketNoteInterval is that of an export in a bucket.
	bucketNoteInterval = time.Minute
)

// Running is a run that is under way. Its JSON is running.json, see docs/format.md. Nothing depends on it.
type Running struct {
	Version   string    `json:"version"`
	Host      string    `json:"host"`
	Process   int       `json:"process"`
	StartedAt time.Time `json:"started_at"`
	UpdatedAt time.Time `json:"updated_at"`
	// PausedUntil is when all requests to the API go on; zero where they do not wait. ETA is when the run will be done; nil where nobody
	// knows, and a lower bound where ETAIsLeast is true.
	PausedUntil time.Time `json:"paused_until,omitzero"`
	ETA         *Seconds  `json:"eta_seconds,omitempty"`
	ETAIsLeast  bool      `json:"eta_is_least,omitempty"`
	// IsPlain says that the first run of an export has seen that it is not in parts, and goes on: no task puts it in parts any more.
	IsPlain  bool              `json:"is_plain,omitempty"`
	Settings map[string]string `json:"settings"`
	Counts   Counts            `json:"counts"`
}

// RunningIn returns the note of the run that is under way in the export at path, or, where isStale is true, of one that was killed; nil
// where there is none.
func RunningIn(ctx context.Context, path string) (r *Running, isStale bool, err error) {
	dir, err := place.Open(ctx, path, nil)
	if err != nil {
		return nil, false, openError(path, err)
	}
	defer func() { err = errors.Join(err, dir.Close()) }()
	// Most exports have none, and to ask who owns one costs more in a bucket.
	if r = readRunning(ctx, dir); r == nil {
		return nil, false, nil
	}
	owned, err := place.IsOwned(ctx, path)
	if err != nil || !owned {
		return r, true, err
	}
	// A run that has begun since has another note.
	return readRunning(ctx, dir), false, nil
}

// readRunning returns the note of the run that is under way, or of one that did not come to its end; nil where there is none
// that can be read.
func readRunning(ctx context.Context, from store.Reader) *Running {
	b, err := store.ReadBytes(ctx, from, RunningName, maxReport)
	var r Running
	if err != nil || json.Unmarshal(b, &r) != nil {
		return nil
	}
	return &r
}

// begin notes that the run is under way, and says so where the one before it did not come to its end.
func (r *run) begin(ctx context.Context) error {
	if r.begun {
		return nil
	}
	warnOfUnfinished(ctx, r.store, r.Log)
	r.settings = r.Config.Settings()
	if err := r.note(ctx); err != nil {
		return storageError("write "+RunningName, err)
	}
	r.begun = true
	return nil
}

// warnOfUnfinished says so where the run before did not come to its end.
func warnOfUnfinished(ctx context.Context, from store.Reader, log *slog.Logger) {
	if before := readRunning(ctx, from); before != nil {
		log.Warn("the last run did not come to its end: what it committed is kept",
			"host", before.Host, "process", before.Process, "started_at", before.StartedAt, "updated_at", before.UpdatedAt)
	}
}

// note writes the note anew.
func (r *run) note(ctx context.Context) error {
	now, c := time.Now(), r.counter.snapshot()
	n := &Running{
		Version: Version(), Host: store.Host(), Process: os.Getpid(), StartedAt: r.started.UTC(), UpdatedAt: now.UTC(),
		IsPlain: r.isPlain, Settings: r.settings, Counts: c,
	}
	if until, ok := c.Limit.pause.end(now); ok {
		n.PausedUntil = until.UTC().Truncate(time.Second)
	}
	if left, isLeast, ok := c.TimeLeft(now, now.Sub(r.started)); ok {
		n.ETA, n.ETAIsLeast = new(Seconds(left.Round(time.Second))), isLeast
	}
	b, err := json.Marshal(n)
	if err != nil {
		return err
	}
	return store.PutBytes(ctx, r.store, RunningName, append(b, '\n'))
}

// keepNote brings the note up to date now and then, until the returned function is called.
func (r *run) keepNote(ctx context.Context) (stop func()) {
	return inBackground(func(done <-chan struct{}) {
		ticker := time.NewTicker(r.noteInterval())
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				// Storage that fails is noticed where it matters.
				_ = r.note(ctx)
			case <-done:
				return
			}
		}
	})
}

// end removes the note.
func (r *run) end(ctx context.Context) error {
	if !r.begun {
		return nil
	}
	r.begun = false
	return r.store.Remove(context.WithoutCancel(ctx), RunningName)
}
