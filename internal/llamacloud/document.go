package llamacloud

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"exporter/internal/media"
	"exporter/pipeline"
)

// document is what there is to be had of a file itself, for which nothing has to be asked.
func document(file *pipeline.File, room pipeline.Room) ([]*pipeline.Asset, error) {
	if isTyped(pipeline.ID(file.ID)) {
		return nil, &pipeline.NoAssetsError{Reason: fmt.Sprintf("no document can be asked for: %.80q is not the id of a stored file", file.ID)}
	}
	asset := &pipeline.Asset{
		FileID: pipeline.ID(file.ID), Kind: pipeline.Document, Origin: pipeline.OriginFile, PageIndex: pipeline.NoPage,
	}
	if file.DisplayName != nil {
		asset.Details = &pipeline.Details{Handle: *file.DisplayName}
	}
	if err := room(asset.Weight()); err != nil {
		return nil, err
	}
	return []*pipeline.Asset{asset}, nil
}

// documentName returns the name of a document; empty where it is not known.
func documentName(a *pipeline.Asset) string {
	name, _ := a.Detail().Handle.(string)
	return name
}

func (s *Source) documentCall(a *pipeline.Asset) (*call, error) {
	k, err := s.client.newSingleCall(fileContentRoute, nil, idSegment(a.FileID))
	if err == nil {
		k.linked = true
	}
	return k, err
}

// takeDocument reads an answer's body, which may be anything, and closes it. What tells that it is whole is where the answer says that it
// ends.
func (c *Client) takeDocument(a *answer, name string) (*pipeline.Blob, error) {
	defer a.body.Close()
	if err := c.checkSize(a, a.length, 0); err != nil {
		return nil, err
	}
	if a.status != http.StatusOK {
		return nil, a.wrong(ClassTruncated, a.status, fmt.Errorf("answered with status %d", a.status))
	}
	if !a.delimited {
		return nil, a.fail(ClassTruncated, errors.New("nothing tells where the document ends"))
	}
	sp := c.spool.take(a.body, c.opts.MaxBlobSize, a.length)
	mediaType, err := c.takeWhole(a, sp, name)
	if err != nil {
		// Why the document is refused counts for more than a temporary file that stays.
		_ = sp.release()
		return nil, err
	}
	return c.blobOf(a, sp, mediaType), nil
}

// takeWhole takes in all of an answer's body, and returns the media type of the document that it is.
func (c *Client) takeWhole(a *answer, sp *spooled, name string) (string, error) {
	head, err := sp.head()
	if err != nil {
		return "", err
	}
	if page := a.pageInPlaceOf(head, name); page != "" {
		return "", a.wrong(ClassNotDocument, page, fmt.Errorf("the body is %s, which %q cannot be", page, name))
	}
	mediaType := media.DocumentType(head, name)
	if err := sp.rest(); err != nil {
		return "", err
	}
	if err := c.checkSize(a, sp.size, 0); err != nil {
		return "", err
	}
	if a.length >= 0 && sp.size != a.length {
		return "", a.fail(ClassTruncated, fmt.Errorf("%d bytes, but %d were declared", sp.size, a.length))
	}
	return mediaType, nil
}

// pageInPlaceOf returns the type of what a portal or a gateway answers in the place of a document that cannot begin so; empty where it may be
// the document.
func (a *answer) pageInPlaceOf(head []byte, name string) string {
	looks, _, _ := strings.Cut(http.DetectContentType(head), ";")
	if text := bytes.TrimSpace(head); looks == "text/plain" && len(text) > 0 && text[0] == '{' {
		looks = "application/json"
	}
	switch looks {
	case "text/html", "text/xml", "application/json":
		if !media.BeginsAsText(name, declares(a.declaredType(), looks)) {
			return looks
		}
	}
	return ""
}

// declares tells whether a Content-Type is that of what a body looks like, or of something that is written in it.
func declares(contentType, looks string) bool {
	declared, _, _ := strings.Cut(strings.ToLower(contentType), ";")
	declared = strings.TrimSpace(declared)
	_, form, _ := strings.Cut(looks, "/")
	return declared == looks || declared == "application/"+form || strings.HasSuffix(declared, "+"+form)
}

// blobOf returns the blob of an answer whose body has been taken in and found right.
func (c *Client) blobOf(a *answer, sp *spooled, mediaType string) *pipeline.Blob {
	content := pipeline.Content{Size: sp.size, SHA256: sp.sum(), MediaType: mediaType}
	content.Width, content.Height, _ = media.Dimensions(mediaType, sp.body(), sp.size)
	content.Orientation = media.Orientation(mediaType, sp.body(), sp.size)
	blob := pipeline.NewBlob(content, sp.body(), sp.release)
	blob.Attempts = a.call.requests
	blob.FetchedAt = time.Now().UTC()
	blob.DeclaredType = a.declaredType()
	return blob
}
