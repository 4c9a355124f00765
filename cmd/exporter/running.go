package main

import (
	"context"
	"encoding/json"
	"os"
	"time"

	"exporter/internal/store"
)

const (
	// runningName is the note of the run that is under way.
	runningName = store.PrivatePrefix + "running.json"
	// runningInterval is the time between two updates of it.
	runningInterval = 30 * time.Second
)

// running is a run that is under way. Its JSON is running.json, see docs/format.md. Nothing depends on it.
type running struct {
	Version   string            `json:"version"`
	Host      string            `json:"host"`
	Process   int               `json:"process"`
	StartedAt time.Time         `json:"started_at"`
	UpdatedAt time.Time         `json:"updated_at"`
	Settings  map[string]string `json:"settings"`
	Counts    counts            `json:"counts"`
}

// readRunning returns the note of the run that is under way, or of one that did not come to its end; nil where there is none
// that can be read.
func readRunning(ctx context.Context, from store.Reader) *running {
	b, err := store.ReadBytes(ctx, from, runningName, maxReport)
	var r running
	if err != nil || json.Unmarshal(b, &r) != nil {
		return nil
	}
	return &r
}

// begin notes that the run is under way, and says so where the one before it did not come to its end.
func (e *export) begin(ctx context.Context, console *console) error {
	if e.begun {
		return nil
	}
	if before := readRunning(ctx, e.store); before != nil {
		console.log.Warn("the last run did not come to its end: what it committed is kept",
			"host", before.Host, "process", before.Process, "started_at", before.StartedAt, "updated_at", before.UpdatedAt)
	}
	if err := e.note(ctx); err != nil {
		return storageError("write "+runningName, err)
	}
	e.begun = true
	return nil
}

// note writes the note anew.
func (e *export) note(ctx context.Context) error {
	r := running{
		Version: version(), Host: store.Host(), Process: os.Getpid(), StartedAt: e.started.UTC(), UpdatedAt: time.Now().UTC(),
		Settings: e.cfg.Settings(), Counts: e.report.snapshot(),
	}
	b, err := json.Marshal(&r)
	if err != nil {
		return err
	}
	return store.PutBytes(ctx, e.store, runningName, append(b, '\n'))
}

// keepNote brings the note up to date now and then, until the returned function is called.
func (e *export) keepNote(ctx context.Context) (stop func()) {
	done, finished := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(finished)
		ticker := time.NewTicker(runningInterval)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				// Storage that fails is noticed where it matters.
				_ = e.note(ctx)
			case <-done:
				return
			}
		}
	}()
	return func() {
		close(done)
		<-finished
	}
}

// end removes the note.
func (e *export) end(ctx context.Context) error {
	if !e.begun {
		return nil
	}
	e.begun = false
	return e.store.Remove(context.WithoutCancel(ctx), runningName)
}
