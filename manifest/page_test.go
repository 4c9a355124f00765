package manifest

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/parquet-go/parquet-go"

	"exporter/internal/store"
	"exporter/internal/store/storetest"
	"exporter/pipeline"
)

// names returns all keys of a store.
func names(t *testing.T, st store.Reader) (keys []string) {
	t.Helper()
	for e, err := range st.List(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, e.Key)
	}
	return keys
}

// jobWithPages is a parse job and its pages, of which each has some text.
func jobWithPages(id string, pages int, text string) pipeline.Rows {
	job := jobFileRow(id, "file")
	job.Counts = pipeline.Counts{Pages: new(int64(pages))}
	rows := pipeline.Rows{Files: []*pipeline.FileRow{job}}
	for n := range pages {
		rows.Pages = append(rows.Pages, &pipeline.PageRow{Owner: job.Owner(), PageNumber: int32(n + 1), Text: new(fmt.Sprint(n, text))})
	}
	return rows
}

func TestLedger_WithoutPages_HasNoTableOfThem(t *testing.T) {
	st := storetest.NewMemory(nil)
	l := openLedger(t, st)
	if err := l.Commit(t.Context(), pipeline.Rows{Assets: []*pipeline.Row{storedRow("a", 0)}}); err != nil {
		t.Fatal(err)
	}
	if err := l.Compact(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got, want := names(t, st), []string{FilesName, AssetsName}; !slices.Equal(got, want) {
		t.Errorf("the store has %q, want %q", got, want)
	}
}

// A job that is complete has its pages: whichever write fails, and then all after it, as in a crash.
func TestLedger_Commit_Pages_ComeBeforeTheirJob(t *testing.T) {
	died := errors.New("died")
	for writes := 0; ; writes++ {
		st := storetest.NewMemory(nil)
		left := writes
		st.FailWith(func(o storetest.Operation) error {
			if left--; left < 0 {
				return died
			}
			return nil
		})
		l, err := Open(t.Context(), st, testInfo)
		if err == nil {
			rows := jobWithPages("job", 3, "")
			rows.Assets = []*pipeline.Row{ofJob(storedRow("file", 0), "job")}
			if err = l.Commit(t.Context(), rows); err == nil {
				err = l.Compact(t.Context())
			}
			l.Close()
		}
		st.FailWith(nil)
		s := openSnapshotOf(t, st)
		state, errState := s.File(t.Context(), pipeline.FileKey{JobID: "job"})
		if errState != nil {
			t.Fatal(errState)
		}
		pages := 0
		for _, err := range s.Pages(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			pages++
		}
		if state != nil && pages != 3 {
			t.Errorf("after %d operations the job is %s with %d pages", writes, state.Status, pages)
		}
		if err == nil {
			if state == nil {
				t.Error("no job was recorded")
			}
			return
		}
		if !errors.Is(err, died) {
			t.Fatal(err)
		}
	}
}

// Row groups end by the bytes of their texts, so that neither who writes nor who merges them holds many.
func TestEncodeTable_LongPages_EndRowGroups(t *testing.T) {
	st := storetest.NewMemory(nil)
	const pages, size = 400, 100_000
	l := openLedger(t, st)
	for part := range 2 {
		rows := jobWithPages(fmt.Sprint("job-", part), pages/2, strings.Repeat("words ", size/6))
		if err := l.Commit(t.Context(), rows); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Compact(t.Context()); err != nil {
		t.Fatal(err)
	}
	content := readFile(t, st, PagesName)
	f, err := parquet.OpenFile(bytes.NewReader(content), int64(len(content)))
	if err != nil {
		t.Fatal(err)
	}
	if f.NumRows() != pages {
		t.Errorf("%d rows, want %d", f.NumRows(), pages)
	}
	for _, g := range f.RowGroups() {
		if most := int64(rowGroupBytes/size + 2); g.NumRows() > most {
			t.Errorf("a row group has %d pages, want at most %d", g.NumRows(), most)
		}
	}
	for _, chunk := range f.Metadata().RowGroups[0].Columns {
		name := strings.Join(chunk.MetaData.PathInSchema, ".")
		if hasFilter := chunk.MetaData.BloomFilterOffset > 0; hasFilter != (name == "file_id" || name == "job_id") {
			t.Errorf("column %s has a bloom filter: %v", name, hasFilter)
		}
	}
}

// Of damaged pages those that are sound stay, and their job is to be asked for again.
func TestOpenSalvaged_Pages_LoseWhatIsDamaged(t *testing.T) {
	for _, merged := range []bool{false, true} {
		st := storetest.NewMemory(nil)
		l := openLedger(t, st)
		damaged, sound := jobWithPages("job-1", 300, ""), jobWithPages("job-2", 300, "")
		noise := rand.New(rand.NewPCG(1, 2))
		for _, page := range slices.Concat(damaged.Pages, sound.Pages) {
			for range 40 {
				*page.Text += fmt.Sprintf("%x", noise.Uint64())
			}
		}
		rows := pipeline.Rows{Assets: []*pipeline.Row{storedRow("a", 0)}}
		rows.Files, rows.Pages = slices.Concat(damaged.Files, sound.Files), slices.Concat(damaged.Pages, sound.Pages)
		if err := l.Commit(t.Context(), rows); err != nil {
			t.Fatal(err)
		}
		name := l.pages.partName(1)
		if merged {
			name = PagesName
			if err := l.Compact(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		content := readFile(t, st, name)
		writeFile(t, st, name, flipped(content, len(content)/3))
		if _, err := Open(t.Context(), st, testInfo); !isDamageOf(err, name) {
			t.Errorf("Open of an export with a damaged %s: %v", name, err)
		}
		l, damages, err := OpenSalvaged(t.Context(), st, testInfo)
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		if len(damages) != 1 || damages[0].Path != name || damages[0].LosesUnnamed() || damages[0].Rows == 0 {
			t.Errorf("damages %+v, want some rows of %s", damages, name)
		}
		left := int64(0)
		for page, err := range l.Pages(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			want := rows.Pages[slices.IndexFunc(rows.Pages, func(p *pipeline.PageRow) bool { return p.Compare(page) == 0 })]
			if diff := cmp.Diff(want, page); diff != "" {
				t.Errorf("a page that is left (-want +got):\n%s", diff)
			}
			left++
		}
		if lost := int64(len(rows.Pages)) - left; lost != damages[0].Rows || left == 0 {
			t.Errorf("%d pages are lost, %d left, want %d lost", lost, left, damages[0].Rows)
		}
		for id, want := range map[string]pipeline.Status{"job-1": pipeline.Partial, "job-2": pipeline.Complete} {
			state, err := l.File(t.Context(), pipeline.FileKey{JobID: id})
			if err != nil || state == nil || state.Status != want {
				t.Errorf("%s is %+v, %v, want it %s", id, state, err, want)
			} else if isSound := want == pipeline.Complete; (state.Pages != nil) != isSound {
				t.Errorf("the pages of %s are recorded: %t, want %t", id, !isSound, isSound)
			}
		}
	}
}

// Where all pages are gone, those that had some are to be asked for them again.
func TestOpenSalvaged_PagesAreMissing(t *testing.T) {
	st := storetest.NewMemory(nil)
	l := openLedger(t, st)
	rows := jobWithPages("job", 2, "")
	rows.Assets = []*pipeline.Row{storedRow("a", 0)}
	if err := errors.Join(l.Commit(t.Context(), rows), l.Compact(t.Context()), st.Remove(t.Context(), PagesName)); err != nil {
		t.Fatal(err)
	}
	l, damages, err := OpenSalvaged(t.Context(), st, testInfo)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if len(damages) != 1 || damages[0].Path != PagesName || damages[0].Rows != UnknownRows {
		t.Errorf("damages %+v, want that of %s", damages, PagesName)
	}
	state, err := l.File(t.Context(), pipeline.FileKey{JobID: "job"})
	if err != nil || state == nil || state.Status != pipeline.Partial || state.Pages != nil {
		t.Errorf("the job is %+v, %v, want it partial and without pages", state, err)
	}
}

// Pages go with their file or their job once that is gone, and their texts are in no part that is left.
func TestLedger_Prune_Gone_TakesPages(t *testing.T) {
	st := storetest.NewMemory(nil)
	l := openLedger(t, st)
	gone, kept := jobWithPages("job-1", pruneBatch+1, " canary"), jobWithPages("job-2", 2, "")
	gone.Files[0].VanishedAt = testTime
	rows := pipeline.Rows{Files: slices.Concat(gone.Files, kept.Files), Pages: slices.Concat(gone.Pages, kept.Pages)}
	if err := l.Commit(t.Context(), rows); err != nil {
		t.Fatal(err)
	}
	var extent Extent
	removal := Removal{Selects: vanished, RemoveBlobs: keepBlobs, Allow: func(e Extent) error { extent = e; return nil }}
	if err := l.Prune(t.Context(), removal); err != nil {
		t.Fatal(err)
	}
	if extent.Files != 1 || extent.Pages != pruneBatch+1 {
		t.Errorf("extent %+v, want one job and its pages", extent)
	}
	for page, err := range openSnapshotOf(t, st).Pages(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if isGone := page.JobID == "job-1"; isGone != (page.Error == pipeline.ReasonPruned) || isGone && page.Text != nil {
			t.Errorf("before the run ends, there is %+v", page)
		}
	}
	if err := l.Compact(t.Context()); err != nil {
		t.Fatal(err)
	}
	s := openSnapshotOf(t, st)
	if count, err := s.CountPages(t.Context()); count != 2 || err != nil {
		t.Errorf("%d pages are left, %v, want 2", count, err)
	}
	if want := []string{FilesName, AssetsName, PagesName}; !slices.Equal(names(t, st), want) {
		t.Errorf("the store has %q, want %q", names(t, st), want)
	}
}
