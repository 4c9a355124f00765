// Command release makes what is handed out of the program: for each platform an archive and a Python wheel, for Linux packages of Debian and
// of RPM, a list of what the program is made of (CycloneDX), and checksums. The same sources, version, date and Go make the same bytes,
// wherever they are; the date is SOURCE_DATE_EPOCH, else that of the commit.
package main

import (
	"crypto/sha256"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// name is that of the packages. "exporter" alone is taken on PyPI, and says little in a list of packages.
const name = "llamacloud-exporter"

// summary describes the program in one line.
const summary = "Copies page screenshots and figures of LlamaCloud files to disk, with a Parquet manifest"

// release is one release under way.
type release struct {
	// root is the folder of the sources, out that of the results, work one that is removed in the end.
	root, out, work string
	version         version
	maintainer      string
	date            time.Time
	// common are the files that go along with the program, whatever the platform.
	common []file
}

// artifact makes results of a program; it returns their names.
type artifact func(r *release, p program) ([]string, error)

func main() {
	r := &release{}
	flag.StringVar(&r.root, "root", "..", "`FOLDER` of the sources")
	flag.StringVar(&r.out, "out", "../dist", "`FOLDER` for the results, which is emptied")
	flag.StringVar(&r.maintainer, "maintainer", "The authors of exporter <root@localhost>", "`NAME` and address for packages")
	given := flag.String("version", "", "`VERSION`, such as v1.2.3; else that which Go finds in the history")
	platforms := flag.String("platforms", "linux/amd64,linux/arm64,darwin/amd64,darwin/arm64,windows/amd64,windows/arm64", "`PLATFORMS`, with commas")
	kinds := flag.String("kinds", "archive,deb,rpm,wheel,sbom", "`KINDS` of results, with commas")
	flag.Parse()
	if err := r.make(*given, strings.Split(*platforms, ","), strings.Split(*kinds, ",")); err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

func (r *release) make(given string, platforms, kinds []string) (err error) {
	if r.work, err = os.MkdirTemp("", "exporter-release-"); err != nil {
		return err
	}
	defer os.RemoveAll(r.work)
	if r.date, err = r.sourceDate(); err != nil {
		return err
	}
	host, err := r.build(given, hostPlatform())
	if err != nil {
		return err
	}
	if r.version, err = host.version(); err != nil {
		return err
	}
	if r.common, err = r.accompany(host); err != nil {
		return err
	}
	if err := r.emptyOut(); err != nil {
		return err
	}
	makers := map[string]artifact{"archive": archive, "deb": linuxPackage("deb"), "rpm": linuxPackage("rpm"), "wheel": wheel}
	var programs []program
	var names []string
	for _, platform := range platforms {
		p := host
		if platform != host.platform {
			if p, err = r.build(given, platform); err != nil {
				return err
			}
		}
		programs = append(programs, p)
		for _, kind := range kinds {
			if makers[kind] == nil {
				if kind != "sbom" {
					return fmt.Errorf("%q is no kind of result", kind)
				}
				continue
			}
			made, err := makers[kind](r, p)
			if err != nil {
				return fmt.Errorf("%s of %s: %w", kind, platform, err)
			}
			names = append(names, made...)
		}
	}
	if slices.Contains(kinds, "sbom") {
		made, err := sbom(r, programs)
		if err != nil {
			return fmt.Errorf("list of parts: %w", err)
		}
		names = append(names, made)
	}
	return r.checksums(names)
}

// sourceDate returns SOURCE_DATE_EPOCH, else the time of the commit.
func (r *release) sourceDate() (time.Time, error) {
	text := os.Getenv("SOURCE_DATE_EPOCH")
	if text == "" {
		out, err := exec.Command("git", "-C", r.root, "log", "-1", "--format=%ct").Output()
		if err != nil {
			return time.Time{}, fmt.Errorf("there is no commit to take the date from, set SOURCE_DATE_EPOCH: %w", err)
		}
		text = strings.TrimSpace(string(out))
	}
	seconds, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return time.Time{}, fmt.Errorf("SOURCE_DATE_EPOCH: %w", err)
	}
	return time.Unix(seconds, 0).UTC(), nil
}

// emptyOut makes the folder of the results. One that has anything but results of before is refused.
func (r *release) emptyOut() error {
	if err := os.MkdirAll(r.out, 0o755); err != nil {
		return err
	}
	entries, err := os.ReadDir(r.out)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !strings.Contains(e.Name(), "exporter") && e.Name() != sumsName {
			return fmt.Errorf("%s has %s, which no release made: give another folder", r.out, e.Name())
		}
	}
	for _, e := range entries {
		if err := os.Remove(filepath.Join(r.out, e.Name())); err != nil {
			return err
		}
	}
	return nil
}

// write writes a result and says so.
func (r *release) write(name string, content []byte) (string, error) {
	fmt.Printf("%9d  %s\n", len(content), name)
	return name, os.WriteFile(filepath.Join(r.out, name), content, 0o644)
}

// sumsName is what "sha256sum --check" is given.
const sumsName = "SHA256SUMS"

// checksums writes the list that "sha256sum --check" reads.
func (r *release) checksums(names []string) error {
	slices.Sort(names)
	var b strings.Builder
	for _, name := range names {
		content, err := os.ReadFile(filepath.Join(r.out, name))
		if err != nil {
			return err
		}
		fmt.Fprintf(&b, "%x  %s\n", sha256.Sum256(content), name)
	}
	_, err := r.write(sumsName, []byte(b.String()))
	return err
}
