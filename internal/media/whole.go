package media

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
)

// Whole tells whether a picture that size bytes of r hold ends as its format asks. It serves where nothing else tells that, and
// is true for formats that do not show where they end. Errors are those of r.
func Whole(mediaType string, r io.ReaderAt, size int64) (bool, error) {
	f := byType(mediaType)
	if f == nil || f.whole == nil {
		return true, nil
	}
	err := f.whole(io.NewSectionReader(r, 0, size))
	if err == io.EOF || errors.Is(err, errCut) {
		return false, nil
	}
	return err == nil, err
}

// unlessCut returns nil where a picture is whole.
func unlessCut(whole bool) error {
	if whole {
		return nil
	}
	return errCut
}

// tailOf returns the last n bytes of r, or all where there are fewer.
func tailOf(r *io.SectionReader, n int64) ([]byte, error) {
	n = min(n, r.Size())
	return bytesAt(r, r.Size()-n, int(n))
}

// trailerRoom is how many bytes at the end of a picture are searched for its trailer: some programs write a few behind it.
const trailerRoom = 32

// endsNear looks for a trailer at the end.
func endsNear(trailer string) func(*io.SectionReader) error {
	return func(r *io.SectionReader) error {
		tail, err := tailOf(r, trailerRoom)
		if err != nil {
			return err
		}
		return unlessCut(bytes.Contains(tail, []byte(trailer)))
	}
}

func wholeGIF(r *io.SectionReader) error {
	tail, err := tailOf(r, trailerRoom)
	if err != nil {
		return err
	}
	return unlessCut(bytes.HasSuffix(bytes.TrimRight(tail, "\x00"), []byte{';'}))
}

// wholeWebP and wholeBMP go by the size that the header tells.
func wholeWebP(r *io.SectionReader) error {
	b, err := bytesAt(r, 4, 4)
	if err != nil {
		return err
	}
	return unlessCut(r.Size() >= 8+int64(binary.LittleEndian.Uint32(b)))
}

func wholeBMP(r *io.SectionReader) error {
	b, err := bytesAt(r, 2, 4)
	if err != nil {
		return err
	}
	return unlessCut(r.Size() >= int64(binary.LittleEndian.Uint32(b)))
}
