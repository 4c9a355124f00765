package llamacloud

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/url"

	"exporter/pipeline"
)

// ParsePage is what a parse job made of the text of a page. All of it is the server's word, unchecked.
type ParsePage struct {
	// Malformed is not nil for what comes without the number of its page.
	Item
	// PageNumber counts from 1 by its text.
	PageNumber int32
	// Text, Markdown and Items are absent where the API has nothing of this page. Items is compacted, in the API's order and spelling.
	Text     Optional[string]
	Markdown Optional[string]
	Items    Optional[json.RawMessage]
	// MarkdownError and ItemsError say why there is no Markdown and there are no Items.
	MarkdownError, ItemsError Optional[string]
	// Width and Height are in points.
	Width, Height Optional[float64]
}

// pageParts are the results of a job that have a list of pages, with what each says of a page.
var pageParts = [...]struct {
	name string
	read func(*ParsePage, *object)
}{
	{"text", func(p *ParsePage, o *object) { p.Text = o.text("text") }},
	{"markdown", func(p *ParsePage, o *object) {
		p.Markdown = o.text("markdown")
		p.MarkdownError = o.failure(p.Markdown.Ptr() == nil)
	}},
	{"items", func(p *ParsePage, o *object) {
		p.Items = o.document("items")
		p.ItemsError = o.failure(p.Items.Ptr() == nil)
		p.Width, p.Height = o.number("page_width"), o.number("page_height")
	}},
}

// failure returns why a page failed; absent where it did not. That it did need not be said where it has nothing.
func (o *object) failure(isEmpty bool) Optional[string] {
	why := o.text("error")
	if succeeded, said := o.boolean("success").Get(); said && !succeeded {
		return Value(why.Or(""))
	}
	if isEmpty {
		return why
	}
	return Optional[string]{}
}

// ParseJobPages calls do with the pages of a parse job in the order of their numbers, once all have come. At the end come those
// without a number, which are malformed. An error of do is returned as it is. Unless the returned job is completed, there may be
// more.
func (c *Client) ParseJobPages(ctx context.Context, id pipeline.ID, do func(*ParsePage) error) (job ParseJob, err error) {
	query := url.Values{}
	for _, part := range pageParts {
		query.Add("expand", part.name)
	}
	k, err := c.newSingleCall(parseJobRoute, query, idSegment(id))
	if err != nil {
		return job, err
	}
	p := newParsedPages(c)
	defer func() {
		for _, r := range p.all() {
			err = cmp.Or(err, r.reset())
		}
	}()
	err = k.record(ctx, p.all(), func(s *stream) error {
		job, err = s.parseJob(func(name string) (bool, error) { return p.take(s, name) })
		return err
	})
	if err != nil {
		return job, err
	}
	c.cleanItem(&job.Item)
	return job, p.join(do)
}

// parsedPages has the lists of pages of a job until they are joined.
type parsedPages struct {
	client *Client
	parts  [len(pageParts)]*records
	// strays have no number; their key is that of their part.
	strays *records
}

func newParsedPages(c *Client) *parsedPages {
	p := &parsedPages{client: c, strays: c.newRecords()}
	for i := range p.parts {
		p.parts[i] = c.newRecords()
	}
	return p
}

func (p *parsedPages) all() []*records { return append(p.parts[:], p.strays) }

// take takes a result of the job, if it has a list of pages.
func (p *parsedPages) take(s *stream, name string) (taken bool, err error) {
	for i, part := range pageParts {
		if part.name != name {
			continue
		}
		_, err := s.record("pages", p.parts[i], func(o *object, v value) (*records, int32) {
			if number, err := pageNumber(o, v); err == nil {
				return p.parts[i], number
			}
			return p.strays, int32(i)
		})
		return true, err
	}
	return false, nil
}

func pageNumber(o *object, v value) (int32, error) {
	if err := o.parse(v); err != nil {
		return 0, err
	}
	return need(o, "page_number", value.pageIndex)
}

// join calls do with the pages.
func (p *parsedPages) join(do func(*ParsePage) error) error {
	var parts [len(pageParts)]partReader
	for i := range parts {
		pages, err := p.parts[i].byKey()
		if err != nil {
			return err
		}
		parts[i].recordReader = pages
		if err := parts[i].advance(); err != nil {
			return err
		}
	}
	for {
		number := int64(math.MaxInt64)
		for i := range parts {
			number = min(number, parts[i].number)
		}
		if number == math.MaxInt64 {
			return p.joinStrays(do)
		}
		page := &ParsePage{PageNumber: int32(number)}
		for i := range parts {
			for again := false; parts[i].number == number; again = true {
				page.add(i, parts[i].page)
				if again {
					page.Odd = append(page.Odd, pipeline.Oddity{Field: pageParts[i].name + ".page_number", Value: parts[i].page.start()})
				}
				if err := parts[i].advance(); err != nil {
					return err
				}
			}
		}
		if err := p.give(page, do); err != nil {
			return err
		}
	}
}

// joinStrays calls do with what has no number.
func (p *parsedPages) joinStrays(do func(*ParsePage) error) error {
	for strays := p.strays.inOrder(); ; {
		part, v, err := strays.next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		page := &ParsePage{}
		var o object
		_, page.Malformed = pageNumber(&o, v)
		page.Malformed = fmt.Errorf("%s: %w in %s", pageParts[part].name, page.Malformed, v.start())
		page.add(int(part), v)
		if err := p.give(page, do); err != nil {
			return err
		}
	}
}

func (p *parsedPages) give(page *ParsePage, do func(*ParsePage) error) error {
	p.client.cleanItem(&page.Item)
	return do(page)
}

// add takes in what a result of the job says of the page.
func (p *ParsePage) add(part int, v value) {
	var o object
	if o.parse(v) != nil {
		return
	}
	pageParts[part].read(p, &o)
	for _, odd := range o.odd {
		odd.Field = pageParts[part].name + "." + odd.Field
		p.Odd = append(p.Odd, odd)
	}
}

// partReader reads the pages of a result by their numbers. The number is math.MaxInt64 when there is none left.
type partReader struct {
	*recordReader
	number int64
	page   value
}

func (r *partReader) advance() error {
	number, page, err := r.next()
	if r.number, r.page = int64(number), page; err == io.EOF {
		r.number, err = math.MaxInt64, nil
	}
	return err
}
