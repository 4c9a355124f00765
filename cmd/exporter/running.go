package main

import (
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"time"

	"exporter/internal/durable"
)

const (
	// runningName is the note of the run that is under way.
	runningName = durable.PrivateDir + "/running.json"
	// runningInterval is the time between two updates of it.
	runningInterval = 30 * time.Second
	// maxRunning bounds what is read of a note, in bytes.
	maxRunning = 1 << 20
)

// running is a run that is under way. Its JSON is running.json, see docs/format.md. Nothing depends on it: it is not synced.
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
func readRunning(fsys durable.FS) *running {
	f, err := fsys.Open(runningName)
	if err != nil {
		return nil
	}
	defer f.Close()
	var r running
	if json.NewDecoder(io.LimitReader(f, maxRunning)).Decode(&r) != nil {
		return nil
	}
	return &r
}

// begin notes that the run is under way, and says so where the one before it did not come to its end.
func (e *export) begin(dir durable.FS, console *console) error {
	if e.begun {
		return nil
	}
	if before := readRunning(dir); before != nil {
		console.log.Warn("the last run did not come to its end: what it committed is kept",
			"host", before.Host, "process", before.Process, "started_at", before.StartedAt, "updated_at", before.UpdatedAt)
	}
	if err := e.note(dir); err != nil {
		return storageError("write "+runningName, err)
	}
	e.begun = true
	return nil
}

// note writes the note anew.
func (e *export) note(dir durable.FS) error {
	r := running{
		Version: version(), Host: durable.Host(), Process: os.Getpid(), StartedAt: e.started.UTC(), UpdatedAt: time.Now().UTC(),
		Settings: e.cfg.Settings(), Counts: e.report.snapshot(),
	}
	const temp = durable.TempDir + "/running.json"
	err := durable.Write(dir, temp, func(f durable.File) error { return json.NewEncoder(f).Encode(&r) })
	if err != nil {
		return err
	}
	return dir.Rename(temp, runningName)
}

// keepNote brings the note up to date now and then, until the returned function is called.
func (e *export) keepNote(dir durable.FS) (stop func()) {
	done, finished := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(finished)
		ticker := time.NewTicker(runningInterval)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				// Storage that fails is noticed where it matters.
				_ = e.note(dir)
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
func (e *export) end(dir durable.FS) error {
	if !e.begun {
		return nil
	}
	e.begun = false
	if err := dir.Remove(runningName); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
