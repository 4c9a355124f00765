package dataset

import (
	"context"
	"iter"
	"slices"

	"exporter/internal/media"
	"exporter/pipeline"
)

// Reason is why a picture is left out.
type Reason string

// The reasons that a row alone gives, and for which pictures are counted. One that is not stored, and a document, is none.
const (
	ReasonWhere      Reason = "where"
	ReasonNoise      Reason = "noise"
	ReasonConfidence Reason = "confidence"
	ReasonSize       Reason = "size"
	// ReasonFormat is that of pictures that Pillow does not open, and ReasonHeader of those whose header tells no size.
	ReasonFormat Reason = "format"
	ReasonHeader Reason = "header"
	// ReasonLarge is that of pictures that are too large for a page of Parquet, and to be in memory.
	ReasonLarge Reason = "large"
	// ReasonSplit is that of pictures whose document has been given no split.
	ReasonSplit Reason = "split"
	// ReasonSample is that of those that were not chosen by chance.
	ReasonSample Reason = "sample"
)

// The reasons for which pictures are counted and listed.
const (
	// ReasonExport is that of pictures that an export has which was named before.
	ReasonExport Reason = "export"
	// ReasonDuplicate is that of pictures that have the bytes of one before, and ReasonLeak of those that have the bytes of one in another split.
	ReasonDuplicate Reason = "duplicate"
	ReasonLeak      Reason = "leak"
	// ReasonUndecodable is that of pictures that no decoder takes, and ReasonDamaged of those whose bytes are not those of the export.
	ReasonUndecodable Reason = "undecodable"
	ReasonDamaged     Reason = "damaged"
)

// candidates yields all stored pictures of exports, sorted by key, and why each of them is left out; "" where it may be taken.
type candidates struct {
	options *Options
	exports exports
	splits  *splitter
}

// candidate is a picture that may be taken.
type candidate struct {
	Sample
	// split is the number of its split; -1 where it is in none.
	split int
	// reason is why it is left out.
	reason Reason
	// boxes are the pictures on the page of a screenshot, in the units of the page, sorted by key.
	boxes []placed
}

// placed is a picture on a page.
type placed struct {
	pipeline.Box
	Object
}

// all yields every candidate. It is valid until the next one.
func (c *candidates) all(ctx context.Context) iter.Seq2[*candidate, error] {
	return func(yield func(*candidate, error) bool) {
		r := newJoiner(ctx, c)
		defer r.close()
		var before pipeline.AssetKey
		for row, err := range c.exports.rows(ctx) {
			if err != nil {
				yield(nil, err)
				return
			}
			r.notePlace(row)
			if row.Status != pipeline.Stored || !slices.Contains(c.options.Kinds, row.Kind) {
				continue
			}
			r.shareFile(row.Row)
			key := row.Key()
			found := &candidate{Sample: Sample{Row: row.Row, from: row.from}, split: -1}
			if key == before {
				found.reason = ReasonExport
			} else if err := r.complete(ctx, found); err != nil {
				yield(nil, err)
				return
			} else {
				found.reason = c.judge(found)
			}
			before = key
			if !yield(found, nil) {
				return
			}
		}
	}
}

// judge returns why a candidate is left out by what its row says, and finds its split.
func (c *candidates) judge(s *candidate) Reason {
	o, row := c.options, s.Row
	switch {
	case !o.AnyFormat && !opensInPillow(row.Content.MediaType):
		return ReasonFormat
	case row.Content.Width <= 0 || row.Content.Height <= 0:
		return ReasonHeader
	case row.Content.Size > largestPicture:
		return ReasonLarge
	case o.NoNoise && row.IsLikelyNoise != nil && *row.IsLikelyNoise:
		return ReasonNoise
	case row.Confidence != nil && *row.Confidence < o.MinConfidence:
		return ReasonConfidence
	case int(row.Content.Width) < o.MinWidth || int(row.Content.Height) < o.MinHeight:
		return ReasonSize
	case o.Where != nil && !o.Where.Holds(&s.Sample):
		return ReasonWhere
	}
	if s.split = c.splits.of(&s.Sample); s.split < 0 {
		return ReasonSplit
	}
	return ""
}

