package interop

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// docs/reader.py finds every blob of an export, finished or killed, and is as short as it claims.
func TestPython_Reader_FindsEveryBlob(t *testing.T) {
	t.Parallel()
	for l, flags := range layouts() {
		t.Run(l.String(), func(t *testing.T) {
			e := exported(t, hostileCorpus(t), flags...)
			e.checkReader(t, e.assets)
			killed := kill(t, recordedCorpus(t), l)
			killed.checkReader(t, killed.only(killed.readParts(t)))
			// Rows of parts replace those of a manifest.
			close(killed.passes)
			killed.run(t, 0, flags...)
			killed.checkReader(t, killed.assets)
		})
	}
	script, err := os.ReadFile(filepath.Join("..", "..", "docs", "reader.py"))
	if lines := bytes.Count(script, []byte("\n")); err != nil || lines >= 60 {
		t.Errorf("docs/reader.py has %d lines, want fewer than 60: %v", lines, err)
	}
}

// checkReader compares what docs/reader.py prints with the stored rows of the corpus.
func (e *export) checkReader(t *testing.T, assets []asset) {
	t.Helper()
	type blob struct {
		key
		size int64
		sum  string
	}
	var want, got []blob
	for _, a := range assets {
		want = append(want, blob{a.key(), *a.Size, *a.SHA256})
	}
	for line := range bytes.Lines(output(t, python(t, filepath.Join("..", "..", "docs", "reader.py"), e.out))) {
		var a struct {
			FileID     string `json:"file_id"`
			Kind       string `json:"kind"`
			PageIndex  int32  `json:"page_index"`
			FigureName string `json:"figure_name"`
			Size       int64  `json:"size"`
			SHA256     string `json:"sha256"`
		}
		if err := json.Unmarshal(line, &a); err != nil {
			t.Fatal(err)
		}
		got = append(got, blob{key{a.FileID, a.Kind, a.PageIndex, a.FigureName}, a.Size, a.SHA256})
	}
	slices.SortFunc(got, func(a, b blob) int { return a.compare(b.key) })
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(blob{}, key{})); diff != "" || len(want) == 0 {
		t.Errorf("%d blobs, want %d (-want +got):\n%s", len(got), len(want), head(diff))
	}
}

// Readers of shards, those of training data among them, find the members that the manifest names.
func TestPython_Shards_HoldTheBlobs(t *testing.T) {
	t.Parallel()
	for _, l := range []layout{compressedShards, plainShards} {
		e := exported(t, recordedCorpus(t), layouts()[l]...)
		shards, members := e.members(t, l)
		for _, reader := range []string{"tarfile", "webdataset"} {
			t.Run(reader+"/"+l.String(), func(t *testing.T) {
				c := python(t, append([]string{filepath.Join("python", "shards.py"), reader}, shards...)...)
				got := strings.Split(strings.TrimSuffix(string(output(t, c)), "\n"), "\n")
				slices.Sort(got)
				if diff := cmp.Diff(members, got); diff != "" {
					t.Errorf("members (-manifest +%s):\n%s", reader, head(diff))
				}
			})
		}
	}
}

// members returns the shards of an export of the recorded corpus, and of each member its SHA-256, size and name.
func (e *export) members(t *testing.T, l layout) (shards, members []string) {
	t.Helper()
	for _, a := range e.wholeManifest(t, l) {
		members = append(members, fmt.Sprint(*a.SHA256, " ", *a.Size, " ", *a.Member))
	}
	slices.Sort(members)
	shards, err := filepath.Glob(e.path("shards/*"))
	if err != nil || len(shards) < 2 {
		t.Fatalf("%d shards: %v", len(shards), err)
	}
	return shards, members
}

func TestBsdtar_Shards_HoldTheBlobs(t *testing.T) {
	t.Parallel()
	for _, l := range []layout{compressedShards, plainShards} {
		t.Run(l.String(), func(t *testing.T) {
			e := exported(t, recordedCorpus(t), layouts()[l]...)
			shards, members := e.members(t, l)
			target := t.TempDir()
			for _, shard := range shards {
				output(t, program(t, "bsdtar", "-x", "-f", shard, "-C", target))
			}
			var got []string
			err := fs.WalkDir(os.DirFS(target), ".", func(name string, d fs.DirEntry, err error) error {
				if err != nil || d.IsDir() {
					return err
				}
				data, err := os.ReadFile(filepath.Join(target, name))
				got = append(got, fmt.Sprint(sum(data), " ", len(data), " ", name))
				return err
			})
			slices.Sort(got)
			if diff := cmp.Diff(members, got); diff != "" || err != nil {
				t.Errorf("%v; members (-manifest +bsdtar):\n%s", err, head(diff))
			}
		})
	}
}

// The Python that README.md shows takes one blob out of a shard.
func TestPython_Readme_ReadsABlob(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	script := regexp.MustCompile("(?s)```python\n(.+?)```").FindSubmatch(readme)
	if script == nil {
		t.Fatal("README.md shows no Python")
	}
	e := exported(t, recordedCorpus(t), layouts()[compressedShards]...)
	if err := os.Symlink(e.out, filepath.Join(filepath.Dir(e.out), "export")); err != nil {
		t.Fatal(err)
	}
	c := python(t, "-c", string(script[1])+"\nimport hashlib\nprint(hashlib.sha256(image).hexdigest())")
	c.Dir = filepath.Dir(e.out)
	if got, want := strings.TrimSpace(string(output(t, c))), *e.wholeManifest(t, compressedShards)[0].SHA256; got != want {
		t.Errorf("SHA-256 is %s, want %s", got, want)
	}
}
