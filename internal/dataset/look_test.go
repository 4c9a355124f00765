package dataset

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
	"github.com/parquet-go/parquet-go"
	"golang.org/x/sync/semaphore"

	"exporter/pipeline"
	"exporter/sinks"
)

func TestMake_Decode_LeavesOutBrokenPictures(t *testing.T) {
	whole := drawn(1, 30, 30)
	// The data of the picture are cut short, and its end is there: the bytes are those that were stored, and no decoder takes them.
	broken := append(bytes.Clone(whole[:60]), whole[len(whole)-12:]...)
	unknown := []byte("\x00\x00\x00\x1cftypavif of which no decoder here knows anything")
	rows := []*pipeline.Row{
		stored("file-1", pipeline.Screenshot, 0, whole),
		stored("file-1", pipeline.Screenshot, 1, broken, func(r *pipeline.Row) { r.Content.Width, r.Content.Height = 30, 30 }),
		stored("file-1", pipeline.Screenshot, 2, unknown, func(r *pipeline.Row) {
			r.Content.MediaType, r.Content.Width, r.Content.Height = "image/avif", 30, 30
		}),
	}
	for _, sink := range []sinkUnderTest{local, archive} {
		t.Run(string(sink), func(t *testing.T) {
			e := newTestExport(t, sink).add(rows)
			report, _, err := makeDataset(t, Options{}, e)
			must(t, err)
			if report.Pictures != 3 {
				t.Errorf("%d pictures unless decoding is asked for, want 3", report.Pictures)
			}
			report, o, err := makeDataset(t, Options{Decode: true}, e)
			must(t, err)
			if report.Pictures != 2 || report.LeftOut[ReasonUndecodable] != 1 {
				t.Errorf("%d pictures, %v left out, want 2 and the broken one", report.Pictures, report.LeftOut)
			}
			lines := leftOutLines(t, o.Out)
			if len(lines) != 1 || lines[0].PageIndex != 1 || lines[0].Error == "" {
				t.Errorf("lines %+v, want page 1 with the reason", lines)
			}
			if _, err := os.Stat(filepath.Join(e.path, ".exporter", "derived", "pictures.parquet")); err != nil {
				t.Errorf("what was found out is not kept: %v", err)
			}
		})
	}
}

// However many processors there are, pictures wait until there is memory for their pixels, and give it back.
func TestMaker_Decode_WaitsForRoom(t *testing.T) {
	e := newTestExport(t, local).add([]*pipeline.Row{stored("file-1", pipeline.Screenshot, 0, drawn(1, 30, 30))})
	m := &maker{options: &Options{Exports: []string{e.path}, Out: "ds", Form: FormParquet, Decode: true, Log: quiet}}
	must(t, m.options.complete())
	m.splits = newSplitter(m.options)
	var err error
	m.exports, err = openExports(t.Context(), m.options.Exports, nil)
	must(t, err)
	defer m.exports.close()
	f, err := m.openFacts(t.Context())
	must(t, err)
	blobs := sinks.NewReader(m.exports[0].dir)
	defer blobs.Close()
	for row, err := range m.exports.rows(t.Context()) {
		must(t, err)
		synctest.Test(t, func(t *testing.T) {
			f.room = semaphore.NewWeighted(1000)
			f.room.TryAcquire(101)
			done := make(chan error, 1)
			go func() { done <- m.decode(t.Context(), f, blobs, row) }()
			synctest.Wait()
			if f.tables[0].Len() != 0 {
				t.Error("it was decoded without room")
			}
			f.room.Release(1)
			must(t, <-done)
			if f.tables[0].Len() != 1 || !f.room.TryAcquire(900) {
				t.Error("it was not decoded, or kept its room")
			}
		})
	}
}

// What is known is not found out again: where the pictures of a local export are gone, their facts are there.
func TestMake_Decode_IsDoneOnce(t *testing.T) {
	e := newTestExport(t, local).add(testFiles(0, 2))
	_, _, err := makeDataset(t, Options{PHash: true, NoVerify: true}, e)
	must(t, err)
	o := Options{Exports: []string{e.path}, Out: filepath.Join(t.TempDir(), "dataset"), Form: FormParquet, PHash: true, Log: quiet}
	o.Watch = func(func() Progress) func() { return func() {} }
	must(t, o.complete())
	m := &maker{options: &o, splits: newSplitter(&o)}
	m.exports, err = openExports(t.Context(), o.Exports, nil)
	must(t, err)
	defer m.exports.close()
	must(t, os.RemoveAll(filepath.Join(e.path, "blobs")))
	c, err := m.choose(t.Context())
	must(t, err)
	for s, err := range m.candidates().all(t.Context()) {
		must(t, err)
		c.facts.add(&s.Sample, 0)
		if s.PHash == nil {
			t.Errorf("%v has no hash", s.Row.Key())
		}
	}
}

