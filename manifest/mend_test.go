package manifest

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"exporter/internal/durable/durabletest"
	"exporter/internal/store"
	"exporter/internal/store/storetest"
	"exporter/internal/testmain"
	"exporter/pipeline"
)

// oneIn is of how many faults a matrix tries one: with the race detector, writing a file takes ten times as long.
const oneIn = 1 + 9*raceDetector

// written is what was committed to an export: of each asset and file every row, the newest last.
type written struct {
	assets map[pipeline.AssetKey][]*pipeline.Row
	files  map[pipeline.FileKey][]*pipeline.FileRow
}

const (
	writtenFiles = 6
	writtenPages = 4
)

// writeExport writes an export of two runs, of which the second, which replaced pages 1 and 2 of each file, has not come to
// its end.
func writeExport(t *testing.T, st store.Store) written {
	t.Helper()
	w := written{map[pipeline.AssetKey][]*pipeline.Row{}, map[pipeline.FileKey][]*pipeline.FileRow{}}
	first := openLedger(t, st)
	w.commit(t, first, 0, 0, 3)
	if err := first.Compact(t.Context()); err != nil {
		t.Fatal(err)
	}
	second := openLedger(t, st)
	w.commit(t, second, 1, 1, 2)
	w.commit(t, second, 2, 2, 3)
	if err := second.Close(); err != nil {
		t.Fatal(err)
	}
	return w
}

func writtenFile(number int) pipeline.ID { return pipeline.ID(fmt.Sprintf("file-%02d", number)) }

// commit commits a version of some pages of each file.
func (w written) commit(t *testing.T, l *Ledger, version, firstPage, lastPage int) {
	t.Helper()
	var rows []*pipeline.Row
	var files []*pipeline.FileRow
	for f := range writtenFiles {
		id := writtenFile(f)
		for page := firstPage; page < lastPage; page++ {
			row := storedRow(string(id), int32(page))
			row.Content.Size += int64(100*version + f)
			rows = append(rows, row)
			w.assets[row.Key()] = append(w.assets[row.Key()], row)
		}
		file := &pipeline.FileRow{File: *testFile(string(id)), Status: pipeline.Complete, Sources: []pipeline.SourceKey{"directory:d"}}
		file.Screenshots = new(int64(0))
		for _, versions := range w.assets {
			if row := versions[len(versions)-1]; row.FileID == id {
				*file.Screenshots++
				file.Stored++
				file.Bytes += row.Content.Size
			}
		}
		files = append(files, file)
		w.files[file.Key()] = append(w.files[file.Key()], file)
	}
	if err := l.Commit(t.Context(), pipeline.Rows{Assets: rows, Files: files}); err != nil {
		t.Fatal(err)
	}
}

// check compares a snapshot with what was written: each row is one that was, and a file that is complete has the newest row
// of each of its assets. It returns the assets of which it has the newest row, and the number of complete files.
func (w written) check(t *testing.T, s *Snapshot) (newest map[pipeline.AssetKey]bool, complete int) {
	t.Helper()
	newest = map[pipeline.AssetKey]bool{}
	rows := collect(t, s)
	for _, row := range rows {
		i := slices.IndexFunc(w.assets[row.Key()], func(v *pipeline.Row) bool { return reflect.DeepEqual(v, row) })
		if i < 0 {
			t.Errorf("a row that nobody wrote: %+v", row)
		}
		newest[row.Key()] = i == len(w.assets[row.Key()])-1
	}
	var byFile []*pipeline.Row
	for f := range writtenFiles {
		some, err := s.Assets(t.Context(), pipeline.Owner{FileID: writtenFile(f)})
		if err != nil {
			t.Fatal(err)
		}
		byFile = append(byFile, some...)
	}
	if !reflect.DeepEqual(rows, byFile) {
		t.Errorf("%d rows by file (-all +by file):\n%s", len(byFile), cmp.Diff(rows, byFile))
	}
	for file, err := range s.Files(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		state, err := s.File(t.Context(), file.Key())
		if err != nil || state == nil || state.Status != file.Status {
			t.Errorf("file %s is %s in its row, and %+v, %v in its state", file.ID, file.Status, state, err)
		}
		if file.Status == pipeline.Complete {
			complete++
			for key := range w.assets {
				if string(key.FileID) == file.ID && !newest[key] {
					t.Errorf("file %s is complete, but the newest row of %v is lost", file.ID, key)
				}
			}
		}
		file.Status = pipeline.Complete
		if !slices.ContainsFunc(w.files[file.Key()], func(v *pipeline.FileRow) bool { return reflect.DeepEqual(v, file) }) {
			t.Errorf("a file's row that nobody wrote: %+v", file)
		}
	}
	return newest, complete
}

