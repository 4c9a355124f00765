package place

import (
	"os"
	"path/filepath"
	"strings"
)

// samePath tells whether two paths are those of one directory or file. Neither need exist.
func samePath(a, b string) bool {
	if filepath.Clean(a) == filepath.Clean(b) || resolved(a) == resolved(b) {
		return true
	}
	// Names may differ in case only, and a directory may be mounted twice.
	infoA, errA := os.Stat(a)
	infoB, errB := os.Stat(b)
	return errA == nil && errB == nil && os.SameFile(infoA, infoB)
}

// isWithinPath tells whether a path is that of a folder, or of what is in it. Neither need exist.
func isWithinPath(path, folder string) bool {
	between, err := filepath.Rel(resolved(folder), resolved(path))
	return err == nil && between != ".." && !strings.HasPrefix(between, ".."+string(filepath.Separator))
}

// mostLinks is how many links that lead to nothing are followed, as operating systems bound it.
const mostLinks = 40

// resolved returns a path without symbolic links, as far as it exists.
func resolved(name string) string {
	left := mostLinks
	return resolve(name, &left)
}

// resolve follows as many links as are left.
func resolve(name string, left *int) string {
	name, err := filepath.Abs(name)
	if err != nil {
		return name
	}
	for {
		if real, err := filepath.EvalSymlinks(name); err == nil {
			return real
		}
		parent := filepath.Dir(name)
		if parent == name {
			return name
		}
		parent = resolve(parent, left)
		name = filepath.Join(parent, filepath.Base(name))
		target, err := os.Readlink(name)
		if err != nil || *left == 0 {
			return name
		}
		*left--
		if name = target; !filepath.IsAbs(target) {
			name = filepath.Join(parent, target)
		}
	}
}
