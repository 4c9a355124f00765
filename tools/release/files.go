package main

import (
	"bytes"
	"compress/gzip"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// file is something that goes along with the program.
type file struct {
	// name is a path with slashes. Its first folder says what it is: "man", "completions", "systemd", "watch" or "doc".
	name    string
	mode    fs.FileMode
	content []byte
}

// accompany returns the files that go along with the program: manual pages, completions, units, rules of alerts, documents and licences. The program is that
// of this platform, which writes some of them.
func (r *release) accompany(host program) (files []file, err error) {
	pages := filepath.Join(r.work, "man")
	if _, err := r.output(host, "man", pages); err != nil {
		return nil, err
	}
	if files, err = readFiles(pages, "man"); err != nil {
		return nil, err
	}
	for _, c := range []struct{ shell, name string }{
		{"bash", "exporter.bash"}, {"zsh", "_exporter"}, {"fish", "exporter.fish"}, {"powershell", "exporter.ps1"},
	} {
		script, err := r.output(host, "completion", c.shell)
		if err != nil {
			return nil, err
		}
		files = append(files, file{"completions/" + c.name, 0o644, script})
	}
	units, err := readFiles(filepath.Join(r.root, "deploy", "systemd"), "systemd")
	if err != nil {
		return nil, err
	}
	files = append(files, units...)
	for _, dir := range []string{"prometheus", "grafana"} {
		watched, err := readFiles(filepath.Join(r.root, "deploy", dir), "watch")
		if err != nil {
			return nil, err
		}
		files = append(files, watched...)
	}
	for _, name := range []string{"README.md", "CHANGELOG.md", "LICENSE", "config.example.toml"} {
		content, err := os.ReadFile(filepath.Join(r.root, name))
		if err != nil {
			return nil, err
		}
		files = append(files, file{"doc/" + name, 0o644, content})
	}
	notices, err := r.output(host, "licenses")
	if err != nil {
		return nil, err
	}
	return append(files, file{"doc/LICENSES.txt", 0o644, notices}), nil
}

// readFiles returns the files of a folder, by name, as files of another one.
func readFiles(dir, as string) (files []file, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		content, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			return nil, err
		}
		mode := fs.FileMode(0o644)
		if bytes.HasPrefix(content, []byte("#!")) {
			mode = 0o755
		}
		files = append(files, file{path.Join(as, e.Name()), mode, content})
	}
	return files, nil
}

// installed returns where a system of Linux has a file, and the file as it is there, nil where it has none.
func installed(f file, format string) *file {
	folder, base := path.Split(f.name)
	f.name = ""
	switch folder {
	case "man/":
		f.name, f.content = "/usr/share/man/man1/"+base+".gz", zipped(f.content)
	case "completions/":
		f.name = map[string]string{
			"exporter.bash": "/usr/share/bash-completion/completions/exporter",
			"_exporter":     zshFolder(format) + "_exporter",
			"exporter.fish": "/usr/share/fish/vendor_completions.d/exporter.fish",
		}[base]
	case "systemd/":
		f.name = "/usr/lib/systemd/system/" + base
		if strings.Contains(base, ".example") {
			f.name = "/usr/share/doc/" + name + "/examples/" + base
		}
	case "watch/":
		f.name = "/usr/share/doc/" + name + "/examples/" + base
	case "doc/":
		f.name = "/usr/share/doc/" + name + "/" + map[string]string{"LICENSES.txt": "copyright", "CHANGELOG.md": "changelog.gz"}[base]
		switch base {
		case "CHANGELOG.md":
			f.content = zipped(f.content)
		case "README.md", "config.example.toml":
			f.name += base
		case "LICENSE":
			f.name = ""
		}
	}
	if f.name == "" {
		return nil
	}
	return &f
}

// zshFolder returns where zsh of a distribution looks for completions.
func zshFolder(format string) string {
	if format == "deb" {
		return "/usr/share/zsh/vendor-completions/"
	}
	return "/usr/share/zsh/site-functions/"
}

// zipped returns a text as gzip, the same bytes each time.
func zipped(content []byte) []byte {
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		panic(err) // The level is a constant.
	}
	z.Write(content) // A buffer takes everything.
	z.Close()
	return b.Bytes()
}
