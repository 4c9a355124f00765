//go:build unix && !race

package main

import (
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"exporter/internal/testmain"
)

// Making a dataset is killed at twenty random moments. What has a final name is whole, and in the end everything is as if nothing had happened.
func TestDataset_KilledAtRandomMoments_EqualsUndisturbed(t *testing.T) {
	testmain.Long(t)
	t.Parallel()
	s := exportSettings{sink: "archive", files: 24, each: 4, rows: 8, workers: 4, checkpoint: time.Hour}
	_, url := startEmulator(t, s.emulator())
	out := filepath.Join(t.TempDir(), "out")
	newCLI(t, url).mustRun(s.args(out)...)
	for i, form := range []string{"parquet", "webdataset", "imagefolder"} {
		t.Run(form, func(t *testing.T) {
			args := func(to string) []string {
				return []string{"dataset", out, to, "--format", form, "--any-format", "--split", "train=0.7,test=0.3", "--shard-size", "9KB"}
			}
			undisturbed := filepath.Join(t.TempDir(), "dataset")
			newCLI(t, "").mustRun(args(undisturbed)...)
			want := readTree(t, undisturbed)
			if len(want) < 12 {
				t.Fatalf("%d files, want several shards: %q", len(want), slices.Sorted(maps.Keys(want)))
			}
			random := rand.New(rand.NewPCG(2, uint64(i)))
			to := filepath.Join(t.TempDir(), "dataset")
			for landed, ended := 0, 0; landed < 7; {
				c := startChild(t, "", childOptions{}, args(to)...)
				time.Sleep(time.Duration(random.Int64N(int64(100*time.Millisecond) + int64(ended)*int64(5*time.Millisecond))))
				if !c.kill() {
					ended++
					checkTree(t, want, readTree(t, to))
					to = filepath.Join(t.TempDir(), fmt.Sprint("dataset-", ended))
					continue
				}
				landed++
				for name, content := range readTree(t, to) {
					isShard := strings.HasSuffix(name, ".parquet") || strings.HasSuffix(name, ".tar") || strings.HasSuffix(name, ".jpg")
					if isShard && content != want[name] {
						t.Errorf("%s is not what it is to be", name)
					}
				}
			}
			newCLI(t, "").mustRun(args(to)...)
			checkTree(t, want, readTree(t, to))
		})
	}
}

// readTree returns the contents of all files below a directory but those that are private, by their names; none where it is missing.
func readTree(t *testing.T, path string) map[string]string {
	t.Helper()
	files := map[string]string{}
	if _, err := os.Stat(path); os.IsNotExist(err) {
		return files
	}
	err := fs.WalkDir(os.DirFS(path), ".", func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || strings.HasPrefix(name, ".exporter/") {
			return err
		}
		data, err := os.ReadFile(filepath.Join(path, name))
		files[name] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func checkTree(t *testing.T, want, got map[string]string) {
	t.Helper()
	if !slices.Equal(slices.Sorted(maps.Keys(want)), slices.Sorted(maps.Keys(got))) {
		t.Errorf("files %q, want %q", slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want)))
	}
	for name, content := range got {
		if content != want[name] {
			t.Errorf("%s differs: %d bytes, want %d", name, len(content), len(want[name]))
		}
	}
}