// parts of the export that writeExport writes.
const (
	assetPart = partsDir + "/00000003.assets.parquet"
	filePart  = partsDir + "/00000003.files.parquet"
)

// Bits flip anywhere in any file. Opening refuses the export, salvaging gives all rows but those that were hit, and mending
// makes an export of them that opens.
func TestOpenSalvaged_AnyFlip_LosesWhatItHitAndMends(t *testing.T) {
	testmain.Long(t)
	rng := rand.New(rand.NewPCG(1, 2))
	for _, name := range []string{AssetsName, FilesName, assetPart, filePart} {
		t.Run(name, func(t *testing.T) {
			st := storetest.NewMemory(nil)
			w := writeExport(t, st)
			before := contents(t, st)
			sums, err := readChecksums(bytes.NewReader(before[name]), int64(len(before[name])))
			if err != nil {
				t.Fatal(err)
			}
			// Of each two places one is in the body and one behind it.
			places := []int{0, len(before[name]) - 1}
			for range 10 / oneIn {
				places = append(places, rng.IntN(int(sums.body)), len(before[name])-1-rng.IntN(2<<10))
			}
			mendable := 0
			for _, at := range places {
				st := storetest.NewMemory(nil)
				restore(t, st, before)
				writeFile(t, st, name, flipped(before[name], at))
				if !t.Run(fmt.Sprint(at), func(t *testing.T) { mendable += checkMended(t, st, name, w) }) {
					return
				}
			}
			if mendable != len(places)/2 {
				t.Errorf("%d of %d flips lost less than the file, want half of them", mendable, len(places))
			}
		})
	}
}

// checkMended salvages and mends an export of which one file is damaged. It returns 1 if that was not lost as a whole.
func checkMended(t *testing.T, st store.Store, name string, w written) (mendable int) {
	if _, err := OpenSnapshot(t.Context(), st); !isDamageOf(err, name) {
		t.Errorf("opening: got error %v, want a DamageError of %s", err, name)
	}
	s, damages, err := Salvage(t.Context(), st)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if len(damages) != 1 || damages[0].Path != name || damages[0].Err == nil {
		t.Fatalf("damages %+v, want one of %s", damages, name)
	}
	d := damages[0]
	newest, complete := w.check(t, s)
	for _, key := range d.Assets {
		if isNewest, isThere := newest[key]; isThere {
			t.Errorf("%v is said to be lost, and is there; the newest: %t", key, isNewest)
		}
	}
	missing := len(w.assets) - len(slices.DeleteFunc(slices.Collect(maps.Values(newest)), func(is bool) bool { return !is }))
	if d.Rows != UnknownRows && int64(missing) > d.Rows || int64(len(d.Assets)) > max(d.Rows, 0) {
		t.Errorf("%d newest rows are missing, with the keys of %d, where %d are said to be lost", missing, len(d.Assets), d.Rows)
	}

	info := Info{Version: "new", Source: "{}", Sink: "{}"}
	l, again, err := OpenSalvaged(t.Context(), st, info)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if diff := cmp.Diff(damages, again, cmp.Comparer(func(a, b error) bool { return a.Error() == b.Error() })); diff != "" {
		t.Errorf("damages when mending (-want +got):\n%s", diff)
	}
	if l.Info().Source != testInfo.Source {
		t.Errorf("the source was %s, and is %s", testInfo.Source, l.Info().Source)
	}
	if diff := cmp.Diff(collect(t, s), collect(t, l.Snapshot)); diff != "" {
		t.Errorf("rows of the mended export (-salvaged +mended):\n%s", diff)
	}
	if _, mended := w.check(t, l.Snapshot); mended != complete {
		t.Errorf("%d files are complete in the mended export, %d were before", mended, complete)
	}
	for e, err := range st.List(t.Context(), partsDir+"/") {
		t.Errorf("a part is left: %v, %v", e, err)
	}
	if number := l.next; number != 4 {
		t.Errorf("the next part has number %d, want 4", number)
	}
	if d.Rows == UnknownRows {
		return 0
	}
	return 1
}

