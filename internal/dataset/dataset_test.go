package dataset

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/parquet-go/parquet-go"

	"exporter/internal/store"
	"exporter/internal/testmain"
	"exporter/pipeline"
	"exporter/sinks"
)

// shardRow is what tests look at in a row of a Parquet shard.
type shardRow struct {
	Image struct {
		Bytes []byte `parquet:"bytes,optional"`
		Path  string `parquet:"path,optional"`
	} `parquet:"image,optional"`
	FileID   string  `parquet:"file_id,optional"`
	JobID    string  `parquet:"job_id,optional"`
	Kind     string  `parquet:"kind,optional"`
	SHA256   string  `parquet:"sha256,optional"`
	Text     *string `parquet:"text,optional"`
	UniqueID *string `parquet:"unique_id,optional"`
}

// readShards returns the rows of all Parquet shards of a configuration and a split.
func readShards(t *testing.T, out, folder string) (rows []shardRow) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(out, filepath.FromSlash(folder), "*.parquet"))
	must(t, err)
	for _, name := range names {
		some, err := parquet.ReadFile[shardRow](name)
		must(t, err)
		rows = append(rows, some...)
	}
	return rows
}

func TestMake_AnySink_SameBytes(t *testing.T) {
	testmain.Long(t)
	for _, form := range forms {
		t.Run(form, func(t *testing.T) {
			var before map[string]string
			for _, sink := range []sinkUnderTest{local, archive, local} {
				e := newTestExport(t, sink).add(testFiles(0, 5))
				report, o, err := makeDataset(t, Options{Form: form, Split: []Share{{"train", 0.5}, {"test", 0.5}}, ShardSize: 3_000}, e)
				must(t, err)
				if report.Pictures != 40 || !report.Complete {
					t.Errorf("%d pictures, complete %t, want 40", report.Pictures, report.Complete)
				}
				after := tree(t, o.Out)
				if before != nil {
					if diff := cmp.Diff(slices.Sorted(maps.Keys(before)), slices.Sorted(maps.Keys(after))); diff != "" {
						t.Errorf("files differ (-before +after):\n%s", diff)
					}
					for name, content := range after {
						if content != before[name] {
							t.Errorf("%s differs: %d bytes, %d before", name, len(content), len(before[name]))
						}
					}
				}
				before = after
			}
		})
	}
}

func TestMake_Parquet_HasEveryPictureOnce(t *testing.T) {
	rows := testFiles(0, 7)
	e := newTestExport(t, archive).add(rows)
	_, o, err := makeDataset(t, Options{ShardSize: 2_500, Workers: 3}, e)
	must(t, err)
	got := map[string]int{}
	shards, err := filepath.Glob(filepath.Join(o.Out, "*", "train", "*.parquet"))
	must(t, err)
	if len(shards) < 4 {
		t.Errorf("%d shards, want several: %q", len(shards), shards)
	}
	for _, folder := range []string{"pages/train", "figures/train"} {
		for _, row := range readShards(t, o.Out, folder) {
			got[row.SHA256]++
			if !bytes.Equal(row.Image.Bytes, contents[[32]byte(unhex(t, row.SHA256))]) {
				t.Errorf("%s: the bytes are not those of the SHA-256", row.Image.Path)
			}
			if want := map[string]string{"pages": "screenshot", "figures": "figure"}[strings.Split(folder, "/")[0]]; row.Kind != want {
				t.Errorf("a %s in %s", row.Kind, folder)
			}
		}
	}
	for _, row := range rows {
		if n := got[fmt.Sprintf("%x", row.Content.SHA256)]; n != 1 {
			t.Errorf("%v is there %d times, want once", row.Key(), n)
		}
	}
}

func unhex(t *testing.T, text string) (data []byte) {
	t.Helper()
	if _, err := fmt.Sscanf(text, "%x", &data); err != nil {
		t.Fatal(err)
	}
	return data
}

func leftOutLines(t *testing.T, out string) (lines []LeftOut) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(out, leftOutName))
	must(t, err)
	for line := range strings.Lines(string(data)) {
		var l LeftOut
		must(t, json.Unmarshal([]byte(line), &l))
		lines = append(lines, l)
	}
	return lines
}

