package manifest

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"exporter/internal/durable/durabletest"
	"exporter/internal/parts"
	"exporter/internal/store"
	"exporter/internal/store/storetest"
	"exporter/pipeline"
)

// twoParts are exports of which each has a file with a picture and a page, merged into their final tables.
func twoParts(t *testing.T) (folders []inFolder) {
	t.Helper()
	for i := range 2 {
		f := inFolder{name: parts.Name(i), Memory: storetest.NewMemory(nil)}
		id := "file-" + f.name
		l := openLedger(t, f.Memory)
		err := l.Commit(t.Context(), pipeline.Rows{
			Assets: []*pipeline.Row{storedRow(id, 1)}, Files: []*pipeline.FileRow{{File: *testFile(id), Status: pipeline.Complete, Counts: pipeline.Counts{Pages: new(int64(1))}}},
			Pages: []*pipeline.PageRow{{Owner: pipeline.Owner{FileID: pipeline.ID(id)}, PageNumber: 1}},
		})
		if err := errors.Join(err, l.Compact(t.Context()), l.Close()); err != nil {
			t.Fatal(err)
		}
		folders = append(folders, f)
	}
	return folders
}

func remove(t *testing.T, st store.Store, names ...string) {
	t.Helper()
	if err := st.Remove(t.Context(), names...); err != nil {
		t.Fatal(err)
	}
}

// A part that has lost one of its tables is damaged, however little is left, and nothing is merged.
func TestMergeParts_LostTable_IsNamed(t *testing.T) {
	for _, lost := range []string{AssetsName, FilesName, PagesName} {
		folders := twoParts(t)
		remove(t, folders[1].Memory, lost)
		err := mergeFolders(t, storetest.NewMemory(nil), folders, nil)
		part, ok := errors.AsType[*PartError](err)
		damage, isDamage := errors.AsType[*pipeline.DamageError](err)
		if !ok || !isDamage || part.Folder != folders[1].name || damage.Path != lost {
			t.Errorf("without %s: %v", lost, err)
		}
	}
}

// Where a run was killed at any operation, the commit log vouches for what is not merged yet: nothing counts as lost.
func TestSnapshot_LostTable_NoneAfterACrash(t *testing.T) {
	for n := 1; ; n++ {
		st := storetest.NewMemory(nil)
		l := openLedger(t, st)
		st.FailWith(storetest.FailAt(n, storetest.ErrCrashed))
		err := l.Commit(t.Context(), pipeline.Rows{
			Assets: []*pipeline.Row{storedRow("a", 1)},
			Files:  []*pipeline.FileRow{{File: *testFile("a"), Status: pipeline.Complete, Counts: pipeline.Counts{Pages: new(int64(1))}}},
			Pages:  []*pipeline.PageRow{{Owner: pipeline.Owner{FileID: "a"}, PageNumber: 1}},
		})
		if err == nil {
			err = l.Compact(t.Context())
		}
		isDone := errors.Join(err, l.Close()) == nil
		s, err := Glance(t.Context(), st.Recover(durabletest.DropNone, uint64(n)))
		if err != nil {
			t.Fatal(err)
		}
		if lost := s.LostTable(); lost != nil {
			t.Errorf("after a crash at operation %d: %v", n, lost)
		}
		if err := s.LostPages(t.Context()); err != nil {
			t.Errorf("after a crash at operation %d: %v", n, err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if isDone {
			if n < 5 {
				t.Fatalf("there are %d operations", n)
			}
			return
		}
	}
}

// Merged tables of which one is missing are not those of a merge any more, so that the next one makes all of them anew.
func TestReadMerged_TableIsMissing_IsTorn(t *testing.T) {
	folders := twoParts(t)
	for _, lost := range []string{AssetsName, FilesName, PagesName} {
		out := storetest.NewMemory(nil)
		if err := mergeFolders(t, out, folders, nil); err != nil {
			t.Fatal(err)
		}
		if m, err := ReadMerged(t.Context(), out); err != nil || m == nil || m.IsTorn() {
			t.Fatalf("merged, the tables say %v, %v", m, err)
		}
		remove(t, out, lost)
		if m, err := ReadMerged(t.Context(), out); err != nil || m == nil || !m.IsTorn() {
			t.Errorf("without %s, the tables say %v, %v", lost, m, err)
		}
	}
}

// A row that leads out of its part is damage of the part: merged, it would lead to what is beside it.
func TestMergeParts_PathOutside_IsDamage(t *testing.T) {
	for _, path := range []string{"../part=0000/blobs/x.jpg", "blobs/../../../../secret.jpg", "/etc/passwd", `blobs\..\x`, ""} {
		folders := twoParts(t)
		forged := storedRow("forged", 1)
		forged.Location = pipeline.Location{Path: path}
		l := openLedger(t, folders[1].Memory)
		if err := errors.Join(l.Commit(t.Context(), pipeline.Rows{Assets: []*pipeline.Row{forged}}), l.Close()); err != nil {
			t.Fatal(err)
		}
		err := mergeFolders(t, storetest.NewMemory(nil), folders, nil)
		part, ok := errors.AsType[*PartError](err)
		if _, isDamage := errors.AsType[*pipeline.DamageError](err); !ok || !isDamage || part.Folder != folders[1].name || !strings.Contains(err.Error(), `file "forged"`) {
			t.Errorf("%q: %v", path, err)
		}
	}
}

// Pages are lost where a row of a file says that there were some, whatever has been committed since, and none where none does.
func TestSnapshot_LostPages_AreWhatFilesHad(t *testing.T) {
	for name, files := range map[string][]*int64{"pages": {nil, new(int64(2))}, "no page": {new(int64(0))}, "none": {nil, nil}} {
		st := storetest.NewMemory(nil)
		l := openLedger(t, st)
		for i, pages := range files {
			rows := pipeline.Rows{Files: []*pipeline.FileRow{{File: *testFile(fmt.Sprintf("file-%d", i)), Status: pipeline.Complete, Counts: pipeline.Counts{Pages: pages}}}}
			if err := l.Commit(t.Context(), rows); err != nil {
				t.Fatal(err)
			}
		}
		check := func(when string) {
			t.Helper()
			s, err := Glance(t.Context(), st)
			if err != nil {
				t.Fatal(err)
			}
			err = s.LostPages(t.Context())
			if damage, ok := errors.AsType[*pipeline.DamageError](err); ok != (name == "pages") || ok && damage.Path != PagesName || !ok && err != nil {
				t.Errorf("%s, %s: %v", name, when, err)
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		}
		check("committed")
		if err := errors.Join(l.Compact(t.Context()), l.Close()); err != nil {
			t.Fatal(err)
		}
		check("merged")
	}
}
