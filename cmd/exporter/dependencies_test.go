package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"exporter/internal/testmain"
)

// targets are the platforms of "make cross": what is linked differs between them.
var targets = []string{"linux/amd64", "linux/arm64", "darwin/amd64", "darwin/arm64", "windows/amd64", "windows/arm64"}

// allowedLicences are the SPDX identifiers of the licences that a dependency may have, all of them permissive. Each has a
// phrase that is in its text and in none of the others', white space aside.
var allowedLicences = map[string]string{
	"Apache-2.0":   "Apache License Version 2.0, January 2004",
	"BSD-2-Clause": "other materials provided with the distribution. THIS SOFTWARE IS PROVIDED",
	"BSD-3-Clause": "Neither the name of",
	"MIT":          "to deal in the Software without restriction",
	"Unlicense":    "This is free and unencumbered software released into the public domain.",
}

// licenceFile matches the names of files that say under which licence a folder is.
var licenceFile = regexp.MustCompile(`(?i)^(un)?(licen[cs]e|copying)[^.]*(\.txt|\.md|\.golang)?$`)

// goList returns the lines that a template makes of the packages that are linked into the program on a platform.
func goList(t *testing.T, target, cgo, template string) []string {
	t.Helper()
	goos, goarch, _ := strings.Cut(target, "/")
	var stdout, stderr bytes.Buffer
	cmd := exec.Command("go", "list", "-deps", "-f", template, "exporter/cmd/exporter")
	cmd.Env = append(os.Environ(), "GOOS="+goos, "GOARCH="+goarch, "CGO_ENABLED="+cgo)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("go list for %s: %v\n%s", target, err, &stderr)
	}
	return strings.FieldsFunc(stdout.String(), func(r rune) bool { return r == '\n' })
}

// linkedModules returns the folders of each module, by "path version", from which code is linked on any of the targets.
func linkedModules(t *testing.T) map[string][]string {
	t.Helper()
	const template = `{{with .Module}}{{if not .Main}}{{.Path}} {{.Version}}{{"\t"}}{{.Dir}}{{"\t"}}{{$.Dir}}{{end}}{{end}}`
	linked := map[string][]string{}
	for _, target := range targets {
		for _, line := range goList(t, target, "0", template) {
			fields := strings.Split(line, "\t")
			module, root, dir := fields[0], fields[1], fields[2]
			for !slices.Contains(linked[module], dir) {
				linked[module] = append(linked[module], dir)
				if dir != root {
					dir = filepath.Dir(dir)
				}
			}
		}
	}
	return linked
}

// goMod is what a go.mod file says, as far as it matters here.
type goMod struct {
	Module  struct{ Path string }
	Require []struct {
		Path, Version string
		Indirect      bool
	}
	Tool []struct{ Path string }
}

func readGoMod(t *testing.T, file string) goMod {
	t.Helper()
	out, err := exec.Command("go", "mod", "edit", "-json", file).Output()
	if err != nil {
		t.Fatal(err)
	}
	var m goMod
	if err := json.Unmarshal(out, &m); err != nil {
		t.Fatal(err)
	}
	return m
}

// documentedModules returns the licences of each module, by "path version", in a section of docs/dependencies.md.
func documentedModules(t *testing.T, section string) map[string][]string {
	t.Helper()
	doc, err := os.ReadFile("../../docs/dependencies.md")
	if err != nil {
		t.Fatal(err)
	}
	_, text, found := strings.Cut(string(doc), "\n## "+section+"\n")
	if !found {
		t.Fatalf("docs/dependencies.md has no section %q", section)
	}
	text, _, _ = strings.Cut(text, "\n## ")
	modules := map[string][]string{}
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "| `") {
			continue
		}
		cells := strings.Split(line, "|")
		if len(cells) != 6 || strings.TrimSpace(cells[4]) == "" {
			t.Fatalf("docs/dependencies.md: this row has not the four columns of the others: %s", line)
		}
		module := strings.Trim(cells[1], " `") + " " + strings.TrimSpace(cells[2])
		if _, twice := modules[module]; twice {
			t.Errorf("docs/dependencies.md has %s twice in %q", module, section)
		}
		modules[module] = strings.Split(strings.TrimSpace(cells[3]), " AND ")
	}
	return modules
}

// licenceTexts returns the text of each licence file in the folders, with single spaces for all white space.
func licenceTexts(t *testing.T, dirs []string) map[string]string {
	t.Helper()
	texts := map[string]string{}
	for _, dir := range dirs {
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if e.IsDir() || !licenceFile.MatchString(e.Name()) {
				continue
			}
			file := filepath.Join(dir, e.Name())
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			texts[file] = strings.Join(strings.Fields(string(text)), " ")
		}
	}
	return texts
}

