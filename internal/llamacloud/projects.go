package llamacloud

import (
	"context"
	"iter"
	"net/http"
	"net/url"
)

const (
	projectsRoute   = "/api/v2/projects"
	projectsV1Route = "/api/v1/projects"
)

// Project holds all else. All of it is the server's word, unchecked.
type Project struct {
	Item
	ID             string              `json:"id"`
	OrganizationID string              `json:"organization_id"`
	Name           Optional[string]    `json:"name,omitzero"`
	IsDefault      Optional[bool]      `json:"is_default,omitzero"`
	CreatedAt      Optional[Timestamp] `json:"created_at,omitzero"`
	UpdatedAt      Optional[Timestamp] `json:"updated_at,omitzero"`
}

// readProject reads an item, which has to have an id.
func readProject(o *object, v value) (p Project) {
	if p.Malformed = o.parse(v); p.Malformed == nil {
		p.ID, p.Malformed = o.id()
		p.OrganizationID = o.text("organization_id").Or("")
		p.Name = o.text("name")
		p.IsDefault = o.boolean("is_default")
		p.CreatedAt = o.timestamp("created_at")
		p.UpdatedAt = o.timestamp("updated_at")
	}
	p.finish(o, v)
	p.identify(v, p.ID)
	return p
}

// ProjectsQuery narrows a listing. Zero fields do not.
type ProjectsQuery struct {
	// Name leaves those of this name; whether others come that contain it is not said.
	Name string
}

// Projects lists the projects that the key can see. A deployment that does not have the listing is asked by the one before. Items
// may be malformed. An error ends the sequence, which then is not complete.
func (c *Client) Projects(ctx context.Context, q ProjectsQuery) iter.Seq2[Project, error] {
	query, before := url.Values{}, url.Values{}
	setText(query, "name", q.Name)
	setText(before, "project_name", q.Name)
	return orBefore(
		pages(ctx, c, listRequest{route: projectsRoute, query: query, size: maxPageSize}, readProject),
		array(ctx, c, projectsV1Route, before, readProject),
	)
}

// orBefore goes through a listing, or, where the API does not have it, through the one that it had before.
func orBefore[T any](now, before iter.Seq2[T, error]) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for t, err := range now {
			if IsAbsent(err) {
				before(yield)
				return
			}
			if !yield(t, err) {
				return
			}
		}
	}
}

// array goes through a listing that is a plain array, in one answer.
func array[T any, P listItem[T]](
	ctx context.Context, c *Client, route string, query url.Values, decode func(*object, value) T,
) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		k, err := c.newCall(http.MethodGet, route, query)
		if err != nil {
			yield(none, err)
			return
		}
		list, err := listOf(ctx, k, decode)
		if err != nil {
			yield(none, err)
			return
		}
		for _, t := range list {
			c.cleanItem(P(&t).item())
			if !yield(t, nil) {
				return
			}
		}
	}
}
