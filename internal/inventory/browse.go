package inventory

import (
	"context"
	"iter"
	"slices"
	"strings"

	"exporter/manifest"
	"exporter/pipeline"
)

// Choice says which assets or files are looked at, in the order of their keys. The zero value is all of them.
type Choice struct {
	// Where leaves those for which a condition holds, which is to fit them; nil for all.
	Where *Where
	// Of leaves the assets of one owner; nil for all.
	Of *pipeline.Owner
	// From is the key of the first asset, and FromFile that of the first file; nil for the first there is. Neither has to be there.
	From     *pipeline.AssetKey
	FromFile *pipeline.FileKey
	// Pages leaves the assets of some pages; nil for all.
	Pages *PageSet
	// Name leaves those whose display_name has this text in it, in whatever case; empty for all.
	Name string
	// Skip is how many of these are left out before the first.
	Skip int64
	// Columns are read beside those of the key, by their names; All reads all of them.
	Columns []string
	All     bool
}

// Assets yields the chosen assets. Each is valid until the next one is asked for.
func (v *Inventory) Assets(ctx context.Context, c Choice) iter.Seq2[*Asset, error] {
	return eachOf(v.chosenAssets(ctx, c), v.asset)
}

// AssetKeys yields functions that return the keys of the chosen assets: to make a key takes longer than to pass one over.
func (v *Inventory) AssetKeys(ctx context.Context, c Choice) iter.Seq2[func() pipeline.AssetKey, error] {
	return keysOf(v.chosenAssets(ctx, c), v.assetKey)
}

func (v *Inventory) chosenAssets(ctx context.Context, c Choice) iter.Seq2[manifest.Record, error] {
	q := manifest.Query{Of: c.Of, FromAsset: c.From, Skip: c.Skip, Columns: v.assets.all()}
	if !c.All {
		q.Columns = append(v.assets.some(c.Columns...), v.ofAsset.key()...)
	}
	if c.Where != nil {
		c.Where.test(v.assets, c.Where.assets, &q)
	}
	if c.Pages != nil {
		c.Pages.test(v, &q)
	}
	testName(&q, v.ofAsset.name, c.Name)
	return v.snapshot.QueryAssets(ctx, q)
}

// Files yields the chosen files. Each is valid until the next one is asked for.
func (v *Inventory) Files(ctx context.Context, c Choice) iter.Seq2[*File, error] {
	return eachOf(v.chosenFiles(ctx, c), v.file)
}

// FileKeys is AssetKeys of files.
func (v *Inventory) FileKeys(ctx context.Context, c Choice) iter.Seq2[func() pipeline.FileKey, error] {
	return keysOf(v.chosenFiles(ctx, c), v.fileKey)
}

func (v *Inventory) chosenFiles(ctx context.Context, c Choice) iter.Seq2[manifest.Record, error] {
	q := manifest.Query{From: c.FromFile, Skip: c.Skip, Columns: v.files.all()}
	if !c.All {
		q.Columns = append(v.files.some(c.Columns...), v.ofFile.jobID, v.ofFile.fileID, v.ofFile.entryID)
	}
	if c.Where != nil {
		c.Where.test(v.files, c.Where.files, &q)
	}
	testName(&q, v.ofFile.name, c.Name)
	return v.snapshot.QueryFiles(ctx, q)
}

// eachOf yields what a function makes of records.
func eachOf[T any](records iter.Seq2[manifest.Record, error], of func(manifest.Record) *T) iter.Seq2[*T, error] {
	return func(yield func(*T, error) bool) {
		for r, err := range records {
			if err != nil {
				yield(nil, err)
				return
			}
			if !yield(of(r), nil) {
				return
			}
		}
	}
}

func keysOf[K any](records iter.Seq2[manifest.Record, error], of func(manifest.Record) K) iter.Seq2[func() K, error] {
	return func(yield func(func() K, error) bool) {
		var now manifest.Record
		key := func() K { return of(now) }
		for r, err := range records {
			if now = r; !yield(key, err) || err != nil {
				return
			}
		}
	}
}