// The tables of docs/dependencies.md have every module that is linked, tested with or run as a tool, and no other.
func TestDependencies_Document_IsTrue(t *testing.T) {
	testmain.Long(t)
	t.Parallel()
	linked := linkedModules(t)
	want := map[string][]string{"In the program": {}, "In tests": {}, "Tools": {}, "Interoperability tests": {}}
	for module := range linked {
		want["In the program"] = append(want["In the program"], module)
	}
	own := readGoMod(t, "../../go.mod")
	for _, m := range own.Require {
		if module := m.Path + " " + m.Version; linked[module] == nil {
			want["In tests"] = append(want["In tests"], module)
		}
	}
	for _, file := range []string{"../../tools/go.mod", "../../tools/stores/go.mod", "../../tools/kubernetes/go.mod"} {
		tools := readGoMod(t, file)
		for _, m := range tools.Require {
			isTool := slices.ContainsFunc(tools.Tool, func(tool struct{ Path string }) bool { return strings.HasPrefix(tool.Path+"/", m.Path+"/") })
			if isTool || !m.Indirect {
				want["Tools"] = append(want["Tools"], m.Path+" "+m.Version)
			}
		}
	}
	for _, m := range readGoMod(t, "../../internal/interop/go.mod").Require {
		if !m.Indirect && m.Path != own.Module.Path {
			want["Interoperability tests"] = append(want["Interoperability tests"], m.Path+" "+m.Version)
		}
	}
	for section, modules := range want {
		got := []string{}
		for module, licences := range documentedModules(t, section) {
			got = append(got, module)
			for _, licence := range licences {
				if allowedLicences[licence] == "" {
					t.Errorf("%s: %q is not among the licences that are allowed", module, licence)
				}
			}
		}
		slices.Sort(modules)
		slices.Sort(got)
		if diff := cmp.Diff(modules, got); diff != "" {
			t.Errorf("%q of docs/dependencies.md (-what is needed +what it says):\n%s", section, diff)
		}
	}
	checkLicences(t, linked, documentedModules(t, "In the program"))
}

// checkLicences checks that every licence file beside linked code is of a documented kind, and that every documented kind
// has such a file. A file may be of more kinds: it may name the licences of folders from which nothing is linked.
func checkLicences(t *testing.T, linked, documented map[string][]string) {
	t.Helper()
	for module, licences := range documented {
		found := map[string]bool{}
		for file, text := range licenceTexts(t, linked[module]) {
			known := false
			for _, licence := range licences {
				if phrase := allowedLicences[licence]; phrase != "" && strings.Contains(text, phrase) {
					known, found[licence] = true, true
				}
			}
			if !known {
				t.Errorf("%s is not of a kind that docs/dependencies.md says: %q", file, licences)
			}
		}
		for _, licence := range licences {
			if !found[licence] {
				t.Errorf("%s: docs/dependencies.md says %q, but none of its licence files does", module, licence)
			}
		}
	}
}

// The program is pure Go: nothing in it needs a C compiler or was compiled by others. With cgo, only the standard library
// uses it, to look up names of hosts and users. Without cgo, go list would leave out the files with C code, and so hide them.
func TestDependencies_Packages_ArePureGo(t *testing.T) {
	testmain.Long(t)
	t.Parallel()
	const template = `{{if or .CgoFiles .SysoFiles}}{{if .Standard}}std {{end}}{{.ImportPath}}{{end}}`
	allowed := []string{"std net", "std os/user", "std runtime/cgo"}
	for _, target := range targets {
		for _, p := range goList(t, target, "1", template) {
			if !slices.Contains(allowed, p) {
				t.Errorf("%s: %s has C code or compiled objects", target, p)
			}
		}
	}
}

// "exporter licenses" prints every licence and every notice that is beside code which is linked on any platform, under the name and the version
// of its module, and no module that is not linked.
func TestDependencies_Licenses_AreComplete(t *testing.T) {
	testmain.Long(t)
	t.Parallel()
	const remedy = "go generate ./internal/licenses"
	noticeFile := regexp.MustCompile(`(?i)licen[cs]e|copying|notice|copyright`)
	code, stdout, stderr := newCLI(t, "").run("licenses")
	if code != 0 || stderr != "" {
		t.Fatalf("exit %d, %s", code, stderr)
	}
	words := func(text string) string { return strings.Join(strings.Fields(text), " ") }
	first, rest, _ := strings.Cut(stdout, strings.Repeat("=", 80))
	if own, err := os.ReadFile("../../LICENSE"); err != nil || !strings.Contains(words(first), words(string(own))) {
		t.Errorf("it does not begin with LICENSE (%v)", err)
	}
	// Texts by the names of their modules.
	printed := map[string]string{}
	for section := range strings.SplitSeq(rest, strings.Repeat("=", 80)) {
		names, text, _ := strings.Cut(strings.TrimSpace(section), "\n\n")
		for name := range strings.Lines(names) {
			printed[strings.TrimSpace(name)] += words(text) + "\n"
		}
	}
	if !strings.Contains(printed["The Go standard library"], "Copyright 2009 The Go Authors.") {
		t.Error("it does not have the licence of the Go standard library")
	}
	delete(printed, "The Go standard library")
	linked := linkedModules(t)
	for module, dirs := range linked {
		files := 0
		for _, dir := range dirs {
			entries, err := os.ReadDir(dir)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range entries {
				if e.IsDir() || filepath.Ext(e.Name()) == ".go" || !noticeFile.MatchString(e.Name()) {
					continue
				}
				content, err := os.ReadFile(filepath.Join(dir, e.Name()))
				if err != nil {
					t.Fatal(err)
				}
				files++
				if !strings.Contains(printed[module], words(string(content))) {
					t.Errorf("it lacks %s of %s: %s", e.Name(), module, remedy)
				}
			}
		}
		if files == 0 {
			t.Errorf("%s has no licence file", module)
		}
		delete(printed, module)
	}
	for module := range printed {
		t.Errorf("it has %s, which is not linked: %s", module, remedy)
	}
}
