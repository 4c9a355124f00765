package manifest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"

	"exporter/internal/durable/durabletest"
	"exporter/internal/parts"
	"exporter/internal/store"
	"exporter/internal/store/storetest"
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
				o.mostTables = 1
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
			err := mergeFolders(t, out, folders, func(o *MergeOptions) { o.mostTables = most })
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

// Coded batches are read back as they were, whatever is null, and whatever was read before.
func TestBatchCoder_Decode_ReadsWhatWasCoded(t *testing.T) {
	for kind := range kinds {
		s := seriesOf(kind)
		rng := rand.New(rand.NewPCG(uint64(kind), 7))
		coder, decoder := newBatchCoder(s.schema, 1), newBatchCoder(s.schema, 1)
		from := nullColumns(len(coder.kinds), readBatch)
		in := &codeReader{}
		for n := range 200 {
			count := 1 + rng.IntN(readBatch)
			for c := range from {
				drawColumn(rng, coder, from[c][:count], c)
			}
			text := coder.code(nil, batch{columns: from, end: count})
			in.rest, in.arena = text, in.arena[:0]
			got, err := decoder.decode(in)
			if err != nil || len(in.rest) > 0 || got.count() != count {
				t.Fatalf("kind %d, batch %d: %v, %d bytes left, %d rows, want %d", kind, n, err, len(in.rest), got.count(), count)
			}
			for i := range count {
				g, w := fmt.Sprintf("%+v", valuesOf(got.row(i))), fmt.Sprintf("%+v", valuesOf(row{columns: from, number: i}))
				if g != w {
					t.Fatalf("kind %d, batch %d, row %d: got\n%s, want\n%s", kind, n, i, g, w)
				}
			}
			// Cut short it is an error, and never a panic.
			end := rng.IntN(len(text))
			if _, err := newBatchCoder(s.schema, 1).decode(&codeReader{rest: text[:end]}); err == nil {
				t.Fatalf("kind %d: the first %d of %d bytes are a batch", kind, end, len(text))
			}
		}
	}
}

// drawColumn draws the values of a column, which are often the same.
func drawColumn(rng *rand.Rand, c *batchCoder, into []parquet.Value, column int) {
	level, form := c.levels[column], rng.IntN(4)
	for i := range into {
		if form == 1 && i > 0 {
			into[i] = into[0]
			continue
		}
		if level == 1 && (form == 0 || form == 2 && rng.IntN(2) == 0) {
			into[i] = parquet.Value{}.Level(0, 0, column)
			continue
		}
		var v parquet.Value
		switch c.kinds[column] {
		case parquet.ByteArray:
			v = parquet.ByteArrayValue([]byte(fmt.Sprintf("%s/%d", strings.Repeat("é", rng.IntN(9)), rng.IntN(3)))[rng.IntN(2):])
		case parquet.Boolean:
			v = parquet.BooleanValue(rng.IntN(2) == 0)
		case parquet.Int32:
			v = parquet.Int32Value(int32(rng.Uint32()))
		case parquet.Double:
			v = parquet.DoubleValue(rng.Float64())
		default:
			v = parquet.Int64Value(int64(rng.Uint64()))
		}
		into[i] = v.Level(0, level, column)
	}
}

// Rows that were kept for a merge, and are not what was written, end it.
func TestRuns_DamagedSpool_IsAnError(t *testing.T) {
	for kind := range kinds {
		s := seriesOf(kind)
		st := storetest.NewMemory(nil)
		spool, err := st.Spool()
		if err != nil {
			t.Fatal(err)
		}
		r, err := newRuns(&s, 0, spool)
		if err != nil {
			t.Fatal(err)
		}
		columns := nullColumns(len(s.schema.Fields()), readBatch)
		rows := func(yield func(batch, error) bool) {
			for range 9 {
				if !yield(batch{columns: columns, end: readBatch}, nil) {
					return
				}
			}
		}
		if err := r.add(rows); err != nil {
			t.Fatal(err)
		}
		read := func() (count int, err error) {
			for b, err := range r.all() {
				if err != nil {
					return count, err
				}
				count += b.count()
			}
			return count, nil
		}
		if n, err := read(); n != 9*readBatch || err != nil {
			t.Fatalf("kind %d: %d rows, %v", kind, n, err)
		}
		var whole bytes.Buffer
		if _, err := spool.WriteTo(&whole); err != nil {
			t.Fatal(err)
		}
		for at := range whole.Len() {
			r.spool = damagedSpool{spool, flipped(whole.Bytes(), at)}
			if n, err := read(); err == nil {
				t.Fatalf("kind %d: with a bit of byte %d changed there are %d rows, and no error", kind, at, n)
			}
		}
		r.close()
	}
}

// damagedSpool reads something else than what was written.
type damagedSpool struct {
	store.Spool
	content []byte
}

// ReadAt implements store.Content.
func (d damagedSpool) ReadAt(p []byte, at int64) (int, error) {
	return store.Bytes(d.content).ReadAt(p, at)
}