// A copy without what is private, and a cache elsewhere, stay and are used.
func TestMake_Cache_KeepsWhatIsFoundOut(t *testing.T) {
	e := newTestExport(t, archive).add(testFiles(0, 1))
	must(t, os.RemoveAll(filepath.Join(e.path, ".exporter")))
	before := tree(t, e.path)
	cache := filepath.Join(t.TempDir(), "facts")
	for range 2 {
		_, _, err := makeDataset(t, Options{PHash: true, Cache: cache}, e)
		must(t, err)
	}
	if _, err := os.Stat(filepath.Join(cache, "pictures.parquet")); err != nil {
		t.Error(err)
	}
	if _, _, err := makeDataset(t, Options{PHash: true}, e); err != nil {
		t.Errorf("without a cache: %v", err)
	}
	own := newTestExport(t, local).add(testFiles(0, 1))
	if _, _, err := makeDataset(t, Options{PHash: true, DryRun: true}, own); err != nil {
		t.Errorf("a dry run: %v", err)
	}
	if _, err := os.Stat(filepath.Join(own.path, ".exporter", "derived")); err == nil {
		t.Error("a dry run has changed the export")
	}
	if _, err := os.Stat(filepath.Join(e.path, ".exporter")); err == nil || len(before) != len(tree(t, e.path)) {
		t.Error("the copy was changed")
	}
}

func TestMake_Near_GroupsWhatLooksAlike(t *testing.T) {
	rows := []*pipeline.Row{
		stored("file-1", pipeline.Screenshot, 0, slope(0, 1)),
		stored("file-1", pipeline.Screenshot, 1, slope(90, 0)),
		stored("file-2", pipeline.Screenshot, 0, slope(2, 1)),
		stored("file-3", pipeline.Screenshot, 0, slope(0, 1)),
	}
	e := newTestExport(t, local).add(rows)
	near := 4
	_, o, err := makeDataset(t, Options{Near: &near}, e)
	must(t, err)
	type row struct {
		FileID string  `parquet:"file_id,optional"`
		Page   int32   `parquet:"page_index,optional"`
		PHash  *string `parquet:"phash,optional"`
		Group  *int64  `parquet:"near_group,optional"`
	}
	got, err := parquet.ReadFile[row](filepath.Join(o.Out, "pages", "train", "00000-of-00001.parquet"))
	must(t, err)
	for _, r := range got {
		isAlike := r.FileID != "file-1" || r.Page == 0
		if r.PHash == nil || len(*r.PHash) != 16 || (r.Group != nil) != isAlike || isAlike && *r.Group != 0 {
			t.Errorf("page %d of %s: hash %v and group %v, want one of 16 digits, and group 0 where it looks like another", r.Page, r.FileID, r.PHash, r.Group)
		}
	}
}

// A picture that was damaged, and is put back, joins others: the shards that have these are made anew, although the tables are the same.
func TestMake_Near_DamageIsMended_EqualsUndisturbed(t *testing.T) {
	var rows []*pipeline.Row
	for i := range 6 {
		rows = append(rows, stored(fmt.Sprintf("file-%d", i), pipeline.Screenshot, 0, slope(90*(i%2)+2*(i/2), 1-i%2)))
	}
	e := newTestExport(t, local).add(rows)
	near := 4
	o := Options{Near: &near, ShardSize: 1}
	_, whole, err := makeDataset(t, o, e)
	must(t, err)
	must(t, os.RemoveAll(filepath.Join(e.path, ".exporter", "derived")))
	names, err := filepath.Glob(filepath.Join(e.path, "blobs", "*", "file-0", "page_screenshots", "*"))
	must(t, err)
	data, err := os.ReadFile(names[0])
	must(t, err)
	must(t, os.WriteFile(names[0], data[:len(data)-1], 0o644))
	_, damaged, err := makeDataset(t, o, e)
	if !errors.Is(err, ErrDamaged) {
		t.Fatalf("error %v, want ErrDamaged", err)
	}
	must(t, os.WriteFile(names[0], data, 0o644))
	o.Out = damaged.Out
	_, _, err = makeDataset(t, o, e)
	must(t, err)
	if diff := cmp.Diff(tree(t, whole.Out), tree(t, o.Out)); diff != "" {
		t.Errorf("(-undisturbed +got):\n%s", diff)
	}
}

// slope returns a picture that gets lighter to one side, and is darker by some.
func slope(darker int, acrossNotDown int) []byte {
	img := image.NewGray(image.Rect(0, 0, 64, 64))
	for y := range 64 {
		for x := range 64 {
			light := (acrossNotDown*x+(1-acrossNotDown)*y)*2 + 60 - darker
			if (x/16+y/16)%3 == 0 {
				light += 30
			}
			img.SetGray(x, y, color.Gray{Y: uint8(light)})
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// Flags that add a column add it to those that are named, too, and the order of names is none.
func TestOptions_Columns(t *testing.T) {
	near := 3
	for _, tt := range []struct {
		Options
		want []string
	}{
		{Options{Columns: []string{"sha256", "file_id", "sha256"}}, []string{"file_id", "sha256"}},
		{Options{Columns: []string{"file_id"}, PHash: true}, []string{"file_id", "phash"}},
		{Options{Columns: []string{"file_id"}, Near: &near}, []string{"file_id", "near_group"}},
		{Options{Columns: []string{"phash"}, Near: &near}, []string{"phash", "near_group"}},
	} {
		tt.Exports, tt.Out, tt.Form = []string{"export"}, "ds", FormParquet
		must(t, tt.complete())
		var got []string
		for _, c := range tt.columnsOf(pipeline.Screenshot, true) {
			got = append(got, c.Name)
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%q (-want +got):\n%s", tt.command(), diff)
		}
	}
}
