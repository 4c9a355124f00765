package manifest

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"exporter/internal/store"
	"exporter/internal/store/storetest"
	"exporter/internal/testmain"
	"exporter/pipeline"
)

// mixture draws rows of files, of parse jobs with and without a file_id, of attachments, of documents and of pages.
type mixture struct {
	*rand.Rand
	assets map[pipeline.AssetKey]*pipeline.Row
	files  map[pipeline.FileKey]*pipeline.FileRow
	pages  map[pageKey]*pipeline.PageRow
}

type pageKey struct {
	pipeline.Owner
	number int32
}

func newMixture(seed uint64) *mixture {
	return &mixture{
		rand.New(rand.NewPCG(seed, 1)), map[pipeline.AssetKey]*pipeline.Row{}, map[pipeline.FileKey]*pipeline.FileRow{},
		map[pageKey]*pipeline.PageRow{},
	}
}

// draw returns so many rows of owners, and the rows of these, which take the place of earlier ones.
func (m *mixture) draw(owners, each int) (rows pipeline.Rows) {
	assets, files := map[pipeline.AssetKey]*pipeline.Row{}, map[pipeline.FileKey]*pipeline.FileRow{}
	pages := map[pageKey]*pipeline.PageRow{}
	for range owners {
		file := m.file()
		for range 1 + m.IntN(each) {
			row := m.asset(file)
			assets[row.Key()] = row
		}
		row := &pipeline.FileRow{File: *file, Status: pipeline.Complete, ListedAt: testTime, Sources: []pipeline.SourceKey{"project"}}
		row.Screenshots = new(int64(m.IntN(1000)))
		files[row.Key()] = row
		for range m.IntN(4) {
			page := m.page(file)
			pages[pageKey{page.Owner, page.PageNumber}] = page
		}
	}
	maps.Copy(m.assets, assets)
	maps.Copy(m.files, files)
	maps.Copy(m.pages, pages)
	return pipeline.Rows{
		Assets: slices.Collect(maps.Values(assets)), Files: slices.Collect(maps.Values(files)), Pages: slices.Collect(maps.Values(pages)),
	}
}

// page draws a page, of which each value may be missing.
func (m *mixture) page(of *pipeline.File) *pipeline.PageRow {
	p := &pipeline.PageRow{Owner: of.Owner(), PageNumber: 1 + int32(m.IntN(6))}
	if m.IntN(2) == 0 {
		p.Text, p.Markdown = new(""), new(fmt.Sprint("# 見出し ", m.IntN(1000)))
	}
	if m.IntN(2) == 0 {
		p.Items = json.RawMessage(fmt.Sprintf(`[{"type":"heading","lvl":%d}]`, m.IntN(9)))
		p.Width, p.Height = new(0.0), new(841.89)
	}
	if m.IntN(4) == 0 {
		p.Error = "page failed"
	}
	return p
}

// file draws a file or a job. A job has always the same file_id, or none.
func (m *mixture) file() *pipeline.File {
	id := fmt.Sprintf("file-%02d", m.IntN(40))
	if m.IntN(2) == 0 {
		return &pipeline.File{ID: id}
	}
	job := m.IntN(60)
	if id = fmt.Sprintf("file-%02d", job%9); job%9 > 5 {
		id = ""
	}
	return &pipeline.File{ID: id, JobID: fmt.Sprintf("job-%02d", job)}
}

func (m *mixture) asset(of *pipeline.File) *pipeline.Row {
	a := pipeline.Asset{FileID: pipeline.ID(of.ID), JobID: pipeline.ID(of.JobID), Kind: pipeline.Screenshot, Origin: pipeline.OriginFile}
	a.PageIndex = int32(m.IntN(12))
	name := ""
	if of.JobID != "" {
		a.Origin, name = pipeline.OriginParse, fmt.Sprintf("page_%d.jpg", a.PageIndex)
	} else if m.IntN(3) == 0 {
		a.Origin, name = pipeline.OriginAttachment, fmt.Sprintf("Page %d.JPG", m.IntN(4))
	}
	switch m.IntN(4) {
	case 0:
		a.Kind, a.FigureName = pipeline.Figure, name
		a.Details = &pipeline.Details{
			UpstreamName: name, Category: "layout", Label: "chart", Caption: new("Figure 1: höhe"), PageNumber: new(a.PageIndex + 1), UpdatedAt: testTime,
			Box: &pipeline.Box{X: 0.5, Y: 2, Width: 3, Height: float64(m.IntN(9))},
		}
	case 1:
		a.Kind, a.PageIndex, name = pipeline.Document, pipeline.NoPage, "report.pdf"
	}
	if a.Details == nil && name != "" {
		a.Details = &pipeline.Details{UpstreamName: name}
	}
	return &pipeline.Row{Asset: a, File: of, Status: pipeline.Failed, Reason: fmt.Sprintf("http_500: %d", m.IntN(1000)), Attempts: 1}
}

