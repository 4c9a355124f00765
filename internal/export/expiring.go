package export

import (
	"fmt"
	"time"

	"exporter/pipeline"
)

// nightly is how long it is from one nightly run to the next.
const nightly = 24 * time.Hour

// Expiring counts files that go by themselves, or with their directory, before a nightly run comes again, so that pictures of theirs that
// come later, or that failed, are lost.
type Expiring struct {
	Files int64 `json:"files"`
	// First is when the first of them goes.
	First time.Time `json:"first"`
	// Sources are the listings that go so with all that they have.
	Sources []pipeline.SourceKey `json:"sources,omitempty"`
}

// file takes note of a file that goes at a time; never where that is zero.
func (e *Expiring) file(at, now time.Time) {
	if !isSoon(at, now) {
		return
	}
	if e.Files == 0 || at.Before(e.First) {
		e.First = at
	}
	e.Files++
}

// source takes note of a listing that goes at a time.
func (e *Expiring) source(key pipeline.SourceKey, at, now time.Time) {
	if isSoon(at, now) {
		e.Sources = append(e.Sources, key)
	}
}

// isSoon tells whether a time is before the next nightly run, and has not passed.
func isSoon(at, now time.Time) bool { return at.After(now) && at.Sub(now) <= nightly }

// Text says for people how many files there are, when the first goes, and which listings go.
func (e *Expiring) Text() string {
	text := fmt.Sprintf("%d files expire before the next nightly run, the first at %s", e.Files, e.First.UTC().Format(time.RFC3339))
	if len(e.Sources) > 0 {
		names := make([]string, len(e.Sources))
		for i, key := range e.Sources {
			names[i] = string(key)
		}
		text += ", with all of " + firstFew(names)
	}
	return text
}

// orNil returns what a report has of it; nil where there are none.
func (e Expiring) orNil() *Expiring {
	if e.Files == 0 {
		return nil
	}
	return &e
}
