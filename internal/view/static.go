package view

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"
	"slices"

	"golang.org/x/sync/errgroup"

	"exporter/internal/inventory"
	"exporter/internal/media"
	"exporter/pipeline"
)

// MostStatic is how many pictures a folder has at most, and how many documents: the page has all of their rows in memory.
const MostStatic = 20_000

// perFolder is how many pictures are in one folder, and how many rows in one script.
const perFolder = 1000

// StaticOptions say what is written into a folder.
type StaticOptions struct {
	// Dir is the folder, which is new, empty, or what another call left half-written.
	Dir string
	// Where leaves some pictures, as "exporter ls --where" takes it; empty for all.
	Where string
}

// Static is what was written.
type Static struct {
	// Pictures are all that the page shows; of Unreadable ones it says why they are not there.
	Pictures, Unreadable int
	// FirstUnreadable is the path of the blob, or of the shard, of the first of these.
	FirstUnreadable string
	// Damage says why texts of pages are missing; nil where none are.
	Damage *pipeline.DamageError
}

// UsageError says that options make no sense, or do not fit what is there.
type UsageError struct{ Err error }

func (e *UsageError) Error() string { return e.Err.Error() }
func (e *UsageError) Unwrap() error { return e.Err }

// WriteStatic writes a folder with a page that shows an export, and with its pictures, for a browser to open without a server.
func WriteStatic(ctx context.Context, e *Export, o StaticOptions) (*Static, error) {
	w := &staticWriter{look: &look{Export: e}, thumbs: newThumbnails()}
	if err := w.choose(ctx, o.Where); err != nil {
		return nil, err
	}
	root, mark, err := openEmpty(o.Dir)
	if err != nil {
		return nil, folderError(o.Dir, err)
	}
	defer func() { mark.Close(); root.Close() }()
	w.root = root
	written, err := w.write(ctx)
	if err != nil {
		// What is half of a folder is of no use.
		return nil, errors.Join(err, folderError(o.Dir, clearFolder(root)))
	}
	return written, folderError(o.Dir, root.Remove(unfinished))
}

// staticWriter writes a folder.
type staticWriter struct {
	*look
	root   *os.Root
	thumbs *thumbnails
	// rows are those of the pictures, as JSON that is not closed, and keys their keys.
	rows []json.RawMessage
	keys []pipeline.AssetKey
	// svgs are the names of the files with SVG that the page may show, "" of other pictures.
	svgs []string
	// files are the rows of the documents, as JSON, and owners those of which there are pictures.
	files  []json.RawMessage
	owners []pipeline.Owner
}

// choose reads the rows of all pictures.
func (w *staticWriter) choose(ctx context.Context, where string) error {
	f := Filter{Where: where}
	c, err := w.choice(ctx, &f)
	if err != nil {
		return &UsageError{err}
	}
	c.Columns = append(slices.Clone(c.Columns), "fetched_at")
	for a, err := range w.Assets(ctx, c) {
		if err != nil {
			return err
		}
		if len(w.rows) == MostStatic {
			return &UsageError{fmt.Errorf("there are more than %d pictures, which is what a folder takes: leave some with --where, or serve them with exporter view", MostStatic)}
		}
		w.rows, w.keys = append(w.rows, a.AppendJSON([]byte{'{'})), append(w.keys, a.Key)
	}
	return w.chooseFiles(ctx, where == "")
}

// chooseFiles reads the rows of the documents: of all, or of those of which there are pictures.
func (w *staticWriter) chooseFiles(ctx context.Context, isAll bool) error {
	owners := map[pipeline.FileKey]pipeline.Owner{}
	for _, key := range w.keys {
		of := key.Owner()
		file := pipeline.File{ID: string(of.FileID), JobID: string(of.JobID)}
		owners[file.Key()] = of
	}
	for f, err := range w.Files(ctx, inventory.Choice{Columns: fileColumns}) {
		if err != nil {
			return err
		}
		of, hasPictures := owners[f.Key]
		if !hasPictures && !isAll {
			continue
		}
		if len(w.files) == MostStatic {
			return &UsageError{fmt.Errorf("there are more than %d documents, which is what a folder takes: leave those of some pictures with --where, or serve them with exporter view", MostStatic)}
		}
		w.files = append(w.files, append(f.AppendJSON([]byte{'{'}), '}'))
		if hasPictures {
			w.owners = append(w.owners, of)
		}
	}
	return nil
}

