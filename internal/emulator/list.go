package emulator

import (
	"encoding/json"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
)

// entryFilter is the filters of List Directory Files.
type entryFilter struct {
	displayName, uniqueID, fileID *string
	contains                      string // in lower case
	deleted                       bool
	from, to                      time.Time
}

func readEntryFilter(p *parameters) entryFilter {
	return entryFilter{
		displayName: p.text("display_name"),
		uniqueID:    p.text("unique_id"),
		fileID:      p.text("file_id"),
		contains:    strings.ToLower(p.query.Get("display_name_contains")),
		deleted:     p.boolean("include_deleted"),
		from:        p.instant("updated_at_on_or_after"),
		to:          p.instant("updated_at_on_or_before"),
	}
}

func (f *entryFilter) matches(e *entry) bool {
	is := func(want *string, got string) bool { return want == nil || *want == got }
	known := !e.updated.IsZero()
	return (f.deleted || !e.deleted) &&
		is(f.displayName, e.displayName) && is(f.uniqueID, e.uniqueID) && is(f.fileID, e.fileID) &&
		strings.Contains(strings.ToLower(e.displayName), f.contains) &&
		(f.from.IsZero() || known && !e.updated.Before(f.from)) &&
		(f.to.IsZero() || known && !e.updated.After(f.to))
}

func (s *Server) listDirectoryFiles(x *exchange) reply {
	p := parameters{query: x.query}
	filter := readEntryFilter(&p)
	return s.listing(x, &p, func(page *page) *reply {
		d, rep := s.directory(x)
		if rep != nil {
			return rep
		}
		for _, e := range d.entries[d.after(x.after):] {
			if filter.matches(e) && !page.add(e.seq, func() json.RawMessage { return s.directoryFile(x, e) }) {
				break
			}
		}
		return nil
	})
}

// directoryFile returns what is listed for an entry, expanded as the query asks.
func (s *Server) directoryFile(x *exchange, e *entry) json.RawMessage {
	if !x.expands("download_url") {
		return e.listed
	}
	o, err := parseObject(e.listed)
	if err != nil {
		return e.listed
	}
	return o.set("download_url", s.downloadURL(x, e.fileID)).bytes()
}

func (s *Server) listProjectFiles(x *exchange) reply {
	p := parameters{query: x.query}
	size := p.number("page_size", defaultPageSize, 1, maxPageSize)
	byID := x.orderByID(&p)
	switch {
	case len(p.errs) > 0:
		return unprocessable(p.errs)
	case x.badToken:
		return badToken()
	}
	name, externalID, ids := p.text("file_name"), p.text("external_file_id"), x.query["file_ids"]
	s.corpus.mu.RLock()
	defer s.corpus.mu.RUnlock()
	if !s.hasProject(x) {
		return notFound("Project")
	}
	page := page{size: size}
	files := s.corpus.filesAfter(x.after)
	if byID {
		files = s.corpus.filesByIDAfter(x.after)
	}
	for _, f := range files {
		if x.mismatch(f.projectID, f.organizationID) || name != nil && *name != f.name ||
			externalID != nil && *externalID != f.externalID || ids != nil && !slices.Contains(ids, f.id) {
			continue
		}
		if !page.add(f.seq, func() json.RawMessage { return s.projectFile(x, f) }) {
			break
		}
	}
	return s.answerPage(x, &page)
}

// orderByID tells whether the query asks for the order of ids, which is the only one there is but that in which files were added.
func (x *exchange) orderByID(p *parameters) bool {
	order := x.query.Get("order_by")
	if order != "" && order != "id" {
		p.fail("order_by", "The emulator lists files in the order in which they were added, or by id", "value_error")
	}
	return order == "id"
}

// hasProject tells whether a directory belongs to the project and organization that the query names.
func (s *Server) hasProject(x *exchange) bool {
	if !x.mismatch("", "") {
		return true
	}
	for d := range s.corpus.directories.all() {
		if !x.mismatch(d.ProjectID, d.OrganizationID) {
			return true
		}
	}
	return false
}

func (s *Server) projectFile(x *exchange, f *file) json.RawMessage {
	url := json.RawMessage("null")
	if x.expands("download_url") {
		url = s.downloadURL(x, f.id)
	}
	return object{
		{"id", quote(f.id)},
		{"name", quote(f.name)},
		{"project_id", quote(f.projectID)},
		{"external_file_id", quoteOrNull(f.externalID)},
		{"file_type", quoteOrNull(fileType(f.name))},
		{"last_modified_at", timestamp(f.modified)},
		{"purpose", quote("parse")},
		{"expires_at", json.RawMessage("null")},
		{"download_url", url},
	}.bytes()
}

func fileType(name string) string { return strings.ToLower(strings.TrimPrefix(path.Ext(name), ".")) }

func (s *Server) listPipelineFiles(x *exchange) reply {
	p := parameters{query: x.query}
	limit := p.number("limit", defaultPageSize, 1, maxPageSize)
	offset := p.number("offset", 0, 0, -1)
	byID := x.orderByID(&p)
	if len(p.errs) > 0 {
		return unprocessable(p.errs)
	}
	contains, statuses := strings.ToLower(x.query.Get("file_name_contains")), x.query["statuses"]
	s.corpus.mu.RLock()
	defer s.corpus.mu.RUnlock()
	pipe, ok := s.corpus.pipelines.get(x.params[0])
	if !ok || s.foreign(x, pipe.ProjectID) {
		return notFound("Pipeline")
	}
	var files []json.RawMessage
	total := 0
	entries := pipe.entries()
	if byID {
		entries = slices.SortedFunc(slices.Values(entries), func(a, b *entry) int { return strings.Compare(a.id, b.id) })
	}
	if x.fault.is(FaultShift) && len(entries) > 0 {
		entries = entries[1:]
	}
	for _, e := range entries {
		if e.deleted || !strings.Contains(strings.ToLower(e.displayName), contains) ||
			statuses != nil && !slices.Contains(statuses, pipelineStatus) {
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

// pipelineStatus is the status of every pipeline file.
const pipelineStatus = "SUCCESS"

// pipelineFile returns an entry as the listing of pipeline files shows it, with the values of its directory file.
func pipelineFile(pipelineID string, e *entry) json.RawMessage {
	o, err := parseObject(e.listed)
	if err != nil {
		return e.listed
	}
	return object{
		{"id", o.orNull("id")},
		{"pipeline_id", quote(pipelineID)},
		{"file_id", o.orNull("file_id")},
		{"name", o.orNull("display_name")},
		{"external_file_id", o.orNull("unique_id")},
		{"file_type", quoteOrNull(fileType(e.displayName))},
		{"project_id", o.orNull("project_id")},
		{"custom_metadata", o.orNull("metadata")},
		{"status", quote(pipelineStatus)},
		{"created_at", o.orNull("created_at")},
		{"updated_at", o.orNull("updated_at")},
	}.bytes()
}
