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
	"syscall"

	"golang.org/x/sync/errgroup"

	"exporter/internal/inventory"
	"exporter/internal/media"
	"exporter/internal/store"
	"exporter/pipeline"
)

// MostStatic is how many pictures a folder has at most, and how many documents: the page has all of their rows in memory.
const MostStatic = 20_000

// mostSVG is how many bytes an SVG picture has at most that a folder shows, and mostSVGs all of them together: the page has them in memory.
const (
	mostSVG  = 1 << 20
	mostSVGs = 32 << 20
)

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

// folderError says of an error that it is of the folder, and not of the export.
func folderError(dir string, err error) error {
	if _, isUsage := errors.AsType[*UsageError](err); isUsage || err == nil || errors.Is(err, ErrBusy) {
		return err
	}
	if errors.Is(err, fs.ErrPermission) {
		err = fmt.Errorf("%w: name a folder in which this user may write", err)
	}
	return &pipeline.StorageError{Op: fmt.Sprintf("write the folder --static %q", dir), Err: err}
}

// ErrBusy says that another program writes the folder.
var ErrBusy = errors.New("another program writes it")

// unfinished is a file that is in a folder until it is whole. Whoever writes the folder has it locked.
const unfinished = ".exporter-view-unfinished"

// folderNames are what a folder has in it, what tells that it is not whole last.
var folderNames = append([]string{"pictures", "thumbs", "data"}, append(slices.Clone(pageFiles), unfinished)...)

// clearFolder removes what is of a folder.
func clearFolder(root *os.Root) (err error) {
	for _, name := range folderNames {
		if err == nil {
			err = root.RemoveAll(name)
		}
	}
	return err
}

// openEmpty opens a folder, which it makes where there is none, and notes in it that it is not whole. It removes what another call left half-written; a folder that
// has anything else in it is refused.
func openEmpty(dir string) (root *os.Root, mark *os.File, err error) {
	if dir == "" {
		return nil, nil, &UsageError{errors.New("the folder has no name")}
	}
	if err := os.MkdirAll(dir, 0o777); errors.Is(err, syscall.ENOTDIR) {
		return nil, nil, &UsageError{fmt.Errorf("%w: name another folder", err)}
	} else if err != nil {
		return nil, nil, err
	}
	if root, err = os.OpenRoot(dir); err != nil {
		return nil, nil, err
	}
	if mark, err = markUnfinished(root); err != nil {
		return nil, nil, errors.Join(err, root.Close())
	}
	for _, name := range folderNames[:len(folderNames)-1] {
		if err := root.RemoveAll(name); err != nil {
			return nil, nil, errors.Join(err, mark.Close(), root.Close())
		}
	}
	return root, mark, nil
}

// markUnfinished returns the file that says that a folder is not whole, locked: a new one where the folder is empty, or that of the call that left it.
func markUnfinished(root *os.Root) (mark *os.File, err error) {
	entries, err := fs.ReadDir(root.FS(), ".")
	if err != nil {
		return nil, err
	}
	isOwn := slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return e.Name() == unfinished && e.Type().IsRegular() })
	for _, e := range entries {
		switch {
		case !isOwn:
			return nil, &UsageError{fmt.Errorf("%q is not empty: name another folder, or remove what is in it", root.Name())}
		case !slices.Contains(folderNames, e.Name()):
			return nil, &UsageError{fmt.Errorf("%q is half of a folder, and has %q in it, which is no part of that: name another folder, or remove that", root.Name(), e.Name())}
		}
	}
	flags := os.O_RDWR
	if !isOwn {
		flags |= os.O_CREATE | os.O_EXCL
	}
	busy := fmt.Errorf("write the folder --static %q: %w", root.Name(), ErrBusy)
	mark, err = root.OpenFile(unfinished, flags, 0o666)
	switch {
	case errors.Is(err, fs.ErrExist), errors.Is(err, fs.ErrNotExist):
		return nil, busy
	case err != nil:
		return nil, err
	}
	// Where files cannot be locked, nobody is known to write there.
	if err = store.TryLock(mark); err == nil || errors.Is(err, errors.ErrUnsupported) {
		// Who had it may have removed it meanwhile: then it says nothing of the folder.
		mine, errMine := mark.Stat()
		current, errCurrent := root.Lstat(unfinished)
		if err = errors.Join(errMine, errCurrent); err == nil && os.SameFile(mine, current) {
			return mark, nil
		}
	}
	if err == nil || errors.Is(err, store.ErrOwned) || errors.Is(err, fs.ErrNotExist) {
		err = busy
	}
	return nil, errors.Join(err, mark.Close())
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

