package manifest

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/parquet-go/parquet-go"

	"exporter/internal/store"
	"exporter/internal/store/storetest"
	"exporter/internal/testmain"
	"exporter/pipeline"
)

// findable has tables with rows of few and of many assets a file, in several row groups of several pages, a part over the manifest, and a
// file without an id.
func findable(t *testing.T, st store.Store) (assets []*pipeline.Row, files []*pipeline.FileRow) {
	t.Helper()
	for i := range 1000 / oneIn {
		id := fmt.Sprintf("file-%05d", 2*i)
		each := 1
		if i == 7 {
			each = 3 * scanRows
		}
		for page := range each {
			assets = append(assets, figureRow(id, int32(page), fmt.Sprint("figure ", page)))
		}
		files = append(files, &pipeline.FileRow{File: *testFile(id), Status: pipeline.Complete, Sources: []pipeline.SourceKey{"directory:d"}})
	}
	noID := &pipeline.FileRow{File: pipeline.File{DirectoryFileID: "df"}, Status: pipeline.Skipped, Error: pipeline.ReasonNoFileID,
		Sources: []pipeline.SourceKey{"directory:d"}}
	files = append(files, noID)
	l := openLedger(t, st)
	if err := l.Commit(t.Context(), pipeline.Rows{Assets: assets, Files: files}); err != nil {
		t.Fatal(err)
	}
	if err := l.Compact(t.Context()); err != nil {
		t.Fatal(err)
	}
	newer := new(*assets[0])
	newer.Attempts, assets[0] = 77, newer
	l = openLedger(t, st)
	if err := l.Commit(t.Context(), pipeline.Rows{Assets: []*pipeline.Row{newer}, Files: []*pipeline.FileRow{files[0]}}); err != nil {
		t.Fatal(err)
	}
	return assets, files
}

// Every row is found by its key, whether all of the tables was checked or only what is read, and no row of another key is.
func TestSnapshot_LookUps_FindEveryRow(t *testing.T) {
	testmain.Long(t)
	st := storetest.NewMemory(nil)
	assets, files := findable(t, st)
	for what, open := range map[string]func(context.Context, store.Reader) (*Snapshot, error){"OpenSnapshot": OpenSnapshot, "Glance": Glance} {
		s, err := open(t.Context(), st)
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i < len(assets); i += len(assets) * oneIn / 40 {
			checkFound(t, s, what, assets, i)
		}
		for _, i := range []int{0, 1, len(assets) - 1} {
			checkFound(t, s, what, assets, i)
		}
		for _, want := range append(slices.Clone(files[:3]), files[len(files)-2:]...) {
			row, err := s.FileRow(t.Context(), want.Key())
			if err != nil || row == nil || row.Key() != want.Key() || row.Status != want.Status {
				t.Errorf("%s: FileRow of %v = %+v, %v", what, want.Key(), row, err)
			}
		}
		for _, id := range []pipeline.ID{"file-00001", "a", "zzz", "file-99999"} {
			row, err := s.Asset(t.Context(), pipeline.AssetKey{FileID: id, Kind: pipeline.Figure, FigureName: "figure 0", Origin: pipeline.OriginFile})
			rows, errRows := s.Assets(t.Context(), pipeline.Owner{FileID: id})
			file, errFile := s.FileRow(t.Context(), pipeline.FileKey{FileID: string(id)})
			has, errHas := s.Has(t.Context(), pipeline.Owner{FileID: id})
			if err := errors.Join(err, errRows, errFile, errHas); err != nil || row != nil || len(rows) > 0 || file != nil || has {
				t.Errorf("%s: of %s, which nobody has, got %v, %d rows, %v, %v, %v", what, id, row, len(rows), file, has, err)
			}
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

func checkFound(t *testing.T, s *Snapshot, what string, assets []*pipeline.Row, i int) {
	t.Helper()
	want := *assets[i]
	want.File = inAssetRow(want.File)
	got, err := s.Asset(t.Context(), want.Key())
	if diff := cmp.Diff(&want, got); diff != "" || err != nil {
		t.Fatalf("%s: %v, %v (-want +got):\n%s", what, want.Key(), err, diff)
	}
	missing := want.Key()
	missing.FigureName += "x"
	if got, err := s.Asset(t.Context(), missing); got != nil || err != nil {
		t.Errorf("%s: %v is found, %v", what, missing, err)
	}
	rows, err := s.Assets(t.Context(), pipeline.Owner{FileID: want.FileID})
	count := 0
	for _, row := range assets {
		if row.FileID == want.FileID {
			count++
		}
	}
	if err != nil || len(rows) != count {
		t.Errorf("%s: file %s has %d rows, %v, want %d", what, want.FileID, len(rows), err, count)
	}
}

// bytesRead counts what is read of objects.
type bytesRead struct {
	store.Reader
	count atomic.Int64
}

func (r *bytesRead) Open(ctx context.Context, key string) (store.Object, error) {
	o, err := r.Reader.Open(ctx, key)
	if err != nil {
		return nil, err
	}
	return readObject{o, &r.count}, nil
}

type readObject struct {
	store.Object
	count *atomic.Int64
}

func (o readObject) ReadAt(p []byte, at int64) (int, error) {
	o.count.Add(int64(len(p)))
	return o.Object.ReadAt(p, at)
}

// One look-up reads little of a large manifest: damage in what it does not read is none of its business, damage in what it reads is told.
func TestGlance_OneAsset_ReadsLittle(t *testing.T) {
	st := storetest.NewMemory(nil)
	var rows []*pipeline.Row
	for i := range 10_000 {
		row := storedRow(fmt.Sprintf("file-%06d", i), 0)
		row.Content.SHA256 = sha256.Sum256([]byte(row.FileID))
		rows = append(rows, row)
	}
	content := encode(t, rows, parquet.MaxRowsPerRowGroup(2000))
	lookUp := func(content []byte) (read int64, err error) {
		writeFile(t, st, AssetsName, content)
		r := &bytesRead{Reader: st}
		s, err := Glance(t.Context(), r)
		if err != nil {
			return 0, err
		}
		defer s.Close()
		want := rows[len(rows)/2]
		got, err := s.Asset(t.Context(), want.Key())
		if err == nil && (got == nil || got.Content != want.Content) {
			t.Errorf("got %+v, want %+v", got, want)
		}
		return r.count.Load(), err
	}
	read, err := lookUp(content)
	if err != nil {
		t.Fatal(err)
	}
	if most := int64(len(content)) / 3; read > most {
		t.Errorf("%d bytes of %d were read, want at most %d", read, len(content), most)
	}
	refused := 0
	for at := 4; at < len(content)*3/4; at += len(content) / 40 {
		_, err := lookUp(flipped(content, at))
		if err != nil && !isDamageOf(err, AssetsName) {
			t.Errorf("a flip at byte %d: got error %v", at, err)
		}
		if err != nil {
			refused++
		}
	}
	if refused == 0 || refused > 20 {
		t.Errorf("%d of some 30 flips were noticed, want those in the row group that was read", refused)
	}
}
