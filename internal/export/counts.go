package export

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"exporter/internal/accepted"
	"exporter/pipeline"
)

// counter is the Observer that counts. Progress and report are made of it.
type counter struct {
	mu sync.Mutex
	Counts
	// acceptedSet is what was accepted to fail. kept is what fails beside it, where that is kept: one more than may be accepted, at most.
	acceptedSet   *accepted.Set
	keepsFailures bool
	kept          []accepted.Failure
}

// Counts is what happened so far. Its JSON is part of run.json.
type Counts struct {
	// Listed counts files, each once, Recalled those that were not listed and are taken to be as they were; Missed those that a
	// complete listing did not have for the first time. LeftOut are listed, and not taken. WithoutPictures have no asset of the kinds asked for.
	// ListingDone says that all listings came to their end. Of those that are skipped, WithoutFileID are directory files that are of no stored
	// file. Due are those whose assets had to be listed, Asked those of them of which they were.
	Files struct {
		Listed          int64 `json:"listed"`
		LeftOut         int64 `json:"left_out,omitempty"`
		Due             int64 `json:"due"`
		Asked           int64 `json:"asked"`
		Recalled        int64 `json:"recalled"`
		Unchanged       int64 `json:"unchanged"`
		Complete        int64 `json:"complete"`
		Partial         int64 `json:"partial"`
		Failed          int64 `json:"failed"`
		FailedAccepted  int64 `json:"failed_accepted,omitempty"`
		Skipped         int64 `json:"skipped"`
		WithoutFileID   int64 `json:"without_file_id"`
		Missed          int64 `json:"missed"`
		Vanished        int64 `json:"vanished"`
		Expired         int64 `json:"expired"`
		WithoutPictures int64 `json:"without_pictures"`
		ListingDone     bool  `json:"listing_complete"`
	} `json:"files"`
	// Documents counts the listed ones, those of unchanged files included. Planned counts assets that are to be fetched, NewerDate those of them that have the size that is stored, and Same those of
	// which the bytes were the stored ones. Kept ones are stored already, those of unchanged files included. MissingPages are gaps
	// in the page numbers.
	Assets struct {
		Documents    int64 `json:"documents,omitempty"`
		Planned      int64 `json:"planned"`
		PlannedBytes int64 `json:"planned_bytes"`
		UnknownSizes int64 `json:"unknown_sizes"`
		NewerDate    int64 `json:"newer_date"`
		Same         int64 `json:"same"`
		Stored       int64 `json:"stored"`
		StoredBytes  int64 `json:"stored_bytes"`
		Failed       int64 `json:"failed"`
		// FailedAccepted are failures that a person accepted; Failed does not have them.
		FailedAccepted int64            `json:"failed_accepted,omitempty"`
		Kept           int64            `json:"kept"`
		Skipped        map[string]int64 `json:"skipped"`
		SkippedKept    int64            `json:"skipped_in_unchanged_files"`
		Vanished       int64            `json:"vanished"`
		Pruned         int64            `json:"pruned"`
		MissingPages   int64            `json:"missing_pages"`
		Committed      int64            `json:"committed_rows"`
	} `json:"assets"`
	// Pages counts the pages of parse jobs: Known are those of which the text is recorded, unchanged ones included. Of those that this run
	// recorded, WithoutPicture have no screenshot, and WithoutText counts screenshots that have no page.
	Pages struct {
		Known          int64 `json:"known"`
		WithoutPicture int64 `json:"without_picture"`
		WithoutText    int64 `json:"without_text"`
	} `json:"pages,omitzero"`
	// OddFields counts the values that were taken for null, by field.
	OddFields map[string]int64 `json:"odd_fields,omitempty"`
	// incomplete are the sources that were not listed completely, and notOffered the kinds that the API does not offer. The
	// report has them beside the counts.
	incomplete []IncompleteSource
	notOffered []pipeline.Kind
	expiring   Expiring
	// figuresTaken counts the listed figures that are not left out.
	figuresTaken int64
	// accepted is what of the listing would not have been believed without --force.
	accepted string
	// Paused is the time in which all requests to the API waited, each moment once.
	Requests struct {
		Sent      int64   `json:"sent"`
		Retries   int64   `json:"retries"`
		Throttled int64   `json:"throttled"`
		Paused    Seconds `json:"paused_seconds"`
		Bytes     int64   `json:"bytes"`
	} `json:"requests"`
	// Errors counts failures of assets and files by class, and keeps the first of each.
	Errors map[string]*ErrorClass `json:"errors"`
	// serverTime is the time of the API's clock when it first answered; zero where it does not say.
	serverTime time.Time
	// Limit is what holds requests back at present.
	Limit Limit `json:"-"`
	// filesKnown says that no listing gives another file. A file is asked for so many kinds, and its assets are not fetched if plansOnly.
	filesKnown bool
	kinds      int
	plansOnly  bool
	// inListings is how many files all listings had, those of other parts included.
	inListings int64
}

