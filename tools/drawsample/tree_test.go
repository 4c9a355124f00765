package main

import (
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTree_Write_RemovesOnlyWhatItWrote(t *testing.T) {
	out := filepath.Join(t.TempDir(), "new", "corpus")
	first := tree{"a/stale": []byte("1"), "a/kept": []byte("2")}
	first[sumsName] = first.sums()
	if err := first.write(out); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(out, "foreign"), []byte("3"), 0o644); err != nil {
		t.Fatal(err)
	}
	second := tree{"a/kept": []byte("4")}
	second[sumsName] = second.sums()
	if err := second.write(out); err != nil {
		t.Fatal(err)
	}
	want := tree{"a/kept": []byte("4"), "foreign": []byte("3"), sumsName: second[sumsName]}
	if diff := cmp.Diff(want, readTree(t, out)); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
}

func TestTree_Write_StaysInItsFolder(t *testing.T) {
	top := t.TempDir()
	outside, out := filepath.Join(top, "outside"), filepath.Join(top, "corpus")
	if err := os.WriteFile(outside, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(out, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(out, sumsName), []byte("00  ../outside\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := (tree{}).write(out); err == nil {
		t.Error("write: no error for a SHA256SUMS that names a file outside the folder")
	}
	if _, err := os.Stat(outside); err != nil {
		t.Errorf("the file outside is gone: %v", err)
	}
}

func TestTree_Sums_AsSha256sumWritesThem(t *testing.T) {
	const want = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855  a\n" +
		"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855  b/c\n"
	if diff := cmp.Diff(want, string(tree{"b/c": nil, "a": nil}.sums())); diff != "" {
		t.Errorf("sums (-want +got):\n%s", diff)
	}
}

func TestRun_Usage_IsRefused(t *testing.T) {
	for _, args := range [][]string{nil, {"-out", "x", "y"}, {"-nonsense"}} {
		if err := run(args, io.Discard); err == nil {
			t.Errorf("run(%q): no error", args)
		}
	}
}
