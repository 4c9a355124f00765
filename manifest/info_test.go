package manifest

import (
	"os"
	"path/filepath"
	"testing"

	"exporter/pipeline"
)

func TestReadInfo_NewestThatCanBeRead(t *testing.T) {
	path := t.TempDir()
	dir := openDir(t, path)
	if info := ReadInfo(t.Context(), dir); info != nil {
		t.Fatalf("ReadInfo of nothing: %+v", info)
	}
	commit := func(assets string, compact bool) {
		t.Helper()
		l, err := Open(t.Context(), dir, Info{Version: "v", Source: `{"a":"b"}`, Sink: "{}", Assets: assets})
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		if err := l.Commit(t.Context(), pipeline.Rows{Assets: []*pipeline.Row{storedRow("f", 1)}}); err != nil {
			t.Fatal(err)
		}
		if compact {
			if err := l.Compact(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
	check := func(what, want string) {
		t.Helper()
		if info := ReadInfo(t.Context(), dir); info == nil || info.Assets != want || info.Source != `{"a":"b"}` {
			t.Errorf("%s: %+v, want the assets %s", what, info, want)
		}
	}
	commit("1", true)
	check("one file", "1")
	commit("2", false)
	commit("3", false)
	check("parts of runs that were killed", "3")
	parts, err := filepath.Glob(filepath.Join(path, partsDir, "*"))
	if err != nil || len(parts) != 2 {
		t.Fatalf("the parts are %q, %v", parts, err)
	}
	if err := os.WriteFile(parts[1], []byte("no Parquet"), 0o644); err != nil {
		t.Fatal(err)
	}
	check("the newest part is damaged", "2")
	for _, name := range []string{parts[0], filepath.Join(path, AssetsName)} {
		if err := os.Truncate(name, 100); err != nil {
			t.Fatal(err)
		}
	}
	check("only files.parquet is left", "1")
}
