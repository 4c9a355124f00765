package phash_test

import (
	"bufio"
	"fmt"
	"image"
	"image/color"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"exporter/internal/phash"
	"exporter/internal/phash/phashtest"
)

// golden reads the hashes that ImageHash has for the pictures of phashtest. "make phash" compares them with ImageHash itself.
func golden(t *testing.T) map[string]string {
	t.Helper()
	f, err := os.Open(filepath.Join("testdata", "hashes.txt"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	hashes := map[string]string{}
	for s := bufio.NewScanner(f); s.Scan(); {
		if name, hash, ok := strings.Cut(s.Text(), " "); ok && name != "#" {
			hashes[name] = hash
		}
	}
	return hashes
}

func TestOf_EqualsImageHash(t *testing.T) {
	want := golden(t)
	pictures := phashtest.Pictures()
	if len(want) != len(pictures) {
		t.Errorf("%d hashes are known, and there are %d pictures", len(want), len(pictures))
	}
	for _, p := range pictures {
		if got := fmt.Sprintf("%016x", phash.Of(p.Image)); got != want[p.Name] {
			t.Errorf("%s: %s, want %s", p.Name, got, want[p.Name])
		}
	}
}

// plain hides what kind of picture one is, so that its pixels are asked for one by one.
type plain struct{ image.Image }

func TestOf_FastPaths_EqualTheSlowOne(t *testing.T) {
	for _, p := range phashtest.Pictures() {
		switch p.Image.(type) {
		case *image.Gray, *image.NRGBA, *image.RGBA, *image.YCbCr:
			if got, want := phash.Of(p.Image), phash.Of(plain{p.Image}); got != want {
				t.Errorf("%s: %016x, and %016x pixel by pixel", p.Name, got, want)
			}
		}
	}
}

func TestOf_OddPictures_HaveAHash(t *testing.T) {
	for _, c := range []struct {
		name string
		img  image.Image
		want uint64
	}{
		{"no pixels", image.NewGray(image.Rect(0, 0, 0, 5)), 0},
		{"an index behind the palette", &image.Paletted{Pix: []uint8{200}, Stride: 1, Rect: image.Rect(0, 0, 1, 1)}, 1 << 63},
		{"left of zero", image.NewYCbCr(image.Rect(-3, -3, 5, 5), image.YCbCrSubsampleRatio420), 1 << 63},
	} {
		if got := phash.Of(c.img); got != c.want {
			t.Errorf("%s: %016x, want %016x", c.name, got, c.want)
		}
	}
}

func BenchmarkOf(b *testing.B) {
	bounds := image.Rect(0, 0, 1275, 1650)
	for _, c := range []struct {
		name string
		img  image.Image
	}{
		{"YCbCr", image.NewYCbCr(bounds, image.YCbCrSubsampleRatio420)},
		{"NRGBA", image.NewNRGBA(bounds)},
		{"Gray", image.NewGray(bounds)},
		{"Paletted", image.NewPaletted(bounds, color.Palette{color.White, color.Black})},
	} {
		if y, ok := c.img.(*image.YCbCr); ok {
			for i := range y.Cb {
				y.Cb[i], y.Cr[i] = uint8(i), 128
			}
		}
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				phash.Of(c.img)
			}
		})
	}
}
