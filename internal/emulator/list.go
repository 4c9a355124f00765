package emulator

import (
	"encoding/json"
	"path"
	"slices"
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
	order := readOrder(&p, fileFields()...)
	name, externalID, ids := p.text("file_name"), p.text("external_file_id"), p.texts("file_ids")
	return s.listing(x, &p, func(page *page) *reply {
		if !s.hasProject(x) {
			r := notFound("Project")
			return &r
		}
		for _, f := range s.corpus.filesInOrder(order, x.after) {
			if x.mismatch(f.projectID, f.organizationID) || name != nil && *name != f.name ||
				externalID != nil && *externalID != f.externalID || len(ids) > 0 && !slices.Contains(ids, f.id) {
				continue
			}
			if !page.add(f.seq, func() json.RawMessage { return s.projectFile(x, f) }) {
				break
			}
		}
		return nil
	})
}

// hasProject tells whether there is a project that is the query's, and its organization's. The corpus is locked.
func (s *Server) hasProject(x *exchange) bool {
	if !x.mismatch("", "") {
		return true
	}
	for p := range s.corpus.projects.all() {
		if !x.mismatch(p.ID, p.OrganizationID) {
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
		{"expires_at", timestamp(f.expires)},
		{"download_url", url},
	}.bytes()
}

func fileType(name string) string { return strings.ToLower(strings.TrimPrefix(path.Ext(name), ".")) }
