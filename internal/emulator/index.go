package emulator

import (
	"encoding/json"
	"fmt"
	"strconv"
	"sync"
	"time"
)

// IndexSpec describes an index. All but the id may be empty, and times are listed as null when they are zero.
type IndexSpec struct {
	// ID is that of the API's paths; ExportConfigID is what retrieval calls the index_id.
	ID, ExportConfigID           string
	Name, Description, ProjectID string
	SourceDirectoryID            string
	OutputDirectoryID            string
	SyncConfigID                 string
	CreatedAt, UpdatedAt         time.Time
	LastSyncedAt, LastExportedAt time.Time
	// Metadata is listed as it is, null when nil. Its member status says "ready" or "failed".
	Metadata json.RawMessage
	// Syncing is how long the index says that it is being synchronized. A look is a request that expands sync_in_progress.
	Syncing Delay
}

// index is an index and how often it was looked at.
type index struct {
	IndexSpec
	mu    sync.Mutex
	looks int
}

// AddIndex adds an index. Its id must be new, and its directories known, where it has any.
func (c *Corpus) AddIndex(spec IndexSpec) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, id := range []string{spec.SourceDirectoryID, spec.OutputDirectoryID} {
		if _, ok := c.directories.get(id); !ok && id != "" {
			return fmt.Errorf("add index %q: the corpus has no directory %q", spec.ID, id)
		}
	}
	if !c.indexes.add(c.next(), spec.ID, &index{IndexSpec: spec}) {
		return fmt.Errorf("add index %q: the corpus has it already", spec.ID)
	}
	return nil
}

// look counts a look, and tells whether it sees the index being synchronized.
func (i *index) look(now time.Time) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	syncing := !i.Syncing.over(i.looks, now)
	i.looks++
	return syncing
}

func (i *index) listed(syncing json.RawMessage) json.RawMessage {
	return object{
		{"id", quote(i.ID)},
		{"name", quote(i.Name)},
		{"project_id", quote(i.ProjectID)},
		{"source_directory_id", quote(i.SourceDirectoryID)},
		{"output_directory_id", quote(i.OutputDirectoryID)},
		{"sync_config_id", quote(i.SyncConfigID)},
		{"export_config_id", quote(i.ExportConfigID)},
		{"description", quoteOrNull(i.Description)},
		{"created_at", timestamp(i.CreatedAt)},
		{"updated_at", timestamp(i.UpdatedAt)},
		{"last_synced_at", timestamp(i.LastSyncedAt)},
		{"last_exported_at", timestamp(i.LastExportedAt)},
		{"metadata", rawOrNull(i.Metadata)},
		{"sync_in_progress", syncing},
	}.bytes()
}

func (s *Server) listIndexes(x *exchange) reply {
	p := parameters{query: x.query}
	source := p.text("source_directory_id")
	return s.listing(x, &p, func(page *page) *reply {
		for seq, i := range s.corpus.indexes.after(x.after) {
			if s.foreign(x, i.ProjectID) || source != nil && *source != i.SourceDirectoryID {
				continue
			}
			if !page.add(seq, func() json.RawMessage { return i.listed(json.RawMessage("null")) }) {
				break
			}
		}
		return nil
	})
}

func (s *Server) getIndex(x *exchange) reply {
	s.corpus.mu.RLock()
	defer s.corpus.mu.RUnlock()
	i, ok := s.corpus.indexes.get(x.params[0])
	if !ok || s.foreign(x, i.ProjectID) {
		return notFound("Index")
	}
	syncing := json.RawMessage("null")
	if x.expands("sync_in_progress") {
		syncing = json.RawMessage(strconv.FormatBool(i.look(time.Now())))
	}
	return answerOK(i.listed(syncing))
}
