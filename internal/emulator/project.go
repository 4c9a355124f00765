package emulator

import (
	"encoding/json"
	"fmt"
	"iter"
	"slices"
	"time"
)

// ProjectSpec describes a project.
type ProjectSpec struct {
	ID, Name, OrganizationID string
	IsDefault                bool
	CreatedAt, UpdatedAt     time.Time
}

// AddProject adds a project. Its id must be new: it is added before its directories, which would add it with its id for a name.
func (c *Corpus) AddProject(spec ProjectSpec) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.addProject(spec) {
		return fmt.Errorf("add project %q: the corpus has it already", spec.ID)
	}
	return nil
}

// addProject returns false when the project is known. The corpus is locked.
func (c *Corpus) addProject(spec ProjectSpec) bool {
	if !isUUID(spec.ID) || !isUUID(spec.OrganizationID) {
		c.anyProjectID.Store(true)
	}
	return c.projects.add(c.next(), spec.ID, &spec)
}

func (s *ProjectSpec) listed() json.RawMessage {
	return object{
		{"id", quote(s.ID)},
		{"name", quote(s.Name)},
		{"organization_id", quote(s.OrganizationID)},
		{"is_default", marshal(s.IsDefault)},
		{"created_at", timestamp(s.CreatedAt)},
		{"updated_at", timestamp(s.UpdatedAt)},
	}.bytes()
}

// foreign tells whether the query names another project or organization than a project's. The corpus is locked.
func (s *Server) foreign(x *exchange, projectID string) bool {
	organizationID := ""
	if p, ok := s.corpus.projects.get(projectID); ok {
		organizationID = p.OrganizationID
	}
	return x.mismatch(projectID, organizationID)
}

func (s *Server) listProjects(x *exchange) reply {
	p := parameters{query: x.query}
	name, organization := p.text("name"), p.text("organization_id")
	return s.listing(x, &p, func(page *page) *reply {
		for seq, project := range s.corpus.projects.after(x.after) {
			if project.matches(name, organization) && !page.add(seq, project.listed) {
				break
			}
		}
		return nil
	})
}

// listProjectsV1 answers with all projects at once.
func (s *Server) listProjectsV1(x *exchange) reply {
	p := parameters{query: x.query}
	name, organization := p.text("project_name"), p.text("organization_id")
	if len(p.errs) > 0 {
		return unprocessable(p.errs)
	}
	s.corpus.mu.RLock()
	defer s.corpus.mu.RUnlock()
	var listed []json.RawMessage
	for project := range s.corpus.projects.all() {
		if project.matches(name, organization) {
			listed = append(listed, project.listed())
		}
	}
	return answerOK(appendArray(nil, listed))
}

func (s *ProjectSpec) matches(name, organizationID *string) bool {
	return (name == nil || *name == s.Name) && (organizationID == nil || *organizationID == s.OrganizationID)
}

// PipelineType says what a pipeline is for.
type PipelineType string

// The types of pipeline.
const (
	ManagedPipeline    PipelineType = "MANAGED"
	PlaygroundPipeline PipelineType = "PLAYGROUND"
)

func pipelineTypes() []PipelineType { return []PipelineType{ManagedPipeline, PlaygroundPipeline} }

// PipelineSpec describes a pipeline, which lists the files of a directory.
type PipelineSpec struct {
	ID, Name, ProjectID string
	// Type is ManagedPipeline when empty.
	Type PipelineType
	// Status is CREATED or DELETING; CREATED when empty.
	Status               string
	CreatedAt, UpdatedAt time.Time
	// DirectoryID is the directory whose files are listed; when empty, there are none.
	DirectoryID string
}

// pipeline is a pipeline and the directory that it lists; nil: none.
type pipeline struct {
	PipelineSpec
	directory *directory
}

// AddPipeline adds a pipeline beside those that directories bring along. Its id must be new.
func (c *Corpus) AddPipeline(spec PipelineSpec) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	d, ok := c.directories.get(spec.DirectoryID)
	if !ok && spec.DirectoryID != "" {
		return fmt.Errorf("add pipeline %q: the corpus has no directory %q", spec.ID, spec.DirectoryID)
	}
	if !c.pipelines.add(c.next(), spec.ID, &pipeline{spec, d}) {
		return fmt.Errorf("add pipeline %q: the corpus has it already", spec.ID)
	}
	return nil
}

func (p *pipeline) entries() []*entry {
	if p.directory == nil {
		return nil
	}
	return p.directory.entries
}

func (p *pipeline) kind() PipelineType {
	if p.Type == "" {
		return ManagedPipeline
	}
	return p.Type
}

func (p *pipeline) listed() json.RawMessage { return p.object().bytes() }

// listedV1 is listed with a member that is required there.
func (p *pipeline) listedV1() json.RawMessage {
	return p.object().set("embedding_config", json.RawMessage(`{"type":"MANAGED_OPENAI_EMBEDDING","component":{}}`)).bytes()
}

func (p *pipeline) object() object {
	status := p.Status
	if status == "" {
		status = "CREATED"
	}
	return object{
		{"id", quote(p.ID)},
		{"name", quote(p.Name)},
		{"pipeline_type", quote(string(p.kind()))},
		{"project_id", quote(p.ProjectID)},
		{"status", quote(status)},
		{"created_at", timestamp(p.CreatedAt)},
		{"updated_at", timestamp(p.UpdatedAt)},
	}
}

// listPipelines lists pipelines, the newest first.
func (s *Server) listPipelines(x *exchange) reply {
	p := parameters{query: x.query}
	name, types := p.text("name"), choices(&p, "pipeline_type", pipelineTypes())
	return s.listing(x, &p, func(page *page) *reply {
		for seq, pipe := range s.pipelines(x, x.after, name, types) {
			if !page.add(seq, pipe.listed) {
				break
			}
		}
		return nil
	})
}

// listPipelinesV1 answers with all pipelines at once.
func (s *Server) listPipelinesV1(x *exchange) reply {
	p := parameters{query: x.query}
	name, projectName := p.text("pipeline_name"), p.text("project_name")
	types := choices(&p, "pipeline_type", pipelineTypes())
	if len(p.errs) > 0 {
		return unprocessable(p.errs)
	}
	s.corpus.mu.RLock()
	defer s.corpus.mu.RUnlock()
	var listed []json.RawMessage
	for _, pipe := range s.pipelines(x, 0, name, types) {
		if project, ok := s.corpus.projects.get(pipe.ProjectID); projectName == nil || ok && project.Name == *projectName {
			listed = append(listed, pipe.listedV1())
		}
	}
	return answerOK(appendArray(nil, listed))
}

// pipelines yields those before seq that the query asks for, the newest first. The corpus is locked.
func (s *Server) pipelines(x *exchange, seq uint64, name *string, types []PipelineType) iter.Seq2[uint64, *pipeline] {
	return func(yield func(uint64, *pipeline) bool) {
		for seq, pipe := range s.corpus.pipelines.before(seq) {
			if s.foreign(x, pipe.ProjectID) || name != nil && *name != pipe.Name || len(types) > 0 && !slices.Contains(types, pipe.kind()) {
				continue
			}
			if !yield(seq, pipe) {
				return
			}
		}
	}
}
