package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"fmt"
	"os"
	"strings"
)

// archive makes an archive with the program and what goes along with it, in one folder: .tar.gz, or .zip for Windows.
func archive(r *release, p program) ([]string, error) {
	content, err := os.ReadFile(p.file)
	if err != nil {
		return nil, err
	}
	folder := fmt.Sprintf("exporter-%s-%s-%s", r.version.plain(), p.goos, p.goarch)
	files := []file{{p.exe(), 0o755, content}}
	for _, f := range r.common {
		if strings.HasPrefix(f.name, "systemd/") && p.goos != "linux" || strings.HasPrefix(f.name, "man/") && p.goos == "windows" {
			continue
		}
		f.name = strings.TrimPrefix(f.name, "doc/")
		files = append(files, f)
	}
	for i := range files {
		files[i].name = folder + "/" + files[i].name
	}
	suffix, pack := ".tar.gz", r.tarball
	if p.goos == "windows" {
		suffix, pack = ".zip", r.zipFile
	}
	packed, err := pack(files)
	if err != nil {
		return nil, err
	}
	made, err := r.write(folder+suffix, packed)
	return []string{made}, err
}

// tarball returns files as .tar.gz, all of root and of the date of the release.
func (r *release) tarball(files []file) ([]byte, error) {
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	t := tar.NewWriter(z)
	for _, f := range files {
		h := &tar.Header{
			Name: f.name, Mode: int64(f.mode), Size: int64(len(f.content)), ModTime: r.date, Typeflag: tar.TypeReg, Format: tar.FormatPAX,
			Uname: "root", Gname: "root",
		}
		if err := t.WriteHeader(h); err != nil {
			return nil, err
		}
		if _, err := t.Write(f.content); err != nil {
			return nil, err
		}
	}
	if err := t.Close(); err != nil {
		return nil, err
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// zipFile returns files as .zip. Rights are those of Unix, which pip and unzip set.
func (r *release) zipFile(files []file) ([]byte, error) {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, f := range files {
		h := &zip.FileHeader{Name: f.name, Method: zip.Deflate, Modified: r.date}
		h.SetMode(f.mode)
		w, err := z.CreateHeader(h)
		if err != nil {
			return nil, err
		}
		if _, err := w.Write(f.content); err != nil {
			return nil, err
		}
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}