func (w *staticWriter) write(ctx context.Context) (*Static, error) {
	s := &Static{Pictures: len(w.rows)}
	w.svgs = make([]string, len(w.rows))
	damaged := make([]*pipeline.Location, len(w.rows))
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i := range w.rows {
		if gctx.Err() != nil {
			break
		}
		g.Go(func() (err error) {
			damaged[i], err = w.picture(gctx, i)
			return err
		})
	}
	if err := errors.Join(g.Wait(), context.Cause(ctx)); err != nil {
		return nil, err
	}
	for _, at := range damaged {
		if at == nil {
			continue
		}
		if s.Unreadable++; s.Unreadable == 1 {
			s.FirstUnreadable = at.Path
		}
	}
	scripts, hasSVGs, err := w.data(ctx)
	if err != nil {
		return nil, err
	}
	s.Damage = w.damage.Load()
	for _, name := range pageFiles {
		if err := w.pageFile(name, scripts, hasSVGs); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// picture writes the picture with a number, and its thumbnail, and says in its row where they are, or why they are not there: then it returns where its
// blob should be.
func (w *staticWriter) picture(ctx context.Context, i int) (damaged *pipeline.Location, err error) {
	row, err := w.Asset(ctx, w.keys[i])
	if err != nil || row == nil || row.Status != pipeline.Stored {
		return nil, err
	}
	name := fmt.Sprintf("%03d/%05d", i/perFolder, i)
	picture := "pictures/" + name + storedExtension(row.Content.MediaType)
	blob, written, err := w.copy(ctx, row, picture)
	switch {
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case written != nil:
		return nil, written
	case errors.Is(err, fs.ErrNotExist):
		err = errors.New("missing")
	}
	if err != nil {
		w.say(i, "why", err.Error())
		return &row.Location, nil
	}
	w.say(i, "blob", picture)
	if row.Content.MediaType == media.SVG && row.Content.Size <= mostSVG {
		w.svgs[i] = picture
	}
	if blob == nil {
		return nil, nil
	}
	jpeg, err := w.thumbs.of(ctx, blob, row, smallThumb)
	switch {
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case err != nil:
		// The page shows its type and its size then, or the picture itself.
		return nil, nil
	}
	w.say(i, "thumb", "thumbs/"+name+".jpg")
	return nil, w.put("thumbs/"+name+".jpg", jpeg)
}

// storedExtension returns how the file of a picture in a folder ends. Whoever opens it opens it as a document: what is no picture of pixels to every browser,
// such as SVG, in which scripts run, is named as what browsers save.
func storedExtension(mediaType string) string {
	if mediaType != media.SVG && shownTypes[mediaType] || mediaType == media.TIFF {
		return media.Extension(mediaType)
	}
	return ".bin"
}

// copy writes a blob into a file, and returns its bytes unless it is large. Errors of reading it are kept apart from those of writing.
func (w *staticWriter) copy(ctx context.Context, row *pipeline.Row, name string) (blob []byte, written, err error) {
	if row.Content.Size <= mostHeld {
		if blob, err = w.blob(ctx, row); err != nil {
			return nil, nil, err
		}
		return blob, w.put(name, blob), nil
	}
	file, err := w.create(name)
	if err != nil {
		return nil, err, nil
	}
	to := &noting{Writer: file}
	err = copyLarge(ctx, to, w.look, row)
	written = errors.Join(to.err, file.Close())
	if err != nil {
		written = errors.Join(written, w.root.Remove(name))
	}
	return nil, folderError(w.root.Name(), written), err
}

// noting is a writer that notes why it failed.
type noting struct {
	io.Writer
	err error
}

func (n *noting) Write(p []byte) (written int, err error) {
	written, n.err = n.Writer.Write(p)
	return written, n.err
}
