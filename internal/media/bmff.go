package media

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"image"
	"io"
	"iter"
	"slices"
)

// maxBoxes bounds how many boxes in a row are passed over.
const maxBoxes = 4096

// box is a box of the ISO base media file format (ISO/IEC 14496-12, section 4.2), as HEIF, JPEG 2000 and JPEG XL have them.
type box struct {
	kind string
	// body is what follows the header. It ends before the box does where r is cut.
	body *io.SectionReader
}

// boxes yields the boxes that r holds, in order. The error is errCut where one does not end as it says.
func boxes(r *io.SectionReader) iter.Seq2[box, error] {
	return func(yield func(box, error) bool) {
		at := int64(0)
		for range maxBoxes {
			if at == r.Size() {
				return
			}
			kind, header, end, err := boxHeader(r, at)
			if err != nil {
				yield(box{}, err)
				return
			}
			b := box{kind, io.NewSectionReader(r, at+header, min(end, r.Size())-at-header)}
			if !yield(b, nil) {
				return
			}
			if at = end; end > r.Size() {
				break
			}
		}
		yield(box{}, errCut)
	}
}

// boxHeader reads the header of the box at an offset: its size in bytes, and where the box ends.
func boxHeader(r *io.SectionReader, at int64) (kind string, header, end int64, err error) {
	b, err := bytesAt(r, at, 8)
	if err != nil {
		return "", 0, 0, err
	}
	kind, header = string(b[4:]), 8
	size := uint64(binary.BigEndian.Uint32(b))
	switch size {
	case 0:
		return kind, header, r.Size(), nil
	case 1:
		if b, err = bytesAt(r, at+8, 8); err != nil {
			return "", 0, 0, err
		}
		size, header = binary.BigEndian.Uint64(b), 16
	}
	if size < uint64(header) || size > 1<<62 {
		return "", 0, 0, errCut
	}
	return kind, header, at + int64(size), nil
}

// find returns what the first box of a path holds.
func find(r *io.SectionReader, path ...string) (*io.SectionReader, error) {
	for _, kind := range path {
		within := r
		r = nil
		for b, err := range boxes(within) {
			if err != nil {
				return nil, err
			}
			if b.kind == kind {
				r = b.body
				break
			}
		}
		if r == nil {
			return nil, errHeader
		}
	}
	return r, nil
}

// brands returns the major brand of a file and all brands, it included. It looks at the head only, and returns "" where the
// first box does not tell them.
func brands(head []byte) (major string, all []string) {
	if len(head) < 16 || string(head[4:8]) != "ftyp" {
		return "", nil
	}
	size := binary.BigEndian.Uint32(head)
	if size < 16 || size%4 != 0 {
		return "", nil
	}
	major = string(head[8:12])
	all = []string{major}
	// What is between them is the number of a version, which brand mif3 has as a brand.
	for b := range slices.Chunk(head[12:min(uint64(size), uint64(len(head)))], 4) {
		all = append(all, string(b))
	}
	return major, all
}

// heifBrands are the brands of still images and of image sequences (ISO/IEC 23008-12, and its register at mp4ra.org), with the
// media type of files that have it as the major one. Those of a codec without a media type that is in use are HEIF's. It is
// never changed.
var heifBrands = map[string]string{
	"avif": AVIF, "avis": AVIF,
	"heic": HEIC, "heix": HEIC, "heim": HEIC, "heis": HEIC,
	"hevc": HEICSequence, "hevx": HEICSequence, "hevm": HEICSequence, "hevs": HEICSequence,
	"mif1": HEIF, "mif2": HEIF, "mif3": HEIF, "miaf": HEIF, "1pic": HEIF, "MA1A": HEIF, "MA1B": HEIF,
	"MiHA": HEIF, "MiHB": HEIF, "MiHE": HEIF, "MiPr": HEIF, "tmap": HEIF, "unif": HEIF,
	"avci": HEIF, "evbi": HEIF, "j2ki": HEIF, "jpeg": HEIF, "jxsi": HEIF, "vvic": HEIF,
	"msf1": HEIFSequence, "avcs": HEIFSequence, "evbs": HEIFSequence, "j2is": HEIFSequence, "jpgs": HEIFSequence,
	"jxss": HEIFSequence, "vvis": HEIFSequence,
}

// heifType returns the media type of a HEIF file, or "". The major brand, which is that of a file's best use, decides whether
// it is a picture at all: a movie that has a picture for its cover is none. Where it names no codec, the first brand does that
// is of one, and of a picture or a sequence as the major one is.
func heifType(head []byte) string {
	major, all := brands(head)
	mediaType := heifBrands[major]
	hevc := map[string]string{HEIF: HEIC, HEIFSequence: HEICSequence}[mediaType]
	if hevc == "" {
		return mediaType
	}
	for _, brand := range all {
		if t := heifBrands[brand]; t == AVIF || t == hevc {
			return t
		}
	}
	return mediaType
}