func isDamageOf(err error, name string) bool {
	damage, ok := errors.AsType[*pipeline.DamageError](err)
	return ok && damage.Path == name
}

// A ledger that was mended takes commits and ends like any other.
func TestOpenSalvaged_Commit_FillsWhatWasLost(t *testing.T) {
	st := storetest.NewMemory(nil)
	w := writeExport(t, st)
	content := readFile(t, st, AssetsName)
	writeFile(t, st, AssetsName, content[:len(content)-1])
	l, damages, err := OpenSalvaged(t.Context(), st, testInfo)
	if err != nil || len(damages) != 1 || damages[0].Rows != UnknownRows {
		t.Fatalf("got damages %+v, error %v, want one of a whole file", damages, err)
	}
	if _, complete := w.check(t, l.Snapshot); complete != 0 {
		t.Errorf("%d files are complete, and the first page of each is lost", complete)
	}
	w.commit(t, l, 3, 0, writtenPages)
	if err := l.Compact(t.Context()); err != nil {
		t.Fatal(err)
	}
	newest, complete := w.check(t, openSnapshotOf(t, st))
	if len(newest) != writtenFiles*writtenPages || complete != writtenFiles {
		t.Errorf("%d rows and %d complete files, want %d and %d", len(newest), complete, writtenFiles*writtenPages, writtenFiles)
	}
}

// Nothing is changed where nothing is damaged.
func TestOpenSalvaged_Sound_ChangesNothing(t *testing.T) {
	st := storetest.NewMemory(nil)
	w := writeExport(t, st)
	before := contents(t, st)
	l, damages, err := OpenSalvaged(t.Context(), st, testInfo)
	if err != nil || len(damages) > 0 {
		t.Fatalf("got damages %+v, error %v, want none", damages, err)
	}
	newest, complete := w.check(t, l.Snapshot)
	if len(newest) != len(w.assets) || complete != writtenFiles {
		t.Errorf("%d rows and %d complete files, want %d and %d", len(newest), complete, len(w.assets), writtenFiles)
	}
	if diff := cmp.Diff(before, contents(t, st)); diff != "" {
		t.Errorf("files (-before +after):\n%s", diff)
	}
}

// The machine crashes at each operation of mending. Afterwards the export is refused as before, or all that it says is true;
// and it can be mended.
func TestOpenSalvaged_Crash_LeavesDamageOrTruth(t *testing.T) {
	testmain.Long(t)
	for _, name := range []string{AssetsName, FilesName, assetPart, filePart} {
		t.Run(name, func(t *testing.T) {
			sound := storetest.NewMemory(nil)
			w := writeExport(t, sound)
			before := contents(t, sound)
			before[name] = flipped(before[name], 2000)
			crashes, refused := 0, 0
			for n := 1; ; n++ {
				st := crashWhileMending(t, before, n)
				if st == nil {
					break
				}
				crashes++
				for _, drop := range []durabletest.Drop{durabletest.DropNone, durabletest.DropAll} {
					if checkRecovered(t, st.Recover(drop, 0), name, w) {
						refused++
					}
					if t.Failed() {
						t.Fatalf("after a crash at operation %d, drop %s", n, drop)
					}
				}
			}
			if crashes < 6 || refused == 0 || refused == 2*crashes {
				t.Errorf("%d crashes, after which %d of %d openings were refused: the test needs both", crashes, refused, 2*crashes)
			}
		})
	}
}

