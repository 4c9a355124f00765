package llamacloud

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"net/url"
	"time"

	"exporter/pipeline"
)

const (
	parseJobsRoute = "/api/v2/parse"
	parseJobRoute  = "/api/v2/parse/{job_id}"

	// parseListings is the least time between two requests for a listing of jobs: deployments of one's own take five a second.
	parseListings = time.Second / 5
)

// JobCompleted is the status of a job whose results are all there.
const JobCompleted = "COMPLETED"

// ParseJob parses a document. All of it is the server's word, unchecked.
type ParseJob struct {
	Item
	ID        string `json:"id"`
	ProjectID string `json:"project_id"`
	// Status is "PENDING", "RUNNING", JobCompleted, "FAILED" or "CANCELLED".
	Status       string                    `json:"status"`
	Name         Optional[string]          `json:"name,omitzero"`
	Tier         Optional[string]          `json:"tier,omitzero"`
	ErrorMessage Optional[string]          `json:"error_message,omitzero"`
	UserMetadata Optional[json.RawMessage] `json:"user_metadata,omitzero"`
	CreatedAt    Optional[Timestamp]       `json:"created_at,omitzero"`
	UpdatedAt    Optional[Timestamp]       `json:"updated_at,omitzero"`
}

// readParseJob reads an item, which has to have an id.
func readParseJob(o *object, v value) (j ParseJob) {
	if j.Malformed = o.parse(v); j.Malformed == nil {
		j.ID, j.Malformed = o.id()
		j.ProjectID = o.text("project_id").Or("")
		j.Status = o.text("status").Or("")
		j.Name = o.text("name")
		j.Tier = o.text("tier")
		j.ErrorMessage = o.text("error_message")
		j.UserMetadata = o.document("user_metadata")
		j.CreatedAt = o.timestamp("created_at")
		j.UpdatedAt = o.timestamp("updated_at")
	}
	j.finish(o, v)
	j.identify(v, j.ID)
	return j
}

// ParseJobsQuery narrows a listing. Zero fields do not.
type ParseJobsQuery struct {
	Status string
	// CreatedAtOnOrAfter and CreatedAtOnOrBefore are inclusive.
	CreatedAtOnOrAfter, CreatedAtOnOrBefore time.Time
	JobIDs                                  []pipeline.ID
	// PageSize is how many jobs a request asks for, at most 1000, the default.
	PageSize int
}

// ParseJobs lists the parse jobs of the project, with at most five requests a second. Items may be malformed. An error ends the
// sequence, which then is not complete.
func (c *Client) ParseJobs(ctx context.Context, q ParseJobsQuery) iter.Seq2[ParseJob, error] {
	query := url.Values{}
	setText(query, "status", q.Status)
	setTime(query, "created_at_on_or_after", q.CreatedAtOnOrAfter)
	setTime(query, "created_at_on_or_before", q.CreatedAtOnOrBefore)
	for _, id := range q.JobIDs {
		query.Add("job_ids", string(id))
	}
	r := listRequest{route: parseJobsRoute, query: query, size: pageSize(q.PageSize), limit: c.parseListings}
	return pages(ctx, c, r, readParseJob)
}

// ParseJob returns a parse job without its results. Jobs go by themselves in time: then it is an *APIError of status 404.
func (c *Client) ParseJob(ctx context.Context, id pipeline.ID) (job ParseJob, err error) {
	k, err := c.newSingleCall(parseJobRoute, nil, idSegment(id))
	if err != nil {
		return job, err
	}
	err = k.stream(ctx, c.maxJSON, func(s *stream) error {
		job, err = s.parseJob(func(string) (bool, error) { return false, nil })
		return err
	})
	c.cleanItem(&job.Item)
	return job, err
}

// parseJob takes the answer for a job. Each result that was asked for is taken by a call of result, which says of others that it
// did not take them.
func (s *stream) parseJob(result func(name string) (taken bool, err error)) (job ParseJob, err error) {
	job.Malformed = errAbsent
	err = s.members(func(name value) error {
		text := spellString(name)
		if taken, err := result(text); taken || err != nil {
			return err
		}
		v, err := s.value()
		if err == nil && text == "job" {
			var o object
			job = readParseJob(&o, v)
		}
		return err
	})
	if err == nil && job.Malformed != nil {
		err = fmt.Errorf("job: %w", job.Malformed)
	}
	return job, err
}
