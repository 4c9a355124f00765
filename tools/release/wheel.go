package main

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// pythonFiles are the modules of the package.
//
//go:embed python/__init__.py python/__main__.py
var pythonFiles embed.FS

// pythonPackage is what "import" calls what is in the wheel.
const pythonPackage = "llamacloud_exporter"

// wheelTags say on which machines pip installs the program. It links no library of C, so that any Linux takes it. Go 1.26 needs macOS 12.
func wheelTags(p program) (string, error) {
	tags := map[string]string{
		"linux/amd64":   "manylinux2014_x86_64.manylinux_2_17_x86_64.musllinux_1_1_x86_64",
		"linux/arm64":   "manylinux2014_aarch64.manylinux_2_17_aarch64.musllinux_1_1_aarch64",
		"darwin/amd64":  "macosx_12_0_x86_64",
		"darwin/arm64":  "macosx_12_0_arm64",
		"windows/amd64": "win_amd64",
		"windows/arm64": "win_arm64",
	}[p.platform]
	if tags == "" {
		return "", fmt.Errorf("no tags of wheels are known for it")
	}
	return tags, nil
}

// wheel makes a Python wheel. The program is among its scripts, so that pip puts it beside Python's own; a small package finds it there, for
// "python -m" and for uvx, which calls a command by the name of the package.
func wheel(r *release, p program) ([]string, error) {
	tags, err := wheelTags(p)
	if err != nil {
		return nil, err
	}
	v, err := r.version.python()
	if err != nil {
		return nil, err
	}
	binary, err := os.ReadFile(p.file)
	if err != nil {
		return nil, err
	}
	stem := pythonPackage + "-" + v
	info := stem + ".dist-info/"
	files := []file{{stem + ".data/scripts/" + p.exe(), 0o755, binary}}
	for _, module := range []string{"__init__.py", "__main__.py"} {
		content, err := pythonFiles.ReadFile("python/" + module)
		if err != nil {
			return nil, err
		}
		files = append(files, file{pythonPackage + "/" + module, 0o644, content})
	}
	metadata, err := r.metadata(v)
	if err != nil {
		return nil, err
	}
	files = append(files,
		file{info + "METADATA", 0o644, metadata},
		file{info + "WHEEL", 0o644, wheelFile(tags)},
		file{info + "entry_points.txt", 0o644, fmt.Appendf(nil, "[console_scripts]\n%s = %s.__main__:main\n", name, pythonPackage)},
	)
	for _, f := range r.common {
		if base, ok := strings.CutPrefix(f.name, "doc/"); ok && strings.HasPrefix(base, "LICENSE") {
			files = append(files, file{info + "licenses/" + base, 0o644, f.content})
		}
	}
	files = append(files, file{info + "RECORD", 0o644, record(files, info+"RECORD")})
	packed, err := r.zipFile(files)
	if err != nil {
		return nil, err
	}
	made, err := r.write(fmt.Sprintf("%s-py3-none-%s.whl", stem, tags), packed)
	return []string{made}, err
}

// metadata returns the core metadata, with the README as description.
func (r *release) metadata(v string) ([]byte, error) {
	readme, err := os.ReadFile(filepath.Join(r.root, "README.md"))
	if err != nil {
		return nil, err
	}
	licence, err := r.licence()
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "Metadata-Version: 2.4\nName: %s\nVersion: %s\nSummary: %s\n", name, v, summary)
	fmt.Fprintf(&b, "License-Expression: %s\nLicense-File: LICENSE\nLicense-File: LICENSES.txt\n", licence)
	b.WriteString("Requires-Python: >=3.8\nDescription-Content-Type: text/markdown\n\n")
	b.Write(readme)
	return b.Bytes(), nil
}

// wheelFile returns the description of the wheel's form, with a line for each platform.
func wheelFile(tags string) []byte {
	var b bytes.Buffer
	b.WriteString("Wheel-Version: 1.0\nGenerator: exporter-release\nRoot-Is-Purelib: false\n")
	for tag := range strings.SplitSeq(tags, ".") {
		fmt.Fprintf(&b, "Tag: py3-none-%s\n", tag)
	}
	return b.Bytes()
}

// record returns the list of the files with their hashes, itself without one.
func record(files []file, own string) []byte {
	var b bytes.Buffer
	for _, f := range files {
		sum := sha256.Sum256(f.content)
		fmt.Fprintf(&b, "%s,sha256=%s,%d\n", f.name, base64.RawURLEncoding.EncodeToString(sum[:]), len(f.content))
	}
	fmt.Fprintf(&b, "%s,,\n", own)
	return b.Bytes()
}
