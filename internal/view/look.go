package view

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"exporter/internal/inventory"
	"exporter/pipeline"
)

// look is the export as of one commit. It stays open as long as a request uses it.
type look struct {
	*Export
	state string
	// hasPages says that there are rows of pages, and damage why some of them cannot be read; nil where that is not known.
	hasPages bool
	damage   atomic.Pointer[pipeline.DamageError]
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
	asOf := e.AsOf
	if asOf == nil {
		asOf = e.State
	}
	state, err := asOf(ctx)
	if err != nil {
		return nil, errors.Join(err, e.Close())
	}
	l := &look{Export: e, state: state}
	if l.hasPages, err = l.HasPages(ctx); err != nil && !l.isPagesDamage(err) {
		return nil, errors.Join(err, e.Close())
	}
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

// defaultPatience is how long a request waits for the export to be read anew.
const defaultPatience = 4 * time.Second

// refreshing is a refresh under way. Its error is that of it once done is closed.
type refreshing struct {
	done chan struct{}
	err  error
}

// refresh opens the export again where something was committed before it is called. One does it for all, while other requests use what was read before. Where
// that takes long, it goes on after refresh returned a staleError.
func (s *Server) refresh(ctx context.Context) error {
	tired := time.NewTimer(s.patience)
	defer tired.Stop()
	for isLast := false; !isLast; {
		var r *refreshing
		// One that began before may not have seen what was committed since.
		r, isLast = s.beginRefresh()
		select {
		case <-r.done:
			if r.err != nil {
				return &staleError{r.err}
			}
		case <-tired.C:
			return &staleError{errors.New("its place does not answer")}
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// beginRefresh begins a refresh where none is under way, and returns it, and whether it is a new one.
func (s *Server) beginRefresh() (r *refreshing, isNew bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.refreshing != nil {
		return s.refreshing, false
	}
	r = &refreshing{done: make(chan struct{})}
	s.refreshing = r
	s.group.Go(func() error {
		r.err = s.reopen(s.ctx)
		s.mu.Lock()
		s.refreshing = nil
		s.mu.Unlock()
		close(r.done)
		return nil
	})
	return r, true
}

// reopen opens the export again where something was committed.
func (s *Server) reopen(ctx context.Context) (err error) {
	before := s.enter()
	defer func() { err = errors.Join(err, before.leave()) }()
	state, err := before.State(ctx)
	if err != nil || state == before.state {
		return err
	}
	next, err := s.newLook(ctx)
	if err != nil {
		return err
	}
	s.mu.Lock()
	s.looked = next
	s.mu.Unlock()
	return before.leave()
}

// staleError says why the export cannot be read anew.
type staleError struct{ err error }

func (e *staleError) Error() string {
	return fmt.Sprintf("the export cannot be read at present: %v (what was read before is shown: reload the page later)", e.err)
}
func (e *staleError) Unwrap() error { return e.err }

// exportInfo is what the page knows of the export as such.
type exportInfo struct {
	Name     string `json:"name"`
	Assets   int64  `json:"assets"`
	Files    int64  `json:"files"`
	IsExact  bool   `json:"exact"`
	HasPages bool   `json:"text"`
	// Notice says what is not as it should be; empty where nothing is known.
	Notice string `json:"notice,omitempty"`
}

// serveExport says what the export is. The page asks when it is loaded, so that it shows what was committed until then, or says why it does not.
func (s *Server) serveExport(w http.ResponseWriter, r *http.Request) error {
	err := s.refresh(r.Context())
	stale, isStale := errors.AsType[*staleError](err)
	if err != nil && !isStale {
		return err
	}
	l := s.enter()
	defer l.leave()
	info := l.info()
	if isStale {
		info.Notice = joinNotes(stale.Error(), info.Notice)
	}
	return writeJSON(w, info)
}

// isPagesDamage tells whether an error of reading pages says that they are damaged, and keeps it for notice: pages come beside what is shown.
func (l *look) isPagesDamage(err error) bool {
	damage, ok := errors.AsType[*pipeline.DamageError](err)
	if ok {
		l.damage.Store(damage)
	}
	return ok
}

// notice says what of the export is not as it should be, as far as that was seen, in lines; empty where nothing is.
func (l *look) notice() string { return joinNotes(append(slices.Clone(l.Notes), l.pagesNotice())...) }

// pagesNotice says that pages are damaged; empty where that is not known.
func (l *look) pagesNotice() string {
	damage := l.damage.Load()
	if damage == nil {
		return ""
	}
	return fmt.Sprintf("%v: texts and sizes of pages are missing here (exporter verify says what is lost, and exporter run --repair fetches it again)", damage)
}

// joinNotes returns a line of each note that says something.
func joinNotes(notes ...string) string {
	return strings.Join(slices.DeleteFunc(notes, func(note string) bool { return note == "" }), "\n")
}

func (l *look) info() exportInfo {
	info := exportInfo{Name: l.Name, HasPages: l.hasPages, Notice: l.notice()}
	info.Assets, info.Files, info.IsExact = l.Count()
	return info
}
