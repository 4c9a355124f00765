package pipeline

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// jobSource has parse jobs, each with two screenshots, a crop and three pages, of which the last has no picture.
func jobSource(jobs int) *fakeSource {
	s := &fakeSource{assets: map[string][]Asset{}, pages: map[string][]PageRow{}}
	for i := range jobs {
		id := fmt.Sprintf("job-%d", i)
		s.files = append(s.files, File{JobID: id, UpdatedAt: testTime})
		for page := range int32(2) {
			name := fmt.Sprintf("page_%d.jpg", page+1)
			s.assets[id] = append(s.assets[id], Asset{
				Kind: Screenshot, Origin: OriginParse, PageIndex: page + 1,
				Details: &Details{UpstreamName: name, PageNumber: new(page + 1)},
			})
		}
		s.assets[id] = append(s.assets[id], Asset{
			Kind: Figure, Origin: OriginParse, PageIndex: 1, FigureName: "crop",
			Details: &Details{UpstreamName: "crop", PageNumber: new(int32(1)), Caption: new("a caption")},
		})
		for page := range int32(3) {
			s.pages[id] = append(s.pages[id], PageRow{PageNumber: page + 1, Text: new(fmt.Sprint(id, page))})
		}
	}
	return s
}

// A parse job is exported with the text of its pages, and the next run has nothing to do.
func TestRun_ParseJobs(t *testing.T) {
	source, store := jobSource(2), newFakeStore(t)
	for i := range source.files {
		// Files as young as that are asked for again by each run.
		source.files[i].UpdatedAt = time.Now()
	}
	events := &recorder{}
	o := testOptions(source, store)
	o.Observer = events
	mustRun(t, o)
	if n := countRows(store, hasStatus(Stored)); n != 6 {
		t.Errorf("%d assets are stored, want 6", n)
	}
	if len(store.pages) != 6 {
		t.Errorf("%d pages are recorded, want 6", len(store.pages))
	}
	file := store.files[FileKey{JobID: "job-0"}]
	if file == nil || file.Status != Complete || *file.Pages != 3 || *file.Screenshots != 2 || *file.Figures != 1 || *file.MissingPages != 1 {
		t.Errorf("the job is %+v", file)
	}
	for _, e := range events.events {
		if p, ok := e.(PagesRecorded); ok && (p.Pages != 3 || p.WithoutPicture != 1 || p.WithoutText != 0) {
			t.Errorf("got %+v", p)
		}
	}
	if n := countEvents[PagesRecorded](events); n != 2 {
		t.Errorf("the pages of %d jobs were told of, want 2", n)
	}
	store.nextRun()
	source.listings, source.stopped = nil, false
	mustRun(t, testOptions(source, store))
	if len(source.listings) > 0 {
		t.Errorf("the second run asked for %v", source.listings)
	}
}

// How many pages of a job have no picture is known after its pictures were listed again, too.
func TestRun_JobIsListedAgain_KeepsMissingPages(t *testing.T) {
	source, store := jobSource(1), newFakeStore(t)
	mustRun(t, testOptions(source, store))
	store.nextRun()
	source.stopped = false
	o := testOptions(source, store)
	o.Relist = true
	mustRun(t, o)
	if file := store.files[FileKey{JobID: "job-0"}]; file.MissingPages == nil || *file.MissingPages != 1 {
		t.Errorf("%+v pages are missing, want 1", file.MissingPages)
	}
}

// What comes of a job is kept when it is gone, and is not taken for lost.
func TestRun_JobIsGone_Expires(t *testing.T) {
	for _, listed := range []bool{true, false} {
		t.Run(fmt.Sprint(listed), func(t *testing.T) {
			source, store := jobSource(3), newFakeStore(t)
			mustRun(t, testOptions(source, store))
			if listed {
				source.files[1].Withdrawn = errors.New("404")
			} else {
				source.files = slices.Delete(source.files, 1, 2)
			}
			for range 3 {
				store.nextRun()
				source.stopped = false
				mustRun(t, testOptions(source, store))
			}
			file := store.files[FileKey{JobID: "job-1"}]
			if file.ExpiredAt.IsZero() || !file.VanishedAt.IsZero() {
				t.Errorf("the job is %+v", file)
			}
			kept := 0
			for key, row := range store.rows {
				if key.JobID == "job-1" && row.Status == Stored && !row.ExpiredAt.IsZero() && row.VanishedAt.IsZero() {
					kept++
				}
			}
			if kept != 3 {
				t.Errorf("%d of its pictures are kept as expired, want 3", kept)
			}
		})
	}
}

