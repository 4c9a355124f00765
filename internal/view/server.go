package view

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"exporter/internal/inventory"
	"exporter/internal/store"
	"exporter/pipeline"
)

// page holds what a browser shows.
//
//go:embed page
var page embed.FS

// indexFile is the file of the page that a browser opens, and pageFiles are all.
const indexFile = "index.html"

var pageFiles = []string{indexFile, "icon.svg", "source.js", "text.js", "view.css", "view.js", "wall.js"}

// Export is an export that is open for reading.
type Export struct {
	*inventory.Inventory
	// Name is what it is called, for people.
	Name string
	// Blobs is where its blobs are.
	Blobs store.Reader
	// State is another text when something was committed since. It costs little to ask for.
	State func(context.Context) (string, error)
	// AsOf returns the State that it was opened in. Where it is nil, that is what State says right after.
	AsOf func(context.Context) (string, error)
	// Notes are sentences on what it lacked when it was opened.
	Notes []string
	// Asset returns the row of an asset; nil where there is none.
	Asset func(context.Context, pipeline.AssetKey) (*pipeline.Row, error)
	Close func() error
}

// Options are those of a server.
type Options struct {
	// Open opens the export as of its last commit. It is called again when something was committed since.
	Open func(context.Context) (*Export, error)
}

// Server answers the requests of the page. Its page is at Path; whoever does not know that gets nothing.
type Server struct {
	// Path is the path of the page, which begins with a random token.
	Path   string
	token  string
	mux    *http.ServeMux
	thumbs *thumbnails
	open   func(context.Context) (*Export, error)
	// ctx ends when the server is closed, and group are those that read the export anew until then.
	ctx    context.Context
	cancel context.CancelFunc
	group  errgroup.Group
	// patience is how long a request waits for them.
	patience time.Duration

	// mu is held for moments alone.
	mu sync.Mutex
	// looked is the export as it was read last, and refreshing reads it anew; nil where nobody does.
	looked     *look
	refreshing *refreshing
}

// New opens the export, and returns a server of it.
func New(ctx context.Context, o Options) (*Server, error) {
	s := &Server{token: rand.Text(), mux: http.NewServeMux(), thumbs: newThumbnails(), open: o.Open, patience: defaultPatience}
	s.Path = "/" + s.token + "/"
	var err error
	if s.looked, err = s.newLook(ctx); err != nil {
		return nil, err
	}
	s.ctx, s.cancel = context.WithCancel(context.WithoutCancel(ctx))
	s.handle("GET /{$}", s.servePage(indexFile))
	for _, name := range pageFiles {
		s.handle("GET /"+name, s.servePage(name))
	}
	s.handle("GET /api/export", s.serveExport)
	s.handle("GET /api/pictures", s.servePictures)
	s.handle("GET /api/documents", s.serveDocuments)
	s.handle("GET /api/pages", s.servePages)
	s.handle("GET /api/picture", s.servePicture)
	s.handle("GET /thumb", s.serveThumb)
	s.handle("GET /blob", s.serveBlob)
	return s, nil
}

func (s *Server) handle(pattern string, serve func(http.ResponseWriter, *http.Request) error) {
	s.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		if err := serve(w, r); err != nil && r.Context().Err() == nil {
			writeError(w, err)
		}
	})
}

// ServeHTTP implements http.Handler. Requests that another site made, or that do not know the token, get nothing.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
	token, rest, isFolder := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	if subtle.ConstantTimeCompare([]byte(token), []byte(s.token)) != 1 || !isFolder {
		http.Error(w, "not found: the address of the page is the one that exporter view printed", http.StatusNotFound)
		return
	}
	if site := r.Header.Get("Sec-Fetch-Site"); site == "cross-site" || site == "same-site" {
		http.Error(w, "another site may not ask for this", http.StatusForbidden)
		return
	}
	inner := r.Clone(r.Context())
	inner.URL.Path, inner.URL.RawPath = "/"+rest, ""
	s.mux.ServeHTTP(w, inner)
}

// policy lets the page load what is of this server, and run its own files as scripts. Nothing else loads, runs, frames it, or is framed.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; " +
	"frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"

func (s *Server) servePage(name string) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, _ *http.Request) error {
		text, err := page.ReadFile("page/" + name)
		if err != nil {
			return err
		}
		w.Header().Set("Content-Type", mime.TypeByExtension(path.Ext(name)))
		_, err = w.Write(text)
		return err
	}
}

// requestError says what is wrong with a request.
type requestError struct {
	status int
	err    error
}

func (e *requestError) Error() string { return e.err.Error() }
func (e *requestError) Unwrap() error { return e.err }

func badRequest(format string, args ...any) error {
	return &requestError{http.StatusBadRequest, fmt.Errorf(format, args...)}
}

// writeError answers with an error as text, for the page to show.
func writeError(w http.ResponseWriter, err error) {
	status := http.StatusInternalServerError
	_, isStale := errors.AsType[*staleError](err)
	switch e, ok := errors.AsType[*requestError](err); {
	case ok:
		status = e.status
	case isStale:
		status = http.StatusServiceUnavailable
	case errors.Is(err, fs.ErrNotExist):
		status = http.StatusNotFound
	}
	h := w.Header()
	h.Del("Content-Length")
	h.Set("Cache-Control", "no-store")
	http.Error(w, err.Error(), status)
}

func writeJSON(w http.ResponseWriter, v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	_, err = w.Write(text)
	return err
}

// number reads a parameter that is a whole number from 0 to most; 0 where it is missing.
func number(r *http.Request, name string, most int64) (int64, error) {
	text := r.URL.Query().Get(name)
	if text == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 || n > most {
		return 0, badRequest("%s %q: want a whole number from 0 to %d", name, text, most)
	}
	return n, nil
}

// Close ends what is under way, and closes the export.
func (s *Server) Close() error {
	s.cancel()
	return errors.Join(s.group.Wait(), s.looked.leave())
}
