package llamacloud

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"net/http"
	"net/url"
	"time"

	"exporter/pipeline"
)

const (
	batchesRoute = "/api/v2/batches"
	batchRoute   = "/api/v2/batches/{batch_id}"
)

// Batch does the same job for each file of a directory. All of it is the server's word, unchecked.
type Batch struct {
	Item
	ID                string `json:"id"`
	ProjectID         string `json:"project_id"`
	SourceDirectoryID string `json:"source_directory_id"`
	// Status is as that of a ParseJob, or "THROTTLED", which goes on.
	Status string `json:"status"`
	// JobType is "parse_v2" or "extract_v2".
	JobType   Optional[string]    `json:"job_type,omitzero"`
	CreatedAt Optional[Timestamp] `json:"created_at,omitzero"`
	UpdatedAt Optional[Timestamp] `json:"updated_at,omitzero"`
}

// readBatch reads an item, which has to have an id.
func readBatch(o *object, v value) (b Batch) {
	if b.Malformed = o.parse(v); b.Malformed == nil {
		b.read(o)
	}
	b.finish(o, v)
	b.identify(v, b.ID)
	return b
}

// read reads the members of an object.
func (b *Batch) read(o *object) {
	b.ID, b.Malformed = o.id()
	b.ProjectID = o.text("project_id").Or("")
	b.SourceDirectoryID = o.text("source_directory_id").Or("")
	b.Status = o.text("status").Or("")
	b.JobType = read(o, "config", value.jobType)
	b.CreatedAt = o.timestamp("created_at")
	b.UpdatedAt = o.timestamp("updated_at")
}

// jobType returns the type of the job of a configuration.
func (v value) jobType() (string, error) {
	var config, job object
	if err := config.parse(v); err != nil {
		return "", err
	}
	if err := job.parse(config.get("job")); err != nil {
		return "", err
	}
	return need(&job, "type", value.text)
}

// BatchesQuery narrows a listing. Zero fields do not.
type BatchesQuery struct {
	SourceDirectoryID pipeline.ID
	Status            string
	// CreatedAtOnOrAfter and CreatedAtOnOrBefore are inclusive.
	CreatedAtOnOrAfter, CreatedAtOnOrBefore time.Time
	// PageSize is how many batches a request asks for, at most 1000, the default.
	PageSize int
}

// Batches lists the batches of the project. Items may be malformed. An error ends the sequence, which then is not complete.
func (c *Client) Batches(ctx context.Context, q BatchesQuery) iter.Seq2[Batch, error] {
	query := url.Values{}
	setText(query, "source_directory_id", q.SourceDirectoryID)
	setText(query, "status", q.Status)
	setTime(query, "created_at_on_or_after", q.CreatedAtOnOrAfter)
	setTime(query, "created_at_on_or_before", q.CreatedAtOnOrBefore)
	return pages(ctx, c, listRequest{route: batchesRoute, query: query, size: pageSize(q.PageSize)}, readBatch)
}

// BatchResult is what came of a file of a batch. All of it is the server's word, unchecked.
type BatchResult struct {
	Item
	// SourceDirectoryFileID is the id that the file has in its directory; empty where the API does not say.
	SourceDirectoryFileID string
	// JobType and JobID tell which job it is; empty where there is none.
	JobType, JobID string
	ErrorMessage   Optional[string]
}

// readBatchResult reads an item, which has to have a file or a job.
func readBatchResult(o *object, v value) (r BatchResult) {
	if r.Malformed = o.parse(v); r.Malformed == nil {
		r.SourceDirectoryFileID = o.text("source_directory_file_id").Or("")
		job := read(o, "job_reference", value.jobReference).Or(jobReference{})
		r.JobType, r.JobID = job.kind, job.id
		r.ErrorMessage = o.text("error_message")
		if r.SourceDirectoryFileID == "" && r.JobID == "" {
			r.Malformed = errors.New("it has neither a file nor a job")
		}
	}
	r.finish(o, v)
	return r
}

type jobReference struct{ kind, id string }

func (v value) jobReference() (j jobReference, err error) {
	var o object
	if err := o.parse(v); err != nil {
		return j, err
	}
	j.kind = o.text("type").Or("")
	j.id, err = o.id()
	return j, err
}

// Batch returns a batch, and calls do with its results, once all have come. Items may be malformed. An error of do is returned as
// it is. A batch that is not done has results to come.
func (c *Client) Batch(ctx context.Context, id pipeline.ID, do func(*BatchResult) error) (b Batch, err error) {
	k, err := c.newCall(http.MethodGet, batchRoute, url.Values{"expand": {"results"}}, idSegment(id))
	if err != nil {
		return b, err
	}
	results := c.newRecords()
	defer func() { err = cmp.Or(err, results.reset()) }()
	err = k.record(ctx, []*records{results}, func(s *stream) error {
		others, err := s.record("results", results, allTo(results))
		if err == nil {
			b = Batch{}
			b.read(&others)
			b.Odd, err = others.odd, b.Malformed
		}
		return err
	})
	if err != nil {
		return b, err
	}
	c.cleanItem(&b.Item)
	return b, each(c, results.inOrder(), readBatchResult, do)
}