// A job that is asked for by its id, and of which nothing was ever known, fails.
func TestRun_JobNeverWas_Fails(t *testing.T) {
	source, store := jobSource(2), newFakeStore(t)
	source.files[1].Withdrawn = errors.New("404")
	mustRun(t, testOptions(source, store))
	if f := store.files[FileKey{JobID: "job-1"}]; f.Status != Failed || f.Error != "gone: 404" {
		t.Errorf("got %+v", f)
	}
}

// A job that is not done is asked for again by the next run, and one that failed upstream is not.
func TestRun_JobIsNotDone(t *testing.T) {
	source, store := jobSource(3), newFakeStore(t)
	pending := &Failure{Class: "pending", Err: errors.New("the job is RUNNING")}
	source.pagesErr = func(job *File) error {
		if job.JobID == "job-1" {
			return pending
		}
		return nil
	}
	source.files[2].Idle = "the job is FAILED"
	mustRun(t, testOptions(source, store))
	if f := store.files[FileKey{JobID: "job-1"}]; f.Status != Failed || f.Pages != nil {
		t.Errorf("the job that runs is %+v", f)
	}
	if f := store.files[FileKey{JobID: "job-2"}]; f.Status != Skipped || f.Error != "the job is FAILED" {
		t.Errorf("the job that failed is %+v", f)
	}
	store.nextRun()
	source.pagesErr, source.listings, source.stopped = nil, nil, false
	mustRun(t, testOptions(source, store))
	if want := []string{"job-1 pages", "job-1 screenshot", "job-1 figure"}; !slices.Equal(source.listings, want) {
		t.Errorf("the next run asked for %v, want %v", source.listings, want)
	}
	if f := store.files[FileKey{JobID: "job-1"}]; f.Status != Complete || *f.Pages != 3 {
		t.Errorf("then it is %+v", f)
	}
}

// A job that was recorded without a file stays so where a batch knows of one, and the other way round: its pictures are there once.
func TestRun_JobInTwoListings_IsExportedOnce(t *testing.T) {
	source, store := jobSource(1), newFakeStore(t)
	alone := source.files[0]
	withFile := alone
	withFile.ID, withFile.DirectoryID = "file-1", "d"
	source.places = nil
	both := multiSource{source, []Listing{{Key: JobsSource, Files: sequence(nil, alone)}, {Key: BatchSource("b"), Files: sequence(nil, withFile)}}}
	o := testOptions(source, store)
	o.Source = both
	mustRun(t, o)
	check := func(fileID ID, fetched int) {
		t.Helper()
		for key, row := range store.rows {
			if key.FileID != fileID || row.Status != Stored {
				t.Errorf("row %v is %s", key, row.Status)
			}
		}
		if len(store.rows) != 3 || len(store.files) != 1 || len(source.fetched) != fetched {
			t.Errorf("%d rows, %d files, %d fetched, want 3, 1 and %d", len(store.rows), len(store.files), len(source.fetched), fetched)
		}
	}
	check("file-1", 3)
	for _, later := range []File{alone, withFile} {
		later.UpdatedAt = later.UpdatedAt.Add(time.Hour)
		store.nextRun()
		source.stopped = false
		o := testOptions(source, store)
		o.Source = multiSource{source, []Listing{{Key: JobsSource, Files: sequence(nil, later)}}}
		o.BySize = true
		mustRun(t, o)
		check("file-1", len(source.fetched))
	}
}

