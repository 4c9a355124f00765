package view

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strconv"
	"time"

	"exporter/internal/media"
	"exporter/pipeline"
	"exporter/sinks"
)

// mostHeld is how many bytes a blob has at most that is read before it is sent, or made a thumbnail of. What is larger is sent while it is read, and
// ends early where it is damaged.
const mostHeld = 64 << 20

// shownTypes are the media types that browsers show. SVG runs no scripts here, as the policy forbids them.
var shownTypes = map[string]bool{
	media.JPEG: true, media.PNG: true, media.GIF: true, media.WebP: true, media.AVIF: true, media.BMP: true, media.SVG: true,
}

// serveBlob sends a blob as it is stored.
func (s *Server) serveBlob(w http.ResponseWriter, r *http.Request) error {
	return s.withBlob(r, func(l *look, row *pipeline.Row) error {
		h, sum := w.Header(), fmt.Sprintf("%x", row.Content.SHA256)
		if isCached(w, r, sum) {
			return nil
		}
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox")
		mediaType, disposition := row.Content.MediaType, "inline"
		if !shownTypes[mediaType] {
			mediaType, disposition = "application/octet-stream", "attachment"
		}
		h.Set("Content-Type", mediaType)
		name := path.Base(sinks.PlainName(&row.Asset, row.Content.MediaType))
		h.Set("Content-Disposition", mime.FormatMediaType(disposition, map[string]string{"filename": name}))
		if row.Content.Size > mostHeld {
			h.Set("Content-Length", strconv.FormatInt(row.Content.Size, 10))
			return sendBlob(r.Context(), w, l, row)
		}
		blob, err := l.blob(r.Context(), row)
		if err != nil {
			return err
		}
		keepCached(h, sum)
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(blob))
		return nil
	})
}

// withBlob calls a function with the row that a request names, which is to be stored. Where its blob is gone, a run or a compaction may have put it
// elsewhere since the tables were read: then it is called again, with the row of now.
func (s *Server) withBlob(r *http.Request, do func(*look, *pipeline.Row) error) error {
	once := func() error {
		l := s.enter()
		defer l.leave()
		row, err := l.find(r)
		if err != nil {
			return err
		}
		if row.Status != pipeline.Stored {
			return &requestError{http.StatusNotFound, fmt.Errorf("nothing is stored of it: it is %s (%s)", row.Status, row.Reason)}
		}
		return do(l, row)
	}
	err := once()
	if errors.Is(err, fs.ErrNotExist) {
		if err := s.refresh(r.Context()); err != nil {
			return err
		}
		err = once()
	}
	if errors.Is(err, fs.ErrNotExist) {
		return &requestError{http.StatusNotFound, errors.New("missing: exporter verify says what else is")}
	}
	return err
}

// blob returns a blob whose bytes are those of the manifest.
func (l *look) blob(ctx context.Context, row *pipeline.Row) ([]byte, error) {
	if row.Content.Size > mostHeld {
		return nil, &requestError{http.StatusRequestEntityTooLarge, fmt.Errorf("it has %d bytes, more than are read for a thumbnail", row.Content.Size)}
	}
	body, err := sinks.Open(ctx, l.Blobs, row.Location, row.Content.Size)
	if err != nil {
		return nil, err
	}
	blob := make([]byte, row.Content.Size)
	_, err = io.ReadFull(body, blob)
	if err := errors.Join(err, body.Close()); err != nil {
		return nil, damaged(err)
	}
	if sha256.Sum256(blob) != row.Content.SHA256 {
		return nil, damaged(errOther)
	}
	return blob, nil
}

var errOther = errors.New("its SHA-256 is not that of the manifest")

// damaged says that a blob is, unless it is gone or nobody waits for it any more.
func damaged(err error) error {
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, context.Canceled) {
		return err
	}
	return fmt.Errorf("damaged: %w", err)
}

// sendBlob sends a large blob while it reads it. Whoever receives one that is damaged does not get all of it.
func sendBlob(ctx context.Context, w io.Writer, l *look, row *pipeline.Row) (err error) {
	body, err := sinks.Open(ctx, l.Blobs, row.Location, row.Content.Size)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, body.Close()) }()
	hash, last := sha256.New(), make([]byte, 1)
	if _, err := io.CopyN(w, io.TeeReader(body, hash), row.Content.Size-1); err != nil {
		panic(http.ErrAbortHandler)
	}
	_, err = io.ReadFull(body, last)
	hash.Write(last)
	if err != nil || [sha256.Size]byte(hash.Sum(nil)) != row.Content.SHA256 {
		panic(http.ErrAbortHandler)
	}
	_, err = w.Write(last)
	return err
}

// copyLarge writes a large blob to a file while it reads it.
func copyLarge(ctx context.Context, to io.Writer, l *look, row *pipeline.Row) (err error) {
	body, err := sinks.Open(ctx, l.Blobs, row.Location, row.Content.Size)
	if err != nil {
		return err
	}
	hash := sha256.New()
	_, err = io.Copy(io.MultiWriter(to, hash), body)
	if err := errors.Join(err, body.Close()); err != nil {
		return damaged(err)
	}
	if [sha256.Size]byte(hash.Sum(nil)) != row.Content.SHA256 {
		return damaged(errOther)
	}
	return nil
}

// keepCached lets the browser keep what has a name by its contents, and isCached answers that it has it.
func keepCached(h http.Header, name string) {
	h.Set("ETag", `"`+name+`"`)
	h.Set("Cache-Control", "private, no-cache")
}

func isCached(w http.ResponseWriter, r *http.Request, name string) bool {
	if r.Header.Get("If-None-Match") != `"`+name+`"` {
		return false
	}
	keepCached(w.Header(), name)
	w.WriteHeader(http.StatusNotModified)
	return true
}
