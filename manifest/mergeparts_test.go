package manifest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"exporter/internal/durable/durabletest"
	"exporter/internal/parts"
	"exporter/internal/store"
	"exporter/internal/store/storetest"
	"exporter/internal/testmain"
	"exporter/pipeline"
)

// inFolder is an export in a folder, for merging.
type inFolder struct {
	name string
	*storetest.Memory
	yields bool
}

// Close implements store.ReadCloser for what is opened of it.
func (inFolder) Close() error { return nil }

func sourcesOf(folders []inFolder) (all []MergeSource) {
	for _, f := range folders {
		all = append(all, MergeSource{
			Folder: f.name, Yields: f.yields, Open: func(context.Context) (store.ReadCloser, error) { return f, nil },
		})
	}
	return all
}

// mergeFolders merges exports into st.
func mergeFolders(t *testing.T, st store.Store, folders []inFolder, change func(*MergeOptions)) error {
	t.Helper()
	o := MergeOptions{Sources: sourcesOf(folders), Count: len(folders), Info: testInfo, Spool: st.Spool}
	if change != nil {
		change(&o)
	}
	merged, err := MergeParts(t.Context(), o)
	if err != nil {
		return err
	}
	return errors.Join(merged.Put(t.Context(), st), merged.Close())
}

// divided draws rows into exports in folders, and returns these and all rows as they are to be in the merged tables.
func divided(t *testing.T, seed uint64) (folders []inFolder, all pipeline.Rows) {
	t.Helper()
	m := newMixture(seed)
	plan := parts.New(1 + m.IntN(7))
	of := map[pipeline.FileKey]int{}
	for i := range plan.Count {
		folders = append(folders, inFolder{name: parts.Name(i), Memory: storetest.NewMemory(nil)})
	}
	if m.IntN(2) == 0 {
		folders = append(folders, inFolder{name: "before", Memory: storetest.NewMemory(nil), yields: true})
		commitRound(t, m, folders[plan.Count:], func(pipeline.FileKey) int { return 0 })
		for key := range m.files {
			of[key] = plan.Count
		}
	}
	// Numbered parts have some of the owners of the other, and others.
	before := newMixture(seed)
	before.assets, before.files, before.pages = maps.Clone(m.assets), maps.Clone(m.files), maps.Clone(m.pages)
	clear(m.assets)
	clear(m.files)
	clear(m.pages)
	for range 1 + m.IntN(3) {
		commitRound(t, m, folders[:plan.Count], plan.Of)
	}
	for key := range m.files {
		of[key] = plan.Of(key)
	}
	for _, from := range []*mixture{before, m} {
		for key, row := range from.files {
			if from == m || m.files[key] == nil {
				all.Files = append(all.Files, row)
			}
		}
		for _, row := range from.pages {
			if owner := keyOf(row.Owner); from == m || m.files[owner] == nil {
				all.Pages = append(all.Pages, row)
			}
		}
		for _, row := range from.assets {
			owner := row.File.Key()
			if from != m && m.files[owner] != nil {
				continue
			}
			placed := *row
			if placed.Status == pipeline.Stored {
				placed.Location.Path = parts.Prefix(folders[of[owner]].name) + placed.Location.Path
			}
			all.Assets = append(all.Assets, &placed)
		}
	}
	return folders, all
}

// commitRound draws rows, of which some are stored, and commits them to the exports that have them; some are merged then.
func commitRound(t *testing.T, m *mixture, folders []inFolder, of func(pipeline.FileKey) int) {
	t.Helper()
	drawn := make([]pipeline.Rows, len(folders))
	rows := m.draw(1+m.IntN(60), 8)
	for _, row := range rows.Assets {
		if m.IntN(2) == 0 {
			stored := storedRow(string(row.FileID), row.PageIndex)
			if m.IntN(2) == 0 {
				stored = figureRow(string(row.FileID), row.PageIndex, "x")
			}
			row.Status, row.Reason, row.Content, row.Location, row.FetchedAt = pipeline.Stored, "", stored.Content, stored.Location, testTime
		}
		to := of(row.File.Key())
		drawn[to].Assets = append(drawn[to].Assets, row)
	}
	for _, row := range rows.Files {
		to := of(row.Key())
		drawn[to].Files = append(drawn[to].Files, row)
	}
	for _, row := range rows.Pages {
		to := of(keyOf(row.Owner))
		drawn[to].Pages = append(drawn[to].Pages, row)
	}
	for i, f := range folders {
		l := openLedger(t, f.Memory)
		err := l.Commit(t.Context(), drawn[i])
		if err == nil && m.IntN(2) == 0 {
			err = l.Compact(t.Context())
		}
		if err := errors.Join(err, l.Close()); err != nil {
			t.Fatal(err)
		}
	}
}

