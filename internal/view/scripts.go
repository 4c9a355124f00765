package view

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"slices"

	"exporter/pipeline"
)

// mostSVG is how many bytes an SVG picture has at most that a folder shows, and mostSVGs all of them together: the page has them in memory.
const (
	mostSVG  = 1 << 20
	mostSVGs = 32 << 20
)

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
	if len(texts) == 0 {
		if _, err := w.HasPages(ctx); err != nil && !w.isPagesDamage(err) {
			return nil, err
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