// picture writes the picture with a number, and its thumbnail, and says in its row where they are, or why they are not there.
func (w *staticWriter) picture(ctx context.Context, i int) (isDamaged bool, err error) {
	row, err := w.Asset(ctx, w.keys[i])
	if err != nil || row == nil || row.Status != pipeline.Stored {
		return false, err
	}
	name := fmt.Sprintf("%03d/%05d", i/perFolder, i)
	picture := "pictures/" + name + storedExtension(row.Content.MediaType)
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
	if row.Content.MediaType == media.SVG && row.Content.Size <= mostSVG {
		w.svgs[i] = picture
	}
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

// say adds a text to a row.
func (w *staticWriter) say(i int, name, text string) {
	// A text can always be encoded.
	quoted, _ := json.Marshal(text)
	w.rows[i] = fmt.Appendf(w.rows[i], ",%q:%s", name, quoted)
}

// data writes the scripts with all rows, and returns their names, and whether there is SVG among them.
func (w *staticWriter) data(ctx context.Context) (scripts []string, hasSVGs bool, err error) {
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
	texts, err := w.texts(ctx)
	if err != nil {
		return nil, false, err
	}
	svgs, err := w.shownSVGs()
	if err != nil {
		return nil, false, err
	}
	about, err := json.Marshal(exportInfo{Name: path.Base(w.Name), Assets: int64(len(w.rows)), Files: int64(len(w.files)), IsExact: true, HasPages: len(texts) > 0, Notice: w.notice()})
	if err != nil {
		return nil, false, err
	}
	if err := w.put("data/about.js", append(append([]byte("source.about_ = "), about...), ";\n"...)); err != nil {
		return nil, false, err
	}
	scripts = append(scripts, "data/about.js")
	err = errors.Join(add("addAssets", w.rows), add("addFiles", w.files), add("addTexts", texts), add("addSVGs", svgs))
	return scripts, len(svgs) > 0, err
}

// shownSVG is an SVG picture that the page shows: its file, and what is in it.
type shownSVG struct {
	Blob   string `json:"blob"`
	Base64 []byte `json:"base64"`
}

// shownSVGs returns the first SVG pictures, as many as the page may have in memory.
func (w *staticWriter) shownSVGs() (all []json.RawMessage, err error) {
	left := mostSVGs
	for _, name := range w.svgs {
		if name == "" {
			continue
		}
		text, err := w.root.ReadFile(name)
		if err != nil {
			return nil, err
		}
		if left -= len(text); left < 0 {
			break
		}
		row, err := json.Marshal(shownSVG{name, text})
		if err != nil {
			return nil, err
		}
		all = append(all, row)
	}
	return all, nil
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

// texts returns the rows of the pages of documents of which there are pictures.
func (w *staticWriter) texts(ctx context.Context) (texts []json.RawMessage, err error) {
	for _, of := range w.owners {
		for p, err := range w.PagesOf(ctx, of) {
			if w.isPagesDamage(err) {
				break
			}
			if err != nil {
				return nil, err
			}
			text := p.Text
			if text == nil {
				text = p.Markdown
			}
			row, err := json.Marshal(staticText{p.FileID, p.JobID, p.PageNumber, text, p.Width, p.Height})
			if err != nil {
				return nil, err
			}
			texts = append(texts, row)
		}
	}
	return texts, nil
}

// staticPolicy is what a page that is no server's may do: run and show what is beside it, and ask nobody. Of a folder that is opened as such, "self" is
// nothing to some browsers.
const staticPolicy = `<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'self' file:; style-src 'self' file:; img-src 'self' file:%s; ` +
	`base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'">`

// pageFile writes a file of the page. The first one names the scripts, behind the one that they call.
// Pictures in its data are allowed to it where it has SVG, which it shows as that.
func (w *staticWriter) pageFile(name string, scripts []string, hasSVGs bool) error {
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
		data := ""
		if hasSVGs {
			data = " data:"
		}
		text = bytes.Replace(text, []byte(before), fmt.Appendf(nil, before+"\n"+staticPolicy, data), 1)
		text = bytes.Replace(text, []byte(after), append([]byte(after), all.Bytes()...), 1)
	}
	return w.put(name, text)
}

// create makes a file of the folder.
func (w *staticWriter) create(name string) (*os.File, error) {
	if err := w.root.MkdirAll(path.Dir(name), 0o777); err != nil {
		return nil, folderError(w.root.Name(), err)
	}
	file, err := w.root.Create(name)
	return file, folderError(w.root.Name(), err)
}

// put writes a file of the folder.
func (w *staticWriter) put(name string, content []byte) error {
	file, err := w.create(name)
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	return folderError(w.root.Name(), errors.Join(err, file.Close()))
}
