package llamacloud

import (
	"context"
	"iter"
	"net/url"
)

const (
	pipelinesRoute   = "/api/v2/pipelines"
	pipelinesV1Route = "/api/v1/pipelines"
)

// Pipeline is an index of the kind before Index. All of it is the server's word, unchecked.
type Pipeline struct {
	Item
	ID        string           `json:"id"`
	ProjectID string           `json:"project_id"`
	Name      Optional[string] `json:"name,omitzero"`
	// Type is "MANAGED" or "PLAYGROUND", and Status "CREATED" or "DELETING".
	Type      Optional[string]    `json:"pipeline_type,omitzero"`
	Status    Optional[string]    `json:"status,omitzero"`
	CreatedAt Optional[Timestamp] `json:"created_at,omitzero"`
	UpdatedAt Optional[Timestamp] `json:"updated_at,omitzero"`
}

// readPipeline reads an item, which has to have an id.
func readPipeline(o *object, v value) (p Pipeline) {
	if p.Malformed = o.parse(v); p.Malformed == nil {
		p.ID, p.Malformed = o.id()
		p.ProjectID = o.text("project_id").Or("")
		p.Name = o.text("name")
		p.Type = o.text("pipeline_type")
		p.Status = o.text("status")
		p.CreatedAt = o.timestamp("created_at")
		p.UpdatedAt = o.timestamp("updated_at")
	}
	p.finish(o, v)
	p.identify(v, p.ID)
	return p
}

// PipelinesQuery narrows a listing. Zero fields do not.
type PipelinesQuery struct {
	// Name leaves those of this name; whether others come that contain it is not said.
	Name string
}

// Pipelines lists the pipelines of the project. A deployment that does not have the listing is asked by the one before. Items may
// be malformed. An error ends the sequence, which then is not complete.
func (c *Client) Pipelines(ctx context.Context, q PipelinesQuery) iter.Seq2[Pipeline, error] {
	query, before := url.Values{}, url.Values{}
	setText(query, "name", q.Name)
	setText(before, "pipeline_name", q.Name)
	return orBefore(
		pages(ctx, c, listRequest{route: pipelinesRoute, query: query, size: maxPageSize}, readPipeline),
		array(ctx, c, pipelinesV1Route, before, readPipeline),
	)
}
