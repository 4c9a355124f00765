package emulator

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

func TestServer_ListDirectories(t *testing.T) {
	a := serve(t, Options{Corpus: todayCorpus(t)})
	id := func(d directoryShape) string { return d.ID }
	const path = "/api/v1/beta/directories?"
	for query, want := range map[string][]string{
		"": {"dir-a", "out", "dir-2"}, "name=A&": {"dir-a"}, "name=a&": {}, "name=&": {"dir-a", "out", "dir-2"},
		"include_deleted=true&": {"dir-a", "out", "gone", "dir-2"}, "type=index&": {"out"},
		"types=index&types=user&": {"dir-a", "out", "dir-2"}, "types=ephemeral&include_deleted=1&": {"gone"},
		"project_id=project-2&": {"dir-2"}, "organization_id=" + organization + "&": {"dir-a", "out"},
	} {
		wantIDs(t, query, want, pages(a, path+query, id))
	}
	a.get(path+"type=other").want(t, 422)
	got := shaped[directoryShape](t, a.get("/api/v1/beta/directories/dir-a").want(t, 200).body)
	if *got.Type != "user" || *got.Description != "<a>" || got.DeletedAt != nil || *got.ExpiresAt != "2024-06-20T12:00:00.123456Z" ||
		*got.Subscription != "sub" || got.Metadata["k"] != 1.0 {
		t.Errorf("directory %+v", got)
	}
	if gone := shaped[directoryShape](t, a.get("/api/v1/beta/directories/gone").want(t, 200).body); gone.DeletedAt == nil {
		t.Error("a deleted directory has no deleted_at")
	}
	a.get("/api/v1/beta/directories/none").want(t, 404)
	a.get("/api/v1/beta/directories/dir-a?project_id=project-2").want(t, 404)
}

func TestServer_ListProjects(t *testing.T) {
	a := serve(t, Options{Corpus: todayCorpus(t)})
	id := func(p projectShape) string { return p.ID }
	for query, want := range map[string][]string{
		"": {project, "project-2"}, "name=Second&": {"project-2"}, "organization_id=" + organization + "&": {project},
	} {
		wantIDs(t, query, want, pages(a, "/api/v2/projects?"+query, id))
	}
	first := shaped[cursorPage[projectShape]](t, a.get("/api/v2/projects").body).Items[0]
	if first.Name != "First" || first.Organization != organization || !*first.IsDefault ||
		*first.CreatedAt != "2024-06-01T12:00:00.123456Z" {
		t.Errorf("project %+v", first)
	}
	for query, want := range map[string]int{"": 2, "?project_name=First": 1, "?organization_id=none": 0} {
		if got := shaped[[]projectShape](t, a.get("/api/v1/projects"+query).want(t, 200).body); len(got) != want {
			t.Errorf("v1%s: %d projects, want %d", query, len(got), want)
		}
	}
	a.get("/api/v2/projects?page_size=x").want(t, 422)
	a.get("/api/v2/projects?page_token=x").want(t, 422)
}

