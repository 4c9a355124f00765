package manifest

import (
	"context"
	"encoding/json"
	"iter"
	"slices"

	"exporter/pipeline"
)

// pageRow is a row of pages.parquet and of page parts.
type pageRow struct {
	FileID     string          `parquet:"file_id,optional,dict"`
	JobID      string          `parquet:"job_id,optional,dict"`
	PageNumber int32           `parquet:"page_number"`
	Text       *string         `parquet:"text"`
	Markdown   *string         `parquet:"markdown"`
	Items      json.RawMessage `parquet:"items,string,optional"`
	Width      *float64        `parquet:"width"`
	Height     *float64        `parquet:"height"`
	Error      *string         `parquet:"error"`
}

// pageKeys are the columns of the keys of pages, in the order in which they are compared.
var pageKeys = [...]string{"file_id", "job_id", "page_number"}

func fromPageRow(r *pipeline.PageRow) pageRow {
	return pageRow{
		FileID: string(r.FileID), JobID: string(r.JobID), PageNumber: r.PageNumber,
		Text: r.Text, Markdown: r.Markdown, Items: nonEmpty(r.Items), Width: r.Width, Height: r.Height, Error: nonZero(r.Error),
	}
}

func (r *pageRow) owner() pipeline.Owner {
	return pipeline.Owner{FileID: pipeline.ID(r.FileID), JobID: pipeline.ID(r.JobID)}
}

// row is the inverse of fromPageRow.
func (r *pageRow) row() *pipeline.PageRow {
	return &pipeline.PageRow{
		Owner: r.owner(), PageNumber: r.PageNumber,
		Text: r.Text, Markdown: r.Markdown, Items: nonEmpty(r.Items), Width: r.Width, Height: r.Height, Error: zeroIfNil(r.Error),
	}
}

// pageKeys yields every page's key alone, without reading the texts.
func (s *Snapshot) pageKeys(ctx context.Context) iter.Seq2[*pipeline.PageRow, error] {
	return func(yield func(*pipeline.PageRow, error) bool) {
		if s.pagesDamage != nil {
			yield(nil, s.pagesDamage)
			return
		}
		var inputs []batches
		for _, t := range s.pages.tables() {
			inputs = append(inputs, t.columns(t.all(), t.layout.keys))
		}
		for r, err := range decoded[pageRow](withoutLost(withContext(ctx, merge(inputs, s.pages.compare)))) {
			if err != nil {
				yield(nil, err)
				return
			}
			if !yield(r.row(), nil) {
				return
			}
		}
	}
}

// CountPages returns how many pages have a row. It reads no texts.
func (s *Snapshot) CountPages(ctx context.Context) (count int64, err error) {
	for _, err := range s.pageKeys(ctx) {
		if err != nil {
			return 0, err
		}
		count++
	}
	return count, nil
}

// Pages yields every page's row, sorted by file, job and page number.
func (s *Snapshot) Pages(ctx context.Context) iter.Seq2[*pipeline.PageRow, error] {
	return func(yield func(*pipeline.PageRow, error) bool) {
		if s.pagesDamage != nil {
			yield(nil, s.pagesDamage)
			return
		}
		for r, err := range decoded[pageRow](s.pages.all(ctx)) {
			if err != nil {
				yield(nil, err)
				return
			}
			if !yield(r.row(), nil) {
				return
			}
		}
	}
}

// PagesFrom yields the rows of the pages of an owner and of all that follow it, as Pages does, with the key and the given columns alone. It
// reads little of what comes before.
func (s *Snapshot) PagesFrom(ctx context.Context, from pipeline.Owner, columns ...string) iter.Seq2[*pipeline.PageRow, error] {
	return func(yield func(*pipeline.PageRow, error) bool) {
		all, err := s.pagesFrom(ctx, from, columns)
		if err != nil {
			yield(nil, err)
			return
		}
		for r, err := range decoded[pageRow](all) {
			if err != nil {
				yield(nil, err)
				return
			}
			if !yield(r.row(), nil) {
				return
			}
		}
	}
}

func (s *Snapshot) pagesFrom(ctx context.Context, from pipeline.Owner, columns []string) (batches, error) {
	if s.pagesDamage != nil {
		return nil, s.pagesDamage
	}
	key := rowOf(s.pages.schema, &pageRow{FileID: string(from.FileID), JobID: string(from.JobID)})
	var inputs []batches
	for _, t := range s.pages.tables() {
		at, err := s.pages.findWithin(t, t.all(), key, ownerParts)
		if err != nil {
			return nil, err
		}
		wanted := slices.Clone(t.layout.keys)
		for at, field := range s.pages.schema.Fields() {
			if slices.Contains(columns, field.Name()) && t.layout.from[at] >= 0 {
				wanted = append(wanted, at)
			}
		}
		slices.Sort(wanted)
		inputs = append(inputs, t.columns(between(at.first, t.all().end()), wanted))
	}
	return withoutLost(withContext(ctx, merge(inputs, s.pages.compare))), nil
}
