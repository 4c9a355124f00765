//go:build phash

package interop

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"exporter/internal/phash"
	"exporter/internal/phash/phashtest"
)

// Hashes are those of ImageHash itself, and so are those with which the program's own tests compare.
func TestPHash_EqualsImageHash(t *testing.T) {
	program(t, "python3")
	venv := filepath.Join(t.TempDir(), "venv")
	if err := installPython(venv, "ImageHash==4.3.2", "pillow==13.0.0", "numpy==2.4.6", "PyWavelets==1.9.0", "scipy==1.17.1"); err != nil {
		t.Fatal(err)
	}
	var pictures, want bytes.Buffer
	lines := json.NewEncoder(&pictures)
	for _, p := range phashtest.Pictures() {
		raw, err := phashtest.RawOf(p)
		if err != nil {
			t.Fatal(err)
		}
		if err := lines.Encode(raw); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&want, "%s %016x\n", p.Name, phash.Of(p.Image))
	}
	c := program(t, filepath.Join(venv, "bin", "python"), filepath.Join("python", "phash.py"))
	c.Stdin = &pictures
	printed := output(t, c)
	versions, got, _ := strings.Cut(string(printed), "\n")
	if got != want.String() {
		t.Errorf("%s:\n%s\nwant\n%s", versions, got, want.String())
	}
	known, err := os.ReadFile(filepath.Join("..", "phash", "testdata", "hashes.txt"))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(known, printed) {
		t.Errorf("internal/phash/testdata/hashes.txt is not what was printed:\n%s", printed)
	}
}
