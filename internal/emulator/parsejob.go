package emulator

import (
	"encoding/json"
	"fmt"
	"iter"
	"slices"
	"time"
)

// ParseJobSpec describes a parse job and its result. All but the id may be empty.
type ParseJobSpec struct {
	// ID is "pjb-" and a UUID with the API.
	ID, ProjectID string
	Name, Tier    string
	ErrorMessage  string
	CreatedAt     time.Time
	UpdatedAt     time.Time
	UserMetadata  map[string]string
	Credits       *float64
	// Stages are the statuses that the job has before Status, which is StatusCompleted when empty. A look is a request for the
	// job. Before the last status, half of the images and pages are there already.
	Stages []Stage
	Status Status
	// ExpiresAt is when the job and its result are gone: 404. Never when zero.
	ExpiresAt time.Time
	Images    []ParseImage
	Pages     []ParsePage
	// Results are what result_content_metadata lists, by kind, such as "outputPDF".
	Results map[string][]byte
	// Document is the metadata of the whole document.
	Document json.RawMessage
	// RawParameters and JobMetadata are answered as they are.
	RawParameters, JobMetadata json.RawMessage
	// Raw, when not nil, is the whole answer to a request for the job, whether or not it is JSON.
	Raw json.RawMessage
}

// BBox is a box on a page.
type BBox struct{ X, Y, W, H int }

// ParseImage describes an image of a parse job.
type ParseImage struct {
	// Filename is any string, such as "page_1.jpg" or "page_1_chart_1_v2.jpg".
	Filename string
	Index    int
	// Category is "screenshot", "embedded" or "layout"; null when empty.
	Category string
	// ContentType is what the blob is declared and served as; when empty, what http.DetectContentType makes of Data.
	ContentType string
	BBox        *BBox
	Data        []byte
	// NoURL leaves presigned_url null.
	NoURL bool
	// Raw, when not nil, is listed in place of all that would be made from the fields above.
	Raw json.RawMessage
}

// ParsePage describes a page of a parse job.
type ParsePage struct {
	// Number counts from 1.
	Number         int
	Text, Markdown string
	// Header and Footer are null when empty.
	Header, Footer string
	// Items are the JSON objects of the page's layout.
	Items []json.RawMessage
	// Width and Height are in points.
	Width, Height float64
	// Metadata are the members of the page's metadata beside page_number.
	Metadata json.RawMessage
	// Error, when not empty, is why the page failed: it has neither markdown nor items.
	Error string
}

// parseJob is a job, ready to be served.
type parseJob struct {
	ParseJobSpec
	progress progress
	result   parseResult
}

// parseResult is the images and pages of a job. It may be read by many goroutines at once.
type parseResult interface {
	// counts returns how many images and pages there are.
	counts() (images, pages int)
	// images and pages yield the first of them.
	images(count int) iter.Seq[parseImage]
	pages(count int) iter.Seq[ParsePage]
	// image returns nil when there is none of that name.
	image(filename string) blob
}

// parseImage is an image and its blob.
type parseImage struct {
	ParseImage
	blob blob
}

// AddParseJob adds a parse job. Its id must be new.
func (c *Corpus) AddParseJob(spec ParseJobSpec) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	j := newParseJob(spec)
	if c.computed.find(spec.ID) != nil || !c.jobs.add(c.next(), spec.ID, j) {
		return fmt.Errorf("add parse job %q: the corpus has it already", spec.ID)
	}
	return nil
}

func newParseJob(spec ParseJobSpec) *parseJob {
	j := &parseJob{ParseJobSpec: spec}
	if spec.Status == "" {
		j.Status = StatusCompleted
	}
	j.progress.stages, j.progress.last = slices.Clone(spec.Stages), j.Status
	m := memoryResult{listed: spec.Pages, blobs: map[string]blob{}}
	for _, i := range spec.Images {
		b := newMemoryBlob(i.Data, i.ContentType)
		if i.ContentType == "" {
			i.ContentType = b.contentType
		}
		m.all = append(m.all, parseImage{i, b})
		m.blobs[i.Filename] = b
	}
	j.result = &m
	return j
}

