package picture_test

import (
	"bufio"
	"errors"
	"fmt"
	"math/bits"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"exporter/internal/media"
	"exporter/internal/phash"
	"exporter/internal/picture"
)

// Pictures of internal/interop/python/kinds.py have the pixels that they have for Pillow, or are said to be unsupported. Decoders of what loses something
// differ in low bits.
func TestDecode_PicturesOfPillow_LookAlike(t *testing.T) {
	unsupported := map[string]bool{"big.tif": true, "jpeg.tif": true, "la.tif": true, "moves.webp": true, "planar.tif": true}
	f, err := os.Open(filepath.Join("testdata", "hashes.txt"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	count := 0
	for s := bufio.NewScanner(f); s.Scan(); {
		name, hash, _ := strings.Cut(s.Text(), " ")
		if name == "#" {
			continue
		}
		count++
		data, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		img, err := picture.Decode(t.Context(), media.Sniff(data), data, picture.Options{})
		if unsupported[name] {
			if !errors.Is(err, picture.ErrUnsupported) {
				t.Errorf("%s: %v, want %v", name, err, picture.ErrUnsupported)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		most := 0
		if strings.HasSuffix(name, ".jpg") || strings.HasPrefix(name, "lossy") {
			most = 2
		}
		var want uint64
		if _, err := fmt.Sscanf(hash, "%x", &want); err != nil {
			t.Fatal(err)
		}
		if got := phash.Of(img); bits.OnesCount64(got^want) > most {
			t.Errorf("%s: %016x, want %016x", name, got, want)
		}
	}
	if count < 20 {
		t.Errorf("%d pictures were compared", count)
	}
}
