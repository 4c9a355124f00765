package llamacloud

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"regexp"
	"strings"
	"time"

	"exporter/pipeline"
)

const (
	// firstPoll and slowestPoll are how long is waited before a job that is not done is asked for again.
	firstPoll   = 2 * time.Second
	slowestPoll = 30 * time.Second
)

// jobListings returns the listings of parse jobs.
func (s *Source) jobListings(ctx context.Context) (all []pipeline.Listing) {
	sel := &s.selection
	for _, id := range sel.Batches {
		key := pipeline.BatchSource(string(id))
		all = append(all, pipeline.Listing{Key: key, Files: s.batchFiles(ctx, key, []pipeline.ID{id})})
	}
	if sel.DirectoryBatches {
		for _, id := range sel.Directories {
			all = append(all, s.directoryBatches(ctx, id))
		}
	}
	for _, id := range sel.ParseJobs {
		all = append(all, pipeline.Listing{Key: pipeline.JobSource(string(id)), Files: s.singleJob(ctx, id)})
	}
	if sel.AllParseJobs {
		jobs := s.client.ParseJobs(ctx, ParseJobsQuery{Status: sel.JobStatus, CreatedAtOnOrAfter: sel.JobsSince})
		l := listing(pipeline.JobsSource, "parse jobs", jobs, func(j *ParseJob) (pipeline.File, bool) { return jobFile(j), true })
		l.IsPart = sel.JobStatus != "" || !sel.JobsSince.IsZero()
		all = append(all, l)
	}
	return all
}

// jobFile is a parse job as it is listed.
func jobFile(j *ParseJob) pipeline.File {
	return pipeline.File{
		JobID: j.ID, ProjectID: j.ProjectID, DisplayName: j.Name.Ptr(), Metadata: j.UserMetadata.Or(nil),
		CreatedAt: at(j.CreatedAt), UpdatedAt: latest(at(j.UpdatedAt), at(j.CreatedAt)), Idle: j.idle(),
	}
}

// idle returns why there will never be anything of a job; empty where there may be.
func (j *ParseJob) idle() string {
	switch j.Status {
	case "FAILED", "CANCELLED":
		return strings.TrimSuffix(fmt.Sprintf("the parse job is %s: %s", j.Status, printable(j.ErrorMessage.Or(""))), ": ")
	}
	return ""
}

// isDone tells whether a job has come to its end, a good one or not. A status that is not known is that of one that goes on.
func isDone(status string) bool {
	return status == JobCompleted || status == "FAILED" || status == "CANCELLED"
}

// singleJob yields a job that was named by its id. One that is gone is still asked for.
func (s *Source) singleJob(ctx context.Context, id pipeline.ID) iter.Seq2[pipeline.File, error] {
	return func(yield func(pipeline.File, error) bool) {
		job, err := s.client.ParseJob(ctx, id)
		switch {
		case IsAbsent(err):
			yield(pipeline.File{JobID: string(id), Withdrawn: err}, nil)
		case err != nil:
			yield(pipeline.File{}, listingError(pipeline.JobSource(string(id)), "parse job "+quoteID(id), err))
		default:
			job.ID = string(id)
			file := jobFile(&job)
			file.Odd = job.Odd
			yield(file, nil)
		}
	}
}

// jobAssets lists the pictures of a kind that a job made.
func (s *Source) jobAssets(ctx context.Context, of pipeline.Wanted, room pipeline.Room) ([]*pipeline.Asset, error) {
	job := s.jobs.of(pipeline.ID(of.File.JobID))
	var captions map[string]string
	if of.Kind == pipeline.Figure {
		captions = job.takeCaptions()
	}
	list := []*pipeline.Asset{}
	all, err := s.listPictures(ctx, job, func(image *ParseImage) error {
		asset := jobAsset(of.File, image)
		if asset.Kind != of.Kind {
			return nil
		}
		if caption, ok := captions[image.Filename]; ok {
			asset.Details.Caption = &caption
		}
		list = append(list, asset)
		return room(asset.Weight())
	})
	if err != nil {
		return nil, failure(err, 0)
	}
	switch err := s.unfinished(&all.Job); {
	case err != nil:
		return nil, err
	case !all.IsList:
		return nil, nil
	}
	numberMalformed(list)
	return list, nil
}

// unfinished returns why the results of a job do not count; nil where they do.
func (s *Source) unfinished(j *ParseJob) error {
	switch idle := j.idle(); {
	case idle != "":
		return &pipeline.NoAssetsError{Reason: idle}
	case j.Status != JobCompleted:
		return &pipeline.Failure{Class: ClassPending, Err: fmt.Errorf("the parse job is %s", printable(j.Status))}
	}
	return nil
}

