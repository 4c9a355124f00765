package llamacloud

import (
	"context"

	"exporter/pipeline"
)

const (
	fileRoute        = "/api/v1/beta/files/{file_id}"
	fileContentRoute = "/api/v1/beta/files/{file_id}/content"
)

// File returns a stored file.
func (c *Client) File(ctx context.Context, id pipeline.ID) (ProjectFile, error) {
	k, err := c.newSingleCall(fileRoute, nil, idSegment(id))
	if err != nil {
		return ProjectFile{}, err
	}
	return one(ctx, k, readProjectFile)
}

// FileContent returns a link to the original document of a stored file. One that was uploaded to be parsed is gone after 48 hours.
func (c *Client) FileContent(ctx context.Context, id pipeline.ID) (PresignedURL, error) {
	k, err := c.newSingleCall(fileContentRoute, nil, idSegment(id))
	if err != nil {
		return PresignedURL{}, err
	}
	return k.presigned(ctx)
}