// check compares what a snapshot finds with what was drawn.
func (m *mixture) check(t *testing.T, s *Snapshot) {
	t.Helper()
	byOwner := map[pipeline.Owner][]*pipeline.Row{{FileID: "file-99"}: nil, {JobID: "job-99"}: nil, {FileID: "file-00", JobID: "job-99"}: nil, {}: nil}
	for key, row := range m.assets {
		byOwner[key.Owner()] = append(byOwner[key.Owner()], row)
		// Neither its file nor its job alone has the rows of both.
		for _, other := range []pipeline.Owner{{FileID: key.FileID}, {JobID: key.JobID}} {
			byOwner[other] = slices.Clip(byOwner[other])
		}
	}
	for owner, want := range byOwner {
		sortRows(want)
		got, err := s.Assets(t.Context(), owner)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Fatalf("assets of %v: %v (-want +got):\n%s", owner, err, diff)
		}
		if has, err := s.Has(t.Context(), owner); has != (len(want) > 0) || err != nil {
			t.Errorf("Has(%v) = %v, %v", owner, has, err)
		}
	}
	for key, want := range m.assets {
		if m.IntN(8) > 0 {
			continue
		}
		got, err := s.Asset(t.Context(), key)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Fatalf("%v: %v (-want +got):\n%s", key, err, diff)
		}
		key.UpstreamName += "?"
		if got, err := s.Asset(t.Context(), key); got != nil || err != nil {
			t.Fatalf("%v, which nobody has: %v, %v", key, got, err)
		}
	}
	checkFiles(t, s, slices.SortedFunc(maps.Keys(m.files), pipeline.FileKey.Compare))
	for key, want := range m.files {
		got, err := s.FileRow(t.Context(), key)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Fatalf("%v: %v (-want +got):\n%s", key, err, diff)
		}
	}
	m.checkPages(t, s)
	for _, key := range []pipeline.FileKey{{JobID: "job-99"}, {JobID: "file-00"}, {FileID: "job-00"}, {FileID: "file-99"}, {DirectoryFileID: "file-00"}} {
		if got, err := s.File(t.Context(), key); got != nil || err != nil {
			t.Errorf("%v, which nobody has: %v, %v", key, got, err)
		}
	}
}

func (m *mixture) checkPages(t *testing.T, s *Snapshot) {
	t.Helper()
	want := slices.SortedFunc(maps.Values(m.pages), (*pipeline.PageRow).Compare)
	var got []*pipeline.PageRow
	for page, err := range s.Pages(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, page)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("pages (-want +got):\n%s", diff)
	}
}

