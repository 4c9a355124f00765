package interop

import (
	"bytes"
	"encoding/json"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// reading is a job of python/training.py: a configuration of a dataset, all splits of it.
type reading struct {
	Reader string   `json:"reader"`
	Folder string   `json:"folder"`
	Config string   `json:"config"`
	Splits []string `json:"splits"`
	Decode bool     `json:"decode"`

	of *dataset
}

// picture is a row that a reader of python/training.py gave.
type picture struct {
	Job     int            `json:"job"`
	Split   string         `json:"split"`
	SHA256  *string        `json:"sha256"`
	Decoded []float64      `json:"decoded"`
	Name    *string        `json:"name"`
	Columns map[string]any `json:"columns"`
}

// readings are what some readers have to read of a dataset: everything.
func (d *dataset) readings(readers ...string) (all []*reading) {
	for _, reader := range readers {
		for _, config := range []string{"pages", "figures"} {
			all = append(all, &reading{Reader: reader, Folder: d.dir, Config: config, Splits: d.splits[config], Decode: !d.of.hasPages(), of: d})
		}
	}
	return all
}

// keepsOrder tells whether the reader gives rows in the order of their keys.
func (r *reading) keepsOrder() bool {
	byName := r.of.form == "imagefolder" && r.Reader != "files"
	return !byName && r.Reader != "torch" && !strings.HasPrefix(r.Reader, "ray")
}

// givesBytes tells whether the reader gives pictures as they are stored.
func (r *reading) givesBytes() bool {
	return !slices.Contains([]string{"streaming", "torch", "ray webdataset"}, r.Reader)
}

// readAll has a Python do the jobs of python/training.py, and compares what it reads with the export.
func readAll(t *testing.T, python *exec.Cmd, jobs ...[]*reading) {
	t.Helper()
	all := slices.Concat(jobs...)
	in, err := json.Marshal(all)
	must(t, err)
	python.Args = append(python.Args, filepath.Join("python", "training.py"))
	python.Stdin = bytes.NewReader(in)
	python.Env = append(python.Environ(), offline(t)...)
	pictures := make([][]picture, len(all))
	for line := range bytes.Lines(output(t, python)) {
		p := decodeLine[picture](t, line)
		p.Columns = plain(t, []map[string]any{p.Columns})[0]
		pictures[p.Job] = append(pictures[p.Job], p)
	}
	for i, r := range all {
		t.Run(r.Reader+"/"+r.of.name()+"/"+r.Config, func(t *testing.T) { r.check(t, pictures[i]) })
	}
}

// offline is the environment of libraries that would ask a host, and keep files in the home directory.
func offline(t *testing.T) []string {
	t.Helper()
	dir := t.TempDir()
	return []string{"HF_HUB_OFFLINE=1", "HF_HOME=" + filepath.Join(dir, "home"), "TRAINING_CACHE=" + filepath.Join(dir, "cache")}
}

// check compares pictures with the rows of the export: each is in one split, whole, with its bytes, or was left out since they are
// those of another split.
func (r *reading) check(t *testing.T, pictures []picture) {
	t.Helper()
	splits := map[any]string{}
	got := map[string][]map[string]any{}
	names := map[string]bool{}
	for _, p := range pictures {
		sum := p.Columns["sha256"]
		for _, whole := range []any{p.Columns["file_id"], p.Columns["job_id"], sum} {
			if other, found := splits[whole]; found && other != p.Split && whole != nil {
				t.Errorf("%v is in %q and in %q", whole, other, p.Split)
			}
			splits[whole] = p.Split
		}
		if r.givesBytes() {
			if p.SHA256 == nil || *p.SHA256 != sum {
				t.Errorf("the bytes of %v have another SHA-256", p.Columns)
			}
			if p.Name == nil || names[p.Split+"/"+*p.Name] {
				t.Errorf("the name of %v is missing, or that of another", p.Columns)
			} else {
				names[p.Split+"/"+*p.Name] = true
			}
		}
		if size := []float64{number(p.Columns["width"]), number(p.Columns["height"])}; r.Decode && !slices.Equal(p.Decoded, size) {
			t.Errorf("%v is decoded to %v", p.Columns, p.Decoded)
		}
		got[p.Split] = append(got[p.Split], p.Columns)
	}
	want := map[string][]map[string]any{}
	leftOut := r.of.leftOut(t)
	for _, row := range r.of.rows(t, r.Config) {
		if !leftOut[keyOfPicture(row)] {
			split := splits[row["sha256"]]
			want[split] = append(want[split], row)
		}
	}
	if !r.keepsOrder() {
		sortRows(want)
		sortRows(got)
	}
	// Boxes are scaled, and the order of operations may be another.
	if diff := cmp.Diff(want, got, cmpopts.EquateApprox(1e-12, 0)); diff != "" || len(want) == 0 {
		t.Errorf("%d pictures (-want +got):\n%s", len(pictures), head(diff))
	}
}

func number(v any) float64 {
	n, _ := v.(float64)
	return n
}

func sortRows(splits map[string][]map[string]any) {
	for _, rows := range splits {
		slices.SortFunc(rows, func(a, b map[string]any) int {
			x, _ := json.Marshal(a)
			y, _ := json.Marshal(b)
			return bytes.Compare(x, y)
		})
	}
}

// What readers of training data make of every form of a dataset is what the tables of its export say, with the pictures' bytes; default
// columns and all of them, texts and objects of pages, and names that are seldom seen.
func TestPython_Datasets_EqualTheTables(t *testing.T) {
	t.Parallel()
	recorded, hostile, varied := exported(t, recordedCorpus(t)), exported(t, hostileCorpus(t)), variedExport(t)
	split := []string{"--split", "train=0.5,val=0.25,test=0.25", "--seed", "1"}
	for form, jobs := range map[string]func(t *testing.T) [][]*reading{
		"parquet": func(t *testing.T) [][]*reading {
			return [][]*reading{
				recorded.dataset(t, "parquet").readings("datasets", "streaming", "duckdb", "polars", "pyarrow"),
				hostile.everyColumn(t, "parquet").readings("datasets", "streaming", "duckdb", "polars", "pyarrow"),
				varied.dataset(t, "parquet").readings("datasets", "duckdb", "polars", "pyarrow"),
			}
		},
		"webdataset": func(t *testing.T) [][]*reading {
			return [][]*reading{
				recorded.dataset(t, "webdataset", split...).readings("datasets", "streaming", "webdataset"),
				hostile.everyColumn(t, "webdataset").readings("datasets", "streaming", "webdataset"),
				varied.dataset(t, "webdataset").readings("datasets", "webdataset"),
			}
		},
		"imagefolder": func(t *testing.T) [][]*reading {
			return [][]*reading{
				recorded.dataset(t, "imagefolder", split...).readings("datasets", "streaming", "files"),
				hostile.everyColumn(t, "imagefolder").readings("datasets", "streaming", "files"),
			}
		},
	} {
		t.Run(form, func(t *testing.T) {
			t.Parallel()
			readAll(t, python(t), jobs(t)...)
		})
	}
}

// Both sinks give the same datasets.
func TestDataset_Sinks_GiveTheSameBytes(t *testing.T) {
	t.Parallel()
	local := exported(t, recordedCorpus(t))
	archive := *local
	archive.out = filepath.Join(t.TempDir(), "archive")
	archive.run(t, 0, layouts()[compressedShards]...)
	for _, form := range []string{"parquet", "webdataset", "imagefolder"} {
		want, got := local.dataset(t, form).files(t), archive.dataset(t, form).files(t)
		if diff := cmp.Diff(want, got); diff != "" || len(want) < 5 {
			t.Errorf("%s: %d files (-of files +of shards):\n%s", form, len(got), head(diff))
		}
	}
}
