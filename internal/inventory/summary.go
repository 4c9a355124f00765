package inventory

import (
	"strings"
	"time"

	"exporter/manifest"
)

// Summary sums up what was listed. Its JSON is the last line of ls --json.
type Summary struct {
	// Files counts files and jobs by state; WithoutPictures have none listed, MissingPages are missing between others, in FilesWithMissingPages.
	Files                 map[State]int64 `json:"files"`
	WithoutPictures       int64           `json:"files_without_pictures"`
	FilesWithMissingPages int64           `json:"files_with_missing_pages"`
	MissingPages          int64           `json:"missing_pages"`
	// Assets counts assets by state; Bytes is the size of those that are stored, gone or not.
	Assets map[State]int64 `json:"assets"`
	Bytes  int64           `json:"bytes"`
	// Skipped counts those that were skipped by reason, Failed those that failed by the class of their reason.
	Skipped map[string]int64 `json:"skipped"`
	Failed  map[string]int64 `json:"failed"`
	// Accepted counts the failed assets and files that were accepted.
	Accepted int64 `json:"accepted"`
	// Kinds, Years and Noise count assets: by their kind, by the year of their file's date ("" where it has none), and by is_likely_noise ("true" or
	// "false") where that is known.
	Kinds map[string]*Sum `json:"kinds"`
	Years map[string]*Sum `json:"years"`
	Noise map[string]*Sum `json:"noise"`
}

// Sum is how many assets there are of some sort, how many of them are stored, and their bytes.
type Sum struct {
	Assets int64 `json:"assets"`
	Stored int64 `json:"stored"`
	Bytes  int64 `json:"bytes"`
}

func newSummary() *Summary {
	return &Summary{
		Files: map[State]int64{}, Assets: map[State]int64{}, Skipped: map[string]int64{}, Failed: map[string]int64{},
		Kinds: map[string]*Sum{}, Years: map[string]*Sum{}, Noise: map[string]*Sum{},
	}
}

// addFile adds a file.
func (s *Summary) addFile(f *File) {
	s.Files[f.State]++
	if f.State != Complete && f.State != Partial {
		return
	}
	if !f.HasPictures() {
		s.WithoutPictures++
	}
	if f.MissingPages != nil && *f.MissingPages > 0 {
		s.FilesWithMissingPages++
		s.MissingPages += *f.MissingPages
	}
}

// counter adds assets to a summary. Most of a million rows say what the one before them does.
type counter struct {
	*Summary
	of *assetColumns
	// kind, year and noise are the sums that counted last, kindText and noiseText what they are of.
	kindText, noiseText string
	kind, year, noise   *Sum
	// from and to are the moments of the year, in microseconds.
	from, to int64
}

// add adds the asset of a row.
func (c *counter) add(r manifest.Record) {
	state, _ := item{record: r}.state(c.of.status, c.of.missed, c.of.vanished, c.of.expired)
	c.Assets[state]++
	stored, size := r.Is(c.of.status, string(Stored)), int64(0)
	if stored {
		size = r.Int(c.of.size)
		c.Bytes += size
	}
	switch state {
	case Skipped:
		c.Skipped[r.Text(c.of.reason)]++
	case Failed:
		c.Failed[Class(r.Text(c.of.reason))]++
	}
	if c.kind == nil || !r.Is(c.of.kind, c.kindText) {
		c.kindText = r.Text(c.of.kind)
		c.kind = sumOf(c.Kinds, c.kindText)
	}
	c.kind.add(stored, size)
	c.yearOf(r).add(stored, size)
	if !r.IsNull(c.of.noise) {
		text := "false"
		if r.Bool(c.of.noise) {
			text = "true"
		}
		if c.noise == nil || text != c.noiseText {
			c.noiseText, c.noise = text, sumOf(c.Noise, text)
		}
		c.noise.add(stored, size)
	}
}

// yearOf returns the sum of the year of a row.
func (c *counter) yearOf(r manifest.Record) *Sum {
	if r.IsNull(c.of.updated) {
		return sumOf(c.Years, "")
	}
	at := r.Int(c.of.updated)
	if c.year == nil || at < c.from || at >= c.to {
		year := time.UnixMicro(at).UTC().Year()
		c.from = time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC).UnixMicro()
		c.to = time.Date(year+1, 1, 1, 0, 0, 0, 0, time.UTC).UnixMicro()
		c.year = sumOf(c.Years, time.UnixMicro(at).UTC().Format("2006"))
	}
	return c.year
}

func (s *Sum) add(stored bool, size int64) {
	s.Assets++
	if stored {
		s.Stored++
		s.Bytes += size
	}
}

func sumOf(sums map[string]*Sum, name string) *Sum {
	s := sums[name]
	if s == nil {
		s = &Sum{}
		sums[name] = s
	}
	return s
}

// Class returns the class of a reason, as in "http_404: …".
func Class(reason string) string {
	class, _, _ := strings.Cut(reason, ":")
	return class
}
