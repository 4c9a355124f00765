package view

import (
	"fmt"
	"math"
	"net/url"
	"strconv"
	"strings"

	"exporter/internal/inventory"
	"exporter/pipeline"
)

// Filter says which pictures are looked at. The zero value is all of them.
type Filter struct {
	// Kind is that of assets; empty for any.
	Kind pipeline.Kind `json:"kind,omitempty"`
	// State is stored, skipped, failed, or gone, which is what is not listed upstream any more; empty for any.
	State string `json:"state,omitempty"`
	// Noise is yes or no, of figures that are likely noise; empty for any.
	Noise string `json:"noise,omitempty"`
	// MinConfidence is from 0 to 1, MinSize and MaxSize are in bytes. What has none is not left by any bound, also by one of 0.
	MinConfidence bound[float64] `json:"confidence,omitzero"`
	MinSize       bound[int64]   `json:"min,omitzero"`
	MaxSize       bound[int64]   `json:"max,omitzero"`
	// Text is in the text of the page, and Name in the name of the file, in whatever case.
	Text string `json:"text,omitempty"`
	Name string `json:"name,omitempty"`
	// Owner is the file or the parse job that they are of; the zero value for any.
	Owner pipeline.Owner `json:"-"`
	// Where is a condition on columns, as "exporter ls --where" takes it.
	Where string `json:"where,omitempty"`
}

// bound is a number that others are compared with. The zero value is none.
type bound[T int64 | float64] struct {
	Value T
	IsSet bool
}

// longestText is how long a text of a filter is at most.
const longestText = 1000

// The states of a filter, beside those of an asset.
const (
	stateGone = "gone"
	yes       = "yes"
	no        = "no"
)

// ParseFilter reads a filter from the parameters of an address: those that the JSON of a Filter has, and file and job.
func ParseFilter(q url.Values) (f Filter, err error) {
	f = Filter{
		Kind: pipeline.Kind(q.Get("kind")), State: q.Get("state"), Noise: q.Get("noise"), Text: q.Get("text"), Name: q.Get("name"), Where: q.Get("where"),
	}
	if f.Owner, err = parseOwner(q); err != nil {
		return f, err
	}
	for name, to := range map[string]*bound[int64]{"min": &f.MinSize, "max": &f.MaxSize} {
		if text := q.Get(name); text != "" {
			n, err := strconv.ParseInt(text, 10, 64)
			if err != nil || n < 0 {
				return f, badRequest("%s %q: want a number of bytes", name, text)
			}
			*to = bound[int64]{n, true}
		}
	}
	if text := q.Get("confidence"); text != "" {
		n, err := strconv.ParseFloat(text, 64)
		if err != nil || math.IsNaN(n) || n < 0 || n > 1 {
			return f, badRequest("confidence %q: want a number from 0 to 1", text)
		}
		f.MinConfidence = bound[float64]{n, true}
	}
	switch {
	case f.Kind != "" && f.Kind != pipeline.Screenshot && f.Kind != pipeline.Figure && f.Kind != pipeline.Document:
		return f, badRequest("kind %q: want screenshot, figure or document", f.Kind)
	case f.State != "" && f.State != string(inventory.Stored) && f.State != string(inventory.Skipped) && f.State != string(inventory.Failed) && f.State != stateGone:
		return f, badRequest("state %q: want stored, skipped, failed or gone", f.State)
	case f.Noise != "" && f.Noise != yes && f.Noise != no:
		return f, badRequest("noise %q: want yes or no", f.Noise)
	case len(f.Text) > longestText || len(f.Name) > longestText:
		return f, badRequest("the text has more than %d bytes", longestText)
	}
	return f, nil
}

// parseOwner reads the ids of a file and of a parse job, either of which may be missing.
func parseOwner(q url.Values) (o pipeline.Owner, err error) {
	for name, to := range map[string]*pipeline.ID{"file": &o.FileID, "job": &o.JobID} {
		if text := q.Get(name); text != "" {
			if *to, err = pipeline.ParseID(text); err != nil {
				return o, badRequest("%s: %w", name, err)
			}
		}
	}
	return o, nil
}

// String returns the same text for filters that are the same.
func (f *Filter) String() string { return fmt.Sprintf("%#v", *f) }

// where returns the condition of the filter on assets; nil for all of them.
func (f *Filter) where() (*inventory.Where, error) {
	const isGone = "(missed_at is not null or vanished_at is not null or expired_at is not null)"
	var all []string
	add := func(format string, args ...any) { all = append(all, fmt.Sprintf(format, args...)) }
	if f.Kind != "" {
		add("kind = '%s'", f.Kind)
	}
	switch f.State {
	case "":
	case stateGone:
		add(isGone)
	default:
		add("status = '%s' and not %s", f.State, isGone)
	}
	switch f.Noise {
	case yes:
		add("is_likely_noise")
	case no:
		add("(is_likely_noise is null or not is_likely_noise)")
	}
	if f.MinConfidence.IsSet {
		add("confidence >= %s", strconv.FormatFloat(f.MinConfidence.Value, 'f', -1, 64))
	}
	if f.MinSize.IsSet {
		add("size >= %d", f.MinSize.Value)
	}
	if f.MaxSize.IsSet {
		add("size <= %d", f.MaxSize.Value)
	}
	if f.Where != "" {
		w, err := inventory.ParseWhere(f.Where)
		switch {
		case err != nil:
			return nil, badRequest("condition: %w", err)
		case !w.FitsAssets():
			return nil, badRequest("condition: it is on columns of files.parquet alone: want columns of manifest.parquet")
		}
		add("(%s)", f.Where)
	}
	return parseWhere(all)
}

// whereFiles returns the condition of the filter on files; nil for all of them. Of what is on assets it knows the state alone.
func (f *Filter) whereFiles() (*inventory.Where, error) {
	const isGone = "(missed_at is not null or vanished_at is not null or expired_at is not null)"
	switch f.State {
	case "":
		return nil, nil
	case stateGone:
		return inventory.ParseWhere(isGone)
	case string(inventory.Failed):
		return inventory.ParseWhere("status in ('failed', 'partial') and not " + isGone)
	case string(inventory.Stored):
		return inventory.ParseWhere("status = 'complete' and not " + isGone)
	}
	return inventory.ParseWhere("status = 'skipped' and not " + isGone)
}

func parseWhere(all []string) (*inventory.Where, error) {
	if len(all) == 0 {
		return nil, nil
	}
	return inventory.ParseWhere(strings.Join(all, " and "))
}
