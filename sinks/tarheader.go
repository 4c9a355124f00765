package sinks

import (
	"archive/tar"
	"bytes"
	"encoding/binary"
	"io"
	"strconv"
	"strings"
	"time"
)

// Places in a block of a tar header.
var (
	tarName, tarNumbers, tarSize = field{0, 100}, field{100, 124}, field{124, 136}
	tarTime, tarSum, tarFormat   = field{136, 148}, field{148, 156}, field{257, 265}
	tarDevice, tarPrefix         = field{329, 345}, field{345, 500}
	tarTrailer                   = field{508, 512}
)

const tarType = 156

// field is where a field of a tar header begins and ends.
type field struct{ first, end int }

func (f field) of(block []byte) []byte { return block[f.first:f.end] }

// text returns a field up to its first zero.
func (f field) text(block []byte) []byte {
	text, _, _ := bytes.Cut(f.of(block), []byte{0})
	return text
}

// nextHeader reads the next tar header, which is valid until the next call: one block mostly, for which there is a short way.
func (n *inspection) nextHeader(s *stream) (*tar.Header, error) {
	got, err := io.ReadFull(s, n.block[:])
	if err == nil && parseHeader(n.block[:], &n.header) {
		return &n.header, nil
	}
	return tar.NewReader(io.MultiReader(bytes.NewReader(n.block[:got]), s)).Next()
}

// parseHeader reads name and size of a regular file in USTAR format, as most members have. It returns false where there may be more
// to it.
func parseHeader(block []byte, h *tar.Header) bool {
	if string(tarFormat.of(block)) != "ustar\x0000" || block[tarType] != tar.TypeReg || string(tarTrailer.of(block)) == "tar\x00" ||
		!isOctal(tarNumbers.of(block)) || !isOctal(tarTime.of(block)) || !isOctal(tarDevice.of(block)) {
		return false
	}
	size, err := strconv.ParseUint(string(tarSize.text(block)), 8, 63)
	want, sumErr := strconv.ParseUint(string(bytes.Trim(tarSum.of(block), " \x00")), 8, 32)
	got, ok := headerSum(block)
	if !ok || err != nil || sumErr != nil || want != got {
		return false
	}
	name := tarName.text(block)
	if prefix := tarPrefix.text(block); len(prefix) > 0 {
		name = bytes.Join([][]byte{prefix, name}, []byte("/"))
	}
	*h = tar.Header{Name: string(name), Size: int64(size), Typeflag: tar.TypeReg}
	return len(name) > 0 && name[len(name)-1] != '/'
}

// plainHeader is the header of a member as archive/tar makes it, in a fraction of the time.
type plainHeader struct{ block [tarBlock]byte }

// newPlainHeader returns a header of which only fill changes something.
func newPlainHeader() *plainHeader {
	var made bytes.Buffer
	// A buffer takes all bytes, and such a header is always right.
	_ = tar.NewWriter(&made).WriteHeader(memberHeader("-", 0, time.Unix(0, 0)))
	return &plainHeader{[tarBlock]byte(made.Bytes())}
}

// fill makes it that of a member. It returns false where that takes more than the fields of one block.
func (h *plainHeader) fill(member string, size int64, fetchedAt time.Time) bool {
	block := h.block[:]
	seconds := fetchedAt.Unix()
	if len(member) == 0 || len(member) > len(tarName.of(block)) || strings.Contains(member, "\x00") || member[len(member)-1] == '/' ||
		size < 0 || seconds < 0 || !setOctal(tarSize.of(block), size) || !setOctal(tarTime.of(block), seconds) {
		return false
	}
	clear(tarName.of(block)[copy(tarName.of(block), member):])
	sum, isASCII := headerSum(block)
	// It has six digits, a zero and a space.
	return setOctal(tarSum.of(block)[:7], int64(sum)) && isASCII
}

// setOctal writes a number in octal digits that end with a zero byte, and returns false where it has too many.
func setOctal(field []byte, n int64) bool {
	last := len(field) - 1
	field[last] = 0
	for i := last - 1; i >= 0; i-- {
		field[i] = '0' + byte(n&7)
		n >>= 3
	}
	return n == 0
}

// isOctal tells whether fields are numbers in octal digits.
func isOctal(fields []byte) bool {
	for _, b := range fields {
		if (b < '0' || b > '7') && b != 0 && b != ' ' {
			return false
		}
	}
	return true
}

// headerSum returns the checksum of a tar header, in which its own place counts as spaces; it is not ok where a byte is not of ASCII. It takes eight
// bytes at once, which are added in four lanes: a block has too few for one to overflow.
func headerSum(block []byte) (sum uint64, ok bool) {
	const high, even = 0x8080808080808080, 0x00ff00ff00ff00ff
	lanes, seen := uint64(0), uint64(0)
	for at := 0; at+8 <= tarBlock; at += 8 {
		eight := binary.LittleEndian.Uint64(block[at:])
		seen |= eight
		lanes += eight&even + eight>>8&even
	}
	for ; lanes > 0; lanes >>= 16 {
		sum += lanes & 0xffff
	}
	for _, b := range tarSum.of(block) {
		sum += ' ' - uint64(b)
	}
	return sum, seen&high == 0
}
