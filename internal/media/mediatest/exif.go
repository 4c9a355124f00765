package mediatest

import (
	"encoding/binary"
	"hash/crc32"
	"strings"
	"testing"
)

// EXIF returns the EXIF of a picture with that orientation: a TIFF whose first directory has what cameras write before it, too.
func EXIF(order byteOrder, orientation uint16) string {
	const mark, isASCII, isShort = 42, 2, 3
	name := map[bool]string{true: "II", false: "MM"}[order.Uint16([]byte{1, 0}) == 1]
	b := order.AppendUint32(order.AppendUint16([]byte(name), mark), 8)
	b = order.AppendUint16(b, 2)
	b = order.AppendUint32(order.AppendUint16(order.AppendUint16(b, 271), isASCII), 4)
	b = append(b, "cam\x00"...)
	b = order.AppendUint32(order.AppendUint16(order.AppendUint16(b, 274), isShort), 1)
	b = order.AppendUint16(order.AppendUint16(b, orientation), 0)
	return string(order.AppendUint32(b, 0))
}

// Segment returns a segment of a JPEG.
func Segment(marker byte, data string) string {
	return "\xff" + string([]byte{marker}) + u16(uint16(2+len(data))) + data
}

// Chunk returns a chunk of a PNG.
func Chunk(name, data string) string {
	return u32(uint32(len(data))) + name + data + u32(crc32.ChecksumIEEE([]byte(name+data)))
}

// riffChunk returns a chunk of a WebP.
func riffChunk(name, data string) string {
	size := binary.LittleEndian.AppendUint32(nil, uint32(len(data)))
	return name + string(size) + data + strings.Repeat("\x00", len(data)%2)
}

// turned returns pictures that are to be turned when they are shown.
func turned(t testing.TB) []File {
	little, big := binary.LittleEndian, binary.BigEndian
	plain := encoded(t)
	turn := func(i int, name, data string, orientation int32) File {
		f := plain[i]
		f.Name, f.Data, f.Orientation = f.Name+name, []byte(data), orientation
		return f
	}
	const jpeg, png, webp = 0, 1, 2
	jpegs, pngs := string(plain[jpeg].Data), string(plain[png].Data)
	const app1 = 0xe1
	xmp := Segment(app1, "http://ns.adobe.com/xap/1.0/\x00<x/>")
	const ihdr, iend = 8 + 12 + 13, 12
	// The size less one in 24 bits, behind flags and three bytes that are reserved.
	extended := func(flags string) string { return riffChunk("VP8X", flags+"\x00\x00\x00\x02\x00\x00\x01\x00\x00") }
	riff := func(chunks ...string) string {
		chunks = append([]string{"WEBP"}, chunks...)
		return riffChunk("RIFF", strings.Join(chunks, ""))
	}
	coded := string(plain[webp].Data[12:])
	tiff := []byte("MM\x00*\x00\x00\x00\x08\x00\x03")
	for _, e := range [][2]uint16{{256, 3}, {257, 2}, {274, 8}} {
		tiff = append(tiff, u16(e[0])+u16(3)+u32(1)+u16(e[1])+u16(0)...)
	}
	return []File{
		turn(jpeg, "-turned", jpegs[:2]+xmp+Segment(app1, "Exif\x00\x00"+EXIF(big, 6))+jpegs[2:], 6),
		turn(png, "-turned", pngs[:ihdr]+Chunk("eXIf", EXIF(little, 3))+pngs[ihdr:], 3),
		turn(png, "-turned-at-the-end", pngs[:len(pngs)-iend]+Chunk("eXIf", EXIF(big, 1))+pngs[len(pngs)-iend:], 1),
		turn(webp, "-turned", riff(extended("\x08"), coded, riffChunk("EXIF", EXIF(little, 8))), 8),
		turn(webp, "-turned-with-a-mark", riff(extended("\x08"), riffChunk("odd ", "odd"), coded, riffChunk("EXIF", "Exif\x00\x00"+EXIF(big, 5))), 5),
		turn(webp, "-that-tells-of-no-exif", riff(extended("\x00"), coded, riffChunk("EXIF", EXIF(little, 8))), 0),
		{"tiff-turned", "image/tiff", ".tif", tiff, 3, 2, 8, true},
	}
}