// Whatever is recorded, in parts and in the tables, is found by whose it is, and by its key.
func TestSnapshot_Mixtures_AreFoundByOwner(t *testing.T) {
	testmain.Long(t)
	for seed := range uint64(max(1, 2/oneIn)) {
		st := storetest.NewMemory(nil)
		m := newMixture(seed)
		for range 3 {
			l := openLedger(t, st)
			for range 1 + m.IntN(3) {
				if err := l.Commit(t.Context(), m.draw(1+m.IntN(30), 8)); err != nil {
					t.Fatal(err)
				}
			}
			m.check(t, openSnapshotOf(t, st))
			if m.IntN(2) == 0 {
				if err := l.Compact(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			for _, open := range []func(context.Context, store.Reader) (*Snapshot, error){OpenSnapshot, Glance} {
				s, err := open(t.Context(), st)
				if err != nil {
					t.Fatal(err)
				}
				m.check(t, s)
				if err := s.Close(); err != nil {
					t.Error(err)
				}
			}
		}
	}
}

// Jobs are found among many rows without a file_id, and among many of one file, in a manifest of several row groups.
func TestSnapshot_ManyJobs_AreHalved(t *testing.T) {
	testmain.Long(t)
	st := storetest.NewMemory(nil)
	var rows pipeline.Rows
	for job := range 100 {
		for _, id := range []string{"", "file"} {
			file := &pipeline.File{ID: id, JobID: fmt.Sprintf("job-%s-%04d", id, job)}
			for page := range 300 {
				rows.Assets = append(rows.Assets, &pipeline.Row{
					Asset: pipeline.Asset{
						FileID: pipeline.ID(id), JobID: pipeline.ID(file.JobID), Kind: pipeline.Screenshot, Origin: pipeline.OriginParse,
						PageIndex: int32(page), Details: &pipeline.Details{UpstreamName: fmt.Sprintf("page_%d.jpg", page)},
					},
					File: file, Status: pipeline.Failed, Reason: "http_500: x",
				})
			}
			rows.Files = append(rows.Files, &pipeline.FileRow{File: *file, Status: pipeline.Partial, Sources: []pipeline.SourceKey{"jobs"}})
		}
	}
	l := openLedger(t, st)
	if err := l.Commit(t.Context(), rows); err != nil {
		t.Fatal(err)
	}
	if err := l.Compact(t.Context()); err != nil {
		t.Fatal(err)
	}
	s, err := Glance(t.Context(), st)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for i, file := range rows.Files {
		if i%23 > 1 && i != len(rows.Files)-1 {
			continue
		}
		got, err := s.Assets(t.Context(), file.Owner())
		if err != nil || len(got) != 300 || got[0].File.JobID != file.JobID || got[299].File.JobID != file.JobID {
			t.Fatalf("%d rows of %v, %v, want 300", len(got), file.Owner(), err)
		}
	}
	for _, owner := range []pipeline.Owner{{JobID: "job"}, {JobID: "job--0001x"}, {JobID: "k"}, {FileID: "file"}, {FileID: "file", JobID: "zzz"}} {
		if got, err := s.Assets(t.Context(), owner); len(got) > 0 || err != nil {
			t.Errorf("%d rows of %v, which nobody has, %v", len(got), owner, err)
		}
	}
}

// What a removal selects goes, by the listings that the rows of files and jobs name, and nothing else does.
func TestLedger_Prune_Mixtures_TakesWhatIsSelected(t *testing.T) {
	testmain.Long(t)
	for seed := range uint64(4) {
		st := storetest.NewMemory(nil)
		m := newMixture(seed)
		for i := range 2 {
			rows := m.draw(60, 5)
			for n, file := range rows.Files {
				file.Sources = []pipeline.SourceKey{pipeline.SourceKey(fmt.Sprint("directory:", n%3))}
			}
			l := openLedger(t, st)
			if err := l.Commit(t.Context(), rows); err != nil {
				t.Fatal(err)
			}
			if i == 0 {
				if err := l.Compact(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
		}
		all := maps.Clone(m.files)
		goes := func(key pipeline.FileKey, id string) bool {
			return id == "file-03" || key.JobID == "job-11" || slices.Contains(all[key].Sources, "directory:1")
		}
		l := openLedger(t, st)
		var extent, want Extent
		err := l.Prune(t.Context(), Removal{
			At: testTime, RemoveBlobs: keepBlobs,
			Selects: func(c Candidate) bool {
				if diff := cmp.Diff(m.files[c.Key].Sources, c.Sources); diff != "" || c.FileID != m.files[c.Key].ID {
					t.Errorf("%v is in file %q (-want +got):\n%s", c.Key, c.FileID, diff)
				}
				return c.FileID == "file-03" || c.Key.JobID == "job-11" || slices.Contains(c.Sources, "directory:1")
			},
			Allow: func(e Extent) error { extent = e; return nil },
		})
		if err != nil {
			t.Fatal(err)
		}
		maps.DeleteFunc(m.assets, func(key pipeline.AssetKey, _ *pipeline.Row) bool {
			selected := goes(keyOf(key.Owner()), string(key.FileID))
			if selected {
				want.Assets++
			}
			return selected
		})
		maps.DeleteFunc(m.files, func(key pipeline.FileKey, row *pipeline.FileRow) bool {
			selected := goes(key, row.ID)
			if selected {
				want.Files++
			}
			return selected
		})
		maps.DeleteFunc(m.pages, func(key pageKey, _ *pipeline.PageRow) bool {
			selected := goes(keyOf(key.Owner), string(key.FileID))
			if selected {
				want.Pages++
			}
			return selected
		})
		if extent != want || want.Assets == 0 || want.Files == 0 || want.Pages == 0 {
			t.Errorf("extent %+v, want %+v", extent, want)
		}
		if err := l.Compact(t.Context()); err != nil {
			t.Fatal(err)
		}
		m.check(t, openSnapshotOf(t, st))
	}
}