func isHEIF(mediaType string) func(head []byte) bool {
	return func(head []byte) bool { return heifType(head) == mediaType }
}

// heifConfig returns the size of the primary picture, or of the first track of a sequence without one.
func heifConfig(r *io.SectionReader) (image.Config, error) {
	meta, err := find(r, "meta")
	if err == nil {
		var c image.Config
		if c, err = primaryConfig(afterVersion(meta)); err == nil {
			return c, nil
		}
	}
	header, missing := find(r, "moov", "trak", "tkhd")
	if missing != nil {
		return image.Config{}, err
	}
	// Width and height come last, and have 16 bits behind the point.
	b, err := bytesAt(header, header.Size()-8, 8)
	if err != nil {
		return image.Config{}, err
	}
	return sized(uint64(binary.BigEndian.Uint32(b)>>16), uint64(binary.BigEndian.Uint32(b[4:])>>16))
}

// afterVersion passes over the version and the flags that full boxes begin with.
func afterVersion(r *io.SectionReader) *io.SectionReader {
	return io.NewSectionReader(r, 4, max(r.Size()-4, 0))
}

// primaryConfig returns the size of the primary item, which is one of the properties that are associated with it.
func primaryConfig(meta *io.SectionReader) (image.Config, error) {
	pitm, err := find(meta, "pitm")
	if err != nil {
		return image.Config{}, err
	}
	n := numbers{r: bufio.NewReaderSize(pitm, 16)}
	primary := n.next(itemBytes(n.next(4) >= 1<<24))
	properties, err := find(meta, "iprp", "ipco")
	if err != nil {
		return image.Config{}, err
	}
	ipma, err := find(meta, "iprp", "ipma")
	if err != nil {
		return image.Config{}, err
	}
	wanted, err := associated(ipma, primary)
	if err = firstError(n.err, err); err != nil {
		return image.Config{}, err
	}
	index := 0
	for b, err := range boxes(properties) {
		if err != nil {
			return image.Config{}, err
		}
		if index++; b.kind == "ispe" && slices.Contains(wanted, index) {
			size, err := bytesAt(b.body, 4, 8)
			if err != nil {
				return image.Config{}, err
			}
			return sized(uint64(binary.BigEndian.Uint32(size)), uint64(binary.BigEndian.Uint32(size[4:])))
		}
	}
	return image.Config{}, errHeader
}

// itemBytes is how many bytes the number of an item has.
func itemBytes(wide bool) int {
	if wide {
		return 4
	}
	return 2
}

// associated returns the numbers, counted from 1, of the properties that are an item's.
func associated(ipma *io.SectionReader, item uint64) ([]int, error) {
	// Albums of many thousand pictures have less.
	const most = 1 << 20
	n := numbers{r: bufio.NewReader(io.LimitReader(ipma, most))}
	version := n.next(4)
	wide, long := version >= 1<<24, version&1 != 0
	for range n.next(4) {
		found := n.next(itemBytes(wide)) == item
		var wanted []int
		for range n.next(1) {
			property := n.next(1) & 0x7f
			if long {
				property = property<<8 | n.next(1)
			}
			wanted = append(wanted, int(property))
		}
		if n.err != nil || found {
			return wanted, n.err
		}
	}
	return nil, firstError(n.err, errHeader)
}

// numbers reads unsigned numbers, the most significant byte first. After an error all are 0.
type numbers struct {
	r   *bufio.Reader
	err error
}

func (n *numbers) next(bytes int) (v uint64) {
	for range bytes {
		var b byte
		if n.err == nil {
			b, n.err = n.r.ReadByte()
		}
		v = v<<8 | uint64(b)
	}
	if n.err != nil {
		return 0
	}
	return v
}

func firstError(errs ...error) error {
	i := slices.IndexFunc(errs, func(err error) bool { return err != nil })
	if i < 0 {
		return nil
	}
	return errs[i]
}

// wholeHEIF wants what describes the pictures, and their data, which small ones have in the same box.
func wholeHEIF(r *io.SectionReader) error {
	described, data := false, false
	for b, err := range boxes(r) {
		if err != nil {
			return err
		}
		switch b.kind {
		case "meta":
			_, err := find(afterVersion(b.body), "idat")
			described, data = true, data || err == nil
		case "moov", "mini":
			described = true
			data = data || b.kind == "mini"
		case "mdat":
			data = true
		}
	}
	return unlessCut(described && data)
}

// endsWith looks whether the last bytes of r are those, zeros aside.
func endsWith(r *io.SectionReader, trailer string) error {
	tail, err := tailOf(r, trailerRoom)
	if err != nil {
		return err
	}
	return unlessCut(bytes.HasSuffix(bytes.TrimRight(tail, "\x00"), []byte(trailer)))
}