// opensInPillow tells whether Pillow 12 opens pictures of a type without plugins of others.
func opensInPillow(mediaType string) bool {
	switch mediaType {
	case media.JPEG, media.PNG, media.WebP, media.GIF, media.TIFF, media.BMP, media.AVIF, media.JP2, media.JPX, media.J2C, media.ICO:
		return true
	}
	return false
}

// joiner completes candidates by the rows of their files, their pages and what lies on these.
type joiner struct {
	of    *candidates
	files []*fileCursor
	pages []*pageCursor
	// owner is that of the rows of an export that come now, and places has the pictures on each of its pages, which come before the
	// screenshots.
	owner  pipeline.Owner
	from   int
	places map[int32][]placed
	// file is that of the row before.
	file *pipeline.File
}

func newJoiner(ctx context.Context, c *candidates) *joiner {
	j := &joiner{of: c, places: map[int32][]placed{}}
	for _, s := range c.exports {
		if c.options.needs("unique_id") || c.options.SplitBy == SplitByUniqueID {
			j.files = append(j.files, newFileCursor(ctx, s))
		}
		if c.options.Where != nil && c.options.needs("text") {
			j.pages = append(j.pages, newPageCursor(s, c.options.Text))
		}
	}
	return j
}

func (j *joiner) close() {
	for _, f := range j.files {
		f.stop()
	}
	for _, p := range j.pages {
		p.close()
	}
}

// notePlace keeps where on its page a picture is. Rows of an owner come one after the other from each export.
func (j *joiner) notePlace(row numberedRow) {
	if owner := row.Key().Owner(); owner != j.owner {
		j.owner, j.from = owner, row.from
		clear(j.places)
	}
	d := row.Details
	if d == nil || d.Box == nil || d.PageNumber == nil || row.Kind != pipeline.Figure || row.from != j.from || row.IsGone() ||
		row.Status == pipeline.Skipped && row.Reason == pipeline.ReasonPruned {
		return
	}
	j.places[*d.PageNumber] = append(j.places[*d.PageNumber], placed{*d.Box, Object{
		Category: d.Category, Label: d.Label, UpstreamName: d.UpstreamName, Caption: d.Caption, Confidence: row.Confidence,
	}})
}

// shareFile gives rows that follow each other one file, as far as they say the same of it: many of them are in memory at once.
func (j *joiner) shareFile(row *pipeline.Row) {
	a, b := j.file, row.File
	if a != nil && b != nil && a.ID == b.ID && a.JobID == b.JobID && a.DirectoryID == b.DirectoryID && a.UpdatedAt.Equal(b.UpdatedAt) &&
		(a.DisplayName == nil) == (b.DisplayName == nil) && (a.DisplayName == nil || *a.DisplayName == *b.DisplayName) {
		row.File = a
		return
	}
	j.file = b
}

// complete adds what is asked for before it is known whether a picture is taken, and what costs nothing.
func (j *joiner) complete(ctx context.Context, s *candidate) (err error) {
	owner := s.Row.Key().Owner()
	number := s.Row.Detail().PageNumber
	if s.Row.Kind == pipeline.Screenshot && number != nil {
		s.boxes = slices.Clone(j.places[*number])
	}
	if j.files != nil {
		if s.File, err = j.files[s.from].find(ctx, owner); err != nil {
			return err
		}
	}
	if j.pages != nil && s.Row.Kind == pipeline.Screenshot && number != nil {
		page, err := j.pages[s.from].find(ctx, owner, *number)
		if err != nil {
			return err
		}
		s.Text = j.of.options.textOf(page)
	}
	return nil
}

// scale returns what lies on a page as objects in the pixels of its screenshot. What is not within it is cut, and left out where nothing is
// left. Where the size of the page is not known, nothing is.
func scale(boxes []placed, page *pipeline.PageRow, row *pipeline.Row) (objects []Object) {
	if page == nil || page.Width == nil || page.Height == nil || !(*page.Width > 0) || !(*page.Height > 0) {
		return nil
	}
	width, height := float64(row.Content.Width), float64(row.Content.Height)
	across, down := width / *page.Width, height / *page.Height
	for _, b := range boxes {
		left, right := max(0, b.X*across), min(width, (b.X+b.Width)*across)
		top, bottom := max(0, b.Y*down), min(height, (b.Y+b.Height)*down)
		if !(left < right && top < bottom) {
			continue
		}
		b.Object.Box = [4]float64{left, top, right - left, bottom - top}
		objects = append(objects, b.Object)
	}
	return objects
}