// Count returns how many assets and files there are; isExact is false where that is the most that there may be.
func (v *Inventory) Count() (assets, files int64, isExact bool) { return v.snapshot.Count() }

// PageSet is some pages of files and parse jobs. Assets of which the API did not say the number of the page are on none of them.
type PageSet struct{ pages map[pageKey]struct{} }

// pageKey is what the page of an asset and a row of pages.parquet have in common.
type pageKey struct {
	owner  pipeline.Owner
	number int32
}

// Len returns how many pages there are.
func (s *PageSet) Len() int { return len(s.pages) }

// PagesWith returns the pages whose text has a text in it, in whatever case: most of them at most, and whether these are all.
func (v *Inventory) PagesWith(ctx context.Context, text string, most int) (found *PageSet, isWhole bool, err error) {
	found, text = &PageSet{map[pageKey]struct{}{}}, strings.ToLower(text)
	for p, err := range v.snapshot.PagesFrom(ctx, pipeline.Owner{}, "text", "markdown") {
		if err != nil {
			return nil, false, err
		}
		if !hasText(p.Text, text) && !hasText(p.Markdown, text) {
			continue
		}
		if len(found.pages) == most {
			return found, false, nil
		}
		found.pages[pageKey{p.Owner, p.PageNumber}] = struct{}{}
	}
	return found, true, nil
}

func hasText(in *string, text string) bool {
	return in != nil && strings.Contains(strings.ToLower(*in), text)
}

// HasPages tells whether any page has a row. Where all are lost, that is a *pipeline.DamageError.
func (v *Inventory) HasPages(ctx context.Context) (bool, error) {
	for _, err := range v.snapshot.PagesFrom(ctx, pipeline.Owner{}) {
		return err == nil, err
	}
	return false, v.snapshot.LostPages(ctx)
}

// PagesOf yields the rows of the pages of a file or a parse job, by their numbers, without what is on them.
func (v *Inventory) PagesOf(ctx context.Context, of pipeline.Owner) iter.Seq2[*pipeline.PageRow, error] {
	return func(yield func(*pipeline.PageRow, error) bool) {
		for p, err := range v.snapshot.PagesFrom(ctx, of, "text", "markdown", "width", "height", "error") {
			if err == nil && p.Owner != of || !yield(p, err) || err != nil {
				return
			}
		}
	}
}

// Page returns the row of a page, by its number from 1 on; nil where there is none.
func (v *Inventory) Page(ctx context.Context, of pipeline.Owner, number int32) (*pipeline.PageRow, error) {
	for p, err := range v.PagesOf(ctx, of) {
		if err != nil || p.PageNumber == number {
			return p, err
		}
		if p.PageNumber > number {
			break
		}
	}
	return nil, nil
}

// test adds to a query that assets are to be of the pages.
func (s *PageSet) test(v *Inventory, q *manifest.Query) {
	c := &v.ofAsset
	q.Tests = append(slices.Clone(q.Tests), c.fileID, c.jobID, c.pageNumber)
	also(q, func(r manifest.Record) bool {
		owner := pipeline.Owner{FileID: pipeline.ID(r.Text(c.fileID)), JobID: pipeline.ID(r.Text(c.jobID))}
		_, ok := s.pages[pageKey{owner, int32(r.Int(c.pageNumber))}]
		return ok
	})
}

// testName adds to a query that a column of names is to have a text in it.
func testName(q *manifest.Query, column int, text string) {
	if text == "" {
		return
	}
	text = strings.ToLower(text)
	q.Tests = append(slices.Clone(q.Tests), column)
	also(q, func(r manifest.Record) bool { return strings.Contains(strings.ToLower(r.Text(column)), text) })
}

// also adds a condition to a query, which is asked where the others hold.
func also(q *manifest.Query, holds func(manifest.Record) bool) {
	before := q.Matches
	q.Matches = func(r manifest.Record) bool { return (before == nil || before(r)) && holds(r) }
}