// Each directory is a pipeline of the same id; the newest is listed first.
func TestServer_ListPipelines(t *testing.T) {
	c := todayCorpus(t)
	check(t, c.AddPipeline(PipelineSpec{
		ID: "play", Name: "Play", ProjectID: project, Type: PlaygroundPipeline, Status: "DELETING", CreatedAt: day(3),
		DirectoryID: "dir-2",
	}))
	check(t, c.AddPipeline(PipelineSpec{ID: "empty", Name: "Empty", ProjectID: project}))
	if c.AddPipeline(PipelineSpec{ID: "play"}) == nil || c.AddPipeline(PipelineSpec{ID: "x", DirectoryID: "none"}) == nil {
		t.Error("a pipeline of a known id, or of an unknown directory, gave no error")
	}
	a := serve(t, Options{Corpus: c})
	id := func(p pipelineShape) string { return p.ID }
	for query, want := range map[string][]string{
		"": {"empty", "play", "dir-2", "gone", "out", "dir-a"}, "name=Two&": {"dir-2"}, "pipeline_type=PLAYGROUND&": {"play"},
		"pipeline_type=MANAGED&project_id=project-2&": {"dir-2"},
	} {
		wantIDs(t, query, want, pages(a, "/api/v2/pipelines?"+query, id))
	}
	first := shaped[cursorPage[pipelineShape]](t, a.get("/api/v2/pipelines?name=Play").body).Items[0]
	if first.Type != "PLAYGROUND" || *first.Status != "DELETING" || first.UpdatedAt != nil {
		t.Errorf("pipeline %+v", first)
	}
	for query, want := range map[string]int{"": 6, "?pipeline_name=A": 2, "?project_name=Second": 1, "?pipeline_type=PLAYGROUND": 1} {
		if got := shaped[[]pipelineV1Shape](t, a.get("/api/v1/pipelines"+query).want(t, 200).body); len(got) != want {
			t.Errorf("v1%s: %d pipelines, want %d", query, len(got), want)
		}
	}
	a.get("/api/v2/pipelines?pipeline_type=OTHER").want(t, 422)
	for pipeline, want := range map[string]int{"play": 1, "dir-a": 2, "empty": 0} {
		got := decode[struct {
			Files []struct {
				Pipeline string `json:"pipeline_id"`
			} `json:"files"`
		}](t, a.get("/api/v1/pipelines/"+pipeline+"/files2").want(t, 200).body)
		if len(got.Files) != want || want > 0 && got.Files[0].Pipeline != pipeline {
			t.Errorf("pipeline %s has %+v, want %d files", pipeline, got.Files, want)
		}
	}
}

func indexCorpus(t *testing.T, syncing Delay) *Corpus {
	t.Helper()
	c := todayCorpus(t)
	check(t, c.AddIndex(IndexSpec{
		ID: "idx-1", ExportConfigID: "exp-1", Name: "Index", ProjectID: project, SourceDirectoryID: "dir-a", OutputDirectoryID: "out",
		SyncConfigID: "syn-1", CreatedAt: day(1), LastSyncedAt: day(2), Metadata: []byte(`{"status":"ready"}`), Syncing: syncing,
	}))
	for i := range 3 {
		check(t, c.AddIndex(IndexSpec{ID: "more-" + string(rune('a'+i)), ProjectID: project}))
	}
	return c
}

func TestServer_Indexes(t *testing.T) {
	c := indexCorpus(t, Delay{})
	if c.AddIndex(IndexSpec{ID: "idx-1"}) == nil || c.AddIndex(IndexSpec{ID: "x", OutputDirectoryID: "none"}) == nil {
		t.Error("an index of a known id, or of an unknown directory, gave no error")
	}
	a := serve(t, Options{Corpus: c})
	id := func(i indexShape) string { return i.ID }
	wantIDs(t, "all", []string{"idx-1", "more-a", "more-b", "more-c"}, pages(a, "/api/v1/indexes?", id))
	wantIDs(t, "of a directory", []string{"idx-1"}, pages(a, "/api/v1/indexes?source_directory_id=dir-a&", id))
	wantIDs(t, "of a project", []string{}, pages(a, "/api/v1/indexes?project_id=project-2&", id))
	got := shaped[indexShape](t, a.get("/api/v1/indexes/idx-1").want(t, 200).body)
	if got.ExportConfig != "exp-1" || got.OutputDirectory != "out" || got.SyncConfig != "syn-1" || got.Metadata["status"] != "ready" ||
		*got.LastSynced != "2024-06-02T12:00:00.123456Z" || got.Syncing != nil {
		t.Errorf("index %+v", got)
	}
	if got := shaped[indexShape](t, a.get("/api/v1/indexes/idx-1?expand=sync_in_progress").body); *got.Syncing {
		t.Error("an index that is not being synchronized says so")
	}
	a.get("/api/v1/indexes/exp-1").want(t, 404)
	a.get("/api/v1/indexes/idx-1?project_id=project-2").want(t, 404)
}

