package emulator

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// DirectoryType says what a directory is for.
type DirectoryType string

// The types of directory.
const (
	UserDirectory      DirectoryType = "user"
	IndexDirectory     DirectoryType = "index"
	EphemeralDirectory DirectoryType = "ephemeral"
)

func directoryTypes() []DirectoryType {
	return []DirectoryType{UserDirectory, IndexDirectory, EphemeralDirectory}
}

// DirectorySpec describes a directory. All but the id may be empty, and what is empty or zero is listed as null.
type DirectorySpec struct {
	ID, Name, ProjectID, OrganizationID string
	Description                         string
	// Type is UserDirectory when empty.
	Type DirectoryType
	// DeletedAt marks a directory that is listed with include_deleted only. ExpiresAt is told and nothing else.
	CreatedAt, UpdatedAt, DeletedAt, ExpiresAt time.Time
	ConnectorSubscriptionID                    string
	SystemMetadata                             json.RawMessage
}

// AddDirectory adds an empty directory, a pipeline of the same id, and its project where that is not known. Its id must be
// new.
func (c *Corpus) AddDirectory(spec DirectorySpec) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if spec.Type == "" {
		spec.Type = UserDirectory
	}
	d := &directory{DirectorySpec: spec, byID: map[string]*entry{}}
	if !c.directories.add(c.next(), spec.ID, d) {
		return fmt.Errorf("add directory %q: the corpus has it already", spec.ID)
	}
	c.pipelines.add(c.next(), spec.ID, &pipeline{
		PipelineSpec{ID: spec.ID, Name: spec.Name, ProjectID: spec.ProjectID, CreatedAt: spec.CreatedAt, UpdatedAt: spec.UpdatedAt}, d,
	})
	c.addProject(ProjectSpec{ID: spec.ProjectID, Name: spec.ProjectID, OrganizationID: spec.OrganizationID})
	return nil
}

func (s *DirectorySpec) listed() json.RawMessage {
	return object{
		{"id", quote(s.ID)},
		{"name", quote(s.Name)},
		{"project_id", quote(s.ProjectID)},
		{"description", quoteOrNull(s.Description)},
		{"type", quote(string(s.Type))},
		{"created_at", timestamp(s.CreatedAt)},
		{"updated_at", timestamp(s.UpdatedAt)},
		{"deleted_at", timestamp(s.DeletedAt)},
		{"expires_at", timestamp(s.ExpiresAt)},
		{"connector_subscription_id", quoteOrNull(s.ConnectorSubscriptionID)},
		{"system_metadata", rawOrNull(s.SystemMetadata)},
	}.bytes()
}

func (s *Server) listDirectories(x *exchange) reply {
	p := parameters{query: x.query}
	name, deleted := p.text("name"), p.boolean("include_deleted")
	types := append(choices(&p, "types", directoryTypes()), choices(&p, "type", directoryTypes())...)
	return s.listing(x, &p, func(page *page) *reply {
		for seq, d := range s.corpus.directories.after(x.after) {
			if s.foreign(x, d.ProjectID) || name != nil && *name != d.Name || !d.DeletedAt.IsZero() && !deleted ||
				len(types) > 0 && !slices.Contains(types, d.Type) {
				continue
			}
			if !page.add(seq, d.listed) {
				break
			}
		}
		return nil
	})
}

func (s *Server) getDirectory(x *exchange) reply {
	s.corpus.mu.RLock()
	defer s.corpus.mu.RUnlock()
	d, rep := s.directory(x)
	if rep != nil {
		return *rep
	}
	return answerOK(d.listed())
}