// crashWhileMending mends an export and crashes at an operation. It returns nil where mending needs fewer.
func crashWhileMending(t *testing.T, files map[string][]byte, n int) *storetest.Memory {
	t.Helper()
	st := storetest.NewMemory(nil)
	restore(t, st, files)
	st.FailWith(storetest.FailAt(st.Operations()+n, storetest.ErrCrashed))
	l, _, err := OpenSalvaged(t.Context(), st, testInfo)
	if err == nil {
		l.Close()
		return nil
	}
	if !errors.Is(err, storetest.ErrCrashed) {
		t.Fatalf("crash at operation %d: got error %v", n, err)
	}
	return st
}

// checkRecovered opens and mends an export that may still be damaged. It tells whether opening it was refused.
func checkRecovered(t *testing.T, st store.Store, name string, w written) (refused bool) {
	t.Helper()
	s, err := OpenSnapshot(t.Context(), st)
	switch {
	case isDamageOf(err, name):
		refused = true
	case err != nil:
		t.Errorf("opening: got error %v, want none or a DamageError of %s", err, name)
	default:
		w.check(t, s)
		s.Close()
	}
	l, _, err := OpenSalvaged(t.Context(), st, testInfo)
	if err != nil {
		t.Fatalf("mending again: %v", err)
	}
	w.check(t, l.Snapshot)
	l.Close()
	return refused
}

// contents returns all files of the export.
func contents(t *testing.T, st store.Store) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	for e, err := range st.List(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		files[e.Key] = readFile(t, st, e.Key)
	}
	return files
}

// restore writes files into an empty store.
func restore(t *testing.T, st store.Store, files map[string][]byte) {
	t.Helper()
	for name, content := range files {
		writeFile(t, st, name, content)
	}
}

// What was to go when a run ends goes when the ledger is mended: afterwards there is no part that a run would merge.
func TestOpenSalvaged_Pruned_Goes(t *testing.T) {
	st := openDir(t, t.TempDir())
	l := openLedger(t, st)
	gone, kept := storedRow("f", 0), storedRow("f", 1)
	gone.VanishedAt = testTime
	file := &pipeline.FileRow{File: *testFile("g"), Status: pipeline.Complete, Gone: pipeline.Gone{VanishedAt: testTime}}
	if err := l.Commit(t.Context(), pipeline.Rows{Assets: []*pipeline.Row{gone, kept}, Files: []*pipeline.FileRow{file}}); err != nil {
		t.Fatal(err)
	}
	if err := l.Prune(t.Context(), Removal{Selects: vanished, Allow: allowAll, RemoveBlobs: keepBlobs}); err != nil {
		t.Fatal(err)
	}
	if err := l.Commit(t.Context(), pipeline.Rows{Assets: []*pipeline.Row{storedRow("h", 0)}}); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	last := l.assets.partName(l.next - 1)
	writeFile(t, st, last, readFile(t, st, last)[1:])
	mended, damages, err := OpenSalvaged(t.Context(), st, Info{})
	if err != nil || len(damages) != 1 {
		t.Fatalf("damages %+v, %v, want one", damages, err)
	}
	if err := mended.Close(); err != nil {
		t.Fatal(err)
	}
	s := openSnapshotOf(t, st)
	if rows := collect(t, s); len(rows) != 1 || rows[0].Key() != kept.Key() {
		t.Errorf("%d rows are left, want that of %v", len(rows), kept.Key())
	}
	if state, err := s.File(t.Context(), file.Key()); state != nil || err != nil {
		t.Errorf("the row of the file is left: %+v, %v", state, err)
	}
}
