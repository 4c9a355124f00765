package emulator

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"slices"
	"time"
)

// BatchSpec describes a batch: the jobs that were made of the files of a directory. All but the id may be empty.
type BatchSpec struct {
	// ID is "bat-" and a UUID with the API.
	ID, ProjectID, SourceDirectoryID string
	// JobType is "parse_v2" or "extract_v2"; "parse_v2" when empty.
	JobType, ConfigurationID string
	CreatedAt, UpdatedAt     time.Time
	// Stages are the statuses that the batch has before Status, which is StatusCompleted when empty. A look is a request for the
	// batch. Before the last status, half of the results are there already.
	Stages  []Stage
	Status  Status
	Results []BatchResult
}

// BatchResult is what became of one directory file.
type BatchResult struct {
	DirectoryFileID string
	// JobID is that of its job; when empty, job_reference is null.
	JobID string
	// Error, when not empty, is why it failed.
	Error string
}

// batch is a batch, ready to be served.
type batch struct {
	BatchSpec
	progress progress
	// results yields the first results of total.
	results func(count int) iter.Seq[BatchResult]
	total   int
}

// AddBatch adds a batch. Its id must be new, and its directory known, where it has one.
func (c *Corpus) AddBatch(spec BatchSpec) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.directories.get(spec.SourceDirectoryID); !ok && spec.SourceDirectoryID != "" {
		return fmt.Errorf("add batch %q: the corpus has no directory %q", spec.ID, spec.SourceDirectoryID)
	}
	return c.addBatch(spec, len(spec.Results), func(count int) iter.Seq[BatchResult] { return slices.Values(spec.Results[:count]) })
}

// addBatch adds a batch with results that are not those of spec. The corpus is locked.
func (c *Corpus) addBatch(spec BatchSpec, total int, results func(count int) iter.Seq[BatchResult]) error {
	if spec.Status == "" {
		spec.Status = StatusCompleted
	}
	if spec.JobType == "" {
		spec.JobType = "parse_v2"
	}
	b := &batch{
		BatchSpec: spec, progress: progress{stages: slices.Clone(spec.Stages), last: spec.Status}, results: results, total: total,
	}
	if !c.batches.add(c.next(), spec.ID, b) {
		return fmt.Errorf("add batch %q: the corpus has it already", spec.ID)
	}
	return nil
}

// listed returns the batch without its results.
func (b *batch) listed(status Status) object {
	return object{
		{"id", quote(b.ID)},
		{"project_id", quote(b.ProjectID)},
		{"source_directory_id", quote(b.SourceDirectoryID)},
		{"status", quote(string(status))},
		{"config", object{{"job", object{
			{"type", quote(b.JobType)}, {"configuration_id", quote(b.ConfigurationID)},
		}.bytes()}}.bytes()},
		{"created_at", timestamp(b.CreatedAt)},
		{"updated_at", timestamp(b.UpdatedAt)},
	}
}

func (s *Server) listBatches(x *exchange) reply {
	p, now := parameters{query: x.query}, time.Now()
	filter, source := readJobFilter(&p, batchStatuses()), p.text("source_directory_id")
	return s.listing(x, &p, func(page *page) *reply {
		for seq, b := range s.corpus.batches.after(x.after) {
			status := b.progress.peek(now)
			if s.foreign(x, b.ProjectID) || source != nil && *source != b.SourceDirectoryID || !filter.matches(b.ID, status, b.CreatedAt) {
				continue
			}
			if !page.add(seq, func() json.RawMessage { return b.listed(status).set("results", json.RawMessage("null")).bytes() }) {
				break
			}
		}
		return nil
	})
}

func (s *Server) getBatch(x *exchange) reply {
	s.corpus.mu.RLock()
	defer s.corpus.mu.RUnlock()
	b, ok := s.corpus.batches.get(x.params[0])
	if !ok || s.foreign(x, b.ProjectID) {
		return notFound("Batch")
	}
	status := b.progress.look(time.Now())
	if !x.expands("results") {
		return answerOK(b.listed(status).set("results", json.RawMessage("null")).bytes())
	}
	return answerBlob(&batchAnswer{b, status}).small()
}

// batchAnswer is the body of an answer with a batch and its results, which are written one by one.
type batchAnswer struct {
	batch  *batch
	status Status
}

func (a *batchAnswer) size() int64       { return -1 }
func (a *batchAnswer) mediaType() string { return jsonType }

func (a *batchAnswer) writeTo(to io.Writer) error {
	w := &jsonWriter{bufio.NewWriterSize(to, chunkSize)}
	head := a.batch.listed(a.status).bytes()
	w.raw(head[:len(head)-1])
	w.text(`,"results":[`)
	count := a.batch.total
	if a.status != a.batch.Status {
		count /= 2
	}
	separator := ""
	for r := range a.batch.results(count) {
		w.text(separator)
		if !w.raw(r.listed(a.batch.JobType)) {
			break
		}
		separator = ","
	}
	w.text("]}")
	return w.Flush()
}

func (r *BatchResult) listed(jobType string) json.RawMessage {
	reference := json.RawMessage("null")
	if r.JobID != "" {
		reference = object{{"type", quote(jobType)}, {"id", quote(r.JobID)}}.bytes()
	}
	return object{
		{"source_directory_file_id", quote(r.DirectoryFileID)},
		{"job_reference", reference},
		{"error_message", quoteOrNull(r.Error)},
	}.bytes()
}
