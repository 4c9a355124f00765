package main

import (
	"maps"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"exporter/pipeline"
)

// report is the Observer that counts. Progress, summary and run.json are made of it.
type report struct {
	mu sync.Mutex
	counts
}

// counts is what happened so far. Its JSON is part of run.json.
type counts struct {
	// Listed counts files, each once, Recalled those that were not listed and are taken to be as they were; Missed those that a
	// complete listing did not have for the first time. WithoutPictures have no asset of the kinds asked for. ListingDone says that
	// all listings came to their end.
	Files struct {
		Listed          int64 `json:"listed"`
		Recalled        int64 `json:"recalled"`
		Unchanged       int64 `json:"unchanged"`
		Complete        int64 `json:"complete"`
		Partial         int64 `json:"partial"`
		Failed          int64 `json:"failed"`
		Skipped         int64 `json:"skipped"`
		Missed          int64 `json:"missed"`
		Vanished        int64 `json:"vanished"`
		Expired         int64 `json:"expired"`
		WithoutPictures int64 `json:"without_pictures"`
		ListingDone     bool  `json:"listing_complete"`
	} `json:"files"`
	// Planned counts assets that are to be fetched, NewerDate those of them that have the size that is stored, and Same those of
	// which the bytes were the stored ones. Kept ones are stored already, those of unchanged files included. MissingPages are gaps
	// in the page numbers.
	Assets struct {
		Planned      int64            `json:"planned"`
		PlannedBytes int64            `json:"planned_bytes"`
		UnknownSizes int64            `json:"unknown_sizes"`
		NewerDate    int64            `json:"newer_date"`
		Same         int64            `json:"same"`
		Stored       int64            `json:"stored"`
		StoredBytes  int64            `json:"stored_bytes"`
		Failed       int64            `json:"failed"`
		Kept         int64            `json:"kept"`
		Skipped      map[string]int64 `json:"skipped"`
		SkippedKept  int64            `json:"skipped_in_unchanged_files"`
		Vanished     int64            `json:"vanished"`
		Pruned       int64            `json:"pruned"`
		MissingPages int64            `json:"missing_pages"`
		Committed    int64            `json:"committed_rows"`
	} `json:"assets"`
	// Paused is the time in which all requests to the API waited, each moment once.
	Requests struct {
		Sent      int64         `json:"sent"`
		Retries   int64         `json:"retries"`
		Throttled int64         `json:"throttled"`
		Paused    time.Duration `json:"paused_ns"`
		Bytes     int64         `json:"bytes"`
	} `json:"requests"`
	// Errors counts failures of assets and files by class, and keeps the first of each.
	Errors map[string]*errorClass `json:"errors"`
	// serverTime is the time of the API's clock when it first answered; zero where it does not say.
	serverTime time.Time
	// limit is what holds requests back at present.
	limit limit
}

type errorClass struct {
	Count int64  `json:"count"`
	First string `json:"first"`
}

func newReport() *report {
	r := &report{}
	r.Assets.Skipped = map[string]int64{}
	r.Errors = map[string]*errorClass{}
	return r
}

// snapshot returns a copy of the counts.
func (r *report) snapshot() counts {
	r.mu.Lock()
	defer r.mu.Unlock()
	c := r.counts
	c.Requests.Paused -= c.limit.pause.left(time.Now())
	c.Assets.Skipped = maps.Clone(r.Assets.Skipped)
	c.Errors = make(map[string]*errorClass, len(r.Errors))
	for class, e := range r.Errors {
		c.Errors[class] = new(*e)
	}
	return c
}

// Observe implements pipeline.Observer.
func (r *report) Observe(e pipeline.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch e := e.(type) {
	case pipeline.FileListed:
		r.Files.Listed++
	case pipeline.FileRecalled:
		r.Files.Recalled++
	case pipeline.FileMissed:
		r.Files.Missed++
	case pipeline.FileExpired:
		r.Files.Expired++
	case pipeline.FileVanished:
		r.Files.Vanished++
	case pipeline.AssetVanished:
		r.Assets.Vanished++
	case pipeline.FileUnchanged:
		r.Files.Unchanged++
		r.Assets.Kept += e.Row.Stored
		r.Assets.SkippedKept += e.Row.Skipped
		r.pictures(e.Row)
	case pipeline.FilesComplete:
		r.Files.ListingDone = true
	case pipeline.FileSettled:
		r.settled(e.Row)
	case pipeline.AssetPlanned:
		r.planned(e)
	case pipeline.AssetDone:
		r.done(e)
	case pipeline.Committed:
		r.Assets.Committed += int64(e.Assets)
	case pipeline.Requested:
		r.Requests.Sent++
		r.Requests.Bytes += e.Bytes
		if r.serverTime.IsZero() {
			r.serverTime = e.Date
		}
		if e.Throttled {
			r.Requests.Throttled++
		}
		r.Requests.Paused -= r.limit.requested(time.Now(), e)
	case pipeline.Retrying:
		r.Requests.Retries++
	case pipeline.Paused:
		if !e.Elsewhere {
			r.Requests.Paused += r.limit.pause.add(time.Now(), e)
		}
	case pipeline.Paced:
		if !e.Elsewhere {
			r.limit.paced = e
		}
	}
}