// The merged tables of exports are those of one export that has all of their rows, whatever is open at once, and however often rows are spilled.
func TestMergeParts_Tables_AreThoseOfOneExport(t *testing.T) {
	testmain.Long(t)
	for seed := range uint64(max(2, 10/oneIn)) {
		folders, rows := divided(t, seed)
		one := storetest.NewMemory(nil)
		l := openLedger(t, one)
		if err := errors.Join(l.Commit(t.Context(), rows), l.Compact(t.Context())); err != nil {
			t.Fatal(err)
		}
		for what, change := range map[string]func(*MergeOptions){
			"at once": nil,
			"one by one": func(o *MergeOptions) {
				o.mostTables, o.Ahead = 1, 3
			},
			"few bytes": func(o *MergeOptions) { o.mostBytes, o.groupRows = 1<<20, 50 },
		} {
			out := storetest.NewMemory(nil)
			if err := mergeFolders(t, out, folders, change); err != nil {
				t.Fatalf("seed %d, %s: %v", seed, what, err)
			}
			for _, name := range []string{AssetsName, FilesName, PagesName} {
				if isMissing(t.Context(), one, name) {
					if !isMissing(t.Context(), out, name) {
						t.Errorf("seed %d, %s: there is a table %s", seed, what, name)
					}
					continue
				}
				compareTables(t, fmt.Sprintf("seed %d, %s, %s", seed, what, name), readFile(t, out, name), readFile(t, one, name))
			}
		}
		if t.Failed() {
			return
		}
	}
}

// So many exports are merged that their runs are merged twice.
func TestMergeParts_ManyParts_AreMergedInTurns(t *testing.T) {
	testmain.Long(t)
	var folders []inFolder
	var all pipeline.Rows
	for i := range mostRuns + 3 {
		f := inFolder{name: parts.Name(i), Memory: storetest.NewMemory(nil)}
		rows := pipeline.Rows{}
		for page := range int32(3) {
			id := fmt.Sprintf("file-%03d", (i*7+int(page)*31)%1000)
			rows.Assets = append(rows.Assets, storedRow(fmt.Sprint(id, "-", i), page))
			rows.Files = append(rows.Files, &pipeline.FileRow{File: *testFile(fmt.Sprint(id, "-", i)), Status: pipeline.Complete})
		}
		l := openLedger(t, f.Memory)
		if err := errors.Join(l.Commit(t.Context(), rows), l.Compact(t.Context())); err != nil {
			t.Fatal(err)
		}
		folders = append(folders, f)
		for _, row := range rows.Assets {
			placed := *row
			placed.Location.Path = parts.Prefix(f.name) + placed.Location.Path
			all.Assets = append(all.Assets, &placed)
		}
		all.Files = append(all.Files, rows.Files...)
	}
	one, out := storetest.NewMemory(nil), storetest.NewMemory(nil)
	l := openLedger(t, one)
	if err := errors.Join(l.Commit(t.Context(), all), l.Compact(t.Context())); err != nil {
		t.Fatal(err)
	}
	if err := mergeFolders(t, out, folders, func(o *MergeOptions) { o.mostTables = 1 }); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{AssetsName, FilesName} {
		compareTables(t, name, readFile(t, out, name), readFile(t, one, name))
	}
}

