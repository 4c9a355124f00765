package emulator

import "encoding/json"

// page is one page of a listing with a cursor.
type page struct {
	size  int
	items []json.RawMessage
	// last is the seq of the last item; more is set when another one follows.
	last uint64
	more bool
}

// add appends an item, or returns false when the page is full.
func (p *page) add(seq uint64, item func() json.RawMessage) bool {
	if len(p.items) == p.size {
		p.more = true
		return false
	}
	p.items, p.last = append(p.items, item()), seq
	return true
}

// listing answers with a page of a listing with a cursor, which fill fills while the corpus is locked for reading. Before that,
// filters were read from p.
func (s *Server) listing(x *exchange, p *parameters, fill func(*page) *reply) reply {
	most := -1
	if s.refuseLargePages {
		most = maxPageSize
	}
	size := min(p.number("page_size", defaultPageSize, 1, most), maxPageSize)
	switch {
	case len(p.errs) > 0:
		return unprocessable(p.errs)
	case x.badToken:
		return badToken()
	}
	s.corpus.mu.RLock()
	defer s.corpus.mu.RUnlock()
	page := page{size: size}
	if rep := fill(&page); rep != nil {
		return *rep
	}
	return s.answerPage(x, &page)
}

// answerPage answers with a page, and with the token of the next one. The faults that concern cursors are made here.
func (s *Server) answerPage(x *exchange, p *page) reply {
	token := json.RawMessage("null")
	if p.more {
		token = quote(s.cursors.seal(p.last, x.binding))
	}
	switch {
	case x.fault.is(FaultRepeatCursor) && x.token != "":
		token = quote(x.token)
	case x.fault.is(FaultRepeatCursor), x.fault.is(FaultRepeatPage):
		token = quote(s.cursors.seal(x.after, x.binding))
	case x.fault.is(FaultEmptyPage):
		p.items, token = nil, quote(s.cursors.seal(x.after, x.binding))
	}
	return answerOK(object{
		{"items", appendArray(nil, p.items)},
		{"next_page_token", token},
		{"total_size", json.RawMessage("null")},
	}.bytes())
}