// IncompleteSource says why a source was not listed completely: its listing ended early, or some of its files cannot be told from
// others.
type IncompleteSource struct {
	Source    pipeline.SourceKey `json:"source"`
	Error     string             `json:"error,omitempty"`
	Malformed int64              `json:"malformed,omitempty"`
}

// ErrorClass is the failures of a class, and the first of them.
type ErrorClass struct {
	Count int64  `json:"count"`
	First string `json:"first"`
}

func newCounter() *counter {
	r := &counter{}
	r.Assets.Skipped = map[string]int64{}
	r.Errors = map[string]*ErrorClass{}
	r.OddFields = map[string]int64{}
	return r
}

// restart forgets all but what was sent.
func (r *counter) restart() {
	r.mu.Lock()
	defer r.mu.Unlock()
	fresh := newCounter().Counts
	fresh.Requests, fresh.serverTime, fresh.Limit = r.Requests, r.serverTime, r.Limit
	fresh.kinds, fresh.plansOnly = r.kinds, r.plansOnly
	r.Counts = fresh
}

// snapshot returns a copy of the counts.
func (r *counter) snapshot() Counts {
	r.mu.Lock()
	defer r.mu.Unlock()
	c := r.Counts
	c.Requests.Paused -= Seconds(c.Limit.pause.left(time.Now()))
	c.Assets.Skipped = maps.Clone(r.Assets.Skipped)
	c.incomplete, c.notOffered, c.OddFields = slices.Clone(r.incomplete), slices.Clone(r.notOffered), maps.Clone(r.OddFields)
	c.expiring.Sources = slices.Clone(r.expiring.Sources)
	c.Errors = make(map[string]*ErrorClass, len(r.Errors))
	for class, e := range r.Errors {
		c.Errors[class] = new(*e)
	}
	return c
}