func TestMake_Selects(t *testing.T) {
	yes, no, low, high := true, false, 0.2, 0.9
	same := drawn(5, 40, 40)
	rows := []*pipeline.Row{
		stored("file-1", pipeline.Figure, 0, drawn(1, 40, 40), func(r *pipeline.Row) { r.IsLikelyNoise = &yes }),
		stored("file-1", pipeline.Figure, 1, drawn(2, 40, 40), func(r *pipeline.Row) { r.IsLikelyNoise, r.Confidence = &no, &low }),
		stored("file-1", pipeline.Figure, 2, drawn(3, 40, 39), func(r *pipeline.Row) { r.Confidence = &high }),
		stored("file-1", pipeline.Figure, 3, drawn(4, 41, 40)),
		stored("file-1", pipeline.Screenshot, 0, same),
		stored("file-2", pipeline.Screenshot, 0, same),
		stored("file-2", pipeline.Screenshot, 1, []byte("<svg/>"), func(r *pipeline.Row) {
			r.Content.MediaType, r.Content.Width, r.Content.Height = "image/svg+xml", 50, 50
		}),
		stored("file-2", pipeline.Screenshot, 2, []byte("\x89PNG"), func(r *pipeline.Row) { r.Content.Width = 0 }),
		stored("file-2", pipeline.Document, -1, []byte("%PDF"), func(r *pipeline.Row) { r.Content.MediaType = "application/pdf" }),
		stored("file-2", pipeline.Screenshot, 3, nil, func(r *pipeline.Row) {
			r.Status, r.Reason, r.Content, r.FetchedAt = pipeline.Failed, "http_500: it failed", pipeline.Content{}, r.FetchedAt.AddDate(-3000, 0, 0)
		}),
	}
	e := newTestExport(t, local).add(rows)
	for _, tt := range []struct {
		name string
		Options
		want int64
		left map[Reason]int64
	}{
		{"all", Options{}, 6, map[Reason]int64{ReasonFormat: 1, ReasonHeader: 1}},
		{"any format", Options{AnyFormat: true}, 7, map[Reason]int64{ReasonHeader: 1}},
		{"figures", Options{Kinds: []pipeline.Kind{pipeline.Figure}}, 4, map[Reason]int64{}},
		{"no noise", Options{NoNoise: true}, 5, map[Reason]int64{ReasonFormat: 1, ReasonHeader: 1, ReasonNoise: 1}},
		{"confidence", Options{MinConfidence: 0.5}, 5, map[Reason]int64{ReasonFormat: 1, ReasonHeader: 1, ReasonConfidence: 1}},
		{"size", Options{MinWidth: 40, MinHeight: 40}, 5, map[Reason]int64{ReasonFormat: 1, ReasonHeader: 1, ReasonSize: 1}},
		{"dedup", Options{Dedup: true}, 5, map[Reason]int64{ReasonFormat: 1, ReasonHeader: 1, ReasonDuplicate: 1}},
		{"sample", Options{Sample: 2}, 2, map[Reason]int64{ReasonFormat: 1, ReasonHeader: 1, ReasonSample: 4}},
		{"where", Options{Where: whereIs(t, "width = 41 or kind = 'screenshot'")}, 3, map[Reason]int64{ReasonFormat: 1, ReasonHeader: 1, ReasonWhere: 3}},
		{"given splits", Options{Splits: map[string]string{"file-2": "test"}}, 1, map[Reason]int64{ReasonFormat: 1, ReasonHeader: 1, ReasonSplit: 5}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			report, _, err := makeDataset(t, tt.Options, e)
			must(t, err)
			if diff := cmp.Diff(tt.left, report.LeftOut); diff != "" || report.Pictures != tt.want {
				t.Errorf("%d pictures, want %d; left out (-want +got):\n%s", report.Pictures, tt.want, diff)
			}
			tt.DryRun = true
			dry, o, err := makeDataset(t, tt.Options, e)
			must(t, err)
			if dry.Pictures != tt.want {
				t.Errorf("a dry run says %d pictures", dry.Pictures)
			}
			if _, err := os.Stat(o.Out); err == nil {
				t.Error("a dry run made the directory")
			}
		})
	}
}

func whereIs(t *testing.T, text string) *Where {
	t.Helper()
	w, err := ParseWhere(text)
	must(t, err)
	return w
}

