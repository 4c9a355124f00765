package dataset

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// folderName returns the path of a picture below the folder of its split, by the name of its sample. Patterns leave out what is hidden,
// whose path has a part that begins with '.' or "__", and readers may find pictures by them and not by the metadata: such a part has a '='
// before it, and, to tell names apart, one that begins with '='. By their names alone, folders such as "val" and files such as "test-1.jpg"
// are no splits where a card says what is.
func folderName(name string) string {
	parts := strings.Split(name, "/")
	for i, part := range parts {
		if strings.HasPrefix(part, ".") || strings.HasPrefix(part, "__") || strings.HasPrefix(part, "=") {
			parts[i] = "=" + part
		}
	}
	return strings.Join(parts, "/")
}

// placePicture makes the picture with a name a file below dir: a hard link to the file from, which is the blob's own, where that can be,
// or else a copy that is durable, or is no file under its name. from may be "", and picture nil where from is not. A file that has the bytes
// already is left. It goes through no symbolic link below dir. The folders are the caller's to sync.
func placePicture(dir, name, from string, picture []byte) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	p := placing{root, folderName(name), from, picture}
	if err := p.run(); err != nil {
		return fmt.Errorf("place picture %q: %w", name, err)
	}
	return nil
}

// placing is a picture that is placed.
type placing struct {
	root    *os.Root
	to      string
	from    string
	picture []byte
}

func (p *placing) run() error {
	if err := p.makeFolders(); err != nil {
		return err
	}
	isThere, err := p.isThere()
	if err != nil || isThere {
		return err
	}
	if p.from != "" {
		if err := p.link(); err == nil {
			return nil
		}
		// Not every file system has hard links, none has them to another, and a file may be one that only its owner may link to.
	}
	return p.copy()
}

// makeFolders makes the folders of the picture where they are missing.
func (p *placing) makeFolders() error {
	folder := path.Dir(p.to)
	if err := p.root.MkdirAll(folder, 0o777); err != nil {
		return err
	}
	for ; folder != "."; folder = path.Dir(folder) {
		info, err := p.root.Lstat(folder)
		if err != nil {
			return err
		}
		if !info.IsDir() {
			return fmt.Errorf("%s is no folder: remove it", filepath.Join(p.root.Name(), folder))
		}
	}
	return nil
}

// isThere tells whether the file has the picture's bytes. One that has others is removed.
func (p *placing) isThere() (bool, error) {
	info, err := p.root.Lstat(p.to)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if !info.Mode().IsRegular() {
		return false, fmt.Errorf("%s is no plain file: remove it", filepath.Join(p.root.Name(), p.to))
	}
	if p.from != "" {
		if blob, err := os.Stat(p.from); err == nil && os.SameFile(info, blob) {
			return true, nil
		}
	}
	if isEqual, err := p.hasBytes(); err != nil || isEqual {
		return isEqual, err
	}
	return false, p.root.Remove(p.to)
}

// hasBytes tells whether the file, which is there, has the picture's bytes.
func (p *placing) hasBytes() (bool, error) {
	want, err := p.open()
	if err != nil {
		return false, err
	}
	defer want.Close()
	f, err := p.root.Open(p.to)
	if err != nil {
		return false, err
	}
	defer f.Close()
	return equal(f, want)
}

// open returns the picture's bytes.
func (p *placing) open() (io.ReadCloser, error) {
	if p.picture != nil {
		return io.NopCloser(bytes.NewReader(p.picture)), nil
	}
	return os.Open(p.from)
}

// link makes the file a hard link.
func (p *placing) link() error {
	if info, err := os.Lstat(p.from); err != nil {
		return err
	} else if !info.Mode().IsRegular() {
		return fmt.Errorf("%s is no plain file", p.from)
	}
	return linkBelow(p.from, p.root, p.to)
}

// source returns what is to be copied: the blob's own file, where it is one, as only its bytes can be shared.
func (p *placing) source() (io.ReadCloser, error) {
	info, err := os.Lstat(p.from)
	if err == nil && info.Mode().IsRegular() && (p.picture == nil || info.Size() == int64(len(p.picture))) {
		return os.Open(p.from)
	}
	return p.open()
}

// copy makes the file a copy. Where the file system can, it shares the bytes of one that it is copied from: the standard library asks for
// that.
func (p *placing) copy() (err error) {
	from, err := p.source()
	if err != nil {
		return err
	}
	defer from.Close()
	temp := p.temp()
	// It may be there from a run that was killed.
	if err := p.root.Remove(temp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := p.fill(temp, from); err != nil {
		return errors.Join(err, p.root.Remove(temp))
	}
	return p.root.Rename(temp, p.to)
}

// temp returns the name of the copy until it is complete. What begins with a dot is read by no pattern.
func (p *placing) temp() string {
	sum := sha256.Sum256([]byte(p.to))
	return path.Join(path.Dir(p.to), "."+hex.EncodeToString(sum[:8])+".partial")
}

// fill makes a file of bytes that is durable but for its name.
func (p *placing) fill(name string, from io.Reader) error {
	f, err := p.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return err
	}
	if _, err := io.Copy(f, from); err != nil {
		return errors.Join(err, f.Close())
	}
	if err := f.Sync(); err != nil {
		return errors.Join(err, f.Close())
	}
	return f.Close()
}

// equal tells whether two readers have the same bytes.
func equal(a, b io.Reader) (bool, error) {
	var x, y [32 << 10]byte
	for {
		n, err := io.ReadFull(a, x[:])
		if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
			return false, err
		}
		m, err := io.ReadFull(b, y[:])
		if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
			return false, err
		}
		if !bytes.Equal(x[:n], y[:m]) {
			return false, nil
		}
		if n < len(x) {
			return true, nil
		}
	}
}
