package llamacloud

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

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
	// The first bytes come before the listed size: that an answer is a page of HTML tells more than its size.
	body := bufio.NewReaderSize(io.LimitReader(a.body, most+1), media.SniffLen)
	mediaType, err := sniff(a, body)
	if err != nil {
		return nil, err
	}
	if err := c.checkSize(a, a.length, expected); err != nil {
		return nil, err
	}
	sp, err := c.spool.take(body, max(expected, a.length))
	if err != nil {
		return nil, err
	}
	if err := c.checkWhole(a, sp, mediaType, expected); err != nil {
		// Why the blob is refused counts for more than a temporary file that stays.
		_ = sp.release()
		return nil, err
	}
	content := pipeline.Content{Size: sp.size, SHA256: sp.sum(), MediaType: mediaType}
	content.Width, content.Height, _ = media.Dimensions(mediaType, io.NewSectionReader(sp.body(), 0, sp.size))
	blob := pipeline.NewBlob(content, sp.body(), sp.release)
	blob.Attempts = a.call.requests
	blob.FetchedAt = time.Now().UTC()
	return blob, nil
}

// sniff returns the media type of the image that begins in r: by its bytes, or else as declared if it is no text.
func sniff(a *answer, r *bufio.Reader) (string, error) {
	head, err := r.Peek(media.SniffLen)
	if err != nil && err != io.EOF {
		return "", err
	}
	if a.status != http.StatusOK {
		return "", a.wrong(ClassNotImage, a.status, fmt.Errorf("answered with status %d", a.status))
	}
	if sniffed := media.Sniff(head); sniffed != "" {
		return sniffed, nil
	}
	declared := a.header.Get("Content-Type")
	if t := media.Declared(declared); t != "" && !media.IsText(head) {
		return t, nil
	}
	begin := fmt.Sprintf("is declared as %q and begins with %.32q", declared, head)
	return "", a.wrong(ClassNotImage, begin, errors.New("the body is no image: it "+begin))
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
	switch {
	case a.length >= 0 && sp.size != a.length:
		return a.fail(ClassTruncated, fmt.Errorf("%d bytes, but %d were declared", sp.size, a.length))
	case a.length >= 0 || expected > 0:
		return nil
	}
	// Nothing tells the size. The image's own end has to.
	head, tail := make([]byte, min(sp.size, media.SniffLen)), make([]byte, min(sp.size, media.TailLen))
	_, headErr := sp.body().ReadAt(head, 0)
	_, tailErr := sp.body().ReadAt(tail, sp.size-int64(len(tail)))
	if err := errors.Join(unlessEOF(headErr), unlessEOF(tailErr)); err != nil {
		return &pipeline.StorageError{Op: "read spooled blob", Err: err}
	}
	if !media.Whole(mediaType, head, tail, sp.size) {
		return a.wrong(ClassTruncated, sp.sum(), fmt.Errorf("%d bytes that do not end as %s does", sp.size, mediaType))
	}
	return nil
}
