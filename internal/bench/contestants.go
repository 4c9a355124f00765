package main

import (
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Names of contestants.
const (
	nameBound   = "bound"
	nameLoop    = "loop"
	nameHashing = "loop, hashing"
	nameCurl    = "curl"
	nameAria    = "aria2c"
	nameLocal   = ownName + ", " + sinkLocal
	nameArchive = ownName + ", " + sinkArchive
	ownName     = "exporter"
	thanName    = "than"
)

// contestant is a program that fetches every blob of a corpus once.
type contestant struct {
	name string
	// own says that the contestant makes its directory by itself, as exporter does; else it is there before.
	own bool
	// missing says that the program is not there.
	missing bool
	command []string
	// check tells whether everything was fetched, from the output directory and from what was printed.
	check func(stdout string) error
}

// lineUp returns the contestants that fetch what an emulator serves of a corpus, with commands that store the blobs in out. The lists of what
// they fetch are written beforehand.
func (b *bench) lineUp(c corpus, e *emulatorProcess, out string) ([]contestant, error) {
	urls := c.urls(e.url)
	lists := map[string]string{}
	for name, text := range map[string]string{nameLoop: plainList(urls), nameCurl: curlConfig(urls, out), nameAria: ariaList(urls)} {
		lists[name] = filepath.Join(b.temp, name+".list")
		if err := os.WriteFile(lists[name], []byte(text), 0o644); err != nil {
			return nil, fmt.Errorf("write the list: %w", err)
		}
	}
	workers := strconv.Itoa(b.workers)
	fetch := func(flags ...string) []string {
		return e.trusted(append([]string{b.self, fetchCommand, "-list", lists[nameLoop], "-workers", workers}, flags...))
	}
	curl := []string{"curl", "--disable", "--config", lists[nameCurl], "--parallel", "--parallel-max", workers, "--fail", "--silent", "--show-error"}
	if e.certificate != "" {
		curl = append(curl, "--cacert", e.certificate)
	}
	filed := func(string) error { return checkFiles(c, out) }
	all := []contestant{
		{name: nameBound, command: fetch(), check: func(stdout string) error { return checkDiscarded(c, stdout) }},
		{name: nameLoop, command: fetch("-out", out), check: filed},
		{name: nameHashing, command: fetch("-out", out, "-hash"), check: filed},
		{name: nameCurl, command: curl, check: filed},
		{name: nameAria, check: filed, command: []string{
			"aria2c", "--no-conf", "--input-file", lists[nameAria], "--dir", out, "--header", "Authorization: Bearer " + benchKey,
			"--max-concurrent-downloads", workers, "--max-connection-per-server=1", "--split=1", "--enable-http-keep-alive=true",
			"--file-allocation=none", "--auto-save-interval=0", "--summary-interval=0", "--download-result=hide", "--quiet",
		}},
	}
	others, err := b.lineUpPackages(c, e.url, lists[nameLoop], out)
	if err != nil {
		return nil, err
	}
	all = append(all, others...)
	for _, name := range slices.Sorted(maps.Keys(b.measured())) {
		for _, sink := range []string{sinkLocal, sinkArchive} {
			other := *b
			other.exporter = b.measured()[name]
			o := exportOptions{url: e.url, out: out, sink: sink, rate: "unlimited", workers: b.workers}
			all = append(all, contestant{
				name:    name + ", " + sink,
				own:     true,
				command: e.trusted(other.exportCommand(o)),
				check: func(string) error {
					r, err := readReport(out)
					if err != nil {
						return err
					}
					return checkExport(c, out, sink, r)
				},
			})
		}
	}
	for i := range all {
		_, err := exec.LookPath(all[i].command[0])
		all[i].missing = all[i].missing || err != nil
	}
	return all, nil
}

// legend says what the contestants are.
func (b *bench) legend(ctx context.Context) string {
	var text strings.Builder
	fmt.Fprintf(&text, "\n- %s: a loop in Go with %d workers that fetches the blobs and throws them away\n", nameBound, b.workers)
	fmt.Fprintf(&text, "- %s: the same loop, with a file for each blob\n", nameLoop)
	fmt.Fprintf(&text, "- %s: that loop, with the SHA-256 of each blob, of which nothing becomes\n", nameHashing)
	fmt.Fprintf(&text, "- %s: `curl --parallel --parallel-max %d`, %s\n", nameCurl, b.workers, version(ctx, "curl"))
	fmt.Fprintf(&text, "- %s: `aria2c -j %d -x 1`, which syncs each file by itself, %s\n", nameAria, b.workers, version(ctx, "aria2c"))
	text.WriteString(b.legendOfPackages())
	if b.than != "" {
		fmt.Fprintf(&text, "- than: the exporter of -than, %s\n", version(ctx, b.than))
	}
	return text.String()
}

// version returns the name and number that a program begins with when it is asked for its version.
func version(ctx context.Context, program string) string {
	_, said, err := runProcess(ctx, []string{program, "--version"})
	if err != nil {
		return "missing"
	}
	line, _, _ := strings.Cut(said, "\n")
	line, _, _ = strings.Cut(line, " (")
	return strings.TrimSpace(line)
}
