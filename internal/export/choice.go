package export

import (
	"context"
	"fmt"
	"strings"

	"exporter/pipeline"
)

// Choice says which asset of an export is meant.
type Choice struct {
	// FileID is that of the file; empty where it is that of the parse job.
	FileID pipeline.ID
	// JobID is the parse job whose result is meant; empty where it is none.
	JobID  pipeline.ID
	Origin pipeline.Origin
	// IsDocument says that a document is meant, not a picture.
	IsDocument bool
	// Page is the page index, and Name what the asset is called upstream, a figure of the file by its figure_name; nil for whichever there
	// is.
	Page *int32
	Name *string
}

// String names what is chosen for people, as in `asset "page_1.jpg" of origin attachment`.
func (c *Choice) String() string {
	what := "asset"
	if c.IsDocument {
		what = "document"
	}
	if c.Name != nil {
		what += fmt.Sprintf(" %q", *c.Name)
	} else if c.Page != nil {
		what = "screenshot"
	}
	if c.Page != nil {
		what += fmt.Sprintf(" of page %d", *c.Page)
	}
	return what + " of origin " + string(c.Origin)
}

// owner names the file or the job for people.
func (c *Choice) owner() string {
	if c.JobID != "" {
		return "parse job " + string(c.JobID)
	}
	return "file " + string(c.FileID)
}

// fileKey returns the key of the file or the job.
func (c *Choice) fileKey() pipeline.FileKey {
	if c.JobID != "" {
		return pipeline.FileKey{JobID: string(c.JobID)}
	}
	return pipeline.FileKey{FileID: string(c.FileID)}
}

// key returns the key of what is chosen, where the choice has all of it.
func (c *Choice) key() (key pipeline.AssetKey, ok bool) {
	if c.Origin != pipeline.OriginFile || c.IsDocument || c.Page == nil {
		return key, false
	}
	key = pipeline.AssetKey{FileID: c.FileID, Kind: pipeline.Screenshot, PageIndex: *c.Page, Origin: c.Origin}
	if c.Name != nil {
		key.Kind, key.FigureName = pipeline.Figure, *c.Name
	}
	return key, true
}

// has tells whether a row is one that is chosen.
func (c *Choice) has(row *pipeline.Row) bool {
	switch {
	case row.Origin != c.Origin || c.IsDocument != (row.Kind == pipeline.Document) || c.Page != nil && row.PageIndex != *c.Page:
		return false
	case c.Name != nil:
		return row.Detail().UpstreamName == *c.Name
	}
	return c.IsDocument || row.Kind == pipeline.Screenshot
}

// find returns the row of an asset.
func (o *opened) find(ctx context.Context, c *Choice) (*pipeline.Row, error) {
	if key, ok := c.key(); ok {
		return o.findByKey(ctx, key)
	}
	owner, err := o.ownerOf(ctx, c)
	if err != nil {
		return nil, storageError("read the ledger", err)
	}
	rows, err := o.Assets(ctx, owner)
	if err != nil {
		return nil, storageError("read the ledger", err)
	}
	var found []*pipeline.Row
	for _, row := range rows {
		if c.has(row) {
			found = append(found, row)
		}
	}
	switch {
	case len(rows) == 0:
		return nil, usagef("the export has no asset of %s", c.owner())
	case len(found) == 0:
		return nil, usagef("the export has assets of %s, but no %s", c.owner(), c)
	case len(found) > 1:
		return nil, usagef("the export has several: %s of %s: give PAGE or --name, as upstream_name has it: %s", c, c.owner(), upstreamNames(found))
	}
	return found[0], nil
}

// ownerOf returns the owner of what is chosen: the tables know the file of a job.
func (o *opened) ownerOf(ctx context.Context, c *Choice) (pipeline.Owner, error) {
	owner := pipeline.Owner{FileID: c.FileID, JobID: c.JobID}
	if c.JobID == "" {
		return owner, nil
	}
	job, err := o.FileRow(ctx, pipeline.FileKey{JobID: string(c.JobID)})
	if err == nil && job != nil {
		owner = job.Owner()
	}
	return owner, err
}

// upstreamNames lists the first few names of assets.
func upstreamNames(rows []*pipeline.Row) string {
	const most = 3
	var names []string
	for _, row := range rows[:min(len(rows), most)] {
		names = append(names, fmt.Sprintf("%q of page %d", row.Detail().UpstreamName, row.PageIndex))
	}
	if len(rows) > most {
		names = append(names, fmt.Sprintf("and %d more", len(rows)-most))
	}
	return strings.Join(names, ", ")
}