// Observe implements pipeline.Observer.
func (r *counter) Observe(e pipeline.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.Requests.Paused += Seconds(r.Limit.Observe(time.Now(), e))
	switch e := e.(type) {
	case pipeline.FileListed:
		r.Files.Listed++
		r.expiring.file(e.ExpiresAt, time.Now())
	case pipeline.FileLeftOut:
		r.Files.LeftOut++
	case pipeline.FileRecalled:
		r.Files.Recalled++
		r.expiring.file(e.File.ExpiresAt, time.Now())
	case pipeline.SourceExpires:
		r.expiring.source(e.Key, e.At, time.Now())
	case pipeline.FileMissed:
		r.Files.Missed++
	case pipeline.FileExpired:
		r.Files.Expired++
	case pipeline.FileVanished:
		r.Files.Vanished++
	case pipeline.AssetVanished:
		r.Assets.Vanished++
		if !r.acceptedSet.IsEmpty() {
			r.acceptedSet.Drop(accepted.AssetKey(e.Row.Key()))
		}
	case pipeline.FileUnchanged:
		r.Files.Unchanged++
		r.Assets.Kept += e.State.Stored
		r.Assets.SkippedKept += e.State.Skipped
		r.pictures(e.State.Status, &pipeline.Counts{
			Screenshots: e.State.Screenshots, Figures: e.State.Figures, Documents: e.State.Documents, Pages: e.State.Pages,
			MissingPages: e.State.MissingPages,
		})
	case pipeline.ListingAccepted:
		r.accepted = e.Lost
	case pipeline.FileDue:
		r.Files.Due++
	case pipeline.FileAsked:
		r.Files.Asked++
	case pipeline.FilesKnown:
		r.filesKnown = true
	case pipeline.FilesComplete:
		r.Files.ListingDone = true
	case pipeline.SourceListed:
		r.inListings += e.Outcome.Files
		r.listed(e.Outcome)
	case pipeline.KindNotOffered:
		r.notOffered = append(r.notOffered, e.Kind)
	case pipeline.KindRefused:
		// Their rows say that they are complete without it.
		r.Files.Failed += e.Files
		r.Files.Complete -= e.Files
		r.failures(e.Err.Error(), e.Files)
	case pipeline.FieldOdd:
		r.OddFields[e.Field]++
	case pipeline.PagesRecorded:
		r.Pages.WithoutPicture += e.WithoutPicture
		r.Pages.WithoutText += e.WithoutText
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
	case pipeline.Retrying:
		r.Requests.Retries++
	}
}

func (r *counter) listed(o *pipeline.SourceOutcome) {
	if o.IsComplete() {
		return
	}
	incomplete := IncompleteSource{Source: o.Key, Malformed: o.Malformed}
	if o.Err != nil {
		incomplete.Error = o.Err.Error()
	}
	r.incomplete = append(r.incomplete, incomplete)
}

// unlisted returns the sources whose listing ended early.
func unlisted(sources []IncompleteSource) []IncompleteSource {
	return slices.DeleteFunc(slices.Clone(sources), func(s IncompleteSource) bool { return s.Error == "" })
}

func (r *counter) settled(row *pipeline.FileRow) {
	r.pictures(row.Status, &row.Counts)
	switch row.Status {
	case pipeline.Complete:
		r.Files.Complete++
	case pipeline.Partial:
		r.Files.Partial++
	case pipeline.Skipped:
		r.Files.Skipped++
		if row.Error == pipeline.ReasonNoFileID {
			r.Files.WithoutFileID++
		}
	case pipeline.Failed:
		if r.isAccepted(accepted.OfFile(row)) {
			r.Files.FailedAccepted++
			return
		}
		r.Files.Failed++
		r.fail(row.Error)
	}
	if row.Status != pipeline.Failed && !r.acceptedSet.IsEmpty() {
		r.acceptedSet.Drop(accepted.FileKey(row.Key()))
	}
}

// pictures counts what a file whose assets could be listed has, and what it lacks. Who asks for documents alone misses no picture.
func (r *counter) pictures(status pipeline.Status, c *pipeline.Counts) {
	if status != pipeline.Complete && status != pipeline.Partial {
		return
	}
	pictures, documentsAlone := int64(0), c.Documents != nil
	for _, count := range []*int64{c.Screenshots, c.Figures} {
		if count != nil {
			pictures += *count
			documentsAlone = false
		}
	}
	if pictures == 0 && !documentsAlone {
		r.Files.WithoutPictures++
	}
	addCount(&r.Assets.Documents, c.Documents)
	addCount(&r.Pages.Known, c.Pages)
	addCount(&r.Assets.MissingPages, c.MissingPages)
}

// addCount adds a count, if there is one. What the server says is not to be trusted: the sum stays at the most that there is.
func addCount(sum, count *int64) {
	if count != nil {
		*sum += min(*count, math.MaxInt64-*sum)
	}
}

