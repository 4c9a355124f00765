package emulator

import "encoding/json"

func (s *Server) listPageScreenshots(x *exchange) reply { return s.listAssets(x, Screenshot) }
func (s *Server) listPageFigures(x *exchange) reply     { return s.listAssets(x, Figure) }

func (s *Server) listAssets(x *exchange, kind Kind) reply {
	s.corpus.mu.RLock()
	defer s.corpus.mu.RUnlock()
	f, rep := s.imageFile(x)
	if rep != nil {
		return *rep
	}
	var listed []json.RawMessage
	if s.late.list(assetList(f.id, kind)) {
		return answerOK(appendArray(nil, listed))
	}
	for p := range f.pictures.all(kind) {
		listed = append(listed, p.listed)
	}
	return answerOK(appendArray(nil, listed))
}

func (s *Server) getPageScreenshot(x *exchange) reply { return s.getAsset(x, Screenshot, "") }
func (s *Server) getPageFigure(x *exchange) reply     { return s.getAsset(x, Figure, x.params[2]) }

func (s *Server) getAsset(x *exchange, kind Kind, name string) reply {
	page, rep := x.pageIndex()
	if rep != nil {
		return *rep
	}
	s.corpus.mu.RLock()
	defer s.corpus.mu.RUnlock()
	f, rep := s.imageFile(x)
	var b blob
	if rep == nil && !s.late.withholds(assetList(f.id, kind)) {
		b = f.pictures.find(pictureKey{kind, page, name})
	}
	switch {
	case b != nil:
		return answerBlob(b)
	case page < 0:
		// A corpus may have such pages itself.
		return wrongPage("Input should be greater than or equal to 0", "greater_than_equal")
	case rep != nil:
		return *rep
	case kind == Screenshot:
		return notFound("Page screenshot")
	}
	return notFound("Page figure")
}

// file returns the file that the path names. The corpus is locked.
func (s *Server) file(x *exchange) (*file, *reply) {
	f, ok := s.corpus.files[x.params[0]]
	if !ok || x.mismatch(f.projectID, f.organizationID) {
		r := notFound("File")
		return nil, &r
	}
	return f, nil
}