func TestMake_SeveralExports_FirstWins(t *testing.T) {
	first := newTestExport(t, local).add(testFiles(0, 3))
	rows := testFiles(2, 3)
	// The second export has another picture under a key of the first.
	rows[0] = stored("file-002", pipeline.Screenshot, 0, drawn(9999, 30, 30))
	second := newTestExport(t, archive).add(rows)
	report, o, err := makeDataset(t, Options{}, first, second)
	must(t, err)
	if report.Pictures != 40 || report.LeftOut[ReasonExport] != 8 {
		t.Errorf("%d pictures, %d of an export before, want 40 and 8", report.Pictures, report.LeftOut[ReasonExport])
	}
	for _, row := range readShards(t, o.Out, "pages/train") {
		if row.FileID == "file-002" && bytes.Equal(row.Image.Bytes, contents[rows[0].Content.SHA256]) {
			t.Error("the picture of the second export was taken")
		}
	}
}

func TestMake_DamagedPicture_IsLeftOut(t *testing.T) {
	testmain.Long(t)
	for _, form := range forms {
		for _, sink := range []sinkUnderTest{local, archive} {
			t.Run(form+" "+string(sink), func(t *testing.T) {
				e := newTestExport(t, sink).add(testFiles(0, 3))
				damage(t, e)
				report, o, err := makeDataset(t, Options{Form: form}, e)
				if !errors.Is(err, ErrDamaged) {
					t.Fatalf("error %v, want ErrDamaged", err)
				}
				if report.Damaged == 0 || report.Pictures+report.Damaged != 24 || report.LeftOut[ReasonDamaged] != report.Damaged {
					t.Errorf("%d pictures and %d damaged, want 24 together", report.Pictures, report.Damaged)
				}
				if lines := leftOutLines(t, o.Out); len(lines) != int(report.Damaged) || lines[0].Reason != ReasonDamaged || lines[0].Error == "" {
					t.Errorf("lines %+v, want %d that say why", lines, report.Damaged)
				}
				if _, _, err := makeDataset(t, Options{Form: form, Strict: true}, e); err == nil || errors.Is(err, ErrDamaged) {
					t.Errorf("strict: error %v, want that of the picture", err)
				}
				// The same command looks again.
				if _, _, err := makeDataset(t, Options{Form: form, Out: o.Out}, e); !errors.Is(err, ErrDamaged) {
					t.Errorf("again: error %v, want ErrDamaged", err)
				}
			})
		}
	}
}

// damage changes a byte in the middle of the first blob, or of the first shard.
func damage(t *testing.T, e *testExport) {
	t.Helper()
	pattern := map[sinkUnderTest]string{local: "blobs/*/*/page_screenshots/*", archive: "shards/*"}[e.sink]
	names, err := filepath.Glob(filepath.Join(e.path, filepath.FromSlash(pattern)))
	must(t, err)
	data, err := os.ReadFile(names[0])
	must(t, err)
	data[len(data)/2] ^= 1
	must(t, os.WriteFile(names[0], data, 0o644))
}

func TestMake_Interrupted_GoesOn(t *testing.T) {
	testmain.Long(t)
	for _, form := range forms {
		t.Run(form, func(t *testing.T) {
			e := newTestExport(t, archive).add(testFiles(0, 12))
			o := Options{Form: form, ShardSize: 12_000, Workers: 1, Split: []Share{{"train", 0.7}, {"test", 0.3}}}
			_, whole, err := makeDataset(t, o, e)
			must(t, err)
			want := tree(t, whole.Out)
			o.Out = filepath.Join(t.TempDir(), "dataset")
			kept := 0
			for after := int64(0); ; after += 19 {
				written, err := interrupted(t, o, e, after)
				if err == nil {
					break
				}
				if !errors.Is(err, context.Canceled) {
					t.Fatal(err)
				}
				if written > 0 {
					kept++
				}
				if after > 1000 {
					t.Fatal("it does not come to its end")
				}
			}
			if kept < 2 {
				t.Errorf("%d runs went on behind a shard, want some", kept)
			}
			if diff := cmp.Diff(want, tree(t, o.Out)); diff != "" {
				t.Errorf("after interrupts (-undisturbed +got):\n%s", diff)
			}
		})
	}
}

