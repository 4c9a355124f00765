package dataset

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"exporter/pipeline"
)

// fullSample has a value for every column, and two objects.
func fullSample(name string) *Sample {
	at := time.Date(2026, 2, 3, 4, 5, 6, 789_000, time.UTC)
	return &Sample{
		Row: &pipeline.Row{
			Asset: pipeline.Asset{
				FileID: "f1", JobID: "j1", Kind: pipeline.Figure, Origin: pipeline.OriginParse, PageIndex: 3, FigureName: "ä \"1\".png",
				ListedSize: new(int64(5)), Confidence: new(1.0), IsLikelyNoise: new(true), Metadata: []byte(`{"a":[1,"<&>"]}`),
				Details: &pipeline.Details{
					PageNumber: new(int32(4)), UpstreamName: "p1.png", Category: "chart", Label: "bar", Caption: new(""),
					Box: &pipeline.Box{X: 1, Y: 2.5, Width: 3, Height: 4e-7}, UpdatedAt: at,
				},
			},
			File:     &pipeline.File{ID: "f1", DisplayName: new("n\u2028.pdf"), DirectoryID: "d1", UpdatedAt: at},
			Attempts: 2,
			Content: pipeline.Content{
				Size: 1 << 40, SHA256: [32]byte{0: 0xab}, MediaType: "image/png", Width: 10, Height: 20, Orientation: 6,
			},
			FetchedAt: at, DeclaredType: "image/x", Gone: pipeline.Gone{VanishedAt: at, ExpiredAt: at},
		},
		File: &pipeline.FileRow{File: pipeline.File{UniqueID: new("u1")}},
		Text: new(strings.Repeat("long text ", 50)), Name: name, PHash: new(uint64(0xf00)), NearGroup: new(int64(7)),
		Objects: []Object{
			{Box: [4]float64{1, 2, 3, 4.5}, Category: "chart", Label: "bar", UpstreamName: "p1.png", Caption: new("c"), Confidence: new(0.5)},
			{Box: [4]float64{0, 0, 1, 1}},
		},
	}
}

// bareSample has no value that may be absent.
func bareSample(name string) *Sample { return &Sample{Row: &pipeline.Row{}, Name: name} }

// typed is a schema of a column for each type, whose values are those of a sample with their number in Row.Attempts.
func typed(values map[Type][]Value) *Schema {
	s := &Schema{}
	for _, t := range []Type{String, Int32, Int64, Float64, Bool, Timestamp} {
		s.Columns = append(s.Columns, &Column{Name: "a_" + string(t), Type: t, Of: func(s *Sample) Value { return values[t][s.Row.Attempts] }})
	}
	return s
}

// edges are values of every type: the first ones of all types are null.
var edges = map[Type][]Value{
	String:    {{}, {Valid: true}, {Valid: true, Text: "a\x00\u2028😀\"\\\n<&>"}, {Valid: true, Text: "x\xffy"}},
	Int32:     {{}, {Valid: true}, {Valid: true, Int: math.MinInt32}, {Valid: true, Int: math.MaxInt32}},
	Int64:     {{}, {Valid: true}, {Valid: true, Int: math.MinInt64}, {Valid: true, Int: math.MaxInt64}},
	Float64:   {{}, {Valid: true}, {Valid: true, Float: -1e300}, {Valid: true, Float: 1234567.5}},
	Bool:      {{}, {Valid: true}, {Valid: true, Bool: true}, {Valid: true}},
	Timestamp: {{}, {Valid: true}, {Valid: true, Int: -1}, {Valid: true, Int: 1_770_000_000_123_456}},
}

func edgeSample(i int) *Sample {
	return &Sample{Row: &pipeline.Row{Attempts: i}, Name: fmt.Sprintf("f/%d.jpg", i)}
}

// picture returns bytes that differ from those of other pictures.
func picture(i, size int) []byte {
	p := bytes.Repeat([]byte{byte(i)}, size)
	copy(p, fmt.Sprintf("\xff\xd8\xff%d", i))
	return p
}

// shard returns a shard of samples, and what stands beside it.
func shard(t testing.TB, form shardForm, s *Schema, samples []*Sample, pictures [][]byte) ([]byte, *sideFile) {
	t.Helper()
	var b bytes.Buffer
	w := form.newShard(&b, s)
	for i, sample := range samples {
		if err := w.add(sample, pictures[i]); err != nil {
			t.Fatal(err)
		}
	}
	side, err := w.close()
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes(), side
}

