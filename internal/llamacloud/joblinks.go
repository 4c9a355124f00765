package llamacloud

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"exporter/pipeline"
)

const (
	// linksKept is how many bytes of links are kept of all jobs but the one that was listed last. A link that is not kept costs a listing.
	linksKept = 16 << 20
	// linkOverhead is what a link takes beside its texts, in bytes.
	linkOverhead = 96
	// linkMargin is how long before it expires a link is not used any more, at most a quarter of its life.
	linkMargin = 5 * time.Second
)

// jobResults keeps what listings of parse jobs say of pictures until these are fetched: links, and captions. It is safe for concurrent use.
type jobResults struct {
	mu sync.Mutex
	// jobs are in the order in which they were used last, the latest at the end.
	jobs []*jobResult
}

func newJobResults() jobResults { return jobResults{} }

// jobResult is what is kept of a job.
type jobResult struct {
	id pipeline.ID
	// listing is held while the job is listed, so that those whose links are dead at the same time list it once.
	listing sync.Mutex

	mu    sync.Mutex
	links map[string]jobLink
	bytes int
	// captions are by the names of pictures.
	captions map[string]string
}

// jobLink is a link to a picture, and until when it is used; zero where that is not known.
type jobLink struct {
	PresignedURL
	until time.Time
}

// of returns what is kept of a job, and forgets others where that is much.
func (r *jobResults) of(id pipeline.ID) *jobResult {
	r.mu.Lock()
	defer r.mu.Unlock()
	at := slices.IndexFunc(r.jobs, func(j *jobResult) bool { return j.id == id })
	job := &jobResult{id: id}
	if at >= 0 {
		job = r.jobs[at]
		r.jobs = slices.Delete(r.jobs, at, at+1)
	}
	r.jobs = append(r.jobs, job)
	kept := 0
	for i, j := range slices.Backward(r.jobs) {
		if kept += j.size(); kept > linksKept && i < len(r.jobs)-1 {
			r.jobs = slices.Delete(r.jobs, 0, i+1)
			break
		}
	}
	return job
}

func (j *jobResult) size() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.bytes
}

// setLinks keeps the links of a listing.
func (j *jobResult) setLinks(links map[string]jobLink) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.links, j.bytes = links, 0
	for name, link := range links {
		j.bytes += len(name) + len(link.URL) + linkOverhead
	}
}

// addCaption keeps what is written about a picture.
func (j *jobResult) addCaption(name, caption string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.captions == nil {
		j.captions = map[string]string{}
	}
	j.captions[name] = caption
	j.bytes += len(name) + len(caption) + linkOverhead
}

// takeCaptions returns the captions, and keeps them no more.
func (j *jobResult) takeCaptions() map[string]string {
	j.mu.Lock()
	defer j.mu.Unlock()
	captions := j.captions
	j.captions = nil
	return captions
}

// link returns the link to a picture, if there is one that is not dead and does not die at once.
func (j *jobResult) link(name, dead string) (PresignedURL, bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	link, ok := j.links[name]
	if !ok || link.URL == dead || !link.until.IsZero() && time.Now().After(link.until) {
		return PresignedURL{}, false
	}
	return link.PresignedURL, true
}

// listed returns the link to a picture that the last listing had, also where that took so long that it may be dead: there is none that is newer.
func (j *jobResult) listed(name string) (PresignedURL, bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	link, ok := j.links[name]
	return link.PresignedURL, ok
}

// newJobLink returns a link that came at some time.
func newJobLink(link PresignedURL, came time.Time) jobLink {
	l := jobLink{PresignedURL: link}
	if expires := at(link.ExpiresAt); expires.After(came) {
		l.until = expires.Add(-min(linkMargin, expires.Sub(came)/4))
	}
	return l
}

// pictureLink returns the link to a picture of a job, other than a dead one. Where there is none, the job is listed anew.
func (s *Source) pictureLink(ctx context.Context, id pipeline.ID, name, dead string) (PresignedURL, error) {
	job := s.jobs.of(id)
	if link, ok := job.link(name, dead); ok {
		return link, nil
	}
	job.listing.Lock()
	defer job.listing.Unlock()
	if link, ok := job.link(name, dead); ok {
		return link, nil
	}
	if _, err := s.listPictures(ctx, job, func(*ParseImage) error { return nil }); err != nil {
		return PresignedURL{}, err
	}
	link, ok := job.listed(name)
	if !ok {
		return PresignedURL{}, &RequestError{
			Method: "GET", Route: parseJobRoute, Host: s.client.base.Host, Class: ClassGone, Err: errNoLink, text: errNoLink.Error(),
		}
	}
	return link, nil
}

// errNoLink says that a listing has no link to a picture that it had before.
var errNoLink = errors.New("the job has no link to this picture")

// listPictures lists the pictures of a job, calls do with each, and keeps their links.
func (s *Source) listPictures(ctx context.Context, job *jobResult, do func(*ParseImage) error) (ParseImages, error) {
	links := map[string]jobLink{}
	came := time.Now()
	all, err := s.client.ParseJobImages(ctx, job.id, func(image *ParseImage) error {
		if link, ok := image.Link.Get(); ok && image.Malformed == nil {
			if _, again := links[image.Filename]; !again {
				links[image.Filename] = newJobLink(link, came)
			}
		}
		return do(image)
	})
	if err != nil {
		return all, fmt.Errorf("list the pictures of job %s: %w", quoteID(job.id), err)
	}
	job.setLinks(links)
	return all, nil
}
