package manifest

import (
	"os"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"exporter/internal/store/storetest"
	"exporter/pipeline"
)

// An export of schema 2.1, with a part that was not merged yet, is read, takes jobs, and is raised where it is written anew.
func TestLedger_Schema21_GoesOn(t *testing.T) {
	path := t.TempDir()
	if err := os.CopyFS(path, os.DirFS("testdata/schema2.1")); err != nil {
		t.Fatal(err)
	}
	dir := openDir(t, path)
	vanished := storedRow("gone", 0)
	vanished.VanishedAt = testTime
	want := []*pipeline.Row{figureRow("a", 1, "F.jpg"), storedRow("a", 0), storedRow("b", 0), vanished}
	s := openSnapshotOf(t, dir)
	if diff := cmp.Diff(want, collect(t, s)); diff != "" {
		t.Errorf("rows of schema 2.1 (-want +got):\n%s", diff)
	}
	keys := []pipeline.FileKey{{DirectoryFileID: "dfl-1"}, {FileID: "a"}, {FileID: "b"}}
	checkFiles(t, s, keys)
	state, err := s.File(t.Context(), pipeline.FileKey{FileID: "a"})
	if err != nil || state == nil || state.Decided != "digest of a" || state.Documents != nil || state.Pages != nil {
		t.Errorf("state of file a: %+v, %v; want its filters, and neither documents nor pages", state, err)
	}

	l := openLedger(t, dir)
	picture := ofJob(storedRow("a", 0), "job-1")
	job := jobFileRow("job-1", "a")
	if err := l.Commit(t.Context(), pipeline.Rows{Assets: []*pipeline.Row{picture}, Files: []*pipeline.FileRow{job}}); err != nil {
		t.Fatal(err)
	}
	want, keys = slices.Insert(want, 2, picture), append(keys, job.Key())
	check := func(when string) {
		s := openSnapshotOf(t, dir)
		if diff := cmp.Diff(want, collect(t, s)); diff != "" {
			t.Errorf("rows %s (-want +got):\n%s", when, diff)
		}
		checkFiles(t, s, keys)
	}
	check("of both schemas")
	if err := l.Compact(t.Context()); err != nil {
		t.Fatal(err)
	}
	check("after the merge")
	for _, name := range []string{AssetsName, FilesName} {
		if o, err := dir.Open(t.Context(), earlierName(name)); err == nil {
			o.Close()
			t.Errorf("%s is kept, though its columns are those of schema 2", name)
		}
	}
}

// ofJob returns the row of what a parse job has in place of an asset of its file.
func ofJob(row *pipeline.Row, job pipeline.ID) *pipeline.Row {
	row.JobID, row.File.JobID, row.Origin = job, string(job), pipeline.OriginParse
	row.Details = &pipeline.Details{UpstreamName: "img_p0_1.png"}
	return row
}

// jobFileRow returns the row of a parse job.
func jobFileRow(job, file string) *pipeline.FileRow {
	return &pipeline.FileRow{
		File: pipeline.File{ID: file, JobID: job, ProjectID: "p"}, Status: pipeline.Complete, AskedAt: testTime,
		Sources: []pipeline.SourceKey{"jobs"},
		Counts:  pipeline.Counts{Documents: new(int64(1)), Pages: new(int64(3))},
	}
}

// checkFiles compares the keys of all files, in their order, and what is found of each.
func checkFiles(t *testing.T, s *Snapshot, want []pipeline.FileKey) {
	t.Helper()
	var got []pipeline.FileKey
	for known, err := range s.Known(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, known.Key)
		state, err := s.File(t.Context(), known.Key)
		if err != nil || state == nil {
			t.Errorf("state of %v: %v, %v", known.Key, state, err)
			continue
		}
		if diff := cmp.Diff(*state, known.FileState); diff != "" {
			t.Errorf("state of %v (-searched +read):\n%s", known.Key, diff)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
}

// A file without a screenshot is asked again, once, where the version that wrote its row did not ask for attachments.
func TestSnapshot_Known_EarlierSchema_AsksForAttachments(t *testing.T) {
	st := storetest.NewMemory(nil)
	l := openLedger(t, st)
	var files []*pipeline.FileRow
	for id, screenshots := range map[string]int64{"none": 0, "some": 3} {
		files = append(files, &pipeline.FileRow{
			File: *testFile(id), Status: pipeline.Complete, Counts: pipeline.Counts{Screenshots: &screenshots}, AskedAt: testTime,
			Sources: []pipeline.SourceKey{"directory:d"},
		})
	}
	if err := l.Commit(t.Context(), pipeline.Rows{Files: files}); err != nil {
		t.Fatal(err)
	}
	if err := l.Compact(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, schema := range []string{Schema, "2.1"} {
		s := openSnapshotOf(t, st)
		s.files.base.meta.schema = schema
		for k, err := range s.Known(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			if want := schema != Schema && k.Key.FileID == "none"; k.AskedAt.IsZero() != want {
				t.Errorf("schema %s: file %s was asked at %v", schema, k.Key.FileID, k.AskedAt)
			}
		}
	}
}
