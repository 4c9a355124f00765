// Package licenses has the licence of exporter and the notices of everything that is linked into it.
package licenses

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"io"
)

//go:generate go -C ../../tools run ./notices -out ../internal/licenses/notices.gz

//go:embed notices.gz
var notices []byte

// Write writes the licence of exporter, and then the name, the version, the licences and the notices of each module that is linked into it on
// some platform, and of the Go standard library. The text is UTF-8, with lines of any length.
func Write(w io.Writer) error {
	r, err := gzip.NewReader(bytes.NewReader(notices))
	if err != nil {
		return err
	}
	_, err = io.Copy(w, r)
	return err
}