// A file or a job that two numbered parts have is refused by its name, and by theirs. Nothing is replaced then.
func TestMergeParts_Overlap_IsRefused(t *testing.T) {
	for what, key := range map[string]pipeline.File{"file": {ID: "f"}, "job": {JobID: "f", ID: "g"}, "entry": {DirectoryFileID: "f"}} {
		for _, most := range []int{1, 16} {
			var folders []inFolder
			for i := range 4 {
				f := inFolder{name: parts.Name(i), Memory: storetest.NewMemory(nil)}
				file := pipeline.File{ID: fmt.Sprint("f", i)}
				if i == 1 || i == 3 {
					file = key
				}
				l := openLedger(t, f.Memory)
				if err := l.Commit(t.Context(), pipeline.Rows{Files: []*pipeline.FileRow{{File: file, Status: pipeline.Complete}}}); err != nil {
					t.Fatal(err)
				}
				l.Close()
				folders = append(folders, f)
			}
			out := storetest.NewMemory(nil)
			err := mergeFolders(t, out, folders, func(o *MergeOptions) { o.mostTables = most })
			e, ok := errors.AsType[*OverlapError](err)
			if ok {
				slices.Sort(e.Folders[:])
			}
			if !ok || e.Key != key.Key() || e.Folders != [2]string{"part=0001", "part=0003"} {
				t.Errorf("%s: %v, want an overlap of part=0001 and part=0003", what, err)
			}
			if got := names(t, out); len(got) > 0 {
				t.Errorf("%s: there is %q", what, got)
			}
		}
	}
}

// A damaged part is named, and the tables that are there stay as they are.
func TestMergeParts_DamagedPart_ReplacesNothing(t *testing.T) {
	folders, _ := divided(t, 3)
	out := storetest.NewMemory(nil)
	if err := mergeFolders(t, out, folders, nil); err != nil {
		t.Fatal(err)
	}
	before := contents(t, out)
	damaged := folders[0]
	l := openLedger(t, damaged.Memory)
	if err := errors.Join(l.Commit(t.Context(), pipeline.Rows{Assets: []*pipeline.Row{storedRow("zzz", 1)}}), l.Compact(t.Context())); err != nil {
		t.Fatal(err)
	}
	table := readFile(t, damaged.Memory, AssetsName)
	for _, at := range []int{5, len(table) / 3, len(table) - 40} {
		writeFile(t, damaged.Memory, AssetsName, flipped(table, at))
		for _, most := range []int{1, 16} {
			err := mergeFolders(t, out, folders, func(o *MergeOptions) { o.mostTables, o.Ahead = most, 2 })
			p, ok := errors.AsType[*PartError](err)
			if _, isDamage := errors.AsType[*pipeline.DamageError](err); !ok || !isDamage || p.Folder != damaged.name {
				t.Errorf("byte %d: %v, want damage of %s", at, err, damaged.name)
			}
		}
	}
	for name, want := range before {
		if string(readFile(t, out, name)) != string(want) {
			t.Errorf("%s was replaced", name)
		}
	}
}

