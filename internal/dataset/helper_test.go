package dataset

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io/fs"
	"iter"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"exporter/internal/store"
	"exporter/internal/store/place"
	"exporter/manifest"
	"exporter/pipeline"
	"exporter/sinks"
)

// sinkUnderTest is one of the ways in which an export stores blobs.
type sinkUnderTest string

const (
	local   sinkUnderTest = "local"
	archive sinkUnderTest = "archive"
)

// testExport is an export that is made for a test.
type testExport struct {
	t    *testing.T
	sink sinkUnderTest
	path string
}

func newTestExport(t *testing.T, sink sinkUnderTest) *testExport {
	return &testExport{t, sink, filepath.Join(t.TempDir(), "export")}
}

// add is a run that stores pictures, and records pages.
func (e *testExport) add(rows []*pipeline.Row, pages ...*pipeline.PageRow) *testExport {
	e.t.Helper()
	return e.run(true, rows, pages)
}

// run is add of a run that ends, or is still under way when all is committed.
func (e *testExport) run(ends bool, rows []*pipeline.Row, pages []*pipeline.PageRow) *testExport {
	e.t.Helper()
	ctx := e.t.Context()
	st, err := place.Own(ctx, e.path, place.Options{SingleWriter: true})
	must(e.t, err)
	ledger, err := manifest.Open(ctx, st, manifest.Info{Version: "test", Source: `{"directory":"dir-1"}`, Sink: string(`{"kind":"` + e.sink + `"}`)})
	must(e.t, err)
	sink, err := e.sink.open(ctx, st, func() iter.Seq2[*pipeline.Row, error] { return ledger.Rows(ctx) })
	must(e.t, err)
	files := map[pipeline.FileKey]*pipeline.FileRow{}
	var places []*pipeline.Location
	for _, row := range rows {
		if row.Status == pipeline.Stored {
			blob := pipeline.NewBlob(row.Content, bytes.NewReader(contents[row.Content.SHA256]), nil)
			blob.FetchedAt = row.FetchedAt
			place, err := sink.Put(ctx, &row.Asset, blob, nil)
			must(e.t, err)
			places = append(places, place)
		}
		file := *row.File
		files[file.Key()] = &pipeline.FileRow{File: file, Status: pipeline.Complete, ListedAt: row.FetchedAt, AskedAt: row.FetchedAt}
	}
	batch, err := sink.Cut(ctx)
	must(e.t, err)
	must(e.t, batch.Sync(ctx))
	for _, row := range rows {
		if row.Status == pipeline.Stored {
			row.Location = *places[0]
			places = places[1:]
		}
	}
	committed := pipeline.Rows{Assets: rows, Pages: pages}
	for _, file := range files {
		committed.Files = append(committed.Files, file)
	}
	must(e.t, ledger.Commit(ctx, committed))
	if ends {
		must(e.t, sink.Seal(ctx))
		must(e.t, ledger.Compact(ctx))
	}
	must(e.t, sink.Close())
	must(e.t, ledger.Close())
	must(e.t, st.Close())
	return e
}

func (s sinkUnderTest) open(ctx context.Context, st store.Store, committed func() iter.Seq2[*pipeline.Row, error]) (pipeline.Sink, error) {
	if s == local {
		return sinks.NewLocal(st), nil
	}
	// A few blobs for each frame, a few frames for each shard.
	o := sinks.ArchiveOptions{Compress: true, Level: "fastest", ShardSize: 8_000, FrameSize: 2_000}
	return sinks.NewArchive(ctx, st, o, committed)
}

// contents are those of all pictures of this process, by their sums.
var contents = map[[sha256.Size]byte][]byte{}

// drawn returns a small PNG, another one for each number.
func drawn(number, width, height int) []byte {
	img := image.NewNRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			img.Set(x, y, color.NRGBA{uint8(x * number), uint8(y*7 + number), uint8(number >> 8), 255})
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// picture returns the row of a stored picture.
func stored(file string, kind pipeline.Kind, page int, content []byte, change ...func(*pipeline.Row)) *pipeline.Row {
	sum := sha256.Sum256(content)
	contents[sum] = content
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	name := "display " + file
	row := &pipeline.Row{
		Asset:  pipeline.Asset{FileID: pipeline.ID(file), Kind: kind, Origin: pipeline.OriginFile, PageIndex: int32(page)},
		File:   &pipeline.File{ID: file, DirectoryID: "dir-1", DisplayName: &name, UpdatedAt: at},
		Status: pipeline.Stored, Attempts: 1, FetchedAt: at,
		Content: pipeline.Content{Size: int64(len(content)), SHA256: sum, MediaType: "image/png"},
	}
	if config, err := png.DecodeConfig(bytes.NewReader(content)); err == nil {
		row.Content.Width, row.Content.Height = int32(config.Width), int32(config.Height)
	}
	if kind == pipeline.Figure {
		row.FigureName = fmt.Sprintf("figure_%d.png", page)
	}
	for _, f := range change {
		f(row)
	}
	return row
}

// testFiles returns the pictures of some files: pages and figures, four of each.
func testFiles(first, count int) (rows []*pipeline.Row) {
	for file := first; file < first+count; file++ {
		id := fmt.Sprintf("file-%03d", file)
		for page := range 4 {
			rows = append(rows,
				stored(id, pipeline.Screenshot, page, drawn(file*100+page, 20+page, 30)),
				stored(id, pipeline.Figure, page, drawn(file*100+50+page, 10, 10+page)))
		}
	}
	return rows
}

// make makes a dataset of exports, in a new directory unless it is given.
func makeDataset(t *testing.T, o Options, exports ...*testExport) (*Report, Options, error) {
	t.Helper()
	for _, e := range exports {
		o.Exports = append(o.Exports, e.path)
	}
	if o.Out == "" {
		o.Out = filepath.Join(t.TempDir(), "dataset")
	}
	if o.Form == "" {
		o.Form = FormParquet
	}
	o.Log = slog.New(slog.DiscardHandler)
	if o.Watch == nil {
		o.Watch = func(func() Progress) func() { return func() {} }
	}
	report, err := Make(t.Context(), o)
	return report, o, err
}

// tree returns the contents of all files of a directory but those that are private, by their names.
func tree(t *testing.T, path string) map[string]string {
	t.Helper()
	files := map[string]string{}
	must(t, fs.WalkDir(os.DirFS(path), ".", func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || strings.HasPrefix(name, ".exporter/") {
			return err
		}
		data, err := os.ReadFile(filepath.Join(path, name))
		files[name] = string(data)
		return err
	}))
	return files
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

var quiet = slog.New(slog.DiscardHandler)
