package llamacloud

import (
	"cmp"
	"context"
	"errors"
	"net/url"

	"exporter/pipeline"
)

// ParseImage is a picture among the results of a parse job. All of it is the server's word, unchecked.
type ParseImage struct {
	Item
	// Filename may be any text but the empty one.
	Filename string
	Index    Optional[int64]
	// Category is "screenshot", "embedded" or "layout".
	Category    Optional[string]
	ContentType Optional[string]
	// Link is where the picture is; it expires.
	Link Optional[PresignedURL]
	// BBox is where it is on its page.
	BBox Optional[BBox]
	// SizeBytes is null as a rule.
	SizeBytes Optional[int64]
}

// BBox is a box on a page.
type BBox struct{ X, Y, Width, Height float64 }

func (v value) bbox() (b BBox, err error) {
	var o object
	if err := o.parse(v); err != nil {
		return b, err
	}
	for _, side := range []struct {
		name string
		to   *float64
	}{{"x", &b.X}, {"y", &b.Y}, {"w", &b.Width}, {"h", &b.Height}} {
		if *side.to, err = need(&o, side.name, value.number); err != nil {
			return BBox{}, err
		}
	}
	return b, nil
}

func (v value) link() (PresignedURL, error) {
	text, err := v.text()
	return linkOf(text), err
}

// readParseImage reads an item, which has to have a filename.
func readParseImage(o *object, v value) (i ParseImage) {
	if i.Malformed = o.parse(v); i.Malformed == nil {
		i.Filename, i.Malformed = need(o, "filename", value.text)
		if i.Filename == "" && i.Malformed == nil {
			i.Malformed = errors.New("filename is empty")
		}
		i.Index = o.integer("index")
		i.Category = o.text("category")
		i.ContentType = o.text("content_type")
		i.Link = read(o, "presigned_url", value.link)
		i.BBox = read(o, "bbox", value.bbox)
		i.SizeBytes = o.integer("size_bytes")
	}
	i.finish(o, v)
	return i
}

// ParseImages is what an answer for the pictures of a job says beside them.
type ParseImages struct {
	// Job is as it was when the pictures were listed: unless it is completed, others may come.
	Job ParseJob
	// IsList tells that there was a list of pictures, which may be empty.
	IsList bool
	// Total is how many pictures there are by the API's count.
	Total Optional[int64]
}

// ParseJobImages calls do with the pictures of a parse job, once all have been listed. Items may be malformed. An error of do is
// returned as it is.
func (c *Client) ParseJobImages(ctx context.Context, id pipeline.ID, do func(*ParseImage) error) (all ParseImages, err error) {
	const list = "images_content_metadata"
	k, err := c.newSingleCall(parseJobRoute, url.Values{"expand": {list}}, idSegment(id))
	if err != nil {
		return all, err
	}
	images := c.newRecords()
	defer func() { err = cmp.Or(err, images.reset()) }()
	err = k.record(ctx, []*records{images}, func(s *stream) (err error) {
		all = ParseImages{}
		all.Job, err = s.parseJob(func(name string) (bool, error) {
			if name != list {
				return false, nil
			}
			others, err := s.record("images", images, allTo(images))
			all.IsList, all.Total = images.isList, others.integer("total_count")
			return true, err
		})
		return err
	})
	if err != nil {
		return all, err
	}
	c.cleanItem(&all.Job.Item)
	return all, each(c, images.inOrder(), readParseImage, do)
}
