package export

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"log/slog"
	"maps"
	"time"

	"exporter/internal/llamacloud"
	"exporter/internal/store"
)

// maxReport bounds what is read of a report, in bytes.
const maxReport = 16 << 20

// sinceOverlap is how much --since last goes back behind the watermark: updates that were under way when the last listing
// began may show up later with an earlier time.
const sinceOverlap = time.Hour

// lastRun is what a run needs of run.json.
type lastRun struct {
	Source    map[string]string `json:"source"`
	Sink      map[string]string `json:"sink"`
	Assets    map[string]string `json:"asset_filters"`
	Watermark time.Time         `json:"watermark"`
	ListedAt  time.Time         `json:"listed_at"`
	Worth     *Worth            `json:"worth_compacting"`
}

// readLastRun reads run.json. Where there is none, or none that can be understood, nothing is known of the last run: the
// ledger does not depend on it.
func readLastRun(ctx context.Context, from store.Reader, log *slog.Logger) (last lastRun, err error) {
	b, err := store.ReadBytes(ctx, from, ReportName, maxReport)
	if errors.Is(err, fs.ErrNotExist) {
		return lastRun{}, nil
	}
	if err != nil {
		return lastRun{}, storageError("read "+ReportName, err)
	}
	if err := json.Unmarshal(b, &last); err != nil {
		log.Warn("the report of the last run cannot be understood", "file", ReportName, "error", err)
		return lastRun{}, nil
	}
	return last, nil
}

// checkReportOrigin returns an error for a file that has the place of run.json, and that exporter did not write. What cannot be read at all
// is left to those who need it.
func checkReportOrigin(ctx context.Context, from store.Reader) error {
	b, err := store.ReadBytes(ctx, from, ReportName, maxReport)
	if err != nil {
		return nil
	}
	var r Report
	if json.Unmarshal(b, &r) != nil || r.Version == "" || r.StartedAt.IsZero() {
		return errors.New(ReportName + " is no file of exporter")
	}
	return nil
}

// watermark returns the time before which every update of the source's files is known: when the last complete listing of
// the same source began. It is zero where there was none.
func (l *lastRun) watermark(source map[string]string) time.Time {
	if !maps.Equal(l.Source, source) {
		return time.Time{}
	}
	return l.Watermark
}

// narrow makes the source list only files that were updated since the last complete listing. Where there was none, it
// says so, and everything is listed.
func narrow(files *llamacloud.Selection, watermark time.Time, log *slog.Logger) bool {
	if watermark.IsZero() {
		log.Info("there is no complete listing of this source yet, so everything is listed")
		return false
	}
	if since := watermark.Add(-sinceOverlap); since.After(files.UpdatedAtOnOrAfter) {
		files.UpdatedAtOnOrAfter = since
	}
	return true
}

// watermark returns what the next run may take for known. It moves only when everything that was listed has its row. Of
// the two clocks, the one that is behind counts.
func (r *run) watermark(c Counts, err error) time.Time {
	if err != nil && !errors.Is(err, ErrIncomplete) || !c.Files.ListingDone {
		return r.last.watermark(r.Source)
	}
	if r.list == nil {
		return r.listingTime(c)
	}
	at := r.list.header.Watermark
	if before := r.last.watermark(r.Source); at.Before(before) {
		at = before
	}
	return at
}

// listingTime returns when the listings of the run began, by the slower of the clocks.
func (r *run) listingTime(c Counts) time.Time {
	if at := c.serverTime; !at.IsZero() && at.Before(r.started) {
		return at.UTC()
	}
	return r.started.UTC().Truncate(time.Second)
}
