package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"exporter/internal/human"
	"exporter/internal/inventory"
	"exporter/pipeline"
)

// lsPrinter prints what an export holds, a line each: for people, or as JSON. It implements inventory.Listener.
type lsPrinter struct {
	out    io.Writer
	asJSON bool
	line   []byte
	// owner is that of the assets that are listed now; hasOwner says that there is one.
	owner    pipeline.Owner
	hasOwner bool
	// otherwise is what to do where nothing matches; it may be empty.
	otherwise string
	// names are those of the first files that were listed, for assets of theirs that come behind.
	names map[pipeline.Owner]*string
}

// mostNames is how many names are kept.
const mostNames = 10_000

func newLsPrinter(out io.Writer, asJSON bool) *lsPrinter {
	return &lsPrinter{out: out, asJSON: asJSON, names: map[pipeline.Owner]*string{}}
}

// outputError keeps the error of standard output apart from others.
type outputError struct {
	w   io.Writer
	err error
}

func (o *outputError) Write(p []byte) (n int, err error) {
	n, err = o.w.Write(p)
	if err != nil {
		o.err = err
	}
	return n, err
}

// end writes the line.
func (p *lsPrinter) end() error {
	p.line = append(p.line, '\n')
	_, err := p.out.Write(p.line)
	return err
}

// File implements inventory.Listener.
func (p *lsPrinter) File(f *inventory.File) error {
	if p.asJSON {
		p.line = f.AppendJSON(append(p.line[:0], `{"type":"file"`...))
		if len(f.Gaps) > 0 {
			// Numbers can always be encoded.
			gaps, _ := json.Marshal(f.Gaps)
			p.line = append(append(p.line, `,"gaps":`...), gaps...)
		}
		p.accepted(f.AcceptedAt)
		return p.end()
	}
	p.owner, p.hasOwner = pipeline.Owner{FileID: pipeline.ID(f.FileID), JobID: pipeline.ID(f.Key.JobID)}, true
	if len(p.names) < mostNames {
		p.names[p.owner] = f.Name
	}
	assets := f.Stored + f.Skipped + f.Failed
	p.line = fmt.Appendf(p.line[:0], "%-8s  %5d assets  %10s  ", f.State, assets, human.Bytes(f.Bytes))
	p.owned(f.Key, f.FileID, f.Name)
	var notes []string
	notes = appendCount(notes, f.Failed, "failed")
	notes = appendCount(notes, f.Skipped, "skipped")
	if f.MissingPages != nil && *f.MissingPages > 0 {
		notes = append(notes, fmt.Sprintf("pages missing: %d%s", *f.MissingPages, gapsText(f.Gaps)))
	}
	if (f.State == inventory.Complete || f.State == inventory.Partial) && !f.HasPictures() {
		notes = append(notes, "no picture")
	}
	if !f.Since.IsZero() {
		notes = append(notes, "since "+f.Since.Format(time.DateOnly))
	}
	if f.Error != "" {
		notes = append(notes, f.Error)
	}
	notes = appendAccepted(notes, f.AcceptedAt)
	p.notes(notes)
	return p.end()
}

// accepted ends an object, with when it was accepted to fail, if it was.
func (p *lsPrinter) accepted(at time.Time) {
	if !at.IsZero() {
		p.line = at.AppendFormat(append(p.line, `,"accepted_at":"`...), time.RFC3339)
		p.line = append(p.line, '"')
	}
	p.line = append(p.line, '}')
}

// owned appends what names a file or a job.
func (p *lsPrinter) owned(key pipeline.FileKey, fileID string, name *string) {
	switch {
	case key.JobID != "" && fileID != "":
		p.line = fmt.Appendf(p.line, "job %s of %s", key.JobID, fileID)
	case key.JobID != "":
		p.line = fmt.Appendf(p.line, "job %s", key.JobID)
	default:
		p.line = append(append(p.line, key.FileID...), key.DirectoryFileID...)
	}
	if name != nil {
		p.line = strconv.AppendQuote(append(p.line, "  "...), *name)
	}
}

func (p *lsPrinter) notes(notes []string) {
	if len(notes) > 0 {
		p.line = append(append(p.line, "  "...), strings.Join(notes, ", ")...)
	}
}

func appendAccepted(notes []string, at time.Time) []string {
	if at.IsZero() {
		return notes
	}
	return append(notes, "accepted "+at.Format(time.DateOnly))
}

// gapsText names the first few pages that are missing.
func gapsText(gaps []inventory.Gap) string {
	const most = 10
	var parts []string
	for _, g := range gaps[:min(most, len(gaps))] {
		if g.First == g.Last {
			parts = append(parts, fmt.Sprint(g.First))
		} else {
			parts = append(parts, fmt.Sprintf("%d-%d", g.First, g.Last))
		}
	}
	if len(gaps) > most {
		parts = append(parts, "…")
	}
	if len(parts) == 0 {
		return ""
	}
	return " (page_index " + strings.Join(parts, " ") + ")"
}

