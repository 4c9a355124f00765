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

// The rooms of the house that more than one other may enter.
const (
	pipelineRoom = "exporter/pipeline"
	sinksRoom    = "exporter/sinks"
	manifestRoom = "exporter/manifest"
	configRoom   = "exporter/internal/config"
	storeRoom    = "exporter/internal/store"
	placeRoom    = storeRoom + "/place"
	s3Room       = storeRoom + "/s3"
	gsRoom       = storeRoom + "/gs"
	azRoom       = storeRoom + "/az"
	wireRoom     = storeRoom + "/wire"
	bucketRoom   = storeRoom + "/bucket"
	durableRoom  = "exporter/internal/durable"
	mediaRoom    = "exporter/internal/media"
	loopbackRoom = "exporter/internal/loopback"
	secretRoom   = "exporter/internal/secret"
	proxyRoom    = "exporter/internal/proxy"
	spellRoom    = "exporter/internal/spell"
	verifyRoom   = "exporter/internal/verify"
	compactRoom  = "exporter/internal/compact"
	llamaRoom    = "exporter/internal/llamacloud"
	emulatorRoom = "exporter/internal/emulator"
	datasetRoom  = "exporter/internal/dataset"
	exportRoom   = "exporter/internal/export"
	phashRoom    = "exporter/internal/phash"
	pictureRoom  = "exporter/internal/picture"
	derivedRoom  = "exporter/internal/derived"
	whereRoom    = "exporter/internal/where"
	lsRoom       = "exporter/internal/inventory"
	acceptedRoom = "exporter/internal/accepted"
	metricsRoom  = "exporter/internal/metrics"
	pingRoom     = "exporter/internal/ping"
	watchRoom    = "exporter/internal/watch"
	licensesRoom = "exporter/internal/licenses"
	partsRoom    = "exporter/internal/parts"
	wholeRoom    = "exporter/internal/whole"
	fileListRoom = "exporter/internal/filelist"
	humanRoom    = "exporter/internal/human"
	viewRoom     = "exporter/internal/view"
	reportRoom   = "exporter/internal/report"
)

