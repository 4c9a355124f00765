package view

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"runtime"
	"slices"

	"golang.org/x/sync/errgroup"

	"exporter/internal/inventory"
	"exporter/internal/media"
	"exporter/pipeline"
)

// MostStatic is how many pictures a folder has at most: the page has all of their rows in memory.
const MostStatic = 20_000

// perFolder is how many pictures are in one folder, and how many rows in one script.
const perFolder = 1000

// StaticOptions say what is written into a folder.
type StaticOptions struct {
	// Dir is the folder, which is new or empty.
	Dir string
	// Where leaves some pictures, as "exporter ls --where" takes it; empty for all.
	Where string
}

// Static is what was written.
type Static struct {
	// Pictures are all that the page shows; of Unreadable ones it says why they are not there.
	Pictures, Unreadable int
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
	if err := makeEmpty(o.Dir); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(o.Dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	w.root = root
	written, err := w.write(ctx)
	if err != nil {
		// The folder was empty: what is half of one is of no use, and would be in the way of the next try.
		for _, name := range append([]string{"pictures", "thumbs", "data"}, pageFiles...) {
			err = errors.Join(err, root.RemoveAll(name))
		}
	}
	return written, err
}

// makeEmpty makes a folder where there is none. What has something in it is refused.
func makeEmpty(dir string) error {
	if dir == "" {
		return &UsageError{errors.New("the folder has no name")}
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return &UsageError{err}
	}
	entries, err := os.ReadDir(dir)
	if err == nil && len(entries) > 0 {
		err = fmt.Errorf("%q is not empty: name another folder, or remove what is in it", dir)
	}
	if err != nil {
		return &UsageError{err}
	}
	return nil
}

// staticWriter writes a folder.
type staticWriter struct {
	*look
	root   *os.Root
	thumbs *thumbnails
	// rows are those of the pictures, as JSON that is not closed, and keys their keys.
	rows []json.RawMessage
	keys []pipeline.AssetKey
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
	return nil
}

func (w *staticWriter) write(ctx context.Context) (*Static, error) {
	s := &Static{Pictures: len(w.rows)}
	damages := make([]bool, len(w.rows))
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i := range w.rows {
		if gctx.Err() != nil {
			break
		}
		g.Go(func() (err error) {
			damages[i], err = w.picture(gctx, i)
			return err
		})
	}
	if err := errors.Join(g.Wait(), context.Cause(ctx)); err != nil {
		return nil, err
	}
	for _, isDamaged := range damages {
		if isDamaged {
			s.Unreadable++
		}
	}
	scripts, err := w.data(ctx)
	if err != nil {
		return nil, err
	}
	s.Damage = w.damage.Load()
	for _, name := range pageFiles {
		if err := w.pageFile(name, scripts); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// picture writes the picture with a number, and its thumbnail, and says in its row where they are, or why they are not there.
func (w *staticWriter) picture(ctx context.Context, i int) (isDamaged bool, err error) {
	row, err := w.Asset(ctx, w.keys[i])
	if err != nil || row == nil || row.Status != pipeline.Stored {
		return false, err
	}
	name := fmt.Sprintf("%03d/%05d", i/perFolder, i)
	picture := "pictures/" + name + media.Extension(row.Content.MediaType)
	blob, written, err := w.copy(ctx, row, picture)
	switch {
	case ctx.Err() != nil:
		return false, context.Cause(ctx)
	case written != nil:
		return false, written
	case errors.Is(err, fs.ErrNotExist):
		err = errors.New("missing")
	}
	if err != nil {
		w.say(i, "why", err.Error())
		return true, nil
	}
	w.say(i, "blob", picture)
	if blob == nil {
		return false, nil
	}
	jpeg, err := w.thumbs.of(ctx, blob, row, smallThumb)
	switch {
	case ctx.Err() != nil:
		return false, context.Cause(ctx)
	case err != nil:
		// The page shows its type and its size then, or the picture itself.
		return false, nil
	}
	w.say(i, "thumb", "thumbs/"+name+".jpg")
	return false, w.put("thumbs/"+name+".jpg", jpeg)
}

// copy writes a blob into a file, and returns its bytes unless it is large. Errors of reading it are kept apart from those of writing.
func (w *staticWriter) copy(ctx context.Context, row *pipeline.Row, name string) (blob []byte, written, err error) {
	if row.Content.Size <= mostHeld {
		if blob, err = w.blob(ctx, row); err != nil {
			return nil, nil, err
		}
		return blob, w.put(name, blob), nil
	}
	if err := w.root.MkdirAll(path.Dir(name), 0o777); err != nil {
		return nil, err, nil
	}
	file, err := w.root.Create(name)
	if err != nil {
		return nil, err, nil
	}
	to := &noting{Writer: file}
	err = copyLarge(ctx, to, w.look, row)
	written = errors.Join(to.err, file.Close())
	if err != nil {
		written = errors.Join(written, w.root.Remove(name))
	}
	return nil, written, err
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

// say adds a text to a row.
func (w *staticWriter) say(i int, name, text string) {
	// A text can always be encoded.
	quoted, _ := json.Marshal(text)
	w.rows[i] = fmt.Appendf(w.rows[i], ",%q:%s", name, quoted)
}

// data writes the scripts with all rows, and returns their names.
func (w *staticWriter) data(ctx context.Context) (scripts []string, err error) {
	add := func(call string, rows []json.RawMessage) error {
		for some := range slices.Chunk(rows, perFolder) {
			name := fmt.Sprintf("data/%04d.js", len(scripts))
			text := "source." + call + "(" + string(joinRows(some)) + ");\n"
			if err := w.put(name, []byte(text)); err != nil {
				return err
			}
			scripts = append(scripts, name)
		}
		return nil
	}
	for i := range w.rows {
		w.rows[i] = append(w.rows[i], '}')
	}
	files, texts, err := w.beside(ctx)
	if err != nil {
		return nil, err
	}
	about, err := json.Marshal(exportInfo{Name: path.Base(w.Name), Assets: int64(len(w.rows)), Files: int64(len(files)), IsExact: true, HasPages: len(texts) > 0, Notice: w.notice()})
	if err != nil {
		return nil, err
	}
	if err := w.put("data/about.js", append(append([]byte("source.about_ = "), about...), ";\n"...)); err != nil {
		return nil, err
	}
	scripts = append(scripts, "data/about.js")
	return scripts, errors.Join(add("addAssets", w.rows), add("addFiles", files), add("addTexts", texts))
}

// joinRows returns an array of rows.
func joinRows(rows []json.RawMessage) []byte {
	text := []byte{'['}
	for i, row := range rows {
		if i > 0 {
			text = append(text, ",\n"...)
		}
		text = append(text, row...)
	}
	return append(text, ']')
}

// staticText is the row of a page.
type staticText struct {
	FileID     pipeline.ID `json:"file_id,omitempty"`
	JobID      pipeline.ID `json:"job_id,omitempty"`
	PageNumber int32       `json:"page_number"`
	Text       *string     `json:"text,omitempty"`
	Width      *float64    `json:"width,omitempty"`
	Height     *float64    `json:"height,omitempty"`
}

// beside returns the rows of the files, and of the pages, of which there are pictures.
func (w *staticWriter) beside(ctx context.Context) (files, texts []json.RawMessage, err error) {
	owners := map[pipeline.FileKey]pipeline.Owner{}
	for _, key := range w.keys {
		of := key.Owner()
		file := pipeline.File{ID: string(of.FileID), JobID: string(of.JobID)}
		owners[file.Key()] = of
	}
	for f, err := range w.Files(ctx, inventory.Choice{Columns: fileColumns}) {
		if err != nil {
			return nil, nil, err
		}
		of, ok := owners[f.Key]
		if !ok {
			continue
		}
		files = append(files, append(f.AppendJSON([]byte{'{'}), '}'))
		for p, err := range w.PagesOf(ctx, of) {
			if w.isPagesDamage(err) {
				break
			}
			if err != nil {
				return nil, nil, err
			}
			text := p.Text
			if text == nil {
				text = p.Markdown
			}
			row, err := json.Marshal(staticText{p.FileID, p.JobID, p.PageNumber, text, p.Width, p.Height})
			if err != nil {
				return nil, nil, err
			}
			texts = append(texts, row)
		}
	}
	return files, texts, nil
}

// staticPolicy is what a page that is no server's may do: run what is beside it, and ask nobody.
const staticPolicy = `<meta http-equiv="Content-Security-Policy" content="connect-src 'none'; base-uri 'none'; form-action 'none'; object-src 'none'; ` +
	`require-trusted-types-for 'script'; trusted-types 'none'">`

// pageFile writes a file of the page. The first one names the scripts, behind the one that they call.
func (w *staticWriter) pageFile(name string, scripts []string) error {
	text, err := page.ReadFile("page/" + name)
	if err != nil {
		return err
	}
	if name == indexFile {
		const before, after = `<meta charset="utf-8">`, `<script src="source.js" defer></script>`
		var all bytes.Buffer
		for _, script := range scripts {
			fmt.Fprintf(&all, "\n<script src=\"%s\" defer></script>", script)
		}
		text = bytes.Replace(text, []byte(before), []byte(before+"\n"+staticPolicy), 1)
		text = bytes.Replace(text, []byte(after), append([]byte(after), all.Bytes()...), 1)
	}
	return w.put(name, text)
}

// put writes a file of the folder.
func (w *staticWriter) put(name string, content []byte) error {
	if err := w.root.MkdirAll(path.Dir(name), 0o777); err != nil {
		return err
	}
	return w.root.WriteFile(name, content, 0o666)
}
