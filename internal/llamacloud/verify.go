package llamacloud

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"exporter/internal/media"
	"exporter/pipeline"
)

// takeBlob reads an answer's body and closes it. It returns the blob only if the body is a whole image of the right size:
// what was expected (0 when unknown) and what the answer declares. It reads one byte more than is right at most.
func (c *Client) takeBlob(a *answer, expected int64) (*pipeline.Blob, error) {
	defer a.body.Close()
	if err := c.checkSize(a, a.length, 0); err != nil {
		return nil, err
	}
	most := c.opts.MaxBlobSize
	if expected > 0 {
		most = min(most, expected)
	}
	sp := c.spool.take(a.body, most, max(expected, a.length))
	mediaType, err := c.takeImage(a, sp, expected)
	if err != nil {
		// Why the blob is refused counts for more than a temporary file that stays.
		_ = sp.release()
		return nil, err
	}
	return c.blobOf(a, sp, mediaType), nil
}

// takeImage takes in all of an answer's body, and returns the media type of the image that it is.
func (c *Client) takeImage(a *answer, sp *spooled, expected int64) (mediaType string, err error) {
	// The first bytes come before the listed size: that an answer is a page of HTML tells more than its size.
	head, err := sp.head()
	if err == nil {
		mediaType, err = sniff(a, head)
	}
	if err == nil {
		err = c.checkSize(a, a.length, expected)
	}
	if err == nil {
		err = sp.rest()
	}
	if err == nil {
		err = c.checkWhole(a, sp, mediaType, expected)
	}
	return mediaType, err
}

// sniff returns the media type of the image that begins so. The bytes decide, whatever the answer declares.
func sniff(a *answer, head []byte) (string, error) {
	if a.status != http.StatusOK {
		return "", a.wrong(ClassNotImage, a.status, fmt.Errorf("answered with status %d", a.status))
	}
	if mediaType := media.Sniff(head); mediaType != "" {
		return mediaType, nil
	}
	begin := fmt.Sprintf("is declared as %q and begins with %.32q", a.header.Get("Content-Type"), head)
	return "", a.wrong(ClassNotImage, begin, errors.New("the body is no image: it "+begin))
}

// maxDeclaredType is the most bytes that are kept of what an answer declares. The names of a media type have 127 each at most.
const maxDeclaredType = 255

// declaredType returns the Content-Type of an answer, fit to be printed and without the key.
func (a *answer) declaredType() string {
	return a.call.client.types.of(a.header.Get("Content-Type"), func(text string) string {
		declared := a.call.clean(strings.TrimSpace(text))
		if len(declared) <= maxDeclaredType {
			return declared
		}
		return strings.ToValidUTF8(declared[:maxDeclaredType], "")
	})
}

// wrong returns the error of an answer that is not what was asked for. The next one, if it is wrong in the same way, is the
// last, unless the body ends with the connection, which may have been cut off.
func (a *answer) wrong(class string, how any, err error) *RequestError {
	failure := a.fail(class, err)
	if a.delimited {
		failure.likeness = fmt.Sprint(class, " ", how)
	}
	return failure
}

// checkSize holds a size against what is allowed, and what is expected unless that is 0; a negative size is unknown, and
// right.
func (c *Client) checkSize(a *answer, size, expected int64) error {
	switch {
	case size > c.opts.MaxBlobSize:
		return a.fail(ClassTooLarge, fmt.Errorf("larger than max_blob_size (%d bytes)", c.opts.MaxBlobSize))
	case size >= 0 && expected > 0 && size != expected:
		return a.wrong(ClassSizeMismatch, size, fmt.Errorf("%d bytes, but %d are listed", size, expected))
	}
	return nil
}

// checkWhole tells whether what was taken in is all of the image.
func (c *Client) checkWhole(a *answer, sp *spooled, mediaType string, expected int64) error {
	if a.length < 0 && expected > 0 && sp.size > expected {
		return a.wrong(ClassSizeMismatch, "longer", fmt.Errorf("more than the %d bytes that are listed", expected))
	}
	if err := c.checkSize(a, sp.size, expected); err != nil {
		return err
	}
	// An odd Content-Encoding leaves a doubt that the declared length does not take away.
	_, odd := contentEncoding(a.header)
	switch {
	case a.length >= 0 && sp.size != a.length:
		return a.fail(ClassTruncated, fmt.Errorf("%d bytes, but %d were declared", sp.size, a.length))
	case expected > 0, a.length >= 0 && !odd:
		return nil
	}
	// Nothing tells the size. The image's own end has to.
	whole, err := media.Whole(mediaType, sp.body(), sp.size)
	if err != nil {
		return &pipeline.StorageError{Op: "read spooled blob", Err: err}
	}
	if !whole {
		return a.wrong(ClassTruncated, sp.sum(), fmt.Errorf("%d bytes that do not end as %s does", sp.size, mediaType))
	}
	return nil
}
