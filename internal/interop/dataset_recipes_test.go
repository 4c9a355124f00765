package interop

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// runRecipes runs recipes of docs/datasets.md, in the folder that the dataset is in, and compares what they find with the tables of the export.
func (d *dataset) runRecipes(t *testing.T, python *exec.Cmd, names ...string) {
	t.Helper()
	type recipe struct {
		Name string `json:"name"`
		Code string `json:"code"`
	}
	given := struct {
		Rows    map[string]any `json:"rows"`
		Recipes []recipe       `json:"recipes"`
	}{Rows: map[string]any{"pages": d.rows(t, "pages"), "figures": d.rows(t, "figures")}}
	for _, name := range names {
		given.Recipes = append(given.Recipes, recipe{name, shown(t, "datasets.md", "### "+name)})
	}
	in, err := json.Marshal(given)
	must(t, err)
	script, err := filepath.Abs(filepath.Join("python", "recipes.py"))
	must(t, err)
	python.Args = append(python.Args, script)
	python.Stdin, python.Dir = bytes.NewReader(in), filepath.Dir(d.dir)
	python.Env = append(python.Environ(), offline(t)...)
	// Libraries show how far they are there.
	python.Stderr = t.Output()
	got := strings.Split(strings.TrimSpace(string(output(t, python))), "\n")
	if diff := cmp.Diff(names, got); diff != "" {
		t.Errorf("recipes (-want +got):\n%s", diff)
	}
}

// recipesOf are the recipes of docs/datasets.md, by the form that they are for. Those of "consumers" are for Parquet, and need what is not
// installed here.
func recipesOf() map[string][]string {
	return map[string][]string{
		"parquet":     {"Hugging Face", "Polars", "PyArrow", "DuckDB", "Croissant", "LlamaIndex"},
		"webdataset":  {"WebDataset"},
		"imagefolder": {"Files"},
		"consumers":   {"PyTorch", "Ray", "Daft", "LitData"},
	}
}

func TestRecipes_Datasets_FindTheirPictures(t *testing.T) {
	t.Parallel()
	e := exported(t, recordedCorpus(t))
	for _, form := range []string{"parquet", "webdataset", "imagefolder"} {
		t.Run(form, func(t *testing.T) {
			t.Parallel()
			e.dataset(t, form).runRecipes(t, python(t), recipesOf()[form]...)
		})
	}
}

// Every recipe is run by a test.
func TestRecipes_Datasets_AreAllRun(t *testing.T) {
	t.Parallel()
	doc, err := os.ReadFile(filepath.Join("..", "..", "docs", "datasets.md"))
	must(t, err)
	_, section, _ := strings.Cut(string(doc), "\n## Recipes\n")
	section, _, _ = strings.Cut(section, "\n## ")
	var shown, run []string
	for line := range strings.Lines(section) {
		if name, found := strings.CutPrefix(line, "### "); found {
			shown = append(shown, strings.TrimSpace(name))
		}
	}
	for _, names := range recipesOf() {
		run = append(run, names...)
	}
	slices.Sort(shown)
	slices.Sort(run)
	if diff := cmp.Diff(shown, slices.Compact(run)); diff != "" || len(shown) == 0 {
		t.Errorf("recipes (-shown +run):\n%s", diff)
	}
}
