package main

import (
	"bytes"
	"encoding/json"
	"image"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// corpusFolder holds the committed corpus.
const corpusFolder = "../../internal/emulator/sample/corpus"

func readTree(t *testing.T, folder string) tree {
	t.Helper()
	files := make(tree)
	root := os.DirFS(folder)
	err := fs.WalkDir(root, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		files[name], err = fs.ReadFile(root, name)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// TestDrawCorpus_Twice_IdenticalBytes draws a few documents twice in one process. Below, all of them are compared with
// what another process drew.
func TestDrawCorpus_Twice_IdenticalBytes(t *testing.T) {
	var drawn [2]tree
	for i := range drawn {
		dir := library()[1]
		dir.documents = []*document{oldTreeSurvey(), deliverySlip()}
		var err error
		if drawn[i], err = drawCorpus([]*directory{dir}); err != nil {
			t.Fatal(err)
		}
	}
	compareBytes(t, drawn[0], drawn[1])
}

// TestRun_Library_ReproducesCommittedCorpus draws everything and compares it with the committed corpus.
func TestRun_Library_ReproducesCommittedCorpus(t *testing.T) {
	out := t.TempDir()
	if err := run([]string{"-out", out}, io.Discard); err != nil {
		t.Fatal(err)
	}
	drawn, committed := readTree(t, out), readTree(t, corpusFolder)
	t.Run("Names", func(t *testing.T) {
		if diff := cmp.Diff(slices.Sorted(maps.Keys(committed)), slices.Sorted(maps.Keys(drawn))); diff != "" {
			t.Errorf("files (-committed +drawn), remedy: make sample:\n%s", diff)
		}
	})
	t.Run("Lists", func(t *testing.T) {
		for name, data := range committed {
			if path.Ext(name) != ".json" {
				continue
			}
			if diff := cmp.Diff(withoutSizes(t, data), withoutSizes(t, drawn[name])); diff != "" {
				t.Errorf("%s (-committed +drawn):\n%s", name, diff)
			}
		}
	})
	t.Run("Pictures", func(t *testing.T) { comparePictures(t, committed, drawn) })
}

func compareBytes(t *testing.T, want, got tree) {
	t.Helper()
	if !slices.Equal(slices.Sorted(maps.Keys(want)), slices.Sorted(maps.Keys(got))) {
		t.Error("the names of the files differ")
	}
	for name, data := range want {
		if !bytes.Equal(data, got[name]) {
			t.Errorf("%s has other bytes", name)
		}
	}
}

// comparePictures wants identical files from the toolchain that drew the committed ones, and nearly the same pictures
// from others.
func comparePictures(t *testing.T, committed, drawn tree) {
	var statistics stats
	if err := json.Unmarshal(committed["STATS.json"], &statistics); err != nil {
		t.Fatal(err)
	}
	if statistics.Toolchain == toolchain() {
		compareBytes(t, committed, drawn)
		return
	}
	for name, data := range committed {
		if !strings.Contains(name, "/page") || path.Ext(name) == ".json" {
			continue
		}
		if off := difference(t, name, data, drawn[name]); off > 2 {
			t.Errorf("%s: pixels differ by %.1f of 255 on average, want at most 2", name, off)
		}
	}
}

// difference returns by how much the channels of two pictures differ on average, from 0 to 255.
func difference(t *testing.T, name string, a, b []byte) float64 {
	t.Helper()
	p, _, err := image.Decode(bytes.NewReader(a))
	if err != nil {
		t.Fatalf("decode committed %s: %v", name, err)
	}
	q, _, err := image.Decode(bytes.NewReader(b))
	if err != nil {
		t.Fatalf("decode drawn %s: %v", name, err)
	}
	if p.Bounds() != q.Bounds() {
		return 255
	}
	sum := 0.0
	for y := range p.Bounds().Dy() {
		for x := range p.Bounds().Dx() {
			r, g, b, _ := p.At(x, y).RGBA()
			s, h, c, _ := q.At(x, y).RGBA()
			for _, d := range []int{int(r) - int(s), int(g) - int(h), int(b) - int(c)} {
				sum += float64(max(d, -d)) / 0x101
			}
		}
	}
	return sum / float64(3*p.Bounds().Dx()*p.Bounds().Dy())
}

// withoutSizes parses JSON and drops what depends on the encoders.
func withoutSizes(t *testing.T, data []byte) any {
	t.Helper()
	var v any
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	if err := dec.Decode(&v); err != nil {
		t.Fatal(err)
	}
	items, _ := v.([]any)
	for _, item := range append(items, v) {
		if fields, ok := item.(map[string]any); ok {
			for _, name := range []string{"image_size", "figure_size", "image_bytes", "bytes", "toolchain"} {
				delete(fields, name)
			}
		}
	}
	return v
}

func TestDifference_OtherPicture_IsLarge(t *testing.T) {
	encode := func(paper rgb) []byte {
		data, err := new(document).encode(newCanvas(8, 8, nil, paper), true, 0)
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	if got := difference(t, "white and graphite", encode(white), encode(graphite)); got != 204 {
		t.Errorf("difference = %v, want 204", got)
	}
	if got := difference(t, "white and white", encode(white), encode(white)); got != 0 {
		t.Errorf("difference = %v, want 0", got)
	}
}

func TestToolchain_Here_NamesReleaseAndProcessor(t *testing.T) {
	if got := toolchain(); !strings.HasPrefix(got, runtime.Version()) || !strings.Contains(got, runtime.GOARCH) {
		t.Errorf("toolchain() = %q", got)
	}
}

func TestNewID_Names_AreStableUUIDs(t *testing.T) {
	a, b := newID("file", "minutes"), newID("directory file", "minutes")
	if a == b || a != newID("file", "minutes") {
		t.Errorf("ids %q and %q: want them to differ, and to stay", a, b)
	}
	if len(a) != 36 || a[14] != '8' || !strings.ContainsRune("89ab", rune(a[19])) {
		t.Errorf("id %q is not a UUID of version 8", a)
	}
}

func TestEncodeName_Names_LikeEncodeURIComponent(t *testing.T) {
	for name, want := range map[string]string{
		"page_1_figure_1.jpg": "page_1_figure_1.jpg",
		"a b/c%.JPG":          "a%20b%2Fc%25.JPG",
		"海!~*'()":             "%E6%B5%B7!~*'()",
	} {
		if got := encodeName(name); got != want {
			t.Errorf("encodeName(%q) = %q, want %q", name, got, want)
		}
	}
}