// An index is being synchronized for so many looks, until a time, or for ever.
func TestServer_Index_Syncing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, test := range []struct {
			syncing Delay
			until   time.Duration
			want    string
		}{
			{Delay{}, 0, "------"}, {Delay{Looks: 2}, 0, "SS----"}, {Delay{Looks: -1}, 0, "SSSSSS"},
			{Delay{}, 3 * time.Second, "SSS---"}, {Delay{Looks: 4}, time.Second, "SSSS--"},
		} {
			if test.until > 0 {
				test.syncing.Until = time.Now().Add(test.until)
			}
			s := newServer(t, Options{Corpus: indexCorpus(t, test.syncing)})
			got := ""
			for range 6 {
				// Neither the listing nor a request that expands nothing is a look.
				ask(s, "/api/v1/indexes")
				ask(s, "/api/v1/indexes/idx-1")
				w := ask(s, "/api/v1/indexes/idx-1?expand=sync_in_progress")
				got += map[bool]string{true: "S", false: "-"}[*decode[indexShape](t, w.Body.Bytes()).Syncing]
				time.Sleep(time.Second)
			}
			if got != test.want {
				t.Errorf("%+v: %s, want %s", test.syncing, got, test.want)
			}
		}
	})
}

func TestServer_GetProjectFile(t *testing.T) {
	a := serve(t, Options{Corpus: todayCorpus(t)})
	const path = "/api/v1/beta/files/file-1"
	got := shaped[fileShape](t, a.get(path).want(t, 200).body)
	if got.Name != "One.pdf" || *got.FileType != "pdf" || *got.Purpose != "parse" || *got.ExpiresAt != "2024-06-09T12:00:00.123456Z" || got.DownloadURL != nil {
		t.Errorf("file %+v", got)
	}
	if got := shaped[fileShape](t, a.get(path+"?expand=download_url").body); string(a.download(got.DownloadURL.URL).want(t,
		200).body) != "%PDF-1.5 one" {
		t.Error("download_url does not lead to the document")
	}
	a.get("/api/v1/beta/files/none").want(t, 404)
	a.get(path+"?project_id=project-2").want(t, 404)
}

func TestServer_GetFileContent(t *testing.T) {
	a := serve(t, Options{Corpus: todayCorpus(t)})
	const path = "/api/v1/beta/files/file-1/content"
	got := shaped[presignedShape](t, a.get(path).want(t, 200).body)
	if body := a.download(got.URL).want(t, 200); string(body.body) != "%PDF-1.5 one" ||
		body.header.Get("Content-Type") != "application/pdf" {
		t.Errorf("content %q as %q", body.body, body.header.Get("Content-Type"))
	}
	if got := string(a.get("/api/v1/beta/files/file-2/content").want(t,
		404).body); got != `{"detail":"Source file not found in storage"}` {
		t.Errorf("without a document: %s", got)
	}
	a.get("/api/v1/beta/files/none/content").want(t, 404)
	for _, life := range []string{"0", "x", "-1"} {
		a.get(path+"?expires_at_seconds="+life).want(t, 422)
	}
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t, Options{Corpus: todayCorpus(t)})
		got := decode[presignedShape](t, ask(s, path+"?expires_at_seconds=5").Body.Bytes())
		if got.ExpiresAt != "2000-01-01T00:00:05.000000Z" {
			t.Errorf("expires_at %s, want five seconds after the start", got.ExpiresAt)
		}
		time.Sleep(4999 * ms)
		if w := ask(s, got.URL); w.Code != 200 {
			t.Errorf("status %d before the end of the link, want 200", w.Code)
		}
		time.Sleep(ms)
		if w := ask(s, got.URL); w.Code != http.StatusForbidden {
			t.Errorf("status %d at the end of the link, want 403", w.Code)
		}
	})
}
