package picture

import (
	"bytes"
	"fmt"
)

// maxScans is how many scans a JPEG may have. Progressive ones have some ten. A few bytes are a scan, which goes over all pixels.
const maxScans = 1000

// checkJPEG counts what may be the beginning of a scan: within compressed data it is nothing else.
func checkJPEG(picture []byte) error {
	if scans := bytes.Count(picture, []byte("\xff\xda")); scans > maxScans {
		return fmt.Errorf("%w: it has %d scans, and %d are allowed", ErrTooLarge, scans, maxScans)
	}
	return nil
}

// checkWebP refuses what moves: the decoder finds no picture in it (RFC 9649, section 2.7.1).
func checkWebP(picture []byte) error {
	const animation = 1 << 1
	if len(picture) > 20 && string(picture[12:16]) == "VP8X" && picture[20]&animation != 0 {
		return fmt.Errorf("%w: a WebP that moves", ErrUnsupported)
	}
	return nil
}
