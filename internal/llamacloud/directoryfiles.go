package llamacloud

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/url"
	"time"

	"exporter/pipeline"
)

const (
	directoryFilesRoute = "/api/v1/beta/directories/{directory_id}/files"
	directoryFileRoute  = "/api/v1/beta/directories/{directory_id}/files/{directory_file_id}"
)

// DirectoryFile is a file of a directory. All of it is the server's word, unchecked.
type DirectoryFile struct {
	Item
	ID          string              `json:"id"`
	DirectoryID string              `json:"directory_id"`
	ProjectID   string              `json:"project_id"`
	DisplayName Optional[string]    `json:"display_name,omitzero"`
	UniqueID    Optional[string]    `json:"unique_id,omitzero"`
	CreatedAt   Optional[Timestamp] `json:"created_at,omitzero"`
	UpdatedAt   Optional[Timestamp] `json:"updated_at,omitzero"`
	// DeletedAt marks a file that was removed.
	DeletedAt   Optional[Timestamp]    `json:"deleted_at,omitzero"`
	DownloadURL Optional[PresignedURL] `json:"download_url,omitzero"`
	// FileID names the stored file, the one that has screenshots and figures.
	FileID Optional[string] `json:"file_id,omitzero"`
	// Metadata is merged from all sources; compacted, in the API's order and spelling.
	Metadata Optional[json.RawMessage] `json:"metadata,omitzero"`
}

// readDirectoryFile reads an item. Without a file_id, the file is known by its id alone.
func readDirectoryFile(o *object, v value) (f DirectoryFile) {
	if f.Malformed = o.parse(v); f.Malformed == nil {
		f = DirectoryFile{
			ID:          o.text("id").Or(""),
			DirectoryID: o.text("directory_id").Or(""),
			ProjectID:   o.text("project_id").Or(""),
			DisplayName: o.text("display_name"),
			UniqueID:    o.text("unique_id"),
			CreatedAt:   o.timestamp("created_at"),
			UpdatedAt:   o.timestamp("updated_at"),
			DeletedAt:   o.timestamp("deleted_at"),
			DownloadURL: read(o, "download_url", value.presignedURL),
			FileID:      o.text("file_id"),
			Metadata:    o.document("metadata"),
		}
		f.Malformed = o.fileWithout(f.FileID, f.ID)
	}
	f.finish(o, v)
	f.identify(v, f.ID)
	return f
}

// DirectoryFilesQuery narrows a listing. Zero fields do not.
type DirectoryFilesQuery struct {
	DisplayName, DisplayNameContains, FileID, UniqueID string
	// IncludeDeleted lists removed files too.
	IncludeDeleted bool
	// UpdatedAtOnOrAfter and UpdatedAtOnOrBefore are inclusive.
	UpdatedAtOnOrAfter, UpdatedAtOnOrBefore time.Time
	// Expand names fields to fill in that are left out otherwise, such as "download_url".
	Expand []string
	// PageSize is how many files a request asks for, at most 1000, the default.
	PageSize int
}

func (q *DirectoryFilesQuery) values() url.Values {
	v := url.Values{}
	setText(v, "display_name", q.DisplayName)
	setText(v, "display_name_contains", q.DisplayNameContains)
	setText(v, "file_id", q.FileID)
	setText(v, "unique_id", q.UniqueID)
	if q.IncludeDeleted {
		v.Set("include_deleted", "true")
	}
	setTime(v, "updated_at_on_or_after", q.UpdatedAtOnOrAfter)
	setTime(v, "updated_at_on_or_before", q.UpdatedAtOnOrBefore)
	for _, field := range q.Expand {
		v.Add("expand", field)
	}
	return v
}

// DirectoryFiles lists a directory. Items may be malformed. An error ends the sequence, which then is not complete.
func (c *Client) DirectoryFiles(
	ctx context.Context, directory pipeline.ID, q DirectoryFilesQuery,
) iter.Seq2[DirectoryFile, error] {
	r := listRequest{
		route: directoryFilesRoute, segments: []segment{idSegment(directory)}, query: q.values(), size: pageSize(q.PageSize),
	}
	return pages(ctx, c, r, readDirectoryFile)
}