// A merge that is killed at any step is made up for by the next one, and until then nobody takes its tables for whole.
func TestMergeParts_Crash_IsMadeUpFor(t *testing.T) {
	folders, _ := divided(t, 3)
	first := storetest.NewMemory(nil)
	if err := mergeFolders(t, first, folders, nil); err != nil {
		t.Fatal(err)
	}
	l := openLedger(t, folders[0].Memory)
	if err := l.Commit(t.Context(), pipeline.Rows{
		Assets: []*pipeline.Row{storedRow("zzz", 1)}, Files: []*pipeline.FileRow{{File: *testFile("zzz"), Status: pipeline.Complete}},
		Pages: []*pipeline.PageRow{{Owner: pipeline.Owner{FileID: "zzz"}, PageNumber: 1}},
	}); err != nil {
		t.Fatal(err)
	}
	l.Close()
	whole := storetest.NewMemory(nil)
	if err := mergeFolders(t, whole, folders, nil); err != nil {
		t.Fatal(err)
	}
	before, want := contents(t, first), contents(t, whole)
	merged, err := ReadMerged(t.Context(), whole)
	if err != nil || merged == nil {
		t.Fatal(merged, err)
	}
	for n := 1; ; n++ {
		for _, drop := range []durabletest.Drop{durabletest.DropNone, durabletest.DropHalf, durabletest.DropAll} {
			crashing := restored(t, before)
			crashing.FailWith(storetest.FailAt(n, storetest.ErrCrashed))
			err := mergeFolders(t, crashing, folders, nil)
			if err == nil {
				if n < 4 {
					t.Fatalf("the merge did %d operations", n)
				}
				return
			}
			if !errors.Is(err, storetest.ErrCrashed) {
				t.Fatal(err)
			}
			after := crashing.Recover(drop, uint64(n))
			isWhole := maps.EqualFunc(contents(t, after), want, slices.Equal)
			if got, err := ReadMerged(t.Context(), after); err != nil || got == nil || got.Equal(merged) != isWhole {
				t.Errorf("after a crash at operation %d that drops %s, the tables say %v, %v, and are whole: %v", n, drop, got, err, isWhole)
			}
			if err := mergeFolders(t, after, folders, nil); err != nil {
				t.Fatal(err)
			}
			if got := contents(t, after); !maps.EqualFunc(got, want, slices.Equal) {
				t.Errorf("after a crash at operation %d that drops %s, another merge makes something else", n, drop)
			}
		}
	}
}

// restored returns a store that has what another one had.
func restored(t *testing.T, files map[string][]byte) *storetest.Memory {
	st := storetest.NewMemory(nil)
	for name, content := range files {
		writeFile(t, st, name, content)
	}
	return st.Recover(durabletest.DropNone, 0)
}

// The state of an export is another one after each commit, and after each merge of its parts, and no other in between.
func TestState_TellsCommitsApart(t *testing.T) {
	st, seen := storetest.NewMemory(nil), map[string]string{}
	look := func(what string) {
		t.Helper()
		state, err := State(t.Context(), st)
		if again, _ := State(t.Context(), st); err != nil || again != state {
			t.Fatalf("%s: %q, then %q, %v", what, state, again, err)
		}
		if before, ok := seen[state]; ok {
			t.Errorf("%s: the state %q is that of %q", what, state, before)
		}
		seen[state] = what
	}
	look("nothing")
	if _, ok := seen[""]; !ok {
		t.Errorf("an empty export has a state: %v", seen)
	}
	l := openLedger(t, st)
	for i := range 3 {
		if err := l.Commit(t.Context(), pipeline.Rows{Assets: []*pipeline.Row{storedRow("a", int32(i))}}); err != nil {
			t.Fatal(err)
		}
		look(fmt.Sprint("commit ", i))
	}
	if err := l.Compact(t.Context()); err != nil {
		t.Fatal(err)
	}
	look("merged")
	l = openLedger(t, st)
	row := storedRow("a", 0)
	row.Attempts++
	if err := errors.Join(l.Commit(t.Context(), pipeline.Rows{Assets: []*pipeline.Row{row}}), l.Compact(t.Context())); err != nil {
		t.Fatal(err)
	}
	look("another row of the same size")
	// Another program keeps no checksums.
	writeFile(t, st, AssetsName, asOther(t, []*pipeline.Row{storedRow("a", 0)}))
	look("of another program")
	writeFile(t, st, AssetsName, []byte("PAR"))
	look("damaged")
}

// Tables of a run are none that were merged.
func TestReadMerged_OfARun_IsNil(t *testing.T) {
	st := storetest.NewMemory(nil)
	if m, err := ReadMerged(t.Context(), st); m != nil || err != nil {
		t.Errorf("nothing: %v, %v", m, err)
	}
	l := openLedger(t, st)
	if err := l.Compact(t.Context()); err != nil {
		t.Fatal(err)
	}
	if m, err := ReadMerged(t.Context(), st); m != nil || err != nil {
		t.Errorf("a run: %v, %v", m, err)
	}
	writeFile(t, st, FilesName, []byte("none"))
	if _, err := ReadMerged(t.Context(), st); !strings.Contains(fmt.Sprint(err), FilesName) {
		t.Errorf("damaged: %v, want %s named", err, FilesName)
	}
}
