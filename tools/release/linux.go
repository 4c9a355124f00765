package main

import (
	"bytes"
	"embed"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/goreleaser/nfpm/v2"
	"github.com/goreleaser/nfpm/v2/deb"
	"github.com/goreleaser/nfpm/v2/files"
	"github.com/goreleaser/nfpm/v2/rpm"
)

// configFolder is where systemd's instances have their configurations. It is a package's, but what is in it is not.
const configFolder = "/etc/exporter"

// scripts are what a package does besides having files.
//
//go:embed scripts
var scripts embed.FS

// linuxPackage returns what makes packages of a format: deb or rpm. On other systems than Linux it makes none.
func linuxPackage(format string) artifact {
	return func(r *release, p program) ([]string, error) {
		if p.goos != "linux" {
			return nil, nil
		}
		info, err := r.packageInfo(p, format)
		if err != nil {
			return nil, err
		}
		packagers := map[string]nfpm.Packager{"deb": deb.Default, "rpm": rpm.DefaultRPM}
		packager := packagers[format]
		if err := nfpm.PrepareForPackager(info, format); err != nil {
			return nil, err
		}
		var b bytes.Buffer
		if err := packager.Package(info, &b); err != nil {
			return nil, err
		}
		made, err := r.write(packager.ConventionalFileName(info), b.Bytes())
		return []string{made}, err
	}
}

// packageInfo describes a package. The files that it names are below the folder of work.
func (r *release) packageInfo(p program, format string) (*nfpm.Info, error) {
	staged := filepath.Join(r.work, format+"-"+p.goarch)
	contents := files.Contents{
		{Destination: configFolder, Type: files.TypeDir, FileInfo: &files.ContentFileInfo{Mode: 0o755, MTime: r.date}},
	}
	add := func(source, target string, mode fs.FileMode) {
		contents = append(contents, &files.Content{
			Source: source, Destination: target, FileInfo: &files.ContentFileInfo{Owner: "root", Group: "root", Mode: mode, MTime: r.date},
		})
	}
	add(p.file, "/usr/bin/exporter", 0o755)
	for _, f := range r.common {
		f := installed(f, format)
		if f == nil {
			continue
		}
		source := filepath.Join(staged, filepath.FromSlash(f.name))
		if err := stage(source, f.content); err != nil {
			return nil, err
		}
		add(source, f.name, f.mode)
	}
	paths := map[string]string{}
	for _, script := range []string{"after-install.sh", "before-remove.sh", "after-remove.sh"} {
		content, err := scripts.ReadFile("scripts/" + script)
		if err != nil {
			return nil, err
		}
		paths[script] = filepath.Join(staged, script)
		if err := stage(paths[script], content); err != nil {
			return nil, err
		}
	}
	info := &nfpm.Info{
		Name: name, Arch: p.goarch, Platform: p.goos, Version: r.version.linux(), VersionSchema: "none", Release: "1",
		Section: "utils", Priority: "optional", Maintainer: r.maintainer, License: "Apache-2.0", MTime: r.date,
		Description: description(format) + "It resumes by itself, keeps to the API's limits, and verifies what it stored. The package has a systemd unit\n" +
			"for nightly exports: /usr/share/doc/" + name + "/examples/instance.example.toml is its configuration.",
		Overridables: nfpm.Overridables{
			Contents: contents, Recommends: []string{"ca-certificates"},
			Scripts: nfpm.Scripts{PostInstall: paths["after-install.sh"], PreRemove: paths["before-remove.sh"], PostRemove: paths["after-remove.sh"]},
			Deb:     nfpm.Deb{Compression: "gzip"},
			RPM:     nfpm.RPM{Compression: "gzip", BuildHost: "localhost", Summary: summary},
		},
	}
	return nfpm.WithDefaults(info), nil
}

// description returns how a description begins: with a summary, where the format has none of its own.
func description(format string) string {
	if format == "deb" {
		return summary + "\n"
	}
	return ""
}

// stage writes a file, and makes its folder.
func stage(path string, content []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(path, content, 0o644); err != nil {
		return fmt.Errorf("stage: %w", err)
	}
	return nil
}
