//go:build consumers

package interop

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// consumer is a library of training code, with a Python of its own.
type consumer struct {
	// packages are what pip is asked for.
	packages []string
	// readers are those of python/training.py that read each form, and recipes those of docs/datasets.md that it runs.
	readers map[string][]string
	recipes []string
	// isAlone says that it opens ports, so that it gets a network that has nothing but a loopback interface.
	isAlone bool
	// isSlow says that it takes long to begin, so that it reads datasets of one split.
	isSlow bool
}

// What the libraries that people train with make of datasets is what the tables of their export say. It installs some 7 GB.
func TestConsumers_Datasets_EqualTheTables(t *testing.T) {
	recorded := exported(t, recordedCorpus(t))
	for _, c := range []consumer{
		{
			packages: []string{"datasets==3.6.0", "pillow==13.0.0"},
			readers: map[string][]string{
				"parquet": {"datasets", "streaming"}, "webdataset": {"datasets", "streaming"}, "imagefolder": {"datasets", "streaming"},
			},
			recipes: []string{"Hugging Face"},
		},
		{
			packages: []string{"ray[data]==2.60.0", "pillow==13.0.0"},
			readers:  map[string][]string{"parquet": {"ray"}, "webdataset": {"ray webdataset"}},
			recipes:  []string{"Ray"}, isAlone: true, isSlow: true,
		},
		{
			packages: []string{"daft==0.7.26", "pillow==13.0.0", "numpy==2.4.6"},
			readers:  map[string][]string{"parquet": {"daft"}},
			recipes:  []string{"Daft"},
		},
		{
			packages: []string{"litdata==0.2.76", "torch==2.15.0", "datasets==5.2.0", "pillow==13.0.0", "polars==2.1.0"},
			readers:  map[string][]string{"parquet": {"torch", "litdata"}},
			recipes:  []string{"PyTorch", "LitData"},
		},
	} {
		t.Run(strings.Join(c.packages[:1], " "), func(t *testing.T) {
			venv := filepath.Join(t.TempDir(), "venv")
			must(t, installPython(venv, c.packages...))
			args := []string{"--split", "train=0.5,val=0.25,test=0.25", "--seed", "1"}
			if c.isSlow {
				args = nil
			}
			for _, form := range []string{"parquet", "webdataset", "imagefolder"} {
				if c.readers[form] == nil {
					continue
				}
				started := time.Now()
				readAll(t, c.python(t, venv), recorded.dataset(t, form, args...).readings(c.readers[form]...))
				t.Logf("| %s | %s | %s | %s |", c.packages[0], form, strings.Join(c.readers[form], ", "), time.Since(started).Round(time.Second))
			}
			recorded.dataset(t, "parquet").runRecipes(t, c.python(t, venv), c.recipes...)
		})
	}
}

// python returns a command of the consumer's Python.
func (c *consumer) python(t *testing.T, venv string) *exec.Cmd {
	t.Helper()
	python := filepath.Join(venv, "bin", "python")
	cmd := program(t, python)
	if c.isAlone {
		cmd = program(t, "unshare", "--map-root-user", "--net", "sh", "-c", fmt.Sprintf(`ip link set lo up && exec '%s' "$@"`, python), "python")
	}
	// They warn of much.
	cmd.Stderr = t.Output()
	return cmd
}
