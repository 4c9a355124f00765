package llamacloud

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"

	"exporter/pipeline"
)

const uploadRoute = "/api/v1/beta/directories/{directory_id}/files/upload"

// UploadDirectoryFile uploads a file under a name and puts it into a directory. The content is streamed, not held; size
// is its length in bytes, negative when unknown. open is called each time that it is sent, which is more than once only
// where the API cannot have acted on it, or says that it may be sent again.
func (c *Client) UploadDirectoryFile(
	ctx context.Context, directory pipeline.ID, name string, size int64, open func() (io.ReadCloser, error),
) (DirectoryFile, error) {
	k, err := c.newCall(http.MethodPost, uploadRoute, nil, idSegment(directory))
	if err != nil {
		return DirectoryFile{}, err
	}
	if k.payload, err = formFile("upload_file", name, size, open); err != nil {
		return DirectoryFile{}, err
	}
	return k.directoryFile(ctx)
}

// formFile is a form (multipart/form-data) of one field, a file. All but the file's content is made beforehand, so that
// the length of the whole is known where the file's is.
func formFile(field, name string, size int64, open func() (io.ReadCloser, error)) (*payload, error) {
	var frame bytes.Buffer
	form := multipart.NewWriter(&frame)
	if _, err := form.CreateFormFile(field, name); err != nil {
		return nil, fmt.Errorf("encode form: %w", err)
	}
	head := bytes.Clone(frame.Bytes())
	if err := form.Close(); err != nil {
		return nil, fmt.Errorf("encode form: %w", err)
	}
	tail := frame.Bytes()[len(head):]

	p := &payload{contentType: form.FormDataContentType(), size: -1}
	if size >= 0 {
		p.size = int64(frame.Len()) + size
	}
	p.open = func() (io.ReadCloser, error) {
		content, err := open()
		if err != nil {
			return nil, err
		}
		var file io.Reader = content
		if size >= 0 {
			file = &exactReader{r: content, left: size}
		}
		all := io.MultiReader(bytes.NewReader(head), file, bytes.NewReader(tail))
		return &readCloser{Reader: all, Closer: content}, nil
	}
	return p, nil
}

// errFileChanged says that an upload was cut short, as its Content-Length no longer fits.
var errFileChanged = errors.New("the file is not as long as it was said to be")

// exactReader fails where r is longer or shorter than it should be, so that the form's end is never sent.
type exactReader struct {
	r    io.Reader
	left int64
}

func (e *exactReader) Read(p []byte) (int, error) {
	n, err := e.r.Read(p)
	e.left -= int64(n)
	if e.left < 0 || err == io.EOF && e.left > 0 {
		return 0, errFileChanged
	}
	return n, err
}

type readCloser struct {
	io.Reader
	io.Closer
}
