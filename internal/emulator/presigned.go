package emulator

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// presign returns a link to what is below /download at the storage origin, or, where there is none, at the API's own; and when
// the link ends.
func (s *Server) presign(x *exchange, life time.Duration, segments ...string) (link string, ends time.Time) {
	u := &url.URL{Path: "/download/" + strings.Join(segments, "/"), RawPath: "/download"}
	for _, segment := range segments {
		u.RawPath += "/" + escapeSegment(segment)
	}
	origin := x.origin()
	if s.storage != nil {
		origin = s.storage.Origin
	}
	now := time.Now()
	return origin + s.links.sign(u, now, life), now.Truncate(time.Second).Add(life)
}

// escapeSegment escapes a segment of a path so that nobody takes it for more than one, or for a step up.
func escapeSegment(segment string) string {
	if segment == "." || segment == ".." {
		return strings.ReplaceAll(segment, ".", "%2E")
	}
	return url.PathEscape(segment)
}

// presigned returns a PresignedURL as JSON.
func (s *Server) presigned(x *exchange, life time.Duration, segments ...string) json.RawMessage {
	link, ends := s.presign(x, life, segments...)
	return object{
		{"expires_at", timestamp(ends)},
		{"url", quote(link)},
		{"form_fields", json.RawMessage("null")},
	}.bytes()
}

// downloadURL returns the download_url of a file as JSON, or null when there is no file.
func (s *Server) downloadURL(x *exchange, fileID string) json.RawMessage {
	if fileID == "" {
		return json.RawMessage("null")
	}
	return s.presigned(x, s.linkLife, fileID)
}

// answerLink answers a request for a presigned link, which needs no key.
func (s *Server) answerLink(e *endpoint, x *exchange, arrived time.Time) reply {
	if refused := s.links.check(x.r.URL, arrived); refused != nil {
		return xmlError(http.StatusForbidden, *refused)
	}
	unsign(x.query)
	return s.operate(e, x)
}

func noSuchKey() reply {
	return xmlError(http.StatusNotFound, storageError{Code: "NoSuchKey", Message: "The specified key does not exist."})
}

// answerObject is the answer for an object of the storage origin.
func answerObject(b blob) reply {
	if b == nil {
		return noSuchKey()
	}
	return answerBlob(b)
}

// downloadDocument answers with the original file.
func (s *Server) downloadDocument(x *exchange) reply {
	s.corpus.mu.RLock()
	defer s.corpus.mu.RUnlock()
	f, ok := s.corpus.files[x.params[0]]
	if !ok {
		return noSuchKey()
	}
	return answerObject(f.document)
}

// getFileContent answers with a link to the original file.
func (s *Server) getFileContent(x *exchange) reply {
	p := parameters{query: x.query}
	seconds := p.number("expires_at_seconds", int(s.linkLife/time.Second), 1, -1)
	if len(p.errs) > 0 {
		return unprocessable(p.errs)
	}
	s.corpus.mu.RLock()
	defer s.corpus.mu.RUnlock()
	f, rep := s.file(x)
	switch {
	case rep != nil:
		return *rep
	case f.document == nil:
		return detail(http.StatusNotFound, "Source file not found in storage")
	}
	return answerOK(s.presigned(x, time.Duration(seconds)*time.Second, f.id))
}

func (s *Server) getProjectFile(x *exchange) reply {
	s.corpus.mu.RLock()
	defer s.corpus.mu.RUnlock()
	f, rep := s.file(x)
	if rep != nil {
		return *rep
	}
	return answerOK(s.projectFile(x, f))
}