// interrupted makes a dataset until so many pictures are written, and returns how many had been when it began.
func interrupted(t *testing.T, o Options, e *testExport, after int64) (before int64, err error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	o.Exports, o.Log = []string{e.path}, quiet
	o.Watch = func(progress func() Progress) func() {
		done := make(chan struct{})
		go func() {
			defer close(done)
			for ctx.Err() == nil {
				if p := progress(); p.Stage == "writing" && p.Pictures >= after {
					cancel()
				}
				time.Sleep(20 * time.Microsecond)
			}
		}()
		return func() { cancel(); <-done }
	}
	if data, err := os.ReadFile(filepath.Join(o.Out, filepath.FromSlash(stateName))); err == nil {
		var s state
		must(t, json.Unmarshal(data, &s))
		for _, u := range s.Units {
			before += u.Pictures
		}
	}
	_, err = Make(ctx, o)
	return before, err
}

func TestMake_NothingChanged_WritesNothing(t *testing.T) {
	e := newTestExport(t, local).add(testFiles(0, 2))
	_, o, err := makeDataset(t, Options{}, e)
	must(t, err)
	name := filepath.Join(o.Out, "pages", "train", "00000-of-00001.parquet")
	before, err := os.Stat(name)
	must(t, err)
	report, _, err := makeDataset(t, Options{Out: o.Out}, e)
	must(t, err)
	after, err := os.Stat(name)
	must(t, err)
	if !os.SameFile(before, after) || report.Pictures != 16 {
		t.Errorf("%d pictures, the file is the same: %t", report.Pictures, os.SameFile(before, after))
	}
	// Readers that cache what they have read know by the card whether it has changed.
	card := tree(t, o.Out)["README.md"]
	e.add([]*pipeline.Row{stored("file-000", pipeline.Screenshot, 0, drawn(99, 20, 30))})
	_, _, err = makeDataset(t, Options{Out: o.Out}, e)
	must(t, err)
	if changed := tree(t, o.Out)["README.md"]; description(changed) == description(card) {
		t.Errorf("another picture, and the same description %q", description(card))
	}
	// What is missing is made again.
	must(t, os.Remove(name))
	_, _, err = makeDataset(t, Options{Out: o.Out}, e)
	must(t, err)
	if _, err := os.Stat(name); err != nil {
		t.Error(err)
	}
}

func TestMake_SomethingIsMissing_MakesItAgain(t *testing.T) {
	same := drawn(5, 40, 40)
	e := newTestExport(t, local).add(append(testFiles(0, 2), stored("file-8", pipeline.Figure, 0, same), stored("file-9", pipeline.Figure, 0, same)))
	for form, names := range map[string][]string{
		FormParquet:     {leftOutName, "README.md", "figures/train/00000-of-00001.parquet"},
		FormWebDataset:  {"pages/train/00000-of-00001.idx"},
		FormImageFolder: {"figures/train/metadata.parquet", "pages/train/file-001/page_screenshots/2.png"},
	} {
		_, o, err := makeDataset(t, Options{Form: form, Dedup: true}, e)
		must(t, err)
		want := tree(t, o.Out)
		for _, name := range names {
			must(t, os.Remove(filepath.Join(o.Out, filepath.FromSlash(name))))
			_, _, err := makeDataset(t, Options{Form: form, Dedup: true, Out: o.Out}, e)
			must(t, err)
			if diff := cmp.Diff(want, tree(t, o.Out)); diff != "" {
				t.Errorf("%s without %s (-want +got):\n%s", form, name, diff)
			}
		}
	}
}

// description returns the line of a card that tells contents apart.
func description(card string) string {
	_, rest, _ := strings.Cut(card, "  description: ")
	line, _, _ := strings.Cut(rest, "\n")
	return line
}

