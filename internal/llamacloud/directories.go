package llamacloud

import (
	"context"
	"iter"
	"net/url"

	"exporter/pipeline"
)

const (
	directoriesRoute = "/api/v1/beta/directories"
	directoryRoute   = "/api/v1/beta/directories/{directory_id}"
)

// Directory holds files. All of it is the server's word, unchecked.
type Directory struct {
	Item
	ID          string           `json:"id"`
	ProjectID   string           `json:"project_id"`
	Name        Optional[string] `json:"name,omitzero"`
	Description Optional[string] `json:"description,omitzero"`
	// Type is "user", "index" or "ephemeral".
	Type      Optional[string]    `json:"type,omitzero"`
	CreatedAt Optional[Timestamp] `json:"created_at,omitzero"`
	UpdatedAt Optional[Timestamp] `json:"updated_at,omitzero"`
	DeletedAt Optional[Timestamp] `json:"deleted_at,omitzero"`
	// ExpiresAt is when it goes by itself, with its files.
	ExpiresAt Optional[Timestamp] `json:"expires_at,omitzero"`
}

// readDirectory reads an item, which has to have an id.
func readDirectory(o *object, v value) (d Directory) {
	if d.Malformed = o.parse(v); d.Malformed == nil {
		d.ID, d.Malformed = o.id()
		d.ProjectID = o.text("project_id").Or("")
		d.Name = o.text("name")
		d.Description = o.text("description")
		d.Type = o.text("type")
		d.CreatedAt = o.timestamp("created_at")
		d.UpdatedAt = o.timestamp("updated_at")
		d.DeletedAt = o.timestamp("deleted_at")
		d.ExpiresAt = o.timestamp("expires_at")
	}
	d.finish(o, v)
	d.identify(v, d.ID)
	return d
}

// DirectoriesQuery narrows a listing. Zero fields do not.
type DirectoriesQuery struct {
	// Name leaves those of this name; whether others come that contain it is not said.
	Name string
	// Types leaves those of these types.
	Types []string
	// IncludeDeleted lists removed directories too.
	IncludeDeleted bool
}

// Directories lists the directories of the project. Items may be malformed. An error ends the sequence, which then is not complete.
func (c *Client) Directories(ctx context.Context, q DirectoriesQuery) iter.Seq2[Directory, error] {
	query := url.Values{}
	setText(query, "name", q.Name)
	for _, t := range q.Types {
		query.Add("types", t)
	}
	if q.IncludeDeleted {
		query.Set("include_deleted", "true")
	}
	return pages(ctx, c, listRequest{route: directoriesRoute, query: query, size: maxPageSize}, readDirectory)
}

// Directory returns a directory.
func (c *Client) Directory(ctx context.Context, id pipeline.ID) (Directory, error) {
	k, err := c.newSingleCall(directoryRoute, nil, idSegment(id))
	if err != nil {
		return Directory{}, err
	}
	return one(ctx, k, readDirectory)
}
