package view

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"net/http"
	"runtime"
	"strings"
	"testing"

	"exporter/internal/media"
	"exporter/pipeline"
)

// frame returns a picture of one colour.
func frame(width, height int, c color.Color) *image.Paletted {
	return image.NewPaletted(image.Rect(0, 0, width, height), color.Palette{c})
}

// movingGIF returns a GIF that is red, and then blue.
func movingGIF(t *testing.T, width, height int) []byte {
	t.Helper()
	var b bytes.Buffer
	err := gif.EncodeAll(&b, &gif.GIF{
		Image: []*image.Paletted{frame(width, height, color.RGBA{R: 250, A: 255}), frame(width, height, color.RGBA{B: 250, A: 255})}, Delay: []int{10, 10},
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// pngChunk returns a chunk of a PNG (section 5.3).
func pngChunk(name string, data []byte) []byte {
	b := append(binary.BigEndian.AppendUint32(nil, uint32(len(data))), name...)
	b = append(b, data...)
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b[4:]))
}

// movingPNG returns a PNG of two frames, the first of which is its picture (section 4.9: acTL, fcTL, IDAT, fcTL, fdAT).
func movingPNG(t *testing.T, width, height int) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, frame(width, height, color.RGBA{R: 250, A: 255})); err != nil {
		t.Fatal(err)
	}
	control := func(number uint32) []byte {
		c := binary.BigEndian.AppendUint32(nil, number)
		c = binary.BigEndian.AppendUint32(c, uint32(width))
		c = binary.BigEndian.AppendUint32(c, uint32(height))
		c = append(c, make([]byte, 8)...)
		return pngChunk("fcTL", append(c, 0, 1, 0, 10, 0, 0))
	}
	whole := b.Bytes()
	at, end := bytes.Index(whole, []byte("IDAT"))-4, bytes.Index(whole, []byte("IEND"))-4
	pixels := whole[at+8 : end-4]
	moving := append(bytes.Clone(whole[:at]), pngChunk("acTL", []byte{0, 0, 0, 2, 0, 0, 0, 0})...)
	moving = append(append(moving, control(0)...), whole[at:end]...)
	moving = append(append(moving, control(1)...), pngChunk("fdAT", append([]byte{0, 0, 0, 2}, pixels...))...)
	return append(moving, whole[end:]...)
}

// riffChunk returns a chunk of a WebP (RFC 9649, section 2.3).
func riffChunk(name string, data []byte) []byte {
	b := append(binary.LittleEndian.AppendUint32([]byte(name), uint32(len(data))), data...)
	return append(b, make([]byte, len(b)%2)...)
}

func uint24(n int) []byte { return []byte{byte(n), byte(n >> 8), byte(n >> 16)} }

// movingWebP returns a WebP of two frames of one pixel, on a canvas of some size.
func movingWebP(width, height int) []byte {
	pixel := riffChunk("VP8L", []byte("\x2f\x00\x00\x00\x10\x07\x10\x11\x11\x88\x88\xfe\x07"))
	canvas := append(uint24(width-1), uint24(height-1)...)
	all := append([]byte("WEBP"), riffChunk("VP8X", append([]byte{1 << 1, 0, 0, 0}, canvas...))...)
	all = append(all, riffChunk("ANIM", make([]byte, 6))...)
	for range 2 {
		// Where it is, its size less one, how long it is shown, and how.
		all = append(all, riffChunk("ANMF", append(append(make([]byte, 12), 100, 0, 0, 0), pixel...))...)
	}
	return riffChunk("RIFF", all)
}

// Of what moves, a thumbnail is the first frame, where that can be decoded. What cannot be, or says that it is huge, is refused with little memory: then
// the page shows it as it is stored, or its type and size.
func TestServer_Thumb_OfWhatMoves(t *testing.T) {
	huge := movingGIF(t, 1, 1)
	copy(huge[6:], "\xff\xff\xff\xff")
	hugePNG := movingPNG(t, 1, 1)
	copy(hugePNG[8:], pngChunk("IHDR", append([]byte("\x00\x00\xff\xff\x00\x00\xff\xff"), hugePNG[24:29]...)))
	gifCut := movingGIF(t, 300, 20)
	for name, tt := range map[string]struct {
		mediaType string
		blob      []byte
		// size is that of the thumbnail; zero where there is none, for some reason.
		size image.Point
		why  string
	}{
		"gif":       {media.GIF, movingGIF(t, 512, 64), image.Pt(256, 32), ""},
		"cut gif":   {media.GIF, gifCut[:len(gifCut)-40], image.Pt(256, 17), ""},
		"apng":      {media.PNG, movingPNG(t, 512, 64), image.Pt(256, 32), ""},
		"webp":      {media.WebP, movingWebP(1, 1), image.Point{}, "a WebP that moves"},
		"huge gif":  {media.GIF, huge, image.Point{}, "too large"},
		"huge apng": {media.PNG, hugePNG, image.Point{}, "too large"},
		"huge webp": {media.WebP, movingWebP(1<<24, 1<<24), image.Point{}, "a WebP that moves"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := media.Sniff(tt.blob); got != tt.mediaType {
				t.Fatalf("it is %s, want %s", got, tt.mediaType)
			}
			e := newExported(t)
			row := e.row(t, "file", 0, 20, 20, 1)
			row.Content = pipeline.Content{Size: int64(len(tt.blob)), SHA256: sha256.Sum256(tt.blob), MediaType: tt.mediaType}
			e.put(t, row, tt.blob)
			e.commit(t, row)
			page := e.serve(t)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			status, _, body := get(t, page+"/thumb?kind=screenshot&page=0&origin=file&file=file")
			runtime.ReadMemStats(&after)
			if took := after.TotalAlloc - before.TotalAlloc; took > 32<<20 {
				t.Errorf("it took %d bytes of memory", took)
			}
			if tt.why != "" {
				if status != http.StatusUnsupportedMediaType || !strings.Contains(body, tt.why) {
					t.Errorf("%d %q, want %q", status, body, tt.why)
				}
			} else if img, err := jpeg.Decode(strings.NewReader(body)); err != nil || img.Bounds().Size() != tt.size {
				t.Fatalf("%d, %v, want a picture of %v", status, err, tt.size)
			} else if r, _, b, _ := img.At(5, 5).RGBA(); r < 0xc000 || b > 0x4000 {
				t.Errorf("it is %v, want the first frame, which is red", img.At(5, 5))
			}
			status, h, body := get(t, page+"/blob?kind=screenshot&page=0&origin=file&file=file")
			if status != http.StatusOK || body != string(tt.blob) || h.Get("Content-Type") != tt.mediaType {
				t.Errorf("the blob: %d, %s, %d bytes", status, h.Get("Content-Type"), len(body))
			}
		})
	}
}