func TestMake_OtherContent_IsRefused(t *testing.T) {
	e, other := newTestExport(t, local).add(testFiles(0, 1)), newTestExport(t, local).add(testFiles(1, 1))
	_, o, err := makeDataset(t, Options{}, e)
	must(t, err)
	strange := t.TempDir()
	must(t, os.WriteFile(filepath.Join(strange, "notes.txt"), []byte("mine"), 0o644))
	missing := filepath.Join(t.TempDir(), "new")
	link := filepath.Join(t.TempDir(), "link")
	must(t, os.Symlink(filepath.Join(e.path, "blobs"), link))
	for _, tt := range []struct {
		name string
		Options
		want string
	}{
		{"another command", Options{Out: o.Out, Dedup: true}, "another command"},
		{"what was compared is not to be", Options{Out: o.Out, NoVerify: true}, "another command"},
		{"an export", Options{Out: other.path}, "not empty"},
		{"the export itself", Options{Out: e.path}, "not empty"},
		{"a folder of the export", Options{Out: filepath.Join(e.path, "ds")}, "is in the export"},
		{"a link into the export", Options{Out: filepath.Join(link, "new", "ds")}, "is in the export"},
		{"a cache in the export", Options{Out: missing, Cache: e.path, PHash: true}, "the cache"},
		{"a cache in the dataset", Options{Out: missing, Cache: filepath.Join(missing, "facts"), PHash: true}, "the cache"},
		{"a file", Options{Out: filepath.Join(strange, "notes.txt")}, "is no directory"},
		{"foreign files", Options{Out: strange}, "notes.txt"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before := tree(t, existing(tt.Out))
			_, _, err := makeDataset(t, tt.Options, e)
			if _, ok := errors.AsType[*UsageError](err); !ok || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want a usage error with %q", err, tt.want)
			}
			if diff := cmp.Diff(before, tree(t, existing(tt.Out))); diff != "" {
				t.Errorf("something was changed:\n%s", diff)
			}
		})
	}
}

// existing returns the last directory on the way to a path that is there.
func existing(path string) string {
	for {
		if info, err := os.Stat(path); err == nil && info.IsDir() {
			return path
		}
		path = filepath.Dir(path)
	}
}

func TestMake_Pages_JoinTextAndObjects(t *testing.T) {
	one, markdown, caption := int32(1), "# Title", "a chart"
	width, height := 100.0, 200.0
	inJob := func(name string, box *pipeline.Box) func(*pipeline.Row) {
		return func(r *pipeline.Row) {
			r.JobID, r.Origin, r.FigureName = "job-1", pipeline.OriginParse, ""
			if r.Kind == pipeline.Figure {
				r.FigureName = name
			}
			r.File.JobID = "job-1"
			r.Details = &pipeline.Details{UpstreamName: name, PageNumber: &one, Box: box, Category: "layout", Label: "picture", Caption: &caption}
		}
	}
	rows := []*pipeline.Row{
		stored("file-1", pipeline.Screenshot, 0, drawn(1, 50, 100), inJob("page_1.png", nil)),
		stored("file-1", pipeline.Figure, 0, drawn(2, 10, 10), inJob("img_p0_1.png", &pipeline.Box{X: 10, Y: 20, Width: 40, Height: 60})),
		stored("file-1", pipeline.Figure, 0, drawn(3, 10, 10), inJob("img_p0_2.png", &pipeline.Box{X: 90, Y: 190, Width: 40, Height: 60})),
		stored("file-1", pipeline.Figure, 0, drawn(4, 10, 10), inJob("img_p0_3.png", &pipeline.Box{X: 300, Y: 20, Width: 40, Height: 60})),
	}
	page := &pipeline.PageRow{Owner: pipeline.Owner{FileID: "file-1", JobID: "job-1"}, PageNumber: 1, Markdown: &markdown, Width: &width, Height: &height}
	e := newTestExport(t, local).add(rows, page)
	m := &maker{options: &Options{Exports: []string{e.path}, Out: "ds", Form: FormParquet}}
	must(t, m.options.complete())
	m.splits = newSplitter(m.options)
	var err error
	m.exports, err = openExports(t.Context(), m.options.Exports, nil)
	must(t, err)
	defer m.exports.close()
	u := newUnitWriter(&writer{maker: m, chosen: &choice{}})
	defer u.close()
	for s, err := range m.candidates().all(t.Context()) {
		must(t, err)
		if s.Row.Kind != pipeline.Screenshot {
			continue
		}
		must(t, u.complete(t.Context(), s, 0))
		if s.Text == nil || *s.Text != markdown {
			t.Errorf("text %v, want %q", s.Text, markdown)
		}
		want := []Object{
			{Box: [4]float64{5, 10, 20, 30}, Category: "layout", Label: "picture", UpstreamName: "img_p0_1.png", Caption: &caption},
			{Box: [4]float64{45, 95, 5, 5}, Category: "layout", Label: "picture", UpstreamName: "img_p0_2.png", Caption: &caption},
		}
		if diff := cmp.Diff(want, s.Objects); diff != "" {
			t.Errorf("objects (-want +got):\n%s", diff)
		}
	}
	_, o, err := makeDataset(t, Options{Columns: []string{"file_id", "text", "sha256"}}, e)
	must(t, err)
	if got := readShards(t, o.Out, "pages/train"); len(got) != 1 || got[0].Text == nil || *got[0].Text != markdown {
		t.Errorf("rows %+v, want one with the text", got)
	}
}

