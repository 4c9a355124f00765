package emulator

import (
	"cmp"
	"encoding/json"
	"net/http"
)

func (s *Server) getDirectoryFile(x *exchange) reply {
	s.corpus.mu.RLock()
	defer s.corpus.mu.RUnlock()
	d, rep := s.directory(x)
	if rep != nil {
		return *rep
	}
	// A deleted one is answered, with its deleted_at.
	e := d.byID[x.params[1]]
	if e == nil {
		return notFound("Directory file")
	}
	return answerOK(s.directoryFile(x, e))
}

func (s *Server) addDirectoryFile(x *exchange) reply {
	body, rep := readBody(x)
	if rep != nil {
		return *rep
	}
	fileID := body.required("file_id")
	displayName, uniqueID, metadata := body.text("display_name"), body.text("unique_id"), body.metadata()
	if len(body.errs) > 0 {
		return unprocessable(body.errs)
	}
	s.corpus.mu.Lock()
	defer s.corpus.mu.Unlock()
	d, rep := s.directory(x)
	if rep != nil {
		return *rep
	}
	f, known := s.corpus.files[fileID]
	if !known || f.projectID != d.ProjectID {
		return notFound("File")
	}
	return answerCreated(s.corpus.create(d, &FileSpec{
		FileID:      fileID,
		DisplayName: valueOr(displayName, f.name),
		UniqueID:    valueOr(uniqueID, cmp.Or(f.externalID, f.name)),
		Metadata:    metadata,
	}).listed)
}

// create adds a directory file with a new id, created now.
func (c *Corpus) create(d *directory, spec *FileSpec) *entry {
	spec.ID = "dfl-" + c.newID()
	if spec.Metadata == nil {
		spec.Metadata = json.RawMessage("{}")
	}
	spec.CreatedAt = (&entry{}).nextUpdate()
	spec.UpdatedAt = spec.CreatedAt
	return c.addEntry(d, spec)
}

func (s *Server) updateDirectoryFile(x *exchange) reply {
	body, rep := readBody(x)
	if rep != nil {
		return *rep
	}
	displayName, uniqueID, metadata := body.text("display_name"), body.text("unique_id"), body.metadata()
	target := body.text("target_directory_id")
	if len(body.errs) > 0 {
		return unprocessable(body.errs)
	}
	s.corpus.mu.Lock()
	defer s.corpus.mu.Unlock()
	d, e, rep := s.living(x)
	if rep != nil {
		return *rep
	}
	var members []member
	if target != nil && *target != d.ID {
		to, known := s.corpus.directories.get(*target)
		if !known || to.ProjectID != d.ProjectID {
			return notFound("Target directory")
		}
		if to.byID[e.id] != nil {
			return detail(http.StatusConflict, "The target directory has a directory file of that id")
		}
		s.corpus.move(e, d, to)
		members = append(members, member{"directory_id", quote(to.ID)})
	}
	if displayName != nil {
		e.displayName = *displayName
		members = append(members, member{"display_name", quote(e.displayName)})
	}
	if uniqueID != nil {
		e.uniqueID = *uniqueID
		members = append(members, member{"unique_id", quote(e.uniqueID)})
	}
	if metadata != nil {
		members = append(members, member{"metadata", metadata})
	}
	e.edit(e.nextUpdate(), members...)
	return answerOK(e.listed)
}

// move takes an entry to the end of another directory's listing.
func (c *Corpus) move(e *entry, from, to *directory) {
	from.remove(e)
	e.seq = c.next()
	to.insert(e)
}

func (s *Server) deleteDirectoryFile(x *exchange) reply {
	s.corpus.mu.Lock()
	defer s.corpus.mu.Unlock()
	_, e, rep := s.living(x)
	if rep != nil {
		return *rep
	}
	at := e.nextUpdate()
	e.deleted = true
	e.edit(at, member{"deleted_at", timestamp(at)})
	return reply{status: http.StatusNoContent}
}

// living returns the directory file that the path names, unless it is deleted. The corpus is locked.
func (s *Server) living(x *exchange) (*directory, *entry, *reply) {
	d, rep := s.directory(x)
	if rep != nil {
		return nil, nil, rep
	}
	e := d.byID[x.params[1]]
	if e == nil || e.deleted {
		r := notFound("Directory file")
		return nil, nil, &r
	}
	return d, e, nil
}

func valueOr(s *string, otherwise string) string {
	if s == nil {
		return otherwise
	}
	return *s
}
