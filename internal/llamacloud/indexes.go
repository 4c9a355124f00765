package llamacloud

import (
	"context"
	"encoding/json"
	"iter"
	"net/http"
	"net/url"

	"exporter/pipeline"
)

const (
	indexesRoute = "/api/v1/indexes"
	indexRoute   = "/api/v1/indexes/{index_id}"
)

// Index is kept up to date with the files of a directory. All of it is the server's word, unchecked.
type Index struct {
	Item
	// ID is what Client.Index takes; ExportConfigID is what retrieval calls the id of the index.
	ID                string                    `json:"id"`
	ExportConfigID    string                    `json:"export_config_id"`
	SyncConfigID      string                    `json:"sync_config_id"`
	ProjectID         string                    `json:"project_id"`
	SourceDirectoryID string                    `json:"source_directory_id"`
	OutputDirectoryID string                    `json:"output_directory_id"`
	Name              Optional[string]          `json:"name,omitzero"`
	Description       Optional[string]          `json:"description,omitzero"`
	Metadata          Optional[json.RawMessage] `json:"metadata,omitzero"`
	CreatedAt         Optional[Timestamp]       `json:"created_at,omitzero"`
	UpdatedAt         Optional[Timestamp]       `json:"updated_at,omitzero"`
	LastSyncedAt      Optional[Timestamp]       `json:"last_synced_at,omitzero"`
	LastExportedAt    Optional[Timestamp]       `json:"last_exported_at,omitzero"`
	// SyncInProgress is absent in listings.
	SyncInProgress Optional[bool] `json:"sync_in_progress,omitzero"`
}

// readIndex reads an item, which has to have an id.
func readIndex(o *object, v value) (i Index) {
	if i.Malformed = o.parse(v); i.Malformed == nil {
		i.ID, i.Malformed = o.id()
		i.ExportConfigID = o.text("export_config_id").Or("")
		i.SyncConfigID = o.text("sync_config_id").Or("")
		i.ProjectID = o.text("project_id").Or("")
		i.SourceDirectoryID = o.text("source_directory_id").Or("")
		i.OutputDirectoryID = o.text("output_directory_id").Or("")
		i.Name = o.text("name")
		i.Description = o.text("description")
		i.Metadata = o.document("metadata")
		i.CreatedAt = o.timestamp("created_at")
		i.UpdatedAt = o.timestamp("updated_at")
		i.LastSyncedAt = o.timestamp("last_synced_at")
		i.LastExportedAt = o.timestamp("last_exported_at")
		i.SyncInProgress = o.boolean("sync_in_progress")
	}
	i.finish(o, v)
	i.identify(v, i.ID)
	return i
}

// Status returns what the metadata of the index says of it, such as "ready" or "failed"; empty where it says nothing.
func (i *Index) Status() string {
	var metadata struct {
		Status any `json:"status"`
	}
	// What is no object says nothing.
	_ = json.Unmarshal(i.Metadata.Or(nil), &metadata)
	status, _ := metadata.Status.(string)
	return status
}

// IndexesQuery narrows a listing. Zero fields do not.
type IndexesQuery struct {
	// SourceDirectoryID leaves those of this directory.
	SourceDirectoryID pipeline.ID
}

// Indexes lists the indexes of the project. Items may be malformed. An error ends the sequence, which then is not complete.
func (c *Client) Indexes(ctx context.Context, q IndexesQuery) iter.Seq2[Index, error] {
	query := url.Values{}
	setText(query, "source_directory_id", q.SourceDirectoryID)
	return pages(ctx, c, listRequest{route: indexesRoute, query: query, size: maxPageSize}, readIndex)
}

// Index returns an index by its ID, with SyncInProgress.
func (c *Client) Index(ctx context.Context, id pipeline.ID) (Index, error) {
	k, err := c.newCall(http.MethodGet, indexRoute, url.Values{"expand": {"sync_in_progress"}}, idSegment(id))
	if err != nil {
		return Index{}, err
	}
	return one(ctx, k, readIndex)
}
