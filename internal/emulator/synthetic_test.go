package emulator

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"image/jpeg"
	"testing"

	"github.com/klauspost/compress/zstd"
)

func TestSynthetic_Corpus(t *testing.T) {
	for _, size := range []int{0, 68, 1000, chunkSize + 70, slabSize + 2*chunkSize + 3} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			o := SyntheticOptions{Files: 2, AssetsPerFile: 5, BlobSize: size, Seed: 3}
			a := serve(t, Options{Corpus: Synthetic(o)})
			again := serve(t, Options{Corpus: Synthetic(o)})
			seen := map[[32]byte]string{}
			for _, f := range a.list("/api/v1/beta/directories/" + SyntheticDirectory + "/files").Items {
				for _, kind := range []string{"page_screenshots", "page-figures"} {
					path := "/api/v1/files/" + *f.FileID + "/" + kind
					for _, p := range decode[[]struct {
						Page   int    `json:"page_index"`
						Name   string `json:"figure_name"`
						Image  int64  `json:"image_size"`
						Figure int64  `json:"figure_size"`
					}](t, a.get(path).want(t, 200).body) {
						blob := fmt.Sprintf("%s/%d", path, p.Page)
						if p.Name != "" {
							blob += "/" + p.Name
						}
						got := a.get(blob).want(t, 200).body
						checkSynthetic(t, blob, got, p.Image+p.Figure, int64(max(size, 67)))
						if !bytes.Equal(got, again.get(blob).body) {
							t.Errorf("%s differs between two corpora of the same seed", blob)
						}
						if other, ok := seen[sha256.Sum256(got)]; ok {
							t.Errorf("%s is the same as %s", blob, other)
						}
						seen[sha256.Sum256(got)] = blob
					}
				}
			}
			if len(seen) != 10 {
				t.Errorf("%d blobs, want 10", len(seen))
			}
		})
	}
}

func checkSynthetic(t *testing.T, name string, got []byte, listed, want int64) {
	t.Helper()
	if int64(len(got)) != listed || listed != want {
		t.Errorf("%s: %d bytes, listed %d, want %d", name, len(got), listed, want)
	}
	if c, err := jpeg.DecodeConfig(bytes.NewReader(got)); err != nil || c.Width < 600 || c.Height < 800 {
		t.Errorf("%s: JPEG header: %+v, %v", name, c, err)
	}
	if !bytes.HasSuffix(got, []byte("\xff\xd9")) {
		t.Errorf("%s does not end as a JPEG", name)
	}
}

func TestSynthetic_NotFound(t *testing.T) {
	a := serve(t, Options{Corpus: Synthetic(SyntheticOptions{Files: 1, AssetsPerFile: 3})})
	const base = "/api/v1/files/file-00000000/"
	a.get(base+"page_screenshots/1").want(t, 200)
	a.get(base+"page-figures/0/page_1_figure_1.jpg").want(t, 200)
	for _, path := range []string{
		"page_screenshots/2", "page-figures/-0/page_2_figure_1.jpg",
		"page-figures/0/page_2_figure_1.jpg", "page-figures/1/page_2_figure_1.jpg",
	} {
		a.get(base+path).want(t, 404)
	}
}

// TestSynthetic_Incompressible holds for blobs side by side, as they are in an archive.
func TestSynthetic_Incompressible(t *testing.T) {
	c := Synthetic(SyntheticOptions{Files: 1, AssetsPerFile: 40, BlobSize: 100_000})
	var b bytes.Buffer
	for _, kind := range []Kind{Screenshot, Figure} {
		for p := range c.files["file-00000000"].pictures.all(kind) {
			check(t, p.blob.writeTo(&b))
		}
	}
	z, err := zstd.NewWriter(nil)
	check(t, err)
	if n := len(z.EncodeAll(b.Bytes(), nil)); n < b.Len()*99/100 {
		t.Errorf("%d bytes compress to %d", b.Len(), n)
	}
	check(t, z.Close())
}

func TestSynthetic_CanBeChanged(t *testing.T) {
	c := Synthetic(SyntheticOptions{Files: 2, AssetsPerFile: 4, BlobSize: 100})
	a := serve(t, Options{Corpus: c})
	const blob = "/api/v1/files/file-00000001/page_screenshots/0"
	before := a.get(blob).want(t, 200).body
	check(t, c.PutAsset("file-00000001", AssetSpec{Kind: Screenshot, Page: 7, Data: []byte("new")}))
	if got := a.get(blob).want(t, 200).body; !bytes.Equal(got, before) {
		t.Error("a blob that was not changed has changed")
	}
	if got := a.get("/api/v1/files/file-00000001/page_screenshots/7").want(t, 200).body; string(got) != "new" {
		t.Errorf("blob %q, want %q", got, "new")
	}
}
