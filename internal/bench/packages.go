package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
)

// Names of contestants that are packages of Python and Node.
const (
	nameRequests   = "requests in threads"
	nameHTTPX      = "httpx in threads"
	namePython     = "llama-cloud, Python, a loop"
	nameThreads    = "llama-cloud, Python, in threads"
	nameNode       = "llama-cloud, TypeScript, a loop"
	nameAtOnce     = "llama-cloud, TypeScript, at once"
	nameImgDataset = "img2dataset"
)

// packageNames are those of all of them.
var packageNames = []string{nameRequests, nameHTTPX, namePython, nameThreads, nameNode, nameAtOnce, nameImgDataset}

// lineUpPackages returns the contestants that -python and -node have the packages for; the others are missing.
func (b *bench) lineUpPackages(c corpus, url, list, out string) ([]contestant, error) {
	scripts := map[string]string{}
	for _, name := range []string{"fetch_peer.py", "llama_cloud_peer.py", "llama_cloud_peer.mjs", "img2dataset_peer.py"} {
		file, err := b.script(name)
		if err != nil {
			return nil, err
		}
		scripts[name] = file
	}
	workers, cpus := strconv.Itoa(b.workers), runtime.NumCPU()
	filed := func(string) error { return checkFiles(c, out) }
	run := func(interpreter, module, script string, args ...string) contestant {
		return contestant{missing: !hasModule(interpreter, module), check: filed, command: append([]string{interpreter, scripts[script]}, args...)}
	}
	python := func(module, script string, args ...string) contestant { return run(b.python, module, script, args...) }
	node := func(atOnce string) contestant {
		return contestant{missing: b.node == "", check: filed, command: []string{
			"node", scripts["llama_cloud_peer.mjs"], url, "synthetic", out, atOnce, b.node,
		}}
	}
	threads, shard := max(1, b.workers/cpus), (c.blobs()+cpus-1)/cpus
	images := run(b.img2dataset, "img2dataset", "img2dataset_peer.py", list, out, strconv.Itoa(cpus), strconv.Itoa(threads), strconv.Itoa(shard))
	images.check = func(string) error { return checkImageDataset(c, out) }
	all := []contestant{
		python("requests", "fetch_peer.py", "requests", list, out, workers),
		python("httpx", "fetch_peer.py", "httpx", list, out, workers),
		python("llama_cloud", "llama_cloud_peer.py", url, "synthetic", out, "1"),
		python("llama_cloud", "llama_cloud_peer.py", url, "synthetic", out, workers),
		node("1"), node(workers), images,
	}
	for i, name := range packageNames {
		all[i].name = name
	}
	return all, nil
}

// script writes one of the scripts of peers to where it can be run.
func (b *bench) script(name string) (string, error) {
	text, err := peers.ReadFile("peers/" + name)
	if err != nil {
		return "", err
	}
	file := filepath.Join(b.temp, name)
	if err := os.WriteFile(file, text, 0o600); err != nil {
		return "", fmt.Errorf("write a script: %w", err)
	}
	return file, nil
}

// hasModule tells whether there is an interpreter of Python, and it has a module.
func hasModule(interpreter, name string) bool {
	return interpreter != "" && exec.Command(interpreter, "-c", "import importlib.util, sys; sys.exit(importlib.util.find_spec('"+name+"') is None)").Run() == nil
}

// legendOfPackages says what the contestants are that are packages.
func (b *bench) legendOfPackages() string {
	var text strings.Builder
	fmt.Fprintf(&text, "- %s, %s: a file for each blob, %d threads: %s, %s\n", nameRequests, nameHTTPX, b.workers,
		pythonVersion(b.python, "requests"), pythonVersion(b.python, "httpx"))
	fmt.Fprintf(&text, "- %s, and %s: the official client lists the directory, and each blob becomes a file, one after the other or in %d threads: %s\n",
		namePython, nameThreads, b.workers, pythonVersion(b.python, "llama-cloud"))
	fmt.Fprintf(&text, "- %s, and %s: the same, %d files at once: %s\n", nameNode, nameAtOnce, b.workers, b.nodeVersion())
	fmt.Fprintf(&text, "- %s: %d processes, %d threads in all, bytes stored as they are (`disable_all_reencoding`) in tar shards; "+
		"as it knows no headers, its processes have an opener that sends the key: %s\n", nameImgDataset, runtime.NumCPU(), b.workers, pythonVersion(b.img2dataset, "img2dataset"))
	return text.String()
}

const missing = "missing"

// pythonVersion returns a package that an interpreter of Python has, with its version.
func pythonVersion(interpreter, name string) string {
	if interpreter == "" {
		return missing
	}
	said, err := exec.Command(interpreter, "-c", "import importlib.metadata; print(importlib.metadata.version('"+name+"'))").Output()
	if err != nil {
		return missing
	}
	return name + " " + strings.TrimSpace(string(said))
}

// nodeVersion returns the package of -node with its version.
func (b *bench) nodeVersion() string {
	const name = "@llamaindex/llama-cloud"
	text, err := os.ReadFile(filepath.Join(b.node, "node_modules", name, "package.json"))
	var described struct{ Version string }
	if b.node == "" || errors.Join(err, json.Unmarshal(text, &described)) != nil {
		return missing
	}
	return name + " " + described.Version
}