func (r *counter) planned(e pipeline.AssetPlanned) {
	if e.Asset.Kind == pipeline.Figure && e.Action != pipeline.ActionSkip {
		r.figuresTaken++
	}
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

func (r *counter) done(e pipeline.AssetDone) {
	switch {
	case e.Same:
		r.Assets.Same++
	case e.Row.Status == pipeline.Stored:
		r.Assets.Stored++
		r.Assets.StoredBytes += e.Row.Content.Size
	case r.isAccepted(accepted.OfAsset(e.Row)):
		r.Assets.FailedAccepted++
	default:
		r.Assets.Failed++
		r.fail(e.Row.Reason)
	}
	if e.Row.Status == pipeline.Stored && !r.acceptedSet.IsEmpty() {
		r.acceptedSet.Drop(accepted.AssetKey(e.Row.Key()))
	}
}

// addPruned counts assets whose blobs are removed.
func (r *counter) addPruned(n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.Assets.Pruned += int64(n)
}

// fail counts a failure, given as "class: message".
func (r *counter) fail(text string) { r.failures(text, 1) }

func (r *counter) failures(text string, n int64) {
	class := failureClass(text)
	known := r.Errors[class]
	if known == nil {
		known = &ErrorClass{First: text}
		r.Errors[class] = known
	}
	known.Count += n
}

// failureClass returns the class of a "class: message".
func failureClass(text string) string {
	class, _, _ := strings.Cut(text, ":")
	return class
}

// failed tells whether some asset, file or source is not what it should be.
func (c *Counts) failed() bool {
	return c.Assets.Failed > 0 || c.Files.Failed > 0 || len(c.incomplete) > 0
}

// notes say what seems to be missing, and why that may be.
func (c *Counts) notes() []string {
	var what []string
	if n := c.Files.WithoutPictures; n > 0 {
		what = append(what, fmt.Sprintf("%d files have no picture", n))
	}
	if n := c.Assets.MissingPages; n > 0 {
		what = append(what, fmt.Sprintf("%d pages seem to be missing", n))
	}
	if len(what) == 0 {
		return nil
	}
	return []string{strings.Join(what, ", ") + ": pictures may come later, and are asked for again; an index makes them only where it is told to " +
		"take screenshots and to extract layout, and attaches them only where it was made with store_attachments: [\"screenshots\"]; self-hosted deployments make no figures"}
}

// categoryNotes says that there are figures, and none is of the categories that are wanted: a category may be misspelt, and the export
// remembers it.
func (c *Counts) categoryNotes(wanted []string) []string {
	n := c.Assets.Skipped[pipeline.ReasonCategory]
	if n == 0 || c.figuresTaken > 0 {
		return nil
	}
	return []string{fmt.Sprintf("none of %d figures is of the category or label %s: they are left out (--category '' takes all)", n, strings.Join(wanted, ", "))}
}

// Skipped sums up the assets that were left out.
func (c *Counts) Skipped() int64 {
	n := c.Assets.SkippedKept
	for _, v := range c.Assets.Skipped {
		n += v
	}
	return n
}

// ErrorClasses returns the classes of failures, the most frequent first.
func (c *Counts) ErrorClasses() []string {
	return slices.SortedFunc(maps.Keys(c.Errors), func(a, b string) int {
		if d := c.Errors[b].Count - c.Errors[a].Count; d != 0 {
			return int(d)
		}
		return strings.Compare(a, b)
	})
}

// FilesKnown is how many files the run has to look after, as far as it knows.
func (c *Counts) FilesKnown() int64 { return c.Files.Listed + c.Files.Recalled }

// FilesDone is how many of them need nothing any more.
func (c *Counts) FilesDone() int64 {
	return c.Files.Unchanged + c.Files.Complete + c.Files.Partial + c.Files.Failed + c.Files.FailedAccepted + c.Files.Skipped
}

// AssetsDone is how many of the planned assets were fetched, or failed.
func (c *Counts) AssetsDone() int64 {
	return c.Assets.Stored + c.Assets.Same + c.Assets.Failed + c.Assets.FailedAccepted
}

// needed is how many requests there would have been if none had been sent again.
func (c *Counts) needed() int64 { return c.Requests.Sent - c.Requests.Retries }
