package place

import (
	"os"
	"path/filepath"
	"testing"
)

// world makes a folder with the folder there, and links to it, to what does not exist, and to each other. It returns whether there are links:
// not everybody may make them everywhere.
func world(t *testing.T) (here string, linked bool) {
	t.Helper()
	t.Chdir(t.TempDir())
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join("there", "deep"), 0o700); err != nil {
		t.Fatal(err)
	}
	linked = true
	for name, target := range map[string]string{
		"link": "there", "dangling": "missing", "chain": "dangling", "absolute": filepath.Join(here, "missing"), "up": filepath.Join("there", "..", "missing"),
		"round": "about", "about": "round", "inward": filepath.Join("inward", "x"),
	} {
		linked = os.Symlink(target, name) == nil && linked
	}
	return here, linked
}

func TestSame_PathsOfWhatIsNotThere(t *testing.T) {
	here, linked := world(t)
	for _, tt := range []struct {
		a, b string
		want bool
	}{
		{"a", "./a/", true}, {"a", "b/../a", true}, {"a", filepath.Join(here, "a"), true}, {"there", "link", linked},
		{"a", "b", false}, {"a", "a/b", false}, {"there", "a", false},
		// What does not exist yet.
		{"there/new", "link/new", linked}, {"there/new/x", "link/new/x", linked}, {"there/new", "link/other", false},
		{"missing", "dangling", linked}, {"missing", "chain", linked}, {"missing/x", "chain/x", linked}, {"missing", "absolute", linked}, {"missing", "up", linked},
		{"round", "inward", false}, {"round/a", "round/b", false},
	} {
		if got := Same(tt.a, tt.b); got != tt.want {
			t.Errorf("Same(%q, %q) = %v, want %v", tt.a, tt.b, got, tt.want)
		}
	}
}

func TestIsWithin_PathsOfWhatIsNotThere(t *testing.T) {
	_, linked := world(t)
	for _, tt := range []struct {
		path, folder string
		want         bool
	}{
		{"a", "a", true}, {"a/b", "a", true}, {"a", "a/b", false}, {"ab", "a", false}, {"a/..b", "a", true}, {"..", "a", false},
		{"link/new", "there", linked}, {"there/new", "link", linked}, {"chain/x", "missing", linked}, {"there", "link/deep", false},
		{"round", "inward", false},
	} {
		if got := IsWithin(tt.path, tt.folder); got != tt.want {
			t.Errorf("IsWithin(%q, %q) = %v, want %v", tt.path, tt.folder, got, tt.want)
		}
	}
}
