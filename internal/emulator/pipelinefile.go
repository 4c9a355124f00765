package emulator

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

func (s *Server) listPipelineFiles(x *exchange) reply {
	p := parameters{query: x.query}
	limit := p.number("limit", defaultPageSize, 1, maxPageSize)
	offset := p.number("offset", 0, 0, -1)
	filter := readPipelineFilter(&p)
	order := readOrder(&p, entryFields()...)
	if len(p.errs) > 0 {
		return unprocessable(p.errs)
	}
	s.corpus.mu.RLock()
	defer s.corpus.mu.RUnlock()
	pipe, ok := s.corpus.pipelines.get(x.params[0])
	if !ok || s.foreign(x, pipe.ProjectID) {
		return notFound("Pipeline")
	}
	var files []json.RawMessage
	total := 0
	entries := pipe.entries()
	if order.keys != nil {
		entries = slices.SortedFunc(slices.Values(entries), order.compareEntries)
	}
	if x.fault.is(FaultShift) && len(entries) > 0 {
		entries = entries[1:]
	}
	for _, e := range entries {
		if !filter.matches(e) {
			continue
		}
		if total >= offset && len(files) < limit {
			files = append(files, pipelineFile(pipe.ID, e))
		}
		total++
	}
	return answerJSON(http.StatusOK, object{
		{"files", appendArray(nil, files)},
		{"limit", json.RawMessage(strconv.Itoa(limit))},
		{"offset", json.RawMessage(strconv.Itoa(offset))},
		{"total_count", json.RawMessage(strconv.Itoa(total))},
	}.bytes())
}

// PipelineFileSpec is what a pipeline says of a directory file beside what a directory does.
type PipelineFileSpec struct {
	// Status is SUCCESS when empty.
	Status PipelineFileStatus
	// StatusUpdatedAt is listed as null when it is zero.
	StatusUpdatedAt time.Time
	// IndexedPages is listed as null when it is nil.
	IndexedPages *int
	// DataSourceID is that of the data source that the file came from; empty: it was uploaded by hand.
	DataSourceID string
}

// PipelineFileStatus is that of a file of a pipeline.
type PipelineFileStatus string

func pipelineFileStatuses() []PipelineFileStatus {
	return []PipelineFileStatus{"NOT_STARTED", "IN_PROGRESS", "SUCCESS", "ERROR", "CANCELLED"}
}

// pipelineFilter is the filters of List Pipeline Files.
type pipelineFilter struct {
	contains       string // in lower case
	statuses       []PipelineFileStatus
	dataSourceID   *string
	manuallyLoaded bool
}

func readPipelineFilter(p *parameters) pipelineFilter {
	return pipelineFilter{
		contains:       strings.ToLower(p.query.Get("file_name_contains")),
		statuses:       choices(p, "statuses", pipelineFileStatuses()),
		dataSourceID:   p.text("data_source_id"),
		manuallyLoaded: p.boolean("only_manually_uploaded"),
	}
}

func (f *pipelineFilter) matches(e *entry) bool {
	spec := e.inPipeline()
	return !e.deleted && strings.Contains(strings.ToLower(e.displayName), f.contains) &&
		(len(f.statuses) == 0 || slices.Contains(f.statuses, spec.Status)) &&
		(f.dataSourceID == nil || *f.dataSourceID == spec.DataSourceID) && (!f.manuallyLoaded || spec.DataSourceID == "")
}

// inPipeline returns what a pipeline says of an entry.
func (e *entry) inPipeline() PipelineFileSpec {
	var spec PipelineFileSpec
	if e.pipeline != nil {
		spec = *e.pipeline
	}
	if spec.Status == "" {
		spec.Status = "SUCCESS"
	}
	return spec
}

// pipelineFile returns an entry as the listing of pipeline files shows it, with the values of its directory file.
func pipelineFile(pipelineID string, e *entry) json.RawMessage {
	o, err := parseObject(e.listed)
	if err != nil {
		return e.listed
	}
	spec := e.inPipeline()
	return object{
		{"id", o.orNull("id")},
		{"pipeline_id", quote(pipelineID)},
		{"file_id", o.orNull("file_id")},
		{"name", o.orNull("display_name")},
		{"external_file_id", o.orNull("unique_id")},
		{"file_type", quoteOrNull(fileType(e.displayName))},
		{"project_id", o.orNull("project_id")},
		{"data_source_id", quoteOrNull(spec.DataSourceID)},
		{"indexed_page_count", marshal(spec.IndexedPages)},
		{"custom_metadata", o.orNull("metadata")},
		{"status", quote(string(spec.Status))},
		{"status_updated_at", timestamp(spec.StatusUpdatedAt)},
		{"created_at", o.orNull("created_at")},
		{"updated_at", o.orNull("updated_at")},
	}.bytes()
}
