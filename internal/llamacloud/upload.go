package llamacloud

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"

	"exporter/pipeline"
)

const uploadRoute = "/api/v1/beta/directories/{directory_id}/files/upload"

// FileUpload is a file that UploadDirectoryFile puts into a directory.
type FileUpload struct {
	// Name is the file's own name.
	Name string
	// Size is its length in bytes; negative when unknown.
	Size int64
	// Open is called each time that the content is sent, which is more than once only where the API cannot have acted on it, or
	// says that it may be sent again.
	Open func() (io.ReadCloser, error)
	// DisplayName and UniqueID are those of the directory file, by default derived from Name and ExternalFileID, which is an id of
	// the caller's own.
	DisplayName, UniqueID, ExternalFileID Optional[string]
	// Metadata is a JSON object.
	Metadata Optional[json.RawMessage]
}

// UploadDirectoryFile uploads a file and puts it into a directory. The content is streamed, not held.
func (c *Client) UploadDirectoryFile(ctx context.Context, directory pipeline.ID, u FileUpload) (DirectoryFile, error) {
	k, err := c.newCall(http.MethodPost, uploadRoute, nil, idSegment(directory))
	if err != nil {
		return DirectoryFile{}, err
	}
	if k.payload, err = u.form(); err != nil {
		return DirectoryFile{}, err
	}
	return k.directoryFile(ctx)
}

// form is a form (multipart/form-data) with the fields that are there, and the file at its end. All but the file's content is made
// beforehand, so that the length of the whole is known where the file's is.
func (u *FileUpload) form() (*payload, error) {
	var frame bytes.Buffer
	form := multipart.NewWriter(&frame)
	for _, f := range []struct {
		name  string
		value Optional[string]
	}{
		{"display_name", u.DisplayName}, {"unique_id", u.UniqueID}, {"external_file_id", u.ExternalFileID},
		{"metadata", u.metadataText()},
	} {
		if text, ok := f.value.Get(); ok {
			// Writing to memory cannot fail.
			_ = form.WriteField(f.name, text)
		}
	}
	if _, err := form.CreateFormFile("upload_file", u.Name); err != nil {
		return nil, fmt.Errorf("encode form: %w", err)
	}
	head := bytes.Clone(frame.Bytes())
	if err := form.Close(); err != nil {
		return nil, fmt.Errorf("encode form: %w", err)
	}
	tail := frame.Bytes()[len(head):]

	p := &payload{contentType: form.FormDataContentType(), size: -1}
	if u.Size >= 0 {
		p.size = int64(frame.Len()) + u.Size
	}
	p.open = func() (io.ReadCloser, error) {
		content, err := u.Open()
		if err != nil {
			return nil, err
		}
		var file io.Reader = content
		if u.Size >= 0 {
			file = &exactReader{r: content, left: u.Size}
		}
		all := io.MultiReader(bytes.NewReader(head), file, bytes.NewReader(tail))
		return &readCloser{Reader: all, Closer: content}, nil
	}
	return p, nil
}

// metadataText is how a form has a JSON object.
func (u *FileUpload) metadataText() Optional[string] {
	raw, ok := u.Metadata.Get()
	if !ok {
		return Optional[string]{}
	}
	return Value(string(raw))
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
