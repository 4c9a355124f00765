package mediatest

import (
	"encoding/binary"
	"strings"
)

// box returns a box of the ISO base media file format.
func box(kind string, parts ...string) string {
	body := strings.Join(parts, "")
	return string(binary.BigEndian.AppendUint32(nil, uint32(8+len(body)))) + kind + body
}

// u16 and u32 return a number, the most significant byte first.
func u16(n uint16) string { return string(binary.BigEndian.AppendUint16(nil, n)) }
func u32(n uint32) string { return string(binary.BigEndian.AppendUint32(nil, n)) }

// version begins a full box.
func version(n byte, flags uint32) string { return string(rune(n)) + u32(flags)[1:] }

// fileType returns the box that tells the brands.
func fileType(major string, compatible ...string) []byte {
	return []byte(box("ftyp", major, u32(0), strings.Join(compatible, "")))
}

// items returns a meta box in which item number primary has the last of the sizes. Numbers of items and properties are long
// where wide is set.
func items(primary uint32, wide bool, sizes ...[2]uint32) string {
	properties := box("hvcC", "\x01")
	for _, s := range sizes {
		properties += box("ispe", version(0, 0), u32(s[0]), u32(s[1]))
	}
	last := byte(1 + len(sizes))
	pitm, ipma := box("pitm", version(0, 0), u16(uint16(primary))), box("ipma", version(0, 0), u32(2),
		u16(uint16(primary)+1), "\x01\x02", u16(uint16(primary)), "\x02\x81", string([]byte{last}))
	if wide {
		pitm = box("pitm", version(1, 0), u32(primary))
		ipma = box("ipma", version(1, 1), u32(1), u32(primary), "\x02", "\x80\x01", u16(uint16(last)))
	}
	handler := box("hdlr", version(0, 0), u32(0), "pict", strings.Repeat("\x00", 13))
	return box("meta", version(0, 0), handler, pitm, box("iprp", box("ipco", properties), ipma))
}

// track returns a moov box with the track of a sequence.
func track(width, height uint32) string {
	header := box("tkhd", version(0, 7), strings.Repeat("\x00", 72), u32(width<<16), u32(height<<16))
	return box("moov", box("mvhd", version(0, 0), strings.Repeat("\x00", 96)), box("trak", box("edts"), header))
}

// baseMedia returns AVIF, HEIC and their relatives, in the brands that are in use.
func baseMedia() []File {
	const avif, heic, heics, heif, heifs = "image/avif", "image/heic", "image/heic-sequence", "image/heif", "image/heif-sequence"
	still := func(primary uint32) string { return items(primary, false, [2]uint32{64, 64}, [2]uint32{3, 2}) }
	data := box("mdat", "coded")
	file := func(name, mediaType, extension string, parts ...string) File {
		return File{name, mediaType, extension, []byte(strings.Join(parts, "")), 3, 2, 0, false}
	}
	brands := func(major string, compatible ...string) string { return string(fileType(major, compatible...)) }
	long := "\x00\x00\x00\x01mdat\x00\x00\x00\x00\x00\x00\x00\x15coded"
	return []File{
		file("avif", avif, ".avif", brands("avif", "avif", "mif1", "miaf"), still(1), data),
		file("avif-by-mif1", avif, ".avif", brands("mif1", "mif1", "avif", "miaf"), still(1), data),
		file("avif-sequence", avif, ".avif", brands("avis", "avis", "msf1", "iso8"), track(3, 2), data),
		file("heic", heic, ".heic", brands("heic", "mif1", "heic"), still(2), long),
		file("heic-by-mif1", heic, ".heic", brands("mif1", "mif1", "hevc", "heic"), still(1), data),
		file("heic-of-10-bits", heic, ".heic", brands("heix", "mif1", "heix"), data, items(70_000, true, [2]uint32{3, 2})),
		file("heic-sequence", heics, ".heics", brands("hevc", "msf1", "hevc"), track(3, 2), data),
		file("heic-sequence-by-msf1", heics, ".heics", brands("msf1", "mif1", "heic", "hevc"), still(1), track(9, 9), data),
		file("heif", heif, ".heif", brands("mif1", "mif1"), still(1), data),
		file("heif-of-avc", heif, ".heif", brands("avci", "mif1", "avci"), still(1), data),
		file("heif-sequence", heifs, ".heifs", brands("msf1", "msf1"), track(3, 2), data),
	}
}