// Attachments stand in for the screenshots of a file that has none, until it has some.
func TestRun_Attachments_StandInForScreenshots(t *testing.T) {
	source, store := testSource(3), newFakeStore(t)
	screenshots := source.assets["file-001"]
	source.assets["file-001"] = screenshots[2:]
	source.attachments = map[string][]Asset{"file-001": {
		{Kind: Screenshot, Origin: OriginAttachment, PageIndex: 1, Details: &Details{UpstreamName: "screenshots/page_1.jpg"}},
		{Kind: Screenshot, Origin: OriginAttachment, PageIndex: 1, Details: &Details{UpstreamName: "items/page_1.json", NoPicture: true}},
	}}
	mustRun(t, testOptions(source, store))
	attached := AssetKey{FileID: "file-001", Kind: Screenshot, PageIndex: 1, Origin: OriginAttachment, UpstreamName: "screenshots/page_1.jpg"}
	if row := store.rows[attached]; row == nil || row.Status != Stored {
		t.Fatalf("the attachment is %+v", row)
	}
	other := attached
	other.UpstreamName = "items/page_1.json"
	if row := store.rows[other]; row == nil || row.Status != Skipped || row.Reason != ReasonNoPicture {
		t.Errorf("what is no picture is %+v", row)
	}
	if f := store.files[FileKey{FileID: "file-001"}]; f.Status != Complete || *f.Screenshots != 1 {
		t.Errorf("the file is %+v", f)
	}
	if asked := slices.Contains(source.listings, "file-000 attached screenshot"); asked {
		t.Error("a file that has screenshots was asked for attachments")
	}

	// A screenshot fails at first: what stood in for it stays.
	source.assets["file-001"] = screenshots
	source.files[1].UpdatedAt = testTime.Add(time.Hour)
	source.blobErr = func(a *Asset) error {
		if a.FileID == "file-001" && a.Kind == Screenshot && a.PageIndex == 5 {
			return &Failure{Class: "http_500", Err: errors.New("boom")}
		}
		return nil
	}
	store.nextRun()
	source.stopped = false
	mustRun(t, testOptions(source, store))
	if row := store.rows[attached]; row.Status != Stored {
		t.Errorf("the attachment is %s while not all screenshots are there", row.Status)
	}
	source.blobErr = nil
	store.nextRun()
	source.stopped = false
	before := store.discarded
	mustRun(t, testOptions(source, store))
	for _, key := range []AssetKey{attached, other} {
		if row := store.rows[key]; !row.isPruned() {
			t.Errorf("%s is %s once the screenshots are there", key.UpstreamName, row.Status)
		}
	}
	if n := store.discarded - before; n != 1 {
		t.Errorf("%d blobs were removed, want 1", n)
	}
	if f := store.files[FileKey{FileID: "file-001"}]; f.Status != Complete || *f.Screenshots != 2 || f.Stored != 5 {
		t.Errorf("the file is %+v", f)
	}
}

// What an index attached of the text of pages is recorded, once, and again where it is newer or could not be had.
func TestRun_AttachedPages(t *testing.T) {
	source, store := testSource(1), newFakeStore(t)
	source.assets["file-000"] = nil
	item := func(page int32, at time.Time) Asset {
		return Asset{
			Kind: Screenshot, Origin: OriginAttachment, PageIndex: page,
			Details: &Details{UpstreamName: fmt.Sprintf("items/page_%d.json", page), PageNumber: &page, UpdatedAt: at, NoPicture: true},
		}
	}
	for i, run := range []struct {
		second time.Time
		fails  bool
		asked  []string
		pages  int64
		status Status
	}{
		{testTime, true, []string{"page items/page_1.json", "page items/page_2.json"}, 1, Partial},
		{testTime, false, []string{"page items/page_2.json"}, 2, Complete},
		{testTime, false, nil, 2, Complete},
		{testTime.Add(time.Hour), false, []string{"page items/page_2.json"}, 2, Complete},
	} {
		source.attachments = map[string][]Asset{"file-000": {item(1, testTime), item(2, run.second)}}
		source.pageErr = func(a *Asset) error {
			if run.fails && *a.Detail().PageNumber == 2 {
				return &Failure{Class: "http_500", Err: errors.New("boom")}
			}
			return nil
		}
		source.listings = nil
		o := testOptions(source, store)
		o.Relist = true
		mustRun(t, o)
		var asked []string
		for _, l := range source.listings {
			if strings.HasPrefix(l, "page ") {
				asked = append(asked, l)
			}
		}
		slices.Sort(asked)
		f := store.files[FileKey{FileID: "file-000"}]
		if !slices.Equal(asked, run.asked) || *f.Pages != run.pages || f.Status != run.status || len(store.pages) != int(run.pages) {
			t.Errorf("run %d asked for %v, and has %d of %d pages, %s", i, asked, len(store.pages), *f.Pages, f.Status)
		}
		store.nextRun()
		source.stopped = false
	}
}

// An API that has attachments at one time and not at another loses none of them.
func TestRun_AttachmentsNotOfferedAnyMore_Stay(t *testing.T) {
	source, store := testSource(1), newFakeStore(t)
	source.assets["file-000"] = source.assets["file-000"][2:]
	attached := map[string][]Asset{"file-000": {{Kind: Screenshot, Origin: OriginAttachment, PageIndex: 1, Details: &Details{UpstreamName: "a"}}}}
	for i := range 5 {
		source.attachments = attached
		if i == 1 || i == 2 || i == 3 {
			source.attachments = nil
		}
		o := testOptions(source, store)
		o.Relist = true
		mustRun(t, o)
		store.nextRun()
		source.stopped = false
	}
	for key, row := range store.rows {
		if row.IsGone() || row.Status != Stored {
			t.Errorf("%v is %s, gone: %v", key, row.Status, row.IsGone())
		}
	}
	if len(source.fetched) != 4 {
		t.Errorf("%d assets were fetched, want 4", len(source.fetched))
	}
}