// An export that a run is adding to is read as of its last commit.
func TestMake_ExportUnderWay_AsCommitted(t *testing.T) {
	for _, sink := range []sinkUnderTest{local, archive} {
		t.Run(string(sink), func(t *testing.T) {
			e := newTestExport(t, sink).add(testFiles(0, 2)).run(false, testFiles(2, 2), nil)
			report, o, err := makeDataset(t, Options{}, e)
			must(t, err)
			whole, other, err := makeDataset(t, Options{}, newTestExport(t, sink).add(testFiles(0, 4)))
			must(t, err)
			if report.Pictures != 32 || whole.Pictures != 32 {
				t.Errorf("%d pictures, want 32", report.Pictures)
			}
			if diff := cmp.Diff(tree(t, other.Out), tree(t, o.Out)); diff != "" {
				t.Errorf("it differs from that of an export that has ended:\n%s", diff)
			}
		})
	}
}

// openCounter counts what is opened.
type openCounter struct {
	store.ReadCloser
	count int
}

func (c *openCounter) Open(ctx context.Context, key string) (store.Object, error) {
	c.count++
	return c.ReadCloser.Open(ctx, key)
}

// fullTable has no room for another open file.
type fullTable struct{ store.ReadCloser }

func (fullTable) Open(context.Context, string) (store.Object, error) { return nil, syscall.EMFILE }

// A picture is not damaged because too many files are open, and a busy dataset is no export.
func TestMake_Exhausted_IsNoDamage(t *testing.T) {
	e := newTestExport(t, local).add(testFiles(0, 1))
	all, err := openExports(t.Context(), []string{e.path}, nil)
	must(t, err)
	defer all.close()
	blobs := sinks.NewReader(fullTable{all[0].dir})
	for row, err := range all.rows(t.Context()) {
		must(t, err)
		_, err := appendPicture(t.Context(), nil, all[0], blobs, row.Row, true)
		if _, isDamage := errors.AsType[*pipeline.DamageError](err); isDamage || !errors.Is(err, syscall.EMFILE) {
			t.Fatalf("error %v, want %v", err, syscall.EMFILE)
		}
	}
	out := filepath.Join(t.TempDir(), "ds")
	owner, err := store.OwnDir(out)
	must(t, err)
	defer owner.Close()
	if _, _, err := makeDataset(t, Options{Out: out}, e); !errors.Is(err, ErrBusy) {
		t.Errorf("error %v, want %v", err, ErrBusy)
	}
}

// Of a shard that is missing the tables are asked once, and not for each of its pictures.
func TestAppendPicture_ShardIsMissing_AsksOnce(t *testing.T) {
	e := newTestExport(t, archive).add(testFiles(0, 1))
	must(t, os.RemoveAll(filepath.Join(e.path, "shards")))
	all, err := openExports(t.Context(), []string{e.path}, nil)
	must(t, err)
	defer all.close()
	dir := &openCounter{ReadCloser: all[0].dir}
	all[0].dir = dir
	blobs := sinks.NewReader(dir)
	defer blobs.Close()
	asked := map[string]int{}
	for row, err := range all.rows(t.Context()) {
		must(t, err)
		before := dir.count
		_, err := appendPicture(t.Context(), nil, all[0], blobs, row.Row, true)
		if _, ok := errors.AsType[*pipeline.DamageError](err); !ok {
			t.Errorf("error %v, want a *pipeline.DamageError", err)
		}
		asked[row.Location.Path] = dir.count - before
	}
	for shard, count := range asked {
		// It is looked for as it is sealed, as it is not, and as it may be by now.
		if count > 3 {
			t.Errorf("%d objects are opened for the last picture of %s, want 3", count, shard)
		}
	}
}
