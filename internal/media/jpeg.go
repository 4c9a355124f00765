package media

import (
	"encoding/binary"
	"errors"
	"image"
	"io"
)

// maxJPEGSegments bounds how many segments, and bytes between them, are passed over in search of one of them.
const maxJPEGSegments = 4096

var errNoSegment = errors.New("no such segment in its place")

// jpegConfig reads the size from the frame header (ITU-T T.81, section B.2.2). Package image/jpeg takes 15 kB of memory for
// that, and reads what comes before; here other segments are passed over. As there, bytes between segments are forgiven.
func jpegConfig(r io.Reader) (image.Config, error) {
	j := jpegReader{r: r, left: maxJPEGSegments}
	if err := j.find(func(marker byte, _ int64) (bool, error) { return isJPEGFrame(marker), nil }); err != nil {
		return image.Config{}, err
	}
	// Precision, height and width.
	b, err := j.read(5)
	if err != nil {
		return image.Config{}, err
	}
	return image.Config{Height: int(binary.BigEndian.Uint16(b[1:])), Width: int(binary.BigEndian.Uint16(b[3:]))}, nil
}

// jpegEXIF returns the segment APP1 that is EXIF (Exif 3.0, section 4.7.2). Other things are stored in segments of that name, too.
func jpegEXIF(r *io.SectionReader) (exif *io.SectionReader, err error) {
	j := jpegReader{r: r, left: maxJPEGSegments}
	err = j.find(func(marker byte, length int64) (bool, error) {
		if marker != app1 {
			return false, nil
		}
		at, err := r.Seek(0, io.SeekCurrent)
		if err != nil {
			return false, err
		}
		head, err := bytesAt(r, at, len(exifMark))
		if string(head) != exifMark {
			return false, err
		}
		exif = exifAt(r, at, length)
		return true, nil
	})
	return exif, err
}

const (
	app1        = 0xe1
	startOfScan = 0xda
	endOfImage  = 0xd9
)

// isJPEGFrame tells whether a marker is one of the frame headers, which are SOF0 to SOF15 but for three codes among them.
func isJPEGFrame(marker byte) bool {
	return marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc
}

// jpegReader reads markers and what follows them.
type jpegReader struct {
	r io.Reader
	b [5]byte
	// left is how much may be passed over yet.
	left int
}

// read returns the next n bytes, 5 at most, until it is called again.
func (j *jpegReader) read(n int) ([]byte, error) {
	_, err := io.ReadFull(j.r, j.b[:n])
	return j.b[:n], err
}

// find reads on until wanted says that it stands before the data of the right segment, whose length it is told. No segment is
// looked for behind the beginning of the compressed data.
func (j *jpegReader) find(wanted func(marker byte, length int64) (bool, error)) error {
	if _, err := j.read(2); err != nil {
		return err
	}
	for {
		marker, err := j.marker()
		if err != nil {
			return err
		}
		b, err := j.read(2)
		if err != nil {
			return err
		}
		// The length of a segment counts itself.
		length := int64(binary.BigEndian.Uint16(b)) - 2
		if length < 0 || marker == startOfScan {
			return errNoSegment
		}
		if found, err := wanted(marker, length); found || err != nil {
			return err
		}
		if err := skip(j.r, length); err != nil {
			return err
		}
	}
}

// marker returns the next marker that a segment with a length follows.
func (j *jpegReader) marker() (byte, error) {
	for before := byte(0); j.left > 0; j.left-- {
		b, err := j.read(1)
		if err != nil {
			return 0, err
		}
		isMarker := before == 0xff && b[0] != 0 && b[0] != 0xff
		switch before = b[0]; {
		case !isMarker, before >= 0xd0 && before <= 0xd7:
			// A byte between segments, or a restart marker, which stands alone.
		case before == endOfImage:
			return 0, errNoSegment
		default:
			return before, nil
		}
	}
	return 0, errNoSegment
}

// skip passes over n bytes.
func skip(r io.Reader, n int64) error {
	if s, ok := r.(io.Seeker); ok {
		_, err := s.Seek(n, io.SeekCurrent)
		return err
	}
	_, err := io.CopyN(io.Discard, r, n)
	return err
}
