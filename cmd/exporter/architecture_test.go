package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// allowedImports says which packages of this module each package may import, outside its tests. Imports run one way; the
// leaves (durable, loopback, media) import nothing of ours.
var allowedImports = map[string][]string{
	"exporter/pipeline":                              {},
	"exporter/internal/durable":                      {},
	"exporter/internal/durable/durabletest":          {"exporter/internal/durable"},
	"exporter/internal/store":                        {"exporter/internal/durable"},
	"exporter/internal/store/storetest":              {"exporter/internal/store", "exporter/internal/durable", "exporter/internal/durable/durabletest"},
	"exporter/internal/loopback":                     {},
	"exporter/internal/media":                        {},
	"exporter/internal/media/mediatest":              {},
	"exporter/internal/config":                       {"exporter/pipeline", "exporter/internal/loopback"},
	"exporter/internal/llamacloud":                   {"exporter/pipeline", "exporter/internal/loopback", "exporter/internal/media", "exporter/internal/llamacloud/governor"},
	"exporter/internal/llamacloud/governor":          {"exporter/pipeline"},
	"exporter/internal/llamacloud/governor/simulate": {"exporter/internal/llamacloud/governor"},
	"exporter/sinks":                                 {"exporter/pipeline", "exporter/internal/store", "exporter/internal/media"},
	"exporter/manifest":                              {"exporter/pipeline", "exporter/internal/store"},
	"exporter/internal/verify":                       {"exporter/pipeline", "exporter/sinks", "exporter/internal/store"},
	"exporter/internal/emulator":                     {},
	"exporter/internal/emulator/sample":              {},
	"exporter/internal/limits":                       {"exporter/internal/llamacloud/governor/simulate"},
	"exporter/internal/bench":                        {},
	"exporter/cmd/exporter": {
		"exporter/pipeline", "exporter/sinks", "exporter/manifest", "exporter/internal/config", "exporter/internal/store",
		"exporter/internal/llamacloud", "exporter/internal/verify", "exporter/internal/emulator", "exporter/internal/emulator/sample",
		"exporter/internal/loopback",
	},
}

type listedPackage struct {
	ImportPath string
	Imports    []string
	Deps       []string
}

func listPackages(t *testing.T) []listedPackage {
	t.Helper()
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports,Deps", "exporter/...").Output()
	if err != nil {
		t.Fatal(err)
	}
	var packages []listedPackage
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listedPackage
		err := d.Decode(&p)
		if errors.Is(err, io.EOF) {
			return packages
		}
		if err != nil {
			t.Fatal(err)
		}
		packages = append(packages, p)
	}
}

func TestArchitecture_Imports_RunOneWay(t *testing.T) {
	packages := listPackages(t)
	if len(packages) != len(allowedImports) {
		t.Errorf("%d packages, but %d are known here: say what the new one may import", len(packages), len(allowedImports))
	}
	for _, p := range packages {
		allowed, known := allowedImports[p.ImportPath]
		if !known {
			t.Errorf("%s is not known here: say what it may import", p.ImportPath)
		}
		for _, imported := range p.Imports {
			if strings.HasPrefix(imported, "exporter/") && !slices.Contains(allowed, imported) {
				t.Errorf("%s imports %s", p.ImportPath, imported)
			}
		}
	}
}

// The pipeline never learns what HTTP, TOML, tar, Parquet or a terminal is.
func TestArchitecture_Pipeline_StaysAbstract(t *testing.T) {
	forbidden := []string{"net/http", "archive/tar", "os", "toml", "parquet", "zstd", "mpb", "cobra", "term"}
	for _, p := range listPackages(t) {
		if p.ImportPath != "exporter/pipeline" {
			continue
		}
		for _, imported := range p.Imports {
			for _, f := range forbidden {
				if imported == f || strings.Contains(imported, "/"+f) {
					t.Errorf("pipeline imports %s", imported)
				}
			}
		}
		return
	}
	t.Error("there is no package pipeline")
}