// many returns samples with pictures of several sizes.
func many(count int) (samples []*Sample, pictures [][]byte) {
	for i := range count {
		s := fullSample(fmt.Sprintf("f%d/page_screenshots/%d.jpg", i/10, i))
		if i%3 == 1 {
			s = bareSample(s.Name)
		}
		samples, pictures = append(samples, s), append(pictures, picture(i, 100+i*37))
	}
	return samples, pictures
}

func everything() *Schema { return &Schema{Columns: Columns(), HasObjects: true} }

func TestForms_SameSamples_SameBytes(t *testing.T) {
	samples, pictures := many(130)
	for _, form := range []shardForm{parquetForm{}, tarForm{}} {
		first, firstSide := shard(t, form, everything(), samples, pictures)
		again, againSide := shard(t, form, everything(), samples, pictures)
		if !bytes.Equal(first, again) {
			t.Errorf("%s: two shards of the same samples differ", form.extension())
		}
		if firstSide != nil && !bytes.Equal(firstSide.data, againSide.data) {
			t.Errorf("%s: two files beside shards of the same samples differ", form.extension())
		}
	}
}

var errFull = errors.New("full")

// fullWriter fails when it has so many bytes.
type fullWriter struct{ left int }

func (w *fullWriter) Write(p []byte) (int, error) {
	if w.left -= len(p); w.left < 0 {
		return 0, errFull
	}
	return len(p), nil
}

func TestForms_WriteFails_AnErrorAtTheLatestInTheEnd(t *testing.T) {
	samples, pictures := many(120)
	// One picture is written at once, and others are gathered.
	pictures[50] = picture(50, 2*directBytes)
	for _, form := range []shardForm{parquetForm{}, tarForm{}} {
		whole, _ := shard(t, form, everything(), samples, pictures)
		for _, left := range []int{0, 1, len(whole) / 4, len(whole) / 2, len(whole) - 1} {
			w := form.newShard(&fullWriter{left}, everything())
			var err error
			for i := 0; i < len(samples) && err == nil; i++ {
				err = w.add(samples[i], pictures[i])
			}
			if err == nil {
				_, err = w.close()
			}
			if !errors.Is(err, errFull) {
				t.Errorf("%s, after %d of %d bytes: got %v, want %v", form.extension(), left, len(whole), err, errFull)
			}
		}
	}
}

// Pictures are the bulk of a shard: nothing is kept of them, and they are not copied.
func TestForms_Pictures_AreNotCopied(t *testing.T) {
	const count = 300
	s, large := bareSample("f/0.jpg"), picture(1, 1<<20)
	for _, form := range []shardForm{parquetForm{}, tarForm{}} {
		w := form.newShard(io.Discard, &Schema{Columns: Columns()[:4]})
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for range count {
			if err := w.add(s, large); err != nil {
				t.Fatal(err)
			}
		}
		runtime.ReadMemStats(&after)
		got := (after.TotalAlloc - before.TotalAlloc) / count
		if got > uint64(len(large))/10 {
			t.Errorf("%s: %d bytes were allocated for a picture of %d", form.extension(), got, len(large))
		}
	}
}

func TestGatherer_Sizes(t *testing.T) {
	var got bytes.Buffer
	var want []byte
	g := &gatherer{to: &got}
	for i, size := range []int{1, directBytes - 1, directBytes, 0, 5, gatherBytes * 2, 3, 7} {
		p := picture(i, size+4)[:size]
		want = append(want, p...)
		if n, err := g.Write(p); n != size || err != nil {
			t.Fatalf("%d bytes: wrote %d: %v", size, n, err)
		}
	}
	for range gatherBytes {
		want = append(want, "abc"...)
		if _, err := io.WriteString(g, "abc"); err != nil {
			t.Fatal(err)
		}
	}
	if len(g.pending) > gatherBytes {
		t.Errorf("%d bytes are pending", len(g.pending))
	}
	if err := g.flush(); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(want, got.Bytes()) || g.taken != int64(len(want)) {
		t.Errorf("wrote %d bytes and took %d, which are not the %d given", got.Len(), g.taken, len(want))
	}
}
