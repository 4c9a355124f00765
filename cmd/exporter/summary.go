package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"exporter/internal/config"
	"exporter/internal/export"
	"exporter/internal/human"
	"exporter/pipeline"
)

// summary is what a person is told of a run.
type summary struct {
	*export.Report
	dir string
	// trial says what a run was a trial of; empty where it was none.
	trial string
	// partialOK says that what failed is no failure of the command.
	partialOK bool
}

// trialText says what a run is a trial of; nothing where it is none.
func trialText(cfg *config.Config) string {
	switch r := &cfg.Run; {
	case r.Limit > 0:
		return fmt.Sprintf("%d files at most; without --limit", r.Limit)
	case r.Sample > 0:
		return fmt.Sprintf("%d files by chance; without --sample", r.Sample)
	case r.FilesFrom != "" && cfg.NamesSource():
		return "files by their ids; without --files-from"
	}
	return ""
}

// print prints what came of the run on standard output, for a person or as run.json has it. A JSON log gets the report as well.
func (s *summary) print(stdout io.Writer, asJSON bool, console *console) error {
	if console.options.Format == config.LogJSON {
		console.log.Info("summary", "report", s.Report)
	}
	if asJSON {
		return printJSON(stdout, s.Report)
	}
	_, err := io.WriteString(printableWriter{stdout}, s.text())
	return err
}

func (s *summary) text() string {
	var b strings.Builder
	line := func(name, format string, args ...any) {
		fmt.Fprintf(&b, "%-9s"+format+"\n", append([]any{name}, args...)...)
	}
	c := &s.Counts
	files := []string{fmt.Sprintf("%d listed", c.Files.Listed)}
	files = appendCount(files, c.Files.LeftOut, "left out")
	files = appendCount(files, c.Files.Unchanged, "unchanged")
	files = appendCount(files, c.Files.Complete, "complete")
	files = appendCount(files, c.Files.Partial, "incomplete")
	files = appendCount(files, c.Files.Failed, "failed")
	files = appendCount(files, c.Files.FailedAccepted, "failed as accepted")
	files = appendCount(files, c.Files.WithoutFileID, "without a file_id")
	files = appendCount(files, c.Files.Skipped-c.Files.WithoutFileID, "with nothing to ask for")
	files = appendCount(files, c.Files.Missed, "not listed for the first time")
	files = appendCount(files, c.Files.Vanished, "not listed any more")
	files = appendCount(files, c.Files.Expired, "expired")
	line("files", "%s", strings.Join(files, ", "))
	for _, f := range s.Unlisted() {
		line("unlisted", "%s: %s", f.Source, f.Error)
	}
	for _, kind := range s.NotOffered {
		line("skipped", "%ss, which this API does not offer (--%ss=false asks for none)", kind, kind)
	}
	line("stored", "%d assets, %s, in %s", c.Assets.Stored, human.Bytes(c.Assets.StoredBytes), humanSeconds(s.Seconds))
	if c.Assets.Documents > 0 {
		line("document", "%d listed", c.Assets.Documents)
	}
	if c.Pages.Known > 0 {
		pages := []string{fmt.Sprintf("%d with their text in pages.parquet", c.Pages.Known)}
		pages = appendCount(pages, c.Pages.WithoutPicture, "without a screenshot")
		pages = appendCount(pages, c.Pages.WithoutText, "screenshots without a page")
		line("pages", "%s", strings.Join(pages, ", "))
	}
	if c.Assets.NewerDate > 0 {
		line("again", "%d assets of the stored size asked for, as their date is newer; %d are the same", c.Assets.NewerDate, c.Assets.Same)
	}
	if c.Assets.Kept > 0 {
		line("kept", "%d assets that were stored before", c.Assets.Kept)
	}
	if c.Skipped() > 0 {
		line("skipped", "%s", skippedText(c))
	}
	if c.Assets.Vanished > 0 {
		line("vanished", "%d assets, which are not listed any more", c.Assets.Vanished)
	}
	if c.Assets.Pruned > 0 {
		line("pruned", "%d assets", c.Assets.Pruned)
	}
	if c.Assets.Failed > 0 {
		line("failed", "%d assets", c.Assets.Failed)
	}
	for _, class := range c.ErrorClasses() {
		e := c.Errors[class]
		line("", "%d × %s", e.Count, e.First)
	}
	if c.Assets.FailedAccepted+c.Files.FailedAccepted > 0 {
		accepted := appendCount(nil, c.Assets.FailedAccepted, "assets")
		accepted = appendCount(accepted, c.Files.FailedAccepted, "files")
		line("accepted", "%s failed, as was accepted: exporter ls %s --failed lists them", strings.Join(accepted, " and "), s.dir)
	}
	if len(c.OddFields) > 0 {
		var fields []string
		for _, name := range slices.Sorted(maps.Keys(c.OddFields)) {
			fields = append(fields, fmt.Sprintf("%d × %s", c.OddFields[name], name))
		}
		line("odd", "%s: values that make no sense, taken for null", strings.Join(fields, ", "))
	}
	for _, note := range s.Notes {
		line("missing", "%s", note)
	}
	if e := s.Expiring; e != nil {
		line("expiring", "%s", e.Text())
	}
	requests := []string{fmt.Sprintf("%d", c.Requests.Sent)}
	requests = appendCount(requests, c.Requests.Retries, "retries")
	requests = appendCount(requests, c.Requests.Throttled, "throttled")
	line("requests", "%s", strings.Join(requests, ", "))
	if w := s.WorthCompacting; w != nil {
		line("compact", "%s", worthText(w, s.dir))
	}
	if s.partialOK && s.ExitCode == exitIncomplete {
		line("partial", "some failed, which --partial-ok lets end with 0; run.json has exit code %d", exitIncomplete)
	}
	line("output", "%s", s.dir)
	line("next", "%s", s.next())
	return b.String()
}