// Patterns of the names that a job gives to pictures: a page, which counts from 1, a crop of a page, and what was embedded in one, which
// counts from 0.
var (
	pagePicture     = regexp.MustCompile(`^page_(\d+)\.[^.]+$`)
	croppedPicture  = regexp.MustCompile(`^page_(\d+)_([a-z]+)_\d+(?:_v\d+)?\.[^.]+$`)
	embeddedPicture = regexp.MustCompile(`^img_p(\d+)_\d+\.[^.]+$`)
)

// jobAsset is a picture of a job. What its fields do not say its name does.
func jobAsset(file *pipeline.File, image *ParseImage) *pipeline.Asset {
	d := &pipeline.Details{Category: image.Category.Or(""), Odd: image.Odd}
	a := &pipeline.Asset{
		FileID: pipeline.ID(file.ID), JobID: pipeline.ID(file.JobID), Kind: pipeline.Figure, Origin: pipeline.OriginParse,
		PageIndex: pipeline.NoPage, Details: d,
	}
	name := image.Filename
	if page, ok := numberIn(pagePicture, name); ok {
		a.PageIndex, d.PageNumber = page, countedPage(page)
		if d.Category == "" {
			d.Category = "screenshot"
		}
	} else if page, ok := numberIn(croppedPicture, name); ok {
		a.PageIndex, d.PageNumber = page, countedPage(page)
		d.Label = croppedPicture.FindStringSubmatch(name)[2]
	} else if page, ok := numberIn(embeddedPicture, name); ok {
		a.PageIndex, d.PageNumber = page, countedPage(page+1)
	}
	if d.Category == "screenshot" {
		a.Kind = pipeline.Screenshot
	}
	if image.Malformed != nil {
		a.Details = malformed(image.Malformed)
		return a
	}
	d.UpstreamName = name
	if a.Kind == pipeline.Figure {
		a.FigureName = name
	}
	if size, ok := image.SizeBytes.Get(); ok {
		a.ListedSize = &size
	}
	if box, ok := image.BBox.Get(); ok {
		d.Box = &pipeline.Box{X: box.X, Y: box.Y, Width: box.Width, Height: box.Height}
	}
	return a
}

func (s *Source) jobPictureCall(a *pipeline.Asset) (*call, error) {
	k, err := s.client.newSingleCall(parseJobRoute, nil, idSegment(a.JobID))
	if err == nil {
		k.links = func(ctx context.Context, dead string) (PresignedURL, error) {
			return s.pictureLink(ctx, a.JobID, a.Detail().UpstreamName, dead)
		}
	}
	return k, err
}

// Pages implements pipeline.Source. The captions of pictures, which come with the text, are kept until the pictures are listed.
func (s *Source) Pages(ctx context.Context, job *pipeline.File, do func(*pipeline.PageRow) error) error {
	id := pipeline.ID(job.JobID)
	for poll := firstPoll; ; poll = min(2*poll, slowestPoll) {
		kept := s.jobs.of(id)
		var undone error
		// Pages of a job that is not done are no proof, and its status is known only when all have come.
		was, err := s.client.ParseJob(ctx, id)
		if err == nil {
			undone = s.unfinished(&was)
		}
		switch {
		case err != nil:
			return failure(err, 0)
		case undone == nil:
			return s.pages(ctx, kept, do)
		case !s.selection.Wait || isDone(was.Status):
			return undone
		}
		if err := s.client.origins.Sleep(ctx, poll); err != nil {
			return err
		}
	}
}

func (s *Source) pages(ctx context.Context, job *jobResult, do func(*pipeline.PageRow) error) error {
	var failed error
	_, err := s.client.ParseJobPages(ctx, job.id, func(page *ParsePage) error {
		if page.Malformed != nil {
			// What has no number is of no page.
			return nil
		}
		eachCaption(page.Items.Or(nil), job.addCaption)
		failed = do(pageRow(page))
		return failed
	})
	if err != nil && failed == nil {
		return failure(err, 0)
	}
	return err
}

func pageRow(p *ParsePage) *pipeline.PageRow {
	row := &pipeline.PageRow{
		PageNumber: p.PageNumber, Text: p.Text.Ptr(), Markdown: p.Markdown.Ptr(), Items: p.Items.Or(nil),
		Width: p.Width.Ptr(), Height: p.Height.Ptr(),
	}
	for _, why := range []Optional[string]{p.MarkdownError, p.ItemsError} {
		if text, failed := why.Get(); failed && row.Error == "" {
			if row.Error = printable(text); text == "" {
				row.Error = "failed"
			}
		}
	}
	return row
}

// eachCaption calls do with the name and the caption of each picture among the items of a page.
func eachCaption(items json.RawMessage, do func(name, caption string)) {
	var pictures []struct {
		Type    string  `json:"type"`
		Caption *string `json:"caption"`
		URL     *string `json:"url"`
	}
	if json.Unmarshal(items, &pictures) != nil {
		return
	}
	for _, p := range pictures {
		if p.Type == "image" && p.Caption != nil && *p.Caption != "" && p.URL != nil {
			do(*p.URL, *p.Caption)
		}
	}
}
