package export

import (
	"time"

	"exporter/pipeline"
)

// These bound when the pace of a run so far is believed: a few requests, or a burst at its beginning, tell nothing.
const (
	paceAfter    = 3 * time.Second
	paceRequests = 10
)

// FilesToAsk is how many files are still to be asked for their assets, as far as is known.
func (c *Counts) FilesToAsk() int64 { return max(0, c.Files.Due-c.Files.Asked) }

// AllFilesKnown tells that no listing will give another file, AllAssetsKnown that nothing is to be listed any more.
func (c *Counts) AllFilesKnown() bool  { return c.filesKnown }
func (c *Counts) AllAssetsKnown() bool { return c.filesKnown && c.FilesToAsk() == 0 }

// Fetches tells whether assets are fetched, as a run does, or only listed, as a plan does.
func (c *Counts) Fetches() bool { return !c.plansOnly }

// RequestsLeft estimates how many requests are still to be sent: one for each kind of asset of each file that is to be asked, one for
// each asset that is to be fetched, and for the assets that nobody knows yet as many as the other files have on average. There may be
// more where isLeast is true: files are still being listed, or no file has told how many assets it has.
func (c *Counts) RequestsLeft() (requests float64, isLeast bool) {
	toAsk := float64(c.FilesToAsk())
	requests = toAsk * float64(c.kinds)
	isLeast = !c.filesKnown
	if c.plansOnly {
		return requests, isLeast
	}
	requests += float64(c.Assets.Planned - c.AssetsDone())
	if c.Files.Asked > 0 {
		requests += toAsk * float64(c.Assets.Planned) / float64(c.Files.Asked)
	} else {
		isLeast = isLeast || toAsk > 0
	}
	return requests, isLeast
}

// TimeLeft estimates when a run will be done that has taken so long: its requests by its pace, which is that of the limit, or the one
// that it had so far where that is slower or no limit is known; and no sooner than the pause ends. It may take longer where isLeast is
// true, and nobody knows where ok is false.
func (c *Counts) TimeLeft(now time.Time, took time.Duration) (left time.Duration, isLeast, ok bool) {
	requests, isLeast := c.RequestsLeft()
	pace := c.pace(took)
	switch {
	case requests <= 0 && !isLeast:
		return 0, false, true
	case requests <= 0 || pace <= 0:
		return 0, isLeast, false
	}
	left = time.Duration(min(requests/pace, maxLeft.Seconds()) * float64(time.Second))
	return max(left, c.Limit.pause.left(now)), isLeast, true
}

// maxLeft bounds what is estimated: a hundred years.
const maxLeft = 100 * 365 * 24 * time.Hour

// pace is how many requests are sent in a second; 0 where nobody knows.
func (c *Counts) pace(took time.Duration) float64 {
	limit := 0.0
	if c.Limit.paced.By != pipeline.LimitNone {
		limit = c.Limit.paced.PerSecond
	}
	if took < paceAfter || c.needed() < paceRequests {
		return limit
	}
	measured := float64(c.needed()) / took.Seconds()
	if limit > 0 {
		return min(limit, measured)
	}
	return measured
}

// PausedUntil returns when the present pause of all requests to the API ends; ok is false where there is none.
func (c *Counts) PausedUntil(now time.Time) (until time.Time, ok bool) { return c.Limit.pause.end(now) }