func (r *report) settled(row *pipeline.FileRow) {
	r.pictures(row)
	switch row.Status {
	case pipeline.Complete:
		r.Files.Complete++
	case pipeline.Partial:
		r.Files.Partial++
	case pipeline.Skipped:
		r.Files.Skipped++
	case pipeline.Failed:
		r.Files.Failed++
		r.fail(row.Error)
	}
}

// pictures counts what a file whose assets could be listed lacks.
func (r *report) pictures(row *pipeline.FileRow) {
	if row.Status != pipeline.Complete && row.Status != pipeline.Partial {
		return
	}
	all := int64(0)
	for _, count := range []*int64{row.Screenshots, row.Figures} {
		if count != nil {
			all += *count
		}
	}
	if all == 0 {
		r.Files.WithoutPictures++
	}
	if missing := row.MissingPages; missing != nil {
		// Page numbers are not to be trusted: their sum stays at the most that there is.
		r.Assets.MissingPages += min(*missing, math.MaxInt64-r.Assets.MissingPages)
	}
}

func (r *report) planned(e pipeline.AssetPlanned) {
	switch e.Action {
	case pipeline.ActionFetch:
		r.Assets.Planned++
		if e.Reason == pipeline.ReasonNewerDate {
			r.Assets.NewerDate++
		}
		if size, known := e.Asset.ExpectedSize(); known {
			// Listed sizes are not to be trusted: their sum stays at the most that there is.
			r.Assets.PlannedBytes += min(size, math.MaxInt64-r.Assets.PlannedBytes)
		} else {
			r.Assets.UnknownSizes++
		}
	case pipeline.ActionKeep:
		r.Assets.Kept++
	case pipeline.ActionSkip:
		r.Assets.Skipped[e.Reason]++
	}
}

func (r *report) done(e pipeline.AssetDone) {
	switch {
	case e.Same:
		r.Assets.Same++
	case e.Row.Status == pipeline.Stored:
		r.Assets.Stored++
		r.Assets.StoredBytes += e.Row.Content.Size
	default:
		r.Assets.Failed++
		r.fail(e.Row.Reason)
	}
}

// addPruned counts assets whose blobs are removed.
func (r *report) addPruned(n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.Assets.Pruned += int64(n)
}

// fail counts a failure, given as "class: message".
func (r *report) fail(text string) {
	class := failureClass(text)
	known := r.Errors[class]
	if known == nil {
		known = &errorClass{First: text}
		r.Errors[class] = known
	}
	known.Count++
}

// failureClass returns the class of a "class: message".
func failureClass(text string) string {
	class, _, _ := strings.Cut(text, ":")
	return class
}

// notes say what seems to be missing, and why that may be.
func (c *counts) notes() []string {
	var what []string
	what = appendCount(what, c.Files.WithoutPictures, "files have no picture")
	what = appendCount(what, c.Assets.MissingPages, "pages seem to be missing")
	if len(what) == 0 {
		return nil
	}
	return []string{strings.Join(what, ", ") + ": pictures may come later, and are asked for again; an index makes them only where it is told to " +
		"take screenshots and to extract layout; self-hosted deployments make no figures"}
}

// failed tells whether some asset or file is not what it should be.
func (c *counts) failed() bool { return c.Assets.Failed > 0 || c.Files.Failed > 0 }

// skipped sums up the assets that were left out.
func (c *counts) skipped() int64 {
	n := c.Assets.SkippedKept
	for _, v := range c.Assets.Skipped {
		n += v
	}
	return n
}

// errorClasses returns the classes of failures, the most frequent first.
func (c *counts) errorClasses() []string {
	return slices.SortedFunc(maps.Keys(c.Errors), func(a, b string) int {
		if d := c.Errors[b].Count - c.Errors[a].Count; d != 0 {
			return int(d)
		}
		return strings.Compare(a, b)
	})
}
