package emulator

import (
	"bufio"
	"encoding/json"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// getParseJob answers with a parse job and what the query expands of its result.
func (s *Server) getParseJob(x *exchange) reply {
	now := time.Now()
	s.corpus.mu.RLock()
	defer s.corpus.mu.RUnlock()
	j := s.corpus.job(x.params[0], now)
	switch {
	case j == nil || s.foreign(x, j.ProjectID):
		return notFound("Job")
	case j.Raw != nil:
		return answerOK(j.Raw)
	}
	a := parseAnswer{server: s, exchange: x, job: j, status: j.progress.look(now)}
	for _, list := range x.query["expand"] {
		a.expand = append(a.expand, strings.Split(list, ",")...)
	}
	if names := x.query.Get("image_filenames"); names != "" {
		a.filenames = strings.Split(names, ",")
	}
	return answerBlob(&a).small()
}

// parseAnswer is the body of an answer with a parse job. Its size is not known before it was written: images and pages are written
// one by one.
type parseAnswer struct {
	server    *Server
	exchange  *exchange
	job       *parseJob
	status    Status
	expand    []string
	filenames []string // of the images that are asked for; nil: all
}

func (a *parseAnswer) size() int64       { return -1 }
func (a *parseAnswer) mediaType() string { return jsonType }

// section is a member of an answer with a parse job that has to be asked for.
type section struct {
	name  string
	write func(*parseAnswer, *jsonWriter)
}

// sections is never changed.
var sections = [...]section{
	{"text", func(a *parseAnswer, w *jsonWriter) { a.pages(w, textPage) }},
	{"text_full", func(a *parseAnswer, w *jsonWriter) { a.full(w, func(p *ParsePage) string { return p.Text }) }},
	{"markdown", func(a *parseAnswer, w *jsonWriter) { a.pages(w, markdownPage) }},
	{"markdown_full", func(a *parseAnswer, w *jsonWriter) { a.full(w, func(p *ParsePage) string { return p.Markdown }) }},
	{"items", func(a *parseAnswer, w *jsonWriter) { a.pages(w, itemsPage) }},
	{"metadata", (*parseAnswer).metadata},
	{"images_content_metadata", (*parseAnswer).images},
	{"result_content_metadata", (*parseAnswer).results},
	{"raw_parameters", func(a *parseAnswer, w *jsonWriter) { w.raw(rawOrNull(a.job.RawParameters)) }},
	{"job_metadata", func(a *parseAnswer, w *jsonWriter) { w.raw(rawOrNull(a.job.JobMetadata)) }},
}

func (a *parseAnswer) writeTo(to io.Writer) error {
	w := &jsonWriter{bufio.NewWriterSize(to, chunkSize)}
	w.text(`{"job":`)
	w.raw(a.job.listed(a.status, slices.Contains(a.expand, "usage")))
	for _, s := range sections {
		if !a.expands(s.name) {
			continue
		}
		w.text(`,"` + s.name + `":`)
		if a.status == StatusPending {
			w.text("null")
			continue
		}
		s.write(a, w)
	}
	w.text("}")
	return w.Flush()
}

func (a *parseAnswer) expands(name string) bool {
	if slices.Contains(a.expand, name) {
		return true
	}
	// All the other results with a link are listed together.
	return name == "result_content_metadata" && slices.ContainsFunc(a.expand, func(e string) bool {
		return strings.HasSuffix(e, "_content_metadata") && e != "images_content_metadata"
	})
}

// counts returns how many images and pages there are by now.
func (a *parseAnswer) counts() (images, pages int) {
	images, pages = a.job.result.counts()
	if a.status != a.job.Status {
		return images / 2, pages / 2
	}
	return images, pages
}

func (a *parseAnswer) pages(w *jsonWriter, listed func(*ParsePage) json.RawMessage) {
	w.text(`{"pages":[`)
	a.eachPage(w, listed)
	w.text("]}")
}

func (a *parseAnswer) eachPage(w *jsonWriter, listed func(*ParsePage) json.RawMessage) {
	_, count := a.counts()
	separator := ""
	for p := range a.job.result.pages(count) {
		w.text(separator)
		if !w.raw(listed(&p)) {
			return
		}
		separator = ","
	}
}

// full writes the text of all pages as one string.
func (a *parseAnswer) full(w *jsonWriter, text func(*ParsePage) string) {
	_, count := a.counts()
	w.text(`"`)
	separator := ""
	for p := range a.job.result.pages(count) {
		quoted := quote(separator + text(&p))
		if !w.raw(quoted[1 : len(quoted)-1]) {
			return
		}
		separator = "\n\n"
	}
	w.text(`"`)
}

func number(n int) json.RawMessage { return json.RawMessage(strconv.Itoa(n)) }

func textPage(p *ParsePage) json.RawMessage {
	return object{{"page_number", number(p.Number)}, {"text", quote(p.Text)}}.bytes()
}

func failedPage(p *ParsePage) json.RawMessage {
	return object{
		{"page_number", number(p.Number)}, {"success", json.RawMessage("false")}, {"error", quote(p.Error)},
	}.bytes()
}

func markdownPage(p *ParsePage) json.RawMessage {
	if p.Error != "" {
		return failedPage(p)
	}
	return object{
		{"page_number", number(p.Number)}, {"success", json.RawMessage("true")}, {"markdown", quote(p.Markdown)},
		{"header", quoteOrNull(p.Header)}, {"footer", quoteOrNull(p.Footer)},
	}.bytes()
}

func itemsPage(p *ParsePage) json.RawMessage {
	if p.Error != "" {
		return failedPage(p)
	}
	return object{
		{"page_number", number(p.Number)}, {"page_width", marshal(p.Width)}, {"page_height", marshal(p.Height)},
		{"success", json.RawMessage("true")}, {"items", appendArray(nil, p.Items)},
	}.bytes()
}

func metadataPage(p *ParsePage) json.RawMessage {
	o := object{{"page_number", number(p.Number)}}
	if members, err := parseObject(p.Metadata); err == nil {
		o = append(o, members...)
	}
	return o.bytes()
}

func (a *parseAnswer) metadata(w *jsonWriter) {
	w.text(`{"pages":[`)
	a.eachPage(w, metadataPage)
	w.text(`],"document":`)
	w.raw(rawOrNull(a.job.Document))
	w.text("}")
}

func (a *parseAnswer) images(w *jsonWriter) {
	count, _ := a.counts()
	w.text(`{"images":[`)
	total := 0
	for i := range a.job.result.images(count) {
		if a.filenames != nil && !slices.Contains(a.filenames, i.Filename) {
			continue
		}
		if total++; total > 1 {
			w.text(",")
		}
		if !w.raw(a.image(&i)) {
			return
		}
	}
	w.text(`],"total_count":` + strconv.Itoa(total) + "}")
}

func (a *parseAnswer) image(i *parseImage) json.RawMessage {
	if i.Raw != nil {
		return i.Raw
	}
	link, box := json.RawMessage("null"), json.RawMessage("null")
	if !i.NoURL {
		url, _ := a.server.presign(a.exchange, a.server.linkLife, "parse", a.job.ID, "images", i.Filename)
		link = quote(url)
	}
	if b := i.BBox; b != nil {
		box = object{{"x", number(b.X)}, {"y", number(b.Y)}, {"w", number(b.W)}, {"h", number(b.H)}}.bytes()
	}
	return object{
		{"filename", quote(i.Filename)},
		{"index", number(i.Index)},
		{"category", quoteOrNull(i.Category)},
		{"content_type", quoteOrNull(i.ContentType)},
		{"presigned_url", link},
		{"bbox", box},
		{"size_bytes", json.RawMessage("null")},
	}.bytes()
}

func (a *parseAnswer) results(w *jsonWriter) {
	var o object
	for _, kind := range slices.Sorted(maps.Keys(a.job.Results)) {
		url, _ := a.server.presign(a.exchange, a.server.linkLife, "parse", a.job.ID, "results", kind)
		o = append(o, member{kind, object{
			{"size_bytes", number(len(a.job.Results[kind]))}, {"exists", json.RawMessage("true")}, {"presigned_url", quote(url)},
		}.bytes()})
	}
	w.raw(o.bytes())
}

func (s *Server) downloadParseImage(x *exchange) reply {
	s.corpus.mu.RLock()
	defer s.corpus.mu.RUnlock()
	j := s.corpus.job(x.params[0], time.Now())
	if j == nil {
		return noSuchKey()
	}
	return answerObject(j.result.image(x.params[1]))
}

func (s *Server) downloadParseResult(x *exchange) reply {
	s.corpus.mu.RLock()
	defer s.corpus.mu.RUnlock()
	j := s.corpus.job(x.params[0], time.Now())
	if j == nil || j.Results[x.params[1]] == nil {
		return noSuchKey()
	}
	return answerBlob(newMemoryBlob(j.Results[x.params[1]], ""))
}

// jsonWriter writes JSON piece by piece. The first error is that of Flush.
type jsonWriter struct{ *bufio.Writer }

func (w *jsonWriter) text(s string) { _, _ = w.WriteString(s) }

// raw returns false after an error: what follows need not be made.
func (w *jsonWriter) raw(b []byte) bool {
	_, err := w.Write(b)
	return err == nil
}