// Asset implements inventory.Listener. The assets of a file come below a line that names it.
func (p *lsPrinter) Asset(a *inventory.Asset) error {
	if p.asJSON {
		p.line = a.AppendJSON(append(p.line[:0], `{"type":"asset"`...))
		p.accepted(a.AcceptedAt)
		return p.end()
	}
	if owner := a.Key.Owner(); !p.hasOwner || owner != p.owner {
		p.owner, p.hasOwner = owner, true
		p.line = p.line[:0]
		p.owned(pipeline.FileKey{JobID: string(owner.JobID), FileID: string(owner.FileID)}, string(owner.FileID), cmp.Or(a.Name, p.names[owner]))
		if err := p.end(); err != nil {
			return err
		}
	}
	p.line = fmt.Appendf(p.line[:0], "  %-8s  %-10s  ", a.State, a.Key.Kind)
	if a.Key.PageIndex != pipeline.NoPage {
		p.line = fmt.Appendf(p.line, "page %d", a.Key.PageIndex)
	}
	for _, name := range []string{a.Key.FigureName, a.Key.UpstreamName} {
		if name != "" {
			p.line = strconv.AppendQuote(append(p.line, ' '), name)
		}
	}
	var notes []string
	if a.Reason != "" {
		notes = append(notes, a.Reason)
	}
	if a.State == inventory.Failed {
		notes = append(notes, fmt.Sprintf("attempts: %d", a.Attempts))
	}
	notes = appendAccepted(notes, a.AcceptedAt)
	if a.MediaType != "" {
		notes = append(notes, human.Bytes(a.Size), a.MediaType)
	}
	if a.Width > 0 && a.Height > 0 {
		notes = append(notes, fmt.Sprintf("%dx%d", a.Width, a.Height))
	}
	if a.Category != "" {
		notes = append(notes, a.Category)
	}
	if a.Confidence != nil {
		notes = append(notes, "confidence "+strconv.FormatFloat(*a.Confidence, 'g', 3, 64))
	}
	if a.IsLikelyNoise != nil && *a.IsLikelyNoise {
		notes = append(notes, "likely noise")
	}
	if !a.Since.IsZero() {
		notes = append(notes, "since "+a.Since.Format(time.DateOnly))
	}
	p.notes(notes)
	return p.end()
}

// summary prints the sums.
func (p *lsPrinter) summary(s *inventory.Summary) error {
	if p.asJSON {
		text, err := json.Marshal(s)
		if err != nil {
			return err
		}
		p.line = append(append(p.line[:0], `{"type":"summary",`...), text[1:]...)
		return p.end()
	}
	line := func(name string, parts []string) {
		if len(parts) > 0 {
			p.line = fmt.Appendf(p.line, "%-8s %s\n", name, strings.Join(parts, ", "))
		}
	}
	p.line = p.line[:0]
	line("files", stateTexts(s.Files))
	assets := stateTexts(s.Assets)
	if s.Bytes > 0 {
		assets = append(assets, human.Bytes(s.Bytes))
	}
	line("assets", assets)
	line("skipped", countTexts(s.Skipped))
	line("failed", appendCount(countTexts(s.Failed), s.Accepted, "accepted"))
	for _, sums := range []struct {
		name string
		of   map[string]*inventory.Sum
	}{{"kind", s.Kinds}, {"noise", s.Noise}, {"year", s.Years}} {
		for i, of := range slices.Sorted(maps.Keys(sums.of)) {
			name, sum := sums.name, sums.of[of]
			if i > 0 {
				name = ""
			}
			if of == "" {
				of = "without a date"
			}
			parts := []string{fmt.Sprintf("%s: %d assets", of, sum.Assets)}
			if sum.Stored > 0 {
				parts = append(parts, fmt.Sprintf("%d stored", sum.Stored), human.Bytes(sum.Bytes))
			}
			line(name, parts)
		}
	}
	var missing []string
	if s.WithoutPictures > 0 {
		missing = append(missing, fmt.Sprintf("files without a picture: %d", s.WithoutPictures))
	}
	if s.MissingPages > 0 {
		missing = append(missing, fmt.Sprintf("pages: %d, in files: %d", s.MissingPages, s.FilesWithMissingPages))
	}
	line("missing", missing)
	if len(p.line) == 0 {
		line("nothing", []string{"is there, or matches" + p.otherwise})
	}
	_, err := p.out.Write(p.line)
	return err
}

// stateTexts says how many there are of each state, those that are well first.
func stateTexts(counts map[inventory.State]int64) (parts []string) {
	for _, s := range []inventory.State{
		inventory.Complete, inventory.Partial, inventory.Stored, inventory.Skipped, inventory.Failed, inventory.Missed, inventory.Vanished, inventory.Expired,
	} {
		parts = appendCount(parts, counts[s], string(s))
	}
	return parts
}

func countTexts(counts map[string]int64) (parts []string) {
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		parts = appendCount(parts, counts[name], name)
	}
	return parts
}