const (
	jpegXLSignature   = "\x00\x00\x00\x0cJXL \r\n\x87\n"
	jpeg2000Signature = "\x00\x00\x00\x0cjP  \r\n\x87\n"
)

// jpegXL returns codestreams whose sizes are spelled in the ways that there are, and containers.
func jpegXL() []File {
	const mediaType, extension = "image/jxl", ".jxl"
	// Not small; height 2 in 9 bits; no ratio; width 3 in 9 bits.
	codestream := "\xff\x0a" + bits(1, 0, 2, 0, 9, 1, 3, 0, 2, 0, 9, 2) + "coded"
	// Small: 8 rows, and a ratio of 2 to 1.
	small := "\xff\x0a" + bits(1, 1, 5, 0, 3, 7) + "coded"
	large := "\xff\x0a" + bits(1, 0, 2, 3, 30, 1<<30-1, 3, 0, 2, 2, 18, 99_999) + "coded"
	brand := string(fileType("jxl ", "jxl "))
	return []File{
		{"jxl", mediaType, extension, []byte(codestream), 3, 2, 0, true},
		{"jxl-small", mediaType, extension, []byte(small), 16, 8, 0, true},
		{"jxl-large", mediaType, extension, []byte(large), 100_000, 1 << 30, 0, true},
		{"jxl-in-a-box", mediaType, extension, []byte(jpegXLSignature + brand + box("jxlc", codestream)), 3, 2, 0, false},
		{"jxl-in-boxes", mediaType, extension, []byte(jpegXLSignature + brand + box("jxll", "\x0a") +
			box("jxlp", u32(0), codestream) + box("Exif", "x") + box("jxlp", u32(1<<31|1), "coded")), 3, 2, 0, false},
	}
}

// bits packs pairs of a number of bits and a value, the least significant bit first.
func bits(pairs ...uint64) string {
	b := make([]byte, 16)
	at := uint64(0)
	for i := 0; i < len(pairs); i += 2 {
		for n := range pairs[i] {
			b[at/8] |= byte(pairs[i+1]>>n&1) << (at % 8)
			at++
		}
	}
	return string(b)
}

func jpeg2000() []File {
	// The image is what is between the offset and the far corner of the grid.
	codestream := "\xff\x4f\xff\x51" + u16(41) + u16(0) + u32(5) + u32(3) + u32(2) + u32(1) +
		strings.Repeat("\x00", 22) + "coded\xff\xd9"
	header := box("jp2h", box("ihdr", u32(2), u32(3), u16(3), "\x07\x07\x00\x00"), box("colr", "\x01\x00\x00"))
	file := func(name, mediaType, extension, brand string, boxes ...string) File {
		boxes = append([]string{jpeg2000Signature, string(fileType(brand, brand, "jp2 "))}, boxes...)
		return File{name, mediaType, extension, []byte(strings.Join(boxes, "")), 3, 2, 0, false}
	}
	return []File{
		{"j2c", "image/j2c", ".j2c", []byte(codestream), 3, 2, 0, false},
		file("jp2", "image/jp2", ".jp2", "jp2 ", header, box("jp2c", codestream)),
		file("jp2-to-the-end", "image/jp2", ".jp2", "jp2 ", header, u32(0), "jp2c", codestream),
		file("jpx", "image/jpx", ".jpx", "jpx ", header, box("jp2c", codestream)),
		file("jph", "image/jph", ".jph", "jph ", header, box("jp2c", codestream)),
		file("jpm", "image/jpm", ".jpm", "jpm ", header, box("jp2c", codestream)),
	}
}
