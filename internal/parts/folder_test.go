package parts_test

import (
	"strings"
	"testing"

	"exporter/internal/parts"
)

func TestCut_SplitsWhatIsInAFolder(t *testing.T) {
	for key, want := range map[string][2]string{
		"blobs/a":                    {"", "blobs/a"},
		"parts/part=0003/blobs/a":    {"parts/part=0003/", "blobs/a"},
		"parts/before/shards/x":      {"parts/before/", "shards/x"},
		"parts/old export ü/blobs/x": {"parts/old export ü/", "blobs/x"},
		// A folder is in parts/, and has a name that one may have.
		"parts":                      {"", "parts"},
		"parts/part=0003":            {"", "parts/part=0003"},
		"parts/part=3/blobs/a":       {"", "parts/part=3/blobs/a"},
		"parts/kind=figure/blobs/a":  {"", "parts/kind=figure/blobs/a"},
		"parts/../blobs/a":           {"", "parts/../blobs/a"},
		"parts/./blobs/a":            {"", "parts/./blobs/a"},
		"parts//blobs/a":             {"", "parts//blobs/a"},
		"x/parts/part=0003/blobs/a":  {"", "x/parts/part=0003/blobs/a"},
		"parts/a\\b/blobs/a":         {"", "parts/a\\b/blobs/a"},
		"parts/.hidden/blobs/a":      {"", "parts/.hidden/blobs/a"},
		"parts/part=0003/parts/b/c":  {"parts/part=0003/", "parts/b/c"},
		"parts/part=0003/../../etc/": {"parts/part=0003/", "../../etc/"},
	} {
		if prefix, rest := parts.Cut(key); prefix != want[0] || rest != want[1] {
			t.Errorf("Cut(%q) = %q, %q, want %q", key, prefix, rest, want)
		}
	}
}

func TestCheckFolder_SaysWhatIsWrong(t *testing.T) {
	for _, name := range []string{"part=0003", "before", "2024", "a b", "part", "PART-1"} {
		if err := parts.CheckFolder(name); err != nil {
			t.Errorf("CheckFolder(%q): %v", name, err)
		}
	}
	for _, name := range []string{"", ".", "..", ".x", "a/b", "part=3", "file_id=x", "a\nb", "\xff", "a:b", strings.Repeat("x", 144)} {
		if err := parts.CheckFolder(name); err == nil {
			t.Errorf("CheckFolder(%q) finds nothing", name)
		}
	}
}
