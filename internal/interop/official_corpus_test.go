package interop

import (
	"encoding/json"
	"testing"
	"time"

	"exporter/internal/emulator"
)

// officialExports are exports of all that two corpora have.
func officialExports(t *testing.T) map[string]*export {
	t.Helper()
	return map[string]*export{"recorded": exported(t, recordedCorpus(t)), "varied": variedExport(t)}
}

// variedExport exports all that variedCorpus has.
func variedExport(t *testing.T) *export {
	t.Helper()
	e := serve(t, nil, emulator.Options{Corpus: variedCorpus(t)})
	c, stderr := e.exporter(t.Context(), "run", "--out", e.out, "--rate", "unlimited", "--index", emulator.SyntheticIndex,
		"--directory", emulator.SyntheticDirectory, "--batches", "--parse-jobs", "--documents")
	e.finish(t, c, stderr, 0)
	return e
}

// variedCorpus has files with assets, attachments and documents, an index, and parse jobs, of which one is of no batch and one
// has all that a result can have.
func variedCorpus(t *testing.T) *emulator.Corpus {
	t.Helper()
	options := emulator.SyntheticOptions{
		Files: 3, AssetsPerFile: 5, AttachmentFiles: 1, BlobSize: 300, DocumentSize: 200, Metadata: 40, AssetMetadata: 20,
		ParseJobs: 4, ParseImages: 8, ParsePages: 3, PageText: 50, Index: true, Batch: true, IDs: emulator.UUIDs,
	}
	c := emulator.Synthetic(options)
	at := time.Date(2026, 10, 1, 12, 30, 0, 123456000, time.UTC)
	_, entryID := options.SyntheticFile(0)
	credits := 12.5
	job := emulator.ParseJobSpec{
		ID: "pjb-00000000-0000-4000-8000-000000000001", ProjectID: "project", Name: "Größe.pdf", Tier: "cost_effective",
		CreatedAt: at, UpdatedAt: at, UserMetadata: map[string]string{"k": "v"}, Credits: &credits,
		Images: []emulator.ParseImage{
			{Filename: "page_1.jpg", Category: "screenshot", Data: drawJPEG(t, 1)},
			{
				Filename: "page_1_chart_1_v2.jpg", Index: 1, Category: "layout", BBox: &emulator.BBox{X: 1, Y: 2, W: 3, H: 4},
				Data: drawJPEG(t, 2),
			},
		},
		Pages: []emulator.ParsePage{
			{
				Number: 1, Text: "Zoë\n\t\"1\"", Markdown: "# Zoë", Header: "Head", Footer: "Foot", Width: 595.5, Height: 842,
				Items: everyItem(), Metadata: json.RawMessage(`{"confidence":0.5,"printed_page_number":"i","cost_optimized":true}`),
			},
			{Number: 2, Text: "lost", Error: "the page is damaged"},
		},
		Results:       map[string][]byte{"outputPDF": []byte("%PDF-1.7"), "markdown": []byte("# Zoë")},
		RawParameters: json.RawMessage(`{"tier":"cost_effective"}`), JobMetadata: json.RawMessage(`{"pages":2}`),
	}
	must(t, c.AddParseJob(job))
	must(t, c.AddBatch(emulator.BatchSpec{
		ID: "bat-00000000-0000-4000-8000-000000000001", ProjectID: "project", SourceDirectoryID: emulator.SyntheticDirectory,
		ConfigurationID: "cfg-1", CreatedAt: at, UpdatedAt: at, Results: []emulator.BatchResult{
			{DirectoryFileID: entryID, JobID: job.ID}, {DirectoryFileID: entryID, Error: "the file is damaged"},
		},
	}))
	return c
}

// everyItem returns an item of each type that a page can have.
func everyItem() (items []json.RawMessage) {
	for _, item := range []string{
		`{"type":"text","value":"Zoë","md":"Zoë","bbox":[{"x":1.5,"y":2,"w":3,"h":4,"confidence":0.5,"label":"text"}]}`,
		`{"type":"heading","level":2,"value":"Head","md":"## Head"}`,
		`{"type":"list","ordered":true,"md":"1. a","items":[{"type":"text","value":"a","md":"a"}]}`,
		`{"type":"table","csv":"a,1","html":"<table></table>","md":"|a|1|","rows":[["a",1],[null,"b"]]}`,
		`{"type":"code","value":"x = 1","md":"x = 1","language":"python"}`,
		`{"type":"link","text":"here","url":"https://example.com/","md":"[here](https://example.com/)"}`,
		`{"type":"header","md":"Head","items":[{"type":"text","value":"Head","md":"Head"}]}`,
		`{"type":"footer","md":"Foot","items":[]}`,
		`{"type":"image","caption":"Sales","url":"page_1_chart_1_v2.jpg","md":"![Sales](page_1_chart_1_v2.jpg)"}`,
	} {
		items = append(items, json.RawMessage(item))
	}
	return items
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
