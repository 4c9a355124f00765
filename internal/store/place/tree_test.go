package place

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestTree_Names_TellsFoldersFromAllElse(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"part=0000", "part=1", "before", ".hidden"} {
		if err := os.MkdirAll(filepath.Join(dir, "parts", name), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	for name, in := range map[string]string{"part=file": "parts", "file": ""} {
		if err := os.WriteFile(filepath.Join(dir, in, name), nil, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	tree, err := OpenTree(t.Context(), dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Close()
	folders, others, err := tree.Names(t.Context(), "parts")
	if err != nil || !slices.Equal(folders, []string{".hidden", "before", "part=0000", "part=1"}) || !slices.Equal(others, []string{"part=file"}) {
		t.Errorf("folders are %q, and others %q, %v", folders, others, err)
	}
	for _, c := range []struct {
		in, begin string
		want      bool
	}{{"parts", "part=", true}, {"parts", "part=f", false}, {"parts", "c", false}, {"missing", "", false}, {"file", "", false}} {
		if got, err := tree.HasFolder(t.Context(), c.in, c.begin); got != c.want || err != nil {
			t.Errorf("in %q a folder that begins with %q: %v, %v, want %v", c.in, c.begin, got, err, c.want)
		}
	}
}
