package emulator

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
)

// maxKept is the size in bytes up to which an upload's bytes are kept, to be downloaded again.
const maxKept = 1 << 20

// content is what is known of the bytes of an uploaded file.
type content struct {
	size   int64
	sha256 [sha256.Size]byte
	data   []byte // nil: more than maxKept
}

// Content returns size and SHA-256 of an uploaded file. ok is false for a file that was not uploaded here.
func (c *Corpus) Content(fileID string) (size int64, sum [sha256.Size]byte, ok bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	f := c.files[fileID]
	if f == nil || f.content == nil {
		return 0, sum, false
	}
	return f.content.size, f.content.sha256, true
}

// upload is a multipart body that has been read.
type upload struct {
	fields
	name    string // of the file, as sent
	content *content
}

func (s *Server) uploadDirectoryFile(x *exchange) reply {
	u, err := readUpload(x)
	if err != nil {
		return unprocessable([]fieldError{{[]string{"body"}, "There was an error parsing the body", "value_error"}})
	}
	if u.content == nil {
		u.fail("upload_file", "Field required", "missing")
	}
	displayName, uniqueID, externalID := u.text("display_name"), u.text("unique_id"), u.text("external_file_id")
	metadata := u.metadata()
	if len(u.errs) > 0 {
		return unprocessable(u.errs)
	}
	s.corpus.mu.Lock()
	defer s.corpus.mu.Unlock()
	d, rep := s.directory(x)
	if rep != nil {
		return *rep
	}
	id := s.corpus.newID()
	e := s.corpus.create(d, &FileSpec{
		FileID:      id,
		DisplayName: valueOr(displayName, u.name),
		UniqueID:    valueOr(uniqueID, valueOr(externalID, u.name)),
		Metadata:    metadata,
	})
	f := s.corpus.files[id]
	f.name, f.externalID, f.content = u.name, valueOr(externalID, ""), u.content
	if u.content.data != nil {
		f.document = newMemoryBlob(u.content.data, "application/octet-stream")
	}
	return answerCreated(e.listed)
}

// readUpload reads a multipart body without ever holding more of the file than maxKept.
func readUpload(x *exchange) (*upload, error) {
	parts, err := x.r.MultipartReader()
	if err != nil {
		return nil, fmt.Errorf("read upload: %w", err)
	}
	u := &upload{}
	for {
		part, err := parts.NextPart()
		if err == io.EOF {
			return u, nil
		}
		if err == nil {
			err = u.read(part)
		}
		if err != nil {
			return nil, fmt.Errorf("read upload: %w", err)
		}
	}
}

func (u *upload) read(part *multipart.Part) error {
	if part.FormName() == "upload_file" && part.FileName() != "" {
		u.name = part.FileName()
		var err error
		u.content, err = readContent(part)
		return err
	}
	value, err := io.ReadAll(io.LimitReader(part, maxBody+1))
	if err != nil {
		return err
	}
	if len(value) > maxBody {
		return errors.New("a field is too long")
	}
	text := quote(string(value))
	if part.FormName() == "metadata" {
		// A JSON object in a string. What is no JSON is left to the check of the metadata.
		if json.Valid(value) {
			text = value
		}
	}
	u.values = u.values.set(part.FormName(), text)
	return nil
}

func readContent(r io.Reader) (*content, error) {
	sum := sha256.New()
	var kept bytes.Buffer
	r = io.TeeReader(r, sum)
	size, err := io.Copy(&kept, io.LimitReader(r, maxKept))
	if err != nil {
		return nil, err
	}
	rest, err := io.Copy(io.Discard, r)
	if err != nil {
		return nil, err
	}
	c := &content{size: size + rest, data: kept.Bytes()}
	if rest > 0 {
		c.data = nil
	} else if c.data == nil {
		c.data = []byte{}
	}
	sum.Sum(c.sha256[:0])
	return c, nil
}