// worthText says what a compaction would gain.
func worthText(w *export.Worth, dir string) string {
	var gains []string
	if w.Shards > 0 {
		gains = append(gains, fmt.Sprintf("%s that no row names in %d shards", human.Bytes(w.DeadBytes), w.Shards))
	}
	gains = appendCount(gains, w.SmallShards, "small shards")
	return fmt.Sprintf("%s: exporter compact %s is worth it", strings.Join(gains, ", "), dir)
}

func appendCount(parts []string, n int64, what string) []string {
	if n == 0 {
		return parts
	}
	return append(parts, fmt.Sprintf("%d %s", n, what))
}

func skippedText(c *export.Counts) string {
	var parts []string
	for _, reason := range []string{pipeline.ReasonNoise, pipeline.ReasonConfidence, pipeline.ReasonCategory, pipeline.ReasonPage} {
		parts = appendCount(parts, c.Assets.Skipped[reason], reason)
	}
	parts = appendCount(parts, c.Assets.SkippedKept, "in unchanged files")
	return fmt.Sprintf("%d assets (%s)", c.Skipped(), strings.Join(parts, ", "))
}

// next says what to do now.
func (s *summary) next() string {
	switch {
	case s.ExitCode == 0 && s.trial != "":
		return "this was a trial of " + s.trial + ", all are exported"
	case s.ExitCode == 0:
		return "nothing to do; the same command brings the export up to date"
	case s.Needs != "":
		return "run the same command again; " + s.Needs + " accepts what it refused"
	case s.ExitCode == exitDamage:
		return "run the same command with --repair, once, to fetch again what is damaged"
	case s.ExitCode == exitIncomplete:
		return "run the same command again to try what failed; exporter ls " + s.dir + " --failed has the reasons"
	}
	return "run the same command again to go on"
}

func humanSeconds(seconds export.Seconds) string {
	d := time.Duration(seconds)
	if d < time.Minute {
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
	return d.Round(time.Second).String()
}
