package main

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"exporter/internal/store"
	"exporter/internal/testmain"
	"exporter/manifest"
	"exporter/pipeline"
	"exporter/sinks"
)

// exportOfJobs makes an export of a file with attachments and a document, two parse jobs of it, and one of another file: of the first job, or
// of all that is of the file, there are canaries wherever texts or bytes can be.
func exportOfJobs(t *testing.T) (out string, ofJob, ofFile canaries) {
	t.Helper()
	out = filepath.Join(t.TempDir(), "out")
	st, err := store.OwnDir(out)
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	ledger, err := manifest.Open(t.Context(), st, manifest.Info{Version: "v1", Source: `{"project":"true"}`, Sink: `{"output.sink":"local"}`})
	if err != nil {
		t.Fatal(err)
	}
	defer ledger.Close()
	ofJob, ofFile = canaries{}, canaries{}
	sink := sinks.NewLocal(st)
	var rows pipeline.Rows
	add := func(c canaries, f *pipeline.File, kind pipeline.Kind, origin pipeline.Origin, what string) {
		content := c.picture(what)
		a := pipeline.Asset{
			FileID: pipeline.ID(f.ID), JobID: pipeline.ID(f.JobID), Kind: kind, Origin: origin,
			Details: &pipeline.Details{
				UpstreamName: c.text(what) + ".jpg", Category: c.text(what + " category"), Label: c.text(what + " label"), Caption: new(c.text(what + " caption")),
			},
		}
		if kind == pipeline.Figure {
			a.FigureName = a.Details.UpstreamName
		}
		sum := pipeline.Content{Size: int64(len(content)), SHA256: sha256.Sum256(content), MediaType: "image/jpeg"}
		at, err := sink.Put(t.Context(), &a, pipeline.NewBlob(sum, strings.NewReader(string(content)), nil), nil)
		if err != nil {
			t.Fatal(err)
		}
		rows.Assets = append(rows.Assets, &pipeline.Row{
			Asset: a, File: f, Status: pipeline.Stored, Content: sum, Location: *at, FetchedAt: time.Now(), Attempts: 1,
		})
	}
	addPages := func(c canaries, f *pipeline.File, what string) {
		for n := range int32(3) {
			rows.Pages = append(rows.Pages, &pipeline.PageRow{
				Owner: f.Owner(), PageNumber: n + 1, Text: new(c.text(what + " text")), Markdown: new(c.text(what + " markdown")),
				Items: json.RawMessage(`["` + c.text(what+" items") + `"]`),
			})
		}
	}
	rest := canaries{}
	file := &pipeline.File{ID: ofFile.text("file"), DisplayName: new(ofFile.text("display name"))}
	first := &pipeline.File{ID: file.ID, JobID: ofJob.text("first job")}
	second := &pipeline.File{ID: file.ID, JobID: ofFile.text("second job")}
	other := &pipeline.File{ID: rest.text("other file"), JobID: rest.text("other job")}
	add(ofFile, file, pipeline.Screenshot, pipeline.OriginAttachment, "attachment")
	add(ofFile, file, pipeline.Document, pipeline.OriginFile, "document")
	add(ofJob, first, pipeline.Screenshot, pipeline.OriginParse, "page of a job")
	add(ofJob, first, pipeline.Figure, pipeline.OriginParse, "figure of a job")
	add(ofFile, second, pipeline.Figure, pipeline.OriginParse, "figure of the second job")
	add(rest, other, pipeline.Figure, pipeline.OriginParse, "figure of the other job")
	addPages(ofJob, first, "first")
	addPages(ofFile, second, "second")
	addPages(rest, other, "other")
	for _, f := range []*pipeline.File{file, first, second, other} {
		rows.Files = append(rows.Files, &pipeline.FileRow{File: *f, Status: pipeline.Complete, Sources: []pipeline.SourceKey{pipeline.ProjectSource}})
	}
	batch, err := sink.Cut(t.Context())
	if err == nil {
		err = batch.Sync(t.Context())
	}
	if err == nil {
		err = ledger.Commit(t.Context(), rows)
	}
	if err != nil {
		t.Fatal(err)
	}
	return out, ofJob, ofFile
}

// After a parse job was removed, nothing of it is anywhere, and all else is; with a file, its jobs and their pages go. It makes no
// difference whether the rows are in parts or in the tables.
func TestRm_JobsAndPages_AreNowhere(t *testing.T) {
	testmain.Long(t)
	t.Parallel()
	for _, merged := range []bool{false, true} {
		out, ofJob, ofFile := exportOfJobs(t)
		cli := newCLI(t, "http://127.0.0.1:1")
		if merged {
			cli.mustRun("compact", out)
		}
		if stdout := cli.mustRun("verify", out); !strings.Contains(stdout, "document 1 of") || !strings.Contains(stdout, "pages    9") {
			t.Errorf("verify says\n%s", stdout)
		}
		mustFind := func(c canaries) {
			t.Helper()
			found := c.found(t, out)
			for what := range c {
				if !strings.HasSuffix(what, " sum") && len(found[what]) == 0 {
					t.Errorf("%s is not found in the export", what)
				}
			}
		}
		mustNotFind := func(c canaries) {
			t.Helper()
			for what, where := range c.found(t, out) {
				t.Errorf("%s is in %q", what, where)
			}
			if stdout := cli.mustRun("verify", out); strings.Contains(stdout, "orphans") {
				t.Errorf("verify says\n%s", stdout)
			}
		}
		mustFind(ofJob)
		if stdout := cli.mustRun("rm", out, "--job", string(ofJob["first job"])); !strings.Contains(stdout, "1 files, 2 assets, 3 pages") {
			t.Errorf("rm says\n%s", stdout)
		}
		cli.mustRun("compact", out)
		mustNotFind(ofJob)
		mustFind(ofFile)
		if stdout := cli.mustRun("rm", out, "--file-id", string(ofFile["file"])); !strings.Contains(stdout, "2 files, 3 assets, 3 pages") {
			t.Errorf("rm says\n%s", stdout)
		}
		cli.mustRun("compact", out)
		mustNotFind(ofFile)
		if left := pageNumbers(t, out); !slices.Equal(left, []int32{1, 2, 3}) {
			t.Errorf("pages %v are left, want those of the other job", left)
		}
	}
}

// pageNumbers returns the numbers of all pages of an export.
func pageNumbers(t *testing.T, out string) (numbers []int32) {
	t.Helper()
	dir, err := store.OpenDir(out)
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	s, err := manifest.OpenSnapshot(context.Background(), dir)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for page, err := range s.Pages(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		numbers = append(numbers, page.PageNumber)
	}
	return numbers
}
