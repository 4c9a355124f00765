package main

import (
	"encoding/json"
	"fmt"
	"time"

	"exporter/internal/export"
	"exporter/internal/human"
)

// running prints what a run that is under way, or was killed, noted of itself.
func (p *lsPrinter) running(r *export.Running, isStale bool) error {
	if p.asJSON {
		note, err := json.Marshal(r)
		if err != nil {
			return err
		}
		p.line = fmt.Appendf(p.line[:0], `{"type":"running","stale":%t,%s`, isStale, note[1:])
		return p.end()
	}
	by := fmt.Sprintf("by process %d on %s, since %s", r.Process, r.Host, r.StartedAt.Format(time.RFC3339))
	if isStale {
		p.line = fmt.Appendf(p.line[:0], "killed   a run %s, which was last heard of at %s: what it committed is here, and the next one goes on",
			by, r.UpdatedAt.Format(time.RFC3339))
		return p.end()
	}
	c := &r.Counts
	p.line = fmt.Appendf(p.line[:0], "running  %s: %s files, %d of %d assets that are known, %s stored, %d failed (at %s)", by,
		ofAll(c.FilesDone(), c.FilesKnown(), c.Files.ListingDone), c.AssetsDone(), c.Assets.Planned,
		human.Bytes(c.Assets.StoredBytes), c.Assets.Failed+c.Files.Failed, r.UpdatedAt.Format(time.RFC3339))
	if !r.PausedUntil.IsZero() {
		p.line = append(p.line, ", paused until "+r.PausedUntil.Format(time.RFC3339)...)
	}
	if r.ETA != nil {
		least := ""
		if r.ETAIsLeast {
			least = "at least "
		}
		p.line = fmt.Appendf(p.line, ", done in %s%s", least, time.Duration(*r.ETA).Round(time.Second))
	}
	return p.end()
}
