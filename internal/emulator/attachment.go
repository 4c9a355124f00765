package emulator

import (
	"encoding/json"
	"fmt"
	"iter"
	"strconv"
	"time"
)

// AttachmentSpec describes an attachment: what an index has made of a file.
type AttachmentSpec struct {
	// Name is any string, such as "screenshots/page_1.jpg". It is one segment of a path, slashes included.
	Name string
	Data []byte
	// ContentType is what the blob is served as; when empty, what http.DetectContentType makes of Data.
	ContentType string
	// ListedSize is the size in bytes that the listing tells; nil for the true one.
	ListedSize *int64
	// LastModified is listed as null when it is zero.
	LastModified time.Time
	// Raw, when not nil, is what the listing holds in place of all that would be made from the fields above.
	Raw json.RawMessage
}

// attachment is an attachment as it is listed, with its blob.
type attachment struct {
	name   string
	listed json.RawMessage
	blob   blob
}

func (a *AttachmentSpec) attachment() attachment {
	b := newMemoryBlob(a.Data, a.ContentType)
	if a.Raw != nil {
		return attachment{a.Name, a.Raw, b}
	}
	size := b.size()
	if a.ListedSize != nil {
		size = *a.ListedSize
	}
	return attachment{a.Name, listedAttachment(a.Name, size, a.LastModified), b}
}

func listedAttachment(name string, size int64, modified time.Time) json.RawMessage {
	return object{
		{"name", quote(name)},
		{"size", json.RawMessage(strconv.FormatInt(size, 10))},
		{"last_modified", timestamp(modified)},
	}.bytes()
}

// attachments are those of one source_id. They may be read by many goroutines at once.
type attachments interface {
	// after yields the attachments behind the one with that seq.
	after(seq uint64) iter.Seq2[uint64, attachment]
	// find returns nil when there is none of that name.
	find(name string) blob
}

// folder is attachments in memory.
type folder struct{ table[attachment] }

func (f *folder) find(name string) blob {
	a, ok := f.get(name)
	if !ok {
		return nil
	}
	return a.blob
}

// attach adds attachments to those of a source_id, or replaces those of the same name in their places. The corpus is locked.
func (c *Corpus) attach(sourceID string, specs []AttachmentSpec) {
	f := c.folder(sourceID)
	for i := range specs {
		a := specs[i].attachment()
		f.put(c.next(), a.name, a)
	}
	c.attachments[sourceID] = f
}

// folder returns a copy of the attachments of a source_id, which may be changed.
func (c *Corpus) folder(sourceID string) *folder {
	f := &folder{}
	if old, ok := c.attachments[sourceID]; ok {
		for seq, a := range old.after(0) {
			f.add(seq, a.name, a)
		}
	}
	return f
}

// PutAttachment adds an attachment to those of a source_id, the id of a file or of a directory file, or replaces the one of the
// same name.
func (c *Corpus) PutAttachment(sourceID string, spec AttachmentSpec) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.isSource(sourceID) {
		return fmt.Errorf("put attachment %q: the corpus has no file or directory file %q", spec.Name, sourceID)
	}
	c.attach(sourceID, []AttachmentSpec{spec})
	return nil
}

// RemoveAttachment forgets an attachment; it is no error when there is none.
func (c *Corpus) RemoveAttachment(sourceID, name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f := c.folder(sourceID)
	f.remove(name)
	c.attachments[sourceID] = f
}

// isSource tells whether an id is that of something that may have attachments. The corpus is locked.
func (c *Corpus) isSource(id string) bool {
	_, ok := c.sourceProject(id)
	return ok
}

// sourceProject returns the project of a file or directory file.
func (c *Corpus) sourceProject(id string) (projectID string, ok bool) {
	if f := c.files[id]; f != nil {
		return f.projectID, true
	}
	for d := range c.directories.all() {
		if d.byID[id] != nil {
			return d.ProjectID, true
		}
	}
	return "", false
}

// source returns the source_id of the query. The corpus is locked.
func (s *Server) source(x *exchange) (sourceID string, rep *reply) {
	sourceID = x.query.Get("source_id")
	if sourceID == "" {
		r := unprocessable([]fieldError{{[]string{"query", "source_id"}, "Field required", "missing"}})
		return "", &r
	}
	project, ok := s.corpus.sourceProject(sourceID)
	if !ok || s.foreign(x, project) {
		r := notFound("Source")
		return "", &r
	}
	return sourceID, nil
}

func (s *Server) listAttachments(x *exchange) reply {
	p := parameters{query: x.query}
	return s.listing(x, &p, func(page *page) *reply {
		sourceID, rep := s.source(x)
		if rep != nil {
			return rep
		}
		held, ok := s.corpus.attachments[sourceID]
		if !ok || s.late.list(attachmentList(sourceID)) {
			return nil
		}
		for seq, a := range held.after(x.after) {
			if !page.add(seq, func() json.RawMessage { return a.listed }) {
				break
			}
		}
		return nil
	})
}

// getAttachment answers with a link to an attachment.
func (s *Server) getAttachment(x *exchange) reply {
	s.corpus.mu.RLock()
	defer s.corpus.mu.RUnlock()
	sourceID, rep := s.source(x)
	if rep != nil {
		return *rep
	}
	name := x.params[0]
	if s.attached(sourceID, name) == nil {
		return notFound("Attachment")
	}
	return answerOK(s.presigned(x, s.linkLife, "attachments", sourceID, name))
}

func (s *Server) downloadAttachment(x *exchange) reply {
	s.corpus.mu.RLock()
	defer s.corpus.mu.RUnlock()
	return answerObject(s.attached(x.params[0], x.params[1]))
}

// attached returns nil where there is no such attachment. The corpus is locked.
func (s *Server) attached(sourceID, name string) blob {
	held, ok := s.corpus.attachments[sourceID]
	if !ok || s.late.withholds(attachmentList(sourceID)) {
		return nil
	}
	return held.find(name)
}
