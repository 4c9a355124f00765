// Command notices writes the text that "exporter licenses" prints, compressed: the licence of the program, and the licences and notices of
// each module that is linked into it on any platform that it is released for, and of the Go standard library. A text that several modules
// have is there once, under all of their names.
package main

import (
	"bytes"
	"compress/gzip"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// program is the package whose dependencies count, and root the folder of its module.
const (
	program = "./cmd/exporter"
	root    = ".."
)

// platforms are those of "make cross PLATFORMS=all": what is linked differs between them.
func platforms() []string {
	return []string{"linux/amd64", "linux/arm64", "darwin/amd64", "darwin/arm64", "windows/amd64", "windows/arm64"}
}

// noticeFile matches the names of files that have to go along with what is made of the code beside them.
var noticeFile = regexp.MustCompile(`(?i)^((un)?licen[cs]e|copying|notice|copyright)[^.]*(\.txt|\.md|\.golang)?$`)

func main() {
	out := flag.String("out", "notices.gz", "`FILE` to write")
	flag.Parse()
	if err := write(*out); err != nil {
		fmt.Fprintln(os.Stderr, "notices:", err)
		os.Exit(1)
	}
}

func write(out string) error {
	text, err := text()
	if err != nil {
		return err
	}
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return err
	}
	if _, err := z.Write(text); err != nil {
		return err
	}
	if err := z.Close(); err != nil {
		return err
	}
	return os.WriteFile(out, b.Bytes(), 0o644)
}

// text returns all of it.
func text() ([]byte, error) {
	modules, err := linked()
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	own, err := os.ReadFile(filepath.Join(root, "LICENSE"))
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(&b, "exporter is licensed as follows. What it is made of comes after it.\n\n%s\n", clean(own))
	// The names of what has a text, by the text, and the texts in the order in which they are found.
	holders, order := map[string][]string{}, []string{}
	for _, m := range modules {
		found := 0
		for _, file := range m.files {
			content, err := os.ReadFile(file)
			if err != nil {
				return nil, err
			}
			t := clean(content)
			if holders[t] == nil {
				order = append(order, t)
			}
			if name := m.name; !slices.Contains(holders[t], name) {
				holders[t] = append(holders[t], name)
			}
			found++
		}
		if found == 0 {
			return nil, fmt.Errorf("%s has no licence file", m.name)
		}
	}
	for _, t := range order {
		fmt.Fprintf(&b, "%s\n\n%s\n\n%s\n", strings.Repeat("=", 80), strings.Join(holders[t], "\n"), t)
	}
	return b.Bytes(), nil
}

// clean gives a text lines that end alike, and neither begin nor end with white space.
func clean(text []byte) string {
	lines := strings.Split(string(text), "\n")
	for i, line := range lines {
		lines[i] = strings.TrimRight(line, " \t\r\f")
	}
	return strings.Trim(strings.Join(lines, "\n"), "\n") + "\n"
}

// module is something that is linked.
type module struct {
	// name has the path and the version.
	name string
	// files are those that noticeFile matches, in the folders of linked packages and in those above them.
	files []string
}

// linked returns the modules that are linked on any platform, by name, and the standard library.
func linked() ([]module, error) {
	const template = `{{if .Standard}}{{else if .Module.Main}}{{else}}{{.Module.Path}} {{.Module.Version}}{{"\t"}}{{.Module.Dir}}{{"\t"}}{{.Dir}}{{end}}`
	folders := map[string]map[string]bool{}
	for _, platform := range platforms() {
		goos, goarch, _ := strings.Cut(platform, "/")
		c := exec.Command("go", "list", "-deps", "-f", template, program)
		c.Dir, c.Stderr = root, os.Stderr
		c.Env = append(os.Environ(), "GOOS="+goos, "GOARCH="+goarch, "CGO_ENABLED=0", "GOWORK=off")
		out, err := c.Output()
		if err != nil {
			return nil, fmt.Errorf("go list for %s: %w", platform, err)
		}
		for line := range strings.Lines(string(out)) {
			fields := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
			if len(fields) != 3 {
				continue
			}
			if folders[fields[0]] == nil {
				folders[fields[0]] = map[string]bool{}
			}
			for dir := fields[2]; ; dir = filepath.Dir(dir) {
				folders[fields[0]][dir] = true
				if dir == fields[1] {
					break
				}
			}
		}
	}
	goroot, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return nil, fmt.Errorf("go env: %w", err)
	}
	modules := []module{{name: "The Go standard library", files: []string{filepath.Join(strings.TrimSpace(string(goroot)), "LICENSE")}}}
	for name, dirs := range folders {
		m := module{name: name}
		for dir := range dirs {
			files, err := notices(dir)
			if err != nil {
				return nil, err
			}
			m.files = append(m.files, files...)
		}
		slices.Sort(m.files)
		modules = append(modules, m)
	}
	slices.SortFunc(modules[1:], func(a, b module) int { return strings.Compare(a.name, b.name) })
	return modules, nil
}

// notices returns the files in a folder that noticeFile matches.
func notices(dir string) (files []string, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		if e.Type()&fs.ModeType == 0 && noticeFile.MatchString(e.Name()) {
			files = append(files, filepath.Join(dir, e.Name()))
		}
	}
	return files, nil
}