// An API that has nothing but attachments answers for all files: those without any are complete, and no run is hopeless.
func TestRun_NothingButAttachments(t *testing.T) {
	source, store := testSource(firstFiles+20), newFakeStore(t)
	source.listErr = func(id ID, _ Kind) error {
		if strings.HasSuffix(string(id), " attached") {
			return nil
		}
		return &Failure{Class: "http_404", Final: true, Absent: true, Err: errors.New("not found")}
	}
	source.attachments = map[string][]Asset{}
	for i := range 5 {
		source.attachments[fmt.Sprintf("file-%03d", i)] = []Asset{{Kind: Screenshot, Origin: OriginAttachment, PageIndex: 1, Details: &Details{UpstreamName: "a"}}}
	}
	events := &recorder{}
	o := testOptions(source, store)
	o.Observer = events
	mustRun(t, o)
	for key, f := range store.files {
		if f.Status != Complete {
			t.Errorf("%v is %s: %s", key, f.Status, f.Error)
		}
	}
	if n := countRows(store, hasStatus(Stored)); n != 5 || countEvents[KindNotOffered](events) != 2 {
		t.Errorf("%d attachments are stored, and %d kinds are not offered, want 5 and 2", n, countEvents[KindNotOffered](events))
	}
}

// Where nothing is attached either, a run that is refused everything stops after the first files.
func TestRun_RefusedAndNothingAttached_IsHopeless(t *testing.T) {
	source, store := testSource(4*firstFiles), newFakeStore(t)
	source.listErr = func(id ID, _ Kind) error {
		if strings.HasSuffix(string(id), " attached") {
			return nil
		}
		return &Failure{Class: "http_404", Final: true, Absent: true, Err: errors.New("not found")}
	}
	source.attachments = map[string][]Asset{}
	err := Run(t.Context(), testOptions(source, store))
	if hopeless, ok := errors.AsType[*HopelessError](err); !ok || hopeless.Files != firstFiles {
		t.Errorf("got %v, want a *HopelessError after %d files", err, firstFiles)
	}
}

// A file that its own routes do not take has its attachments alone.
func TestRun_AttachmentsOfWhatHasNoRoutes(t *testing.T) {
	source, store := testSource(2), newFakeStore(t)
	source.listErr = func(id ID, _ Kind) error {
		if id == "file-001" {
			return &NoAssetsError{"it is no UUID"}
		}
		return nil
	}
	source.attachments = map[string][]Asset{"file-001": {{Kind: Screenshot, Origin: OriginAttachment, PageIndex: 1, Details: &Details{UpstreamName: "a"}}}}
	mustRun(t, testOptions(source, store))
	f := store.files[FileKey{FileID: "file-001"}]
	if f.Status != Complete || f.Stored != 1 || *f.Screenshots != 1 || *f.Figures != 0 {
		t.Errorf("the file is %+v", f)
	}
}

// Documents are exported beside pictures where they are asked for, and for a file whose pictures are refused.
func TestRun_Documents(t *testing.T) {
	source, store := testSource(2), newFakeStore(t)
	for _, f := range source.files {
		source.assets[f.ID] = append(source.assets[f.ID], Asset{Kind: Document, Origin: OriginFile, PageIndex: NoPage})
	}
	o := testOptions(source, store)
	o.Filters.Documents = true
	var err error
	if o.Filters.Pages, err = ParsePages("0"); err != nil {
		t.Fatal(err)
	}
	mustRun(t, o)
	documents := func(row *Row) bool { return row.Kind == Document && row.Status == Stored }
	if n := countRows(store, documents); n != 2 {
		t.Errorf("%d documents are stored, want 2", n)
	}
	if f := store.files[FileKey{FileID: "file-000"}]; *f.Documents != 1 || f.Status != Complete {
		t.Errorf("the file is %+v", f)
	}
	store.nextRun()
	source.listings, source.stopped = nil, false
	o.Sink, o.Ledger = store, store
	mustRun(t, o)
	if len(source.listings) > 0 {
		t.Errorf("the second run asked for %v", source.listings)
	}
}