// DirectoryFile returns one file of a directory. The fields to expand are as in DirectoryFilesQuery.
func (c *Client) DirectoryFile(
	ctx context.Context, directory, file pipeline.ID, expand ...string,
) (DirectoryFile, error) {
	query := url.Values{"expand": expand}
	k, err := c.newCall(http.MethodGet, directoryFileRoute, query, idSegment(directory), idSegment(file))
	if err != nil {
		return DirectoryFile{}, err
	}
	return k.directoryFile(ctx)
}

// NewDirectoryFile is what AddDirectoryFile puts into a directory.
type NewDirectoryFile struct {
	// FileID names a file that is stored already; required.
	FileID pipeline.ID `json:"file_id"`
	// DisplayName and UniqueID are derived from the file where they are absent.
	DisplayName Optional[string]          `json:"display_name,omitzero"`
	Metadata    Optional[json.RawMessage] `json:"metadata,omitzero"`
	UniqueID    Optional[string]          `json:"unique_id,omitzero"`
}

// AddDirectoryFile puts a stored file into a directory. It is sent again only where the API cannot have acted on it.
func (c *Client) AddDirectoryFile(
	ctx context.Context, directory pipeline.ID, file NewDirectoryFile,
) (DirectoryFile, error) {
	k, err := c.newCall(http.MethodPost, directoryFilesRoute, nil, idSegment(directory))
	if err != nil {
		return DirectoryFile{}, err
	}
	return k.write(ctx, file)
}

// DirectoryFilePatch is what UpdateDirectoryFile changes. What is absent stays as it is.
type DirectoryFilePatch struct {
	DisplayName Optional[string] `json:"display_name,omitzero"`
	// Metadata replaces what the user gave before.
	Metadata Optional[json.RawMessage] `json:"metadata,omitzero"`
	// TargetDirectoryID moves the file.
	TargetDirectoryID Optional[pipeline.ID] `json:"target_directory_id,omitzero"`
	UniqueID          Optional[string]      `json:"unique_id,omitzero"`
}

// UpdateDirectoryFile changes a file of a directory, or moves it to another one.
func (c *Client) UpdateDirectoryFile(
	ctx context.Context, directory, file pipeline.ID, patch DirectoryFilePatch,
) (DirectoryFile, error) {
	k, err := c.newCall(http.MethodPatch, directoryFileRoute, nil, idSegment(directory), idSegment(file))
	if err != nil {
		return DirectoryFile{}, err
	}
	return k.write(ctx, patch)
}

// DeleteDirectoryFile removes a file from a directory. Where the answer to a first request was lost, a second one may
// say 404 though the file was there.
func (c *Client) DeleteDirectoryFile(ctx context.Context, directory, file pipeline.ID) error {
	k, err := c.newCall(http.MethodDelete, directoryFileRoute, nil, idSegment(directory), idSegment(file))
	if err != nil {
		return err
	}
	return k.do(ctx, func(a *answer) error {
		a.discard()
		return nil
	})
}

// write sends content as JSON and returns the directory file of the answer.
func (k *call) write(ctx context.Context, content any) (DirectoryFile, error) {
	encoded, err := json.Marshal(content)
	if err != nil {
		return DirectoryFile{}, fmt.Errorf("encode request: %w", err)
	}
	k.payload = &payload{
		contentType: "application/json",
		size:        int64(len(encoded)),
		open:        func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(encoded)), nil },
	}
	return k.directoryFile(ctx)
}

// directoryFile does the call and returns the directory file of its answer.
func (k *call) directoryFile(ctx context.Context) (DirectoryFile, error) {
	return one(ctx, k, func(o *object, v value) DirectoryFile {
		f := readDirectoryFile(o, v)
		if f.Malformed == nil && f.ID == "" {
			f.Malformed = errors.New("a directory file has no id")
		}
		return f
	})
}
