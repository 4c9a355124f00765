package interop

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"exporter/internal/store"
	"exporter/manifest"
	"exporter/pipeline"
	"exporter/sinks"
)

// docs/reader.py finds the attachments and the document of a file, and the pictures of parse jobs with and without a file_id, in parts and in
// the manifest; and others read the text of the pages.
func TestPython_Reader_FindsJobs(t *testing.T) {
	t.Parallel()
	out := filepath.Join(t.TempDir(), "out")
	want := writeJobs(t, out)
	check := func() {
		t.Helper()
		got := map[string]string{}
		for line := range bytes.Lines(output(t, python(t, filepath.Join("..", "..", "docs", "reader.py"), out))) {
			var a struct {
				JobID        string `json:"job_id"`
				UpstreamName string `json:"upstream_name"`
				SHA256       string `json:"sha256"`
			}
			if err := json.Unmarshal(line, &a); err != nil {
				t.Fatal(err)
			}
			got[a.JobID+" "+a.UpstreamName] = a.SHA256
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("blobs (-want +got):\n%s", diff)
		}
	}
	check()
	output(t, program(t, "exporter", "compact", out))
	check()
	texts := query(t, openDuckDB(t), "SELECT job_id || page_number || text FROM "+quoteSQL(filepath.Join(out, "pages.parquet")), scalar[string])
	if diff := cmp.Diff([]string{"job-21twenty", "job-11ten"}, texts); diff != "" {
		t.Errorf("pages (-want +got):\n%s", diff)
	}
}

// writeJobs makes an export, and returns the SHA-256 of each blob by the names of its job and its own.
func writeJobs(t *testing.T, out string) map[string]string {
	t.Helper()
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
	sink, sums := sinks.NewLocal(st), map[string]string{}
	file := &pipeline.File{ID: "file"}
	first, second := &pipeline.File{ID: "file", JobID: "job-1"}, &pipeline.File{JobID: "job-2"}
	var rows pipeline.Rows
	for i, of := range []struct {
		*pipeline.File
		kind   pipeline.Kind
		origin pipeline.Origin
		name   string
	}{
		{file, pipeline.Document, pipeline.OriginFile, "report.pdf"},
		{file, pipeline.Screenshot, pipeline.OriginAttachment, "screenshots/page_1.jpg"},
		{first, pipeline.Screenshot, pipeline.OriginParse, "page_1.jpg"},
		{first, pipeline.Figure, pipeline.OriginParse, "img_p0_1.png"},
		{second, pipeline.Figure, pipeline.OriginParse, "img_p0_1.png"},
	} {
		a := pipeline.Asset{
			FileID: pipeline.ID(of.ID), JobID: pipeline.ID(of.JobID), Kind: of.kind, Origin: of.origin, PageIndex: 1,
			Details: &pipeline.Details{UpstreamName: of.name},
		}
		content := fmt.Sprint("content ", i)
		c := pipeline.Content{Size: int64(len(content)), SHA256: sha256.Sum256([]byte(content)), MediaType: "image/jpeg"}
		at, err := sink.Put(t.Context(), &a, pipeline.NewBlob(c, strings.NewReader(content), nil), nil)
		if err != nil {
			t.Fatal(err)
		}
		sums[of.JobID+" "+of.name] = sum([]byte(content))
		rows.Assets = append(rows.Assets, &pipeline.Row{Asset: a, File: of.File, Status: pipeline.Stored, Content: c, Location: *at, FetchedAt: time.Now()})
	}
	for _, f := range []*pipeline.File{file, first, second} {
		rows.Files = append(rows.Files, &pipeline.FileRow{File: *f, Status: pipeline.Complete, Sources: []pipeline.SourceKey{pipeline.ProjectSource}})
	}
	rows.Pages = []*pipeline.PageRow{
		{Owner: first.Owner(), PageNumber: 1, Text: new("ten")}, {Owner: second.Owner(), PageNumber: 1, Text: new("twenty")},
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
	return sums
}
