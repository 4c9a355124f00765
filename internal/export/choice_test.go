package export

import (
	"context"
	"strings"
	"testing"

	"exporter/internal/store/storetest"
	"exporter/manifest"
	"exporter/pipeline"
)

// choiceOf chooses an asset of a file.
func choiceOf(row *pipeline.Row) *Choice {
	c := &Choice{FileID: row.FileID, Origin: row.Origin, Page: &row.PageIndex}
	if row.Kind == pipeline.Figure {
		c.Name = &row.FigureName
	}
	return c
}

// Attachments, documents and results of parse jobs are found by what people know of them.
func TestFind_Choices_FindOne(t *testing.T) {
	st := storetest.NewMemory(nil)
	ledger, err := manifest.Open(t.Context(), st, manifest.Info{Source: "{}"})
	if err != nil {
		t.Fatal(err)
	}
	defer ledger.Close()
	file, job := &pipeline.File{ID: "f"}, &pipeline.File{ID: "f", JobID: "job"}
	var rows pipeline.Rows
	add := func(of *pipeline.File, kind pipeline.Kind, origin pipeline.Origin, page int32, name string) {
		a := pipeline.Asset{
			FileID: pipeline.ID(of.ID), JobID: pipeline.ID(of.JobID), Kind: kind, Origin: origin, PageIndex: page, Details: &pipeline.Details{UpstreamName: name},
		}
		if kind == pipeline.Figure {
			a.FigureName = name
		}
		rows.Assets = append(rows.Assets, &pipeline.Row{Asset: a, File: of, Status: pipeline.Skipped, Reason: pipeline.ReasonPage})
	}
	add(file, pipeline.Screenshot, pipeline.OriginFile, 0, "")
	add(file, pipeline.Document, pipeline.OriginFile, pipeline.NoPage, "report.pdf")
	add(file, pipeline.Screenshot, pipeline.OriginAttachment, 1, "screenshots/page_1.jpg")
	add(file, pipeline.Screenshot, pipeline.OriginAttachment, 1, "again/page_1.jpg")
	add(job, pipeline.Screenshot, pipeline.OriginParse, 1, "page_1.jpg")
	add(job, pipeline.Figure, pipeline.OriginParse, 1, "img_p0_1.png")
	rows.Files = []*pipeline.FileRow{{File: *file, Status: pipeline.Complete}, {File: *job, Status: pipeline.Complete}}
	if err := ledger.Commit(t.Context(), rows); err != nil {
		t.Fatal(err)
	}
	snapshot, err := manifest.Glance(context.Background(), st)
	if err != nil {
		t.Fatal(err)
	}
	defer snapshot.Close()
	o := &opened{Snapshot: snapshot}
	for _, tt := range []struct {
		choice Choice
		// want is the number of the row, or wrong what the error says.
		want  int
		wrong string
	}{
		{choice: Choice{FileID: "f", Origin: pipeline.OriginFile, Page: new(int32(0))}, want: 0},
		{choice: Choice{FileID: "f", Origin: pipeline.OriginFile, Page: new(int32(1))}, wrong: `page 1 of its own: --origin attachment`},
		{choice: Choice{FileID: "f", Origin: pipeline.OriginFile, IsDocument: true}, want: 1},
		{choice: Choice{FileID: "f", Origin: pipeline.OriginFile, IsDocument: true, Name: new("x")}, wrong: `but no document "x" of origin file`},
		{choice: Choice{FileID: "f", Origin: pipeline.OriginAttachment, Name: new("screenshots/page_1.jpg")}, want: 2},
		{choice: Choice{FileID: "f", Origin: pipeline.OriginAttachment, Page: new(int32(1))}, wrong: `give PAGE or --name`},
		{choice: Choice{JobID: "job", Origin: pipeline.OriginParse, Page: new(int32(1))}, want: 4},
		{choice: Choice{JobID: "job", Origin: pipeline.OriginParse, Name: new("img_p0_1.png")}, want: 5},
		{choice: Choice{JobID: "job", Origin: pipeline.OriginParse, Page: new(int32(2))}, wrong: `assets of parse job job, but no screenshot of page 2`},
		{choice: Choice{JobID: "none", Origin: pipeline.OriginParse}, wrong: "no asset of parse job none"},
	} {
		row, err := o.find(t.Context(), &tt.choice)
		switch {
		case tt.wrong != "":
			if !Is[*UsageError](err) || !strings.Contains(err.Error(), tt.wrong) {
				t.Errorf("%v: got %v, want an error with %q", &tt.choice, err, tt.wrong)
			}
		case err != nil || row.Key() != rows.Assets[tt.want].Key():
			t.Errorf("%v: got %v, %v, want %v", &tt.choice, row, err, rows.Assets[tt.want].Key())
		}
	}
}
