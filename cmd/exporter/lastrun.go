package main

import (
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"maps"
	"time"

	"exporter/internal/durable"
	"exporter/internal/llamacloud"
)

// sinceOverlap is how much --since last goes back behind the watermark: updates that were under way when the last listing
// began may show up later with an earlier time.
const sinceOverlap = time.Hour

// lastRun is what a run needs of run.json.
type lastRun struct {
	Source    map[string]string `json:"source"`
	Assets    map[string]string `json:"asset_filters"`
	Watermark time.Time         `json:"watermark"`
}

// readLastRun reads run.json. Where there is none, or none that can be understood, nothing is known of the last run: the
// ledger does not depend on it.
func readLastRun(fsys durable.FS, log *slog.Logger) (last lastRun, err error) {
	f, err := fsys.Open(runReportName)
	if errors.Is(err, fs.ErrNotExist) {
		return lastRun{}, nil
	}
	if err != nil {
		return lastRun{}, storageError("read "+runReportName, err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	b, err := io.ReadAll(f)
	if err != nil {
		return lastRun{}, storageError("read "+runReportName, err)
	}
	if err := json.Unmarshal(b, &last); err != nil {
		log.Warn("the report of the last run cannot be understood", "file", runReportName, "error", err)
		return lastRun{}, nil
	}
	return last, nil
}

// checkReportOrigin returns an error for a file that has the place of run.json, and that exporter did not write. What cannot be read at all
// is left to those who need it.
func checkReportOrigin(fsys durable.FS) error {
	f, err := fsys.Open(runReportName)
	if err != nil {
		return nil
	}
	defer f.Close()
	var r runReport
	if json.NewDecoder(f).Decode(&r) != nil || r.Version == "" || r.StartedAt.IsZero() {
		return errors.New(runReportName + " is no file of exporter")
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
func (e *export) watermark(c counts, err error) time.Time {
	if err != nil && !errors.Is(err, errIncomplete) || !c.Files.ListingDone {
		return e.last.watermark(e.source)
	}
	if at := c.serverTime; !at.IsZero() && at.Before(e.started) {
		return at.UTC()
	}
	return e.started.UTC().Truncate(time.Second)
}

// appendHistory adds a report to runs.jsonl, one JSON object a line.
func (r *runReport) appendHistory(fsys durable.FS) (err error) {
	line, err := json.Marshal(r)
	if err != nil {
		return err
	}
	f, err := fsys.Edit(runHistoryName)
	created := errors.Is(err, fs.ErrNotExist)
	if created {
		f, err = fsys.Create(runHistoryName)
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if err := appendLine(f, line); err != nil {
		return err
	}
	if err := f.Sync(); err != nil || !created {
		return err
	}
	return fsys.SyncDir(".")
}

// appendLine writes a line behind what is there, also behind a line that a crash cut short.
func appendLine(f durable.File, line []byte) error {
	end, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	line = append(line, '\n')
	if end > 0 {
		last := make([]byte, 1)
		if _, err := f.ReadAt(last, end-1); err != nil {
			return err
		}
		if last[0] != '\n' {
			line = append([]byte{'\n'}, line...)
		}
	}
	_, err = f.Write(line)
	return err
}
