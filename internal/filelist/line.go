package filelist

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"exporter/pipeline"
)

const (
	// version is that of the lines.
	version = 1
	// maxLine bounds a line, in bytes: more than the API says of any one file.
	maxLine = 64 << 20
	// maxWindow bounds the window of the zstd stream, in bytes, which is what a reader holds of it.
	maxWindow = 8 << 20
)

// Header says of what a list is.
type Header struct {
	// Program is the version of the program that wrote it.
	Program string
	// ListedAt is when the first listing began. Watermark is the time before which all updates upstream are known, by the slower of the clocks of
	// this machine and of the API.
	ListedAt, Watermark time.Time
	// Settings identify the source, by path of key.
	Settings map[string]string
	// Listings are in the order in which they come.
	Listings []Listed
}

// Listed is a listing of a list.
type Listed struct {
	Source pipeline.SourceKey `json:"source"`
	// IsPart is that of the pipeline.Listing.
	IsPart bool `json:"is_part,omitempty"`
}

// These are the lines, each of which is told by its first key: that of a file is malformed, job_id or file_id.
type (
	headerLine struct {
		Version   int               `json:"exporter_list"`
		Program   string            `json:"program"`
		ListedAt  time.Time         `json:"listed_at"`
		Watermark time.Time         `json:"watermark"`
		Settings  map[string]string `json:"settings"`
		Listings  []Listed          `json:"listings"`
	}
	beginLine struct {
		Begin pipeline.SourceKey `json:"begin"`
		// ExpiryKnown says that ExpiresAt, which is zero for never, is when all goes that the listing has.
		ExpiryKnown bool      `json:"expiry_known,omitempty"`
		ExpiresAt   time.Time `json:"expires_at,omitzero"`
	}
	fileLine struct {
		Malformed       *failure        `json:"malformed,omitempty"`
		JobID           string          `json:"job_id,omitempty"`
		FileID          string          `json:"file_id"`
		DirectoryFileID string          `json:"directory_file_id,omitempty"`
		DirectoryID     string          `json:"directory_id,omitempty"`
		PipelineID      string          `json:"pipeline_id,omitempty"`
		ProjectID       string          `json:"project_id,omitempty"`
		DisplayName     *string         `json:"display_name,omitempty"`
		UniqueID        *string         `json:"unique_id,omitempty"`
		Metadata        json.RawMessage `json:"metadata,omitempty"`
		CreatedAt       time.Time       `json:"created_at,omitzero"`
		UpdatedAt       time.Time       `json:"updated_at,omitzero"`
		DeletedAt       time.Time       `json:"deleted_at,omitzero"`
		ExpiresAt       time.Time       `json:"expires_at,omitzero"`
		Idle            string          `json:"idle,omitempty"`
		Withdrawn       *string         `json:"withdrawn,omitempty"`
		Odd             []odd           `json:"odd,omitempty"`
	}
	endLine struct {
		End   pipeline.SourceKey `json:"end"`
		Files int64              `json:"files"`
		// Error is why the listing ended early; nil where it came to its end.
		Error  *string `json:"error,omitempty"`
		Grows  bool    `json:"grows,omitempty"`
		Absent bool    `json:"absent,omitempty"`
	}
	totalLine struct {
		Total    int64 `json:"total"`
		Listings int   `json:"listings"`
	}
	failure struct {
		Class string `json:"class"`
		Error string `json:"error"`
	}
	odd struct {
		Field string `json:"field"`
		Value string `json:"value"`
	}
)

// lineOf returns the line of a file. A failure says why it cannot be read.
func lineOf(f *pipeline.File, malformed *pipeline.Failure) *fileLine {
	line := &fileLine{
		JobID: f.JobID, FileID: f.ID, DirectoryFileID: f.DirectoryFileID, DirectoryID: f.DirectoryID, PipelineID: f.PipelineID,
		ProjectID: f.ProjectID, DisplayName: f.DisplayName, UniqueID: f.UniqueID, Metadata: f.Metadata, CreatedAt: f.CreatedAt.UTC(),
		UpdatedAt: f.UpdatedAt.UTC(), DeletedAt: f.DeletedAt.UTC(), ExpiresAt: f.ExpiresAt.UTC(), Idle: f.Idle,
	}
	if malformed != nil {
		line.Malformed = &failure{malformed.Class, malformed.Err.Error()}
	}
	if f.Withdrawn != nil {
		text := f.Withdrawn.Error()
		line.Withdrawn = &text
	}
	for _, o := range f.Odd {
		line.Odd = append(line.Odd, odd(o))
	}
	return line
}

// file returns the file of a line, and why it cannot be read; nil where it can.
func (l *fileLine) file() (f pipeline.File, malformed error) {
	f = pipeline.File{
		JobID: l.JobID, ID: l.FileID, DirectoryFileID: l.DirectoryFileID, DirectoryID: l.DirectoryID, PipelineID: l.PipelineID,
		ProjectID: l.ProjectID, DisplayName: l.DisplayName, UniqueID: l.UniqueID, Metadata: l.Metadata, CreatedAt: l.CreatedAt,
		UpdatedAt: l.UpdatedAt, DeletedAt: l.DeletedAt, ExpiresAt: l.ExpiresAt, Idle: l.Idle,
	}
	if l.Withdrawn != nil {
		f.Withdrawn = errors.New(*l.Withdrawn)
	}
	for _, o := range l.Odd {
		f.Odd = append(f.Odd, pipeline.Oddity(o))
	}
	if l.Malformed != nil {
		malformed = &pipeline.Failure{Class: l.Malformed.Class, Err: errors.New(l.Malformed.Error)}
	}
	return f, malformed
}

// These are the beginnings of the lines.
const (
	headerPrefix, beginPrefix, endPrefix, totalPrefix = `{"exporter_list":`, `{"begin":`, `{"end":`, `{"total":`
	jobPrefix, filePrefix, malformedPrefix            = `{"job_id":"`, `{"file_id":"`, `{"malformed":`
)

// keyOf returns the key of a file's line without reading the rest; false where it does not show at the beginning.
func keyOf(line []byte) (key pipeline.FileKey, ok bool) {
	id := &key.FileID
	rest, found := bytes.CutPrefix(line, []byte(filePrefix))
	if !found {
		id = &key.JobID
		if rest, found = bytes.CutPrefix(line, []byte(jobPrefix)); !found {
			return key, false
		}
	}
	end := bytes.IndexByte(rest, '"')
	if end <= 0 || bytes.IndexByte(rest[:end], '\\') >= 0 {
		return key, false
	}
	*id = string(rest[:end])
	return key, true
}

// isFile tells whether a line is that of a file.
func isFile(line []byte) bool {
	for _, prefix := range []string{filePrefix, jobPrefix, malformedPrefix} {
		if bytes.HasPrefix(line, []byte(prefix)) {
			return true
		}
	}
	return false
}

// decode reads a line that begins with a prefix into v.
func decode(line []byte, prefix string, v any) error {
	if !bytes.HasPrefix(line, []byte(prefix)) {
		return fmt.Errorf("the line %.60q does not begin with %s", line, prefix)
	}
	return json.Unmarshal(line, v)
}
