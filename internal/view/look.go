package view

import (
	"context"
	"errors"
	"net/http"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"exporter/internal/inventory"
	"exporter/pipeline"
)

// look is the export as of one commit. It stays open as long as a request uses it.
type look struct {
	*Export
	state string
	// users are the requests that use it, and one for the server.
	users atomic.Int64
	// ctx ends when nobody does any more.
	ctx    context.Context
	cancel context.CancelFunc
	// group fills the indexes.
	group  errgroup.Group
	assets indexes[pipeline.AssetKey]
	files  indexes[pipeline.FileKey]
	// pages are those of documents, and found those with a text.
	pages recent[[]pageInfo]
	found recent[*inventory.PageSet]
}

func (s *Server) newLook(ctx context.Context) (*look, error) {
	e, err := s.open(ctx)
	if err != nil {
		return nil, err
	}
	state, err := e.State(ctx)
	if err != nil {
		return nil, errors.Join(err, e.Close())
	}
	l := &look{Export: e, state: state}
	l.ctx, l.cancel = context.WithCancel(context.WithoutCancel(ctx))
	l.users.Store(1)
	return l, nil
}

// leave ends the use of it.
func (l *look) leave() error {
	if l.users.Add(-1) > 0 {
		return nil
	}
	l.cancel()
	return errors.Join(l.group.Wait(), l.Close())
}

// enter returns the export for one request, which is to leave it.
func (s *Server) enter() *look {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.looked.users.Add(1)
	return s.looked
}

// refresh opens the export again where something was committed.
func (s *Server) refresh(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	state, err := s.looked.State(ctx)
	if err != nil {
		return err
	}
	if state == s.looked.state {
		return nil
	}
	next, err := s.newLook(ctx)
	if err != nil {
		return err
	}
	before := s.looked
	s.looked = next
	return before.leave()
}

// exportInfo is what the page knows of the export as such.
type exportInfo struct {
	Name     string `json:"name"`
	Assets   int64  `json:"assets"`
	Files    int64  `json:"files"`
	IsExact  bool   `json:"exact"`
	HasPages bool   `json:"text"`
}

// serveExport says what the export is. The page asks when it is loaded, so that it shows what was committed until then.
func (s *Server) serveExport(w http.ResponseWriter, r *http.Request) error {
	if err := s.refresh(r.Context()); err != nil {
		return err
	}
	l := s.enter()
	defer l.leave()
	info, err := l.info(r.Context())
	if err != nil {
		return err
	}
	return writeJSON(w, info)
}

func (l *look) info(ctx context.Context) (info exportInfo, err error) {
	info = exportInfo{Name: l.Name}
	info.Assets, info.Files, info.IsExact = l.Count()
	info.HasPages, err = l.HasPages(ctx)
	return info, err
}
