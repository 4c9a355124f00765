package export

import (
	"time"

	"exporter/pipeline"
)

// nightly is how long it is from one nightly run to the next.
const nightly = 24 * time.Hour

// Expiring counts files that go by themselves before a nightly run comes again, so that pictures of theirs that come later, or that
// failed, are lost.
type Expiring struct {
	Files int64 `json:"files"`
	// First is when the first of them goes.
	First time.Time `json:"first"`
}

// list takes note of a listed file.
func (e *Expiring) list(f *pipeline.File, now time.Time) {
	at := f.ExpiresAt
	if !at.After(now) || at.Sub(now) > nightly {
		return
	}
	if e.Files == 0 || at.Before(e.First) {
		e.First = at
	}
	e.Files++
}

// orNil returns what a report has of it; nil where there are none.
func (e Expiring) orNil() *Expiring {
	if e.Files == 0 {
		return nil
	}
	return &e
}
