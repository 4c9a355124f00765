package llamacloud

import (
	"testing"

	"exporter/internal/emulator"
	"exporter/pipeline"
)

// Every operation of today's API reads what the emulator serves, without an oddity.
func TestClient_Emulator(t *testing.T) {
	const files, jobs, images, pages = 5, 3, 300, 200
	corpus := emulator.Synthetic(emulator.SyntheticOptions{
		Files: files, AssetsPerFile: 4, AttachmentFiles: 2, BlobSize: 100, DocumentSize: 100, ParseJobs: jobs, ParseImages: images,
		ParsePages: pages, PageText: 3000, Index: true, Batch: true, Seed: 1,
	})
	server, err := emulator.New(emulator.Options{Corpus: corpus, Key: canary})
	if err != nil {
		t.Fatal(err)
	}
	c, ctx := newAPI(t, server.ServeHTTP).client, t.Context()
	check := func(what string, i *Item, ok bool) {
		t.Helper()
		if i.Malformed != nil || len(i.Odd) > 0 || !ok {
			t.Errorf("%s: malformed %v, odd %v, as it should be %v", what, i.Malformed, i.Odd, ok)
		}
	}
	count := func(what string, got, want int, err error) {
		t.Helper()
		if err != nil || got != want {
			t.Errorf("%d %s, %v, want %d", got, what, err, want)
		}
	}

	projects, err := listed(c.Projects(ctx, ProjectsQuery{}))
	count("projects", len(projects.([]Project)), 1, err)
	directories, err := listed(c.Directories(ctx, DirectoriesQuery{}))
	for _, d := range directories.([]Directory) {
		again, err := c.Directory(ctx, pipeline.ID(d.ID))
		check("directory "+d.ID, &again.Item, err == nil && again.ID == d.ID)
	}
	count("pipelines and directories", len(directories.([]Directory)), 2, err)
	pipelines, err := listed(c.Pipelines(ctx, PipelinesQuery{}))
	check("pipeline", &pipelines.([]Pipeline)[0].Item, err == nil)
	index, err := c.Index(ctx, emulator.SyntheticIndex)
	check("index", &index.Item, err == nil && index.ExportConfigID == emulator.SyntheticExport && index.SyncInProgress == Value(false))

	o := emulator.SyntheticOptions{Seed: 1}
	fileID, entry := o.SyntheticFile(files - 1)
	attachments, err := listed(c.Attachments(ctx, pipeline.ID(entry)))
	count("attachments", len(attachments.([]Attachment)), 4, err)
	for _, a := range attachments.([]Attachment) {
		link, err := c.AttachmentURL(ctx, pipeline.ID(entry), a.Name)
		_, expires := link.ExpiresAt.Get()
		check("attachment "+a.Name, &a.Item, err == nil && link.URL != "" && expires && a.Size.Or(0) > 0)
	}
	file, err := c.File(ctx, pipeline.ID(fileID))
	check("file", &file.Item, err == nil && file.ID == fileID)
	if link, err := c.FileContent(ctx, pipeline.ID(fileID)); err != nil || link.URL == "" {
		t.Errorf("content: %v, %v", link, err)
	}

	all, err := listed(c.ParseJobs(ctx, ParseJobsQuery{Status: JobCompleted, PageSize: 2}))
	count("parse jobs", len(all.([]ParseJob)), jobs, err)
	for _, job := range all.([]ParseJob) {
		n := 0
		said, err := c.ParseJobImages(ctx, pipeline.ID(job.ID), func(i *ParseImage) error {
			n++
			link, _ := i.Link.Get()
			_, expires := link.ExpiresAt.Get()
			check("image "+i.Filename, &i.Item, expires && i.Index == Value(int64(n-1)))
			return nil
		})
		count("images", n, images, err)
		check("images", &said.Job.Item, said.IsList && said.Total == Value[int64](images) && said.Job.Status == JobCompleted)
		n = 0
		_, err = c.ParseJobPages(ctx, pipeline.ID(job.ID), func(p *ParsePage) error {
			n++
			check("page", &p.Item, p.PageNumber == int32(n) && len(p.Text.Or("")) >= 3000 && p.Markdown.Ptr() != nil && p.Items.Ptr() != nil)
			return nil
		})
		count("pages", n, pages, err)
	}
	n := 0
	batch, err := c.Batch(ctx, emulator.SyntheticBatch, func(r *BatchResult) error {
		n++
		check("result", &r.Item, r.SourceDirectoryFileID != "")
		return nil
	})
	count("results", n, jobs, err)
	check("batch", &batch.Item, batch.Status == JobCompleted)
}