// RemoveParseJob forgets a parse job: 404. It is no error when there is none. Computed ones stay.
func (c *Corpus) RemoveParseJob(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.jobs.remove(id)
}

// memoryResult is a result in memory.
type memoryResult struct {
	all    []parseImage
	listed []ParsePage
	blobs  map[string]blob
}

func (m *memoryResult) counts() (images, pages int)           { return len(m.all), len(m.listed) }
func (m *memoryResult) images(count int) iter.Seq[parseImage] { return slices.Values(m.all[:count]) }
func (m *memoryResult) pages(count int) iter.Seq[ParsePage]   { return slices.Values(m.listed[:count]) }

func (m *memoryResult) image(filename string) blob {
	if b, ok := m.blobs[filename]; ok {
		return b
	}
	return nil
}

// listed returns the job as listings show it.
func (j *parseJob) listed(status Status, usage bool) json.RawMessage {
	metadata, credits := json.RawMessage("null"), json.RawMessage("null")
	if j.UserMetadata != nil {
		metadata = marshal(j.UserMetadata)
	}
	if usage {
		credits = object{{"credits", marshal(j.Credits)}}.bytes()
	}
	message := ""
	if status == j.Status {
		message = j.ErrorMessage
	}
	return object{
		{"id", quote(j.ID)},
		{"project_id", quote(j.ProjectID)},
		{"status", quote(string(status))},
		{"name", quoteOrNull(j.Name)},
		{"tier", quoteOrNull(j.Tier)},
		{"error_message", quoteOrNull(message)},
		{"created_at", timestamp(j.CreatedAt)},
		{"updated_at", timestamp(j.UpdatedAt)},
		{"user_metadata", metadata},
		{"usage", credits},
	}.bytes()
}

func (j *parseJob) expired(now time.Time) bool {
	return !j.ExpiresAt.IsZero() && !now.Before(j.ExpiresAt)
}

// jobFilter is the filters of the listings of parse jobs and batches.
type jobFilter struct {
	statuses []Status
	ids      []string
	from, to time.Time
}

func readJobFilter(p *parameters, statuses []Status) jobFilter {
	return jobFilter{
		statuses: choices(p, "status", statuses),
		ids:      p.texts("job_ids"),
		from:     p.instant("created_at_on_or_after"),
		to:       p.instant("created_at_on_or_before"),
	}
}

func (f *jobFilter) matches(id string, status Status, created time.Time) bool {
	known := !created.IsZero()
	return (len(f.statuses) == 0 || slices.Contains(f.statuses, status)) &&
		(len(f.ids) == 0 || slices.Contains(f.ids, id)) &&
		(f.from.IsZero() || known && !created.Before(f.from)) && (f.to.IsZero() || known && !created.After(f.to))
}

func (s *Server) listParseJobs(x *exchange) reply {
	p, now := parameters{query: x.query}, time.Now()
	filter := readJobFilter(&p, jobStatuses())
	return s.listing(x, &p, func(page *page) *reply {
		for seq, j := range s.corpus.jobsAfter(x.after) {
			status := j.progress.peek(now)
			if j.expired(now) || s.foreign(x, j.ProjectID) || !filter.matches(j.ID, status, j.CreatedAt) {
				continue
			}
			if !page.add(seq, func() json.RawMessage { return j.listed(status, false) }) {
				break
			}
		}
		return nil
	})
}

// jobsAfter yields the jobs behind seq, the computed ones first.
func (c *Corpus) jobsAfter(seq uint64) iter.Seq2[uint64, *parseJob] {
	return func(yield func(uint64, *parseJob) bool) {
		for seq, j := range c.computed.after(seq) {
			if !yield(seq, j) {
				return
			}
		}
		c.jobs.after(seq)(yield)
	}
}

// job returns a parse job that has not expired, or nil. The corpus is locked.
func (c *Corpus) job(id string, now time.Time) *parseJob {
	j, ok := c.jobs.get(id)
	if !ok {
		j = c.computed.find(id)
	}
	if j == nil || j.expired(now) {
		return nil
	}
	return j
}
