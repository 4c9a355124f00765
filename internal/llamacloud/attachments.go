package llamacloud

import (
	"context"
	"errors"
	"iter"
	"net/http"
	"net/url"

	"exporter/pipeline"
)

const (
	attachmentsRoute = "/api/v1/beta/attachments"
	attachmentRoute  = "/api/v1/beta/attachments/{attachment_name}"
)

// Attachment is what an index has stored beside a file, such as "screenshots/page_1.jpg". All of it is the server's word,
// unchecked.
type Attachment struct {
	Item
	// Name may be any text but the empty one.
	Name string
	// Size is in bytes.
	Size         Optional[int64]
	LastModified Optional[Timestamp]
}

// readAttachment reads an item, which has to have a name.
func readAttachment(o *object, v value) (a Attachment) {
	if a.Malformed = o.parse(v); a.Malformed == nil {
		a.Name, a.Malformed = need(o, "name", value.text)
		if a.Name == "" && a.Malformed == nil {
			a.Malformed = errors.New("name is empty")
		}
		a.Size = o.integer("size")
		a.LastModified = o.timestamp("last_modified")
	}
	a.finish(o, v)
	a.identify(v, a.Name)
	return a
}

// Attachments lists the attachments of a source, which is a stored file or a directory file. Items may be malformed. An error ends
// the sequence, which then is not complete. A deployment without attachments answers 404.
func (c *Client) Attachments(ctx context.Context, source pipeline.ID) iter.Seq2[Attachment, error] {
	r := listRequest{
		route: attachmentsRoute, query: url.Values{"source_id": {string(source)}}, size: maxPageSize, single: true,
	}
	return pages(ctx, c, r, readAttachment)
}

// AttachmentURL returns a link to an attachment of a source.
func (c *Client) AttachmentURL(ctx context.Context, source pipeline.ID, name string) (PresignedURL, error) {
	k, err := c.attachmentCall(source, name)
	if err != nil {
		return PresignedURL{}, err
	}
	return k.presigned(ctx)
}

func (c *Client) attachmentCall(source pipeline.ID, name string) (*call, error) {
	return c.newSingleCall(attachmentRoute, url.Values{"source_id": {string(source)}}, nameSegment(name))
}

// newSingleCall returns a call that asks for one file or asset.
func (c *Client) newSingleCall(route string, query url.Values, segments ...segment) (*call, error) {
	k, err := c.newCall(http.MethodGet, route, query, segments...)
	if err == nil {
		k.single = true
	}
	return k, err
}