// allowedImports says which packages of this module each package may import, outside its tests. Imports run one way:
// cmd/exporter -> internal/export -> the rest; internal/llamacloud, sinks, manifest -> pipeline, for its types alone; pipeline and
// the leaves (durable, loopback, media, metrics, secret, spell) import nothing of ours, and proxy only what loopback is. Only the store knows
// what lies under it, and only place knows which kinds of stores there are.
var allowedImports = map[string][]string{
	pipelineRoom: {},

	durableRoom:                  {},
	durableRoom + "/durabletest": {durableRoom},
	loopbackRoom:                 {},
	secretRoom:                   {},
	spellRoom:                    {},
	whereRoom:                    {spellRoom},
	metricsRoom:                  {},
	pingRoom:                     {secretRoom},
	proxyRoom:                    {loopbackRoom},
	mediaRoom:                    {},
	mediaRoom + "/mediatest":     {},
	phashRoom:                    {},
	phashRoom + "/phashtest":     {},
	pictureRoom:                  {mediaRoom},
	storeRoom:                    {durableRoom},
	storeRoom + "/storetest":     {storeRoom, durableRoom, durableRoom + "/durabletest"},
	bucketRoom:                   {storeRoom},
	bucketRoom + "/buckettest":   {storeRoom, bucketRoom},
	wireRoom:                     {storeRoom, bucketRoom},
	s3Room:                       {storeRoom, bucketRoom, wireRoom},
	gsRoom:                       {storeRoom, bucketRoom, wireRoom},
	azRoom:                       {storeRoom, bucketRoom, wireRoom},
	placeRoom:                    {storeRoom, bucketRoom, s3Room, gsRoom, azRoom, wireRoom, proxyRoom},
	derivedRoom:                  {storeRoom},
	configRoom:                   {pipelineRoom, loopbackRoom, secretRoom, spellRoom, proxyRoom, placeRoom, partsRoom},

	llamaRoom:                        {pipelineRoom, loopbackRoom, mediaRoom, secretRoom, proxyRoom, llamaRoom + "/governor"},
	llamaRoom + "/governor":          {pipelineRoom},
	llamaRoom + "/governor/simulate": {llamaRoom + "/governor"},
	"exporter/internal/limits":       {llamaRoom + "/governor/simulate"},
	sinksRoom:                        {pipelineRoom, storeRoom, mediaRoom, partsRoom},
	manifestRoom:                     {pipelineRoom, storeRoom, partsRoom},
	wholeRoom:                        {partsRoom, storeRoom, placeRoom, manifestRoom},
	verifyRoom:                       {pipelineRoom, sinksRoom, storeRoom},
	acceptedRoom:                     {pipelineRoom, storeRoom},
	partsRoom:                        {pipelineRoom, storeRoom},
	fileListRoom:                     {pipelineRoom},
	lsRoom:                           {pipelineRoom, manifestRoom, whereRoom, acceptedRoom},

	humanRoom:  {},
	reportRoom: {pipelineRoom, storeRoom, lsRoom, humanRoom},
	viewRoom:   {pipelineRoom, sinksRoom, storeRoom, lsRoom, pictureRoom, mediaRoom},

	compactRoom: {pipelineRoom, sinksRoom, storeRoom, verifyRoom},

	exportRoom: {
		pipelineRoom, sinksRoom, manifestRoom, configRoom, storeRoom, placeRoom, llamaRoom, verifyRoom, compactRoom, derivedRoom, lsRoom,
		acceptedRoom, metricsRoom, partsRoom, fileListRoom, wholeRoom,
	},
	exportRoom + "/exporttest": {sinksRoom, storeRoom},
	watchRoom:                  {exportRoom, configRoom, metricsRoom, pingRoom, placeRoom},

	datasetRoom: {
		pipelineRoom, sinksRoom, manifestRoom, storeRoom, placeRoom, mediaRoom, whereRoom, pictureRoom, phashRoom, derivedRoom, wholeRoom,
	},

	emulatorRoom:             {},
	emulatorRoom + "/flags":  {emulatorRoom, emulatorRoom + "/sample", configRoom},
	emulatorRoom + "/sample": {},
	// For the tables of exports that are too large to be made by an export.
	"exporter/internal/bench": {loopbackRoom, partsRoom, storeRoom, manifestRoom, pipelineRoom},
	// It asks what a task of an export would cost.
	"exporter/internal/clusters": {partsRoom, pipelineRoom, configRoom, exportRoom},
	licensesRoom:                 {},
	// For tests.
	"exporter/internal/testmain": {},

	"exporter/cmd/exporter": {
		exportRoom, datasetRoom, viewRoom, reportRoom, humanRoom, configRoom, loopbackRoom, spellRoom, watchRoom, pingRoom, proxyRoom, emulatorRoom, emulatorRoom + "/flags",
		emulatorRoom + "/sample", licensesRoom,
		// For their errors and for what they tell, which are explained and printed.
		pipelineRoom, sinksRoom, manifestRoom, storeRoom, placeRoom, bucketRoom, llamaRoom, verifyRoom, lsRoom,
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

// Nothing that a program is made of goes around the store, nor uses what is there for tests.
func TestArchitecture_Durable_LiesUnderTheStoreAlone(t *testing.T) {
	seen := 0
	for _, p := range listPackages(t) {
		forTests := strings.HasSuffix(p.ImportPath, "test")
		for _, imported := range p.Imports {
			if imported == durableRoom {
				seen++
				if p.ImportPath != storeRoom && !forTests {
					t.Errorf("%s imports %s", p.ImportPath, imported)
				}
			}
			if strings.HasPrefix(imported, "exporter/") && strings.HasSuffix(imported, "test") && !forTests {
				t.Errorf("%s imports %s", p.ImportPath, imported)
			}
		}
	}
	if seen == 0 {
		t.Errorf("nothing imports %s", durableRoom)
	}
}

// The pipeline never learns what HTTP, TOML, tar, Parquet or a terminal is.
func TestArchitecture_Pipeline_StaysAbstract(t *testing.T) {
	forbidden := []string{"net/http", "archive/tar", "os", "toml", "parquet", "zstd", "mpb", "cobra", "term"}
	for _, p := range listPackages(t) {
		if p.ImportPath != pipelineRoom {
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
