package emulator

import (
	"encoding/binary"
	"io"
	"math/rand/v2"
	"sync"
)

const (
	// slabSize is a multiple of chunkSize, both in bytes.
	slabSize  = 1 << 20
	chunkSize = 32 << 10
	// jpegHead is the size in bytes of the headers that every synthetic blob begins with, jpegEnd what it ends with.
	jpegHead = 65
	jpegEnd  = "\xff\xd9"
)

// generator makes the bytes of synthetic blobs: a slab of random bytes, XORed with a key that differs from one blob to
// the next and from one slab's length to the next, so that a compressor finds nothing to share between them.
type generator struct {
	assets int64
	length int64
	// metadata is how many bytes that of an asset has at least; 0 for none.
	metadata int
	seed     uint64
	slab     []byte
	chunks   sync.Pool
}

func newGenerator(o SyntheticOptions) *generator {
	g := &generator{
		assets: int64(o.AssetsPerFile), length: int64(max(o.BlobSize, jpegHead+len(jpegEnd))), metadata: o.AssetMetadata, seed: o.Seed,
		slab: make([]byte, slabSize), chunks: sync.Pool{New: func() any { return new([chunkSize]byte) }},
	}
	var key [32]byte
	binary.LittleEndian.PutUint64(key[:], o.Seed)
	_, _ = rand.NewChaCha8(key).Read(g.slab) // never fails
	return g
}

// syntheticBlob is the blob of the asset of that number.
type syntheticBlob struct {
	*generator
	number uint64
}

func (b syntheticBlob) size() int64       { return b.length }
func (b syntheticBlob) mediaType() string { return "image/jpeg" }

func (b syntheticBlob) writeTo(w io.Writer) error {
	chunk := b.chunks.Get().(*[chunkSize]byte)
	defer b.chunks.Put(chunk)
	key := mix(b.number ^ mix(b.seed))
	if _, err := w.Write(appendJPEGHead(chunk[:0], key)); err != nil {
		return err
	}
	body := b.length - jpegHead - int64(len(jpegEnd))
	for done := int64(0); done < body; done += chunkSize {
		out := chunk[:min(chunkSize, body-done)]
		xor(out, b.slab[done%slabSize:], mix(key+uint64(done/slabSize)))
		if _, err := w.Write(out); err != nil {
			return err
		}
	}
	_, err := io.WriteString(w, jpegEnd)
	return err
}

// appendJPEGHead appends the segments of a baseline JPEG up to its scan: SOI, JFIF, a comment that holds key, the frame
// header with width and height, SOS. See ITU-T T.81, annex B.
func appendJPEGHead(b []byte, key uint64) []byte {
	width, height := uint16(600+key%512), uint16(800+key>>9%512)
	b = append(b, "\xff\xd8"+"\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00"+"\xff\xfe\x00\x0a"...)
	b = binary.BigEndian.AppendUint64(b, key)
	b = append(b, "\xff\xc0\x00\x11\x08"...)
	b = binary.BigEndian.AppendUint16(b, height)
	b = binary.BigEndian.AppendUint16(b, width)
	b = append(b, "\x03\x01\x22\x00\x02\x11\x01\x03\x11\x01"...)
	return append(b, "\xff\xda\x00\x0c\x03\x01\x00\x02\x11\x03\x11\x00\x3f\x00"...)
}

// xor sets each byte of out to that of src, XORed with key. src is at least as long as out.
func xor(out, src []byte, key uint64) {
	for len(out) >= 8 {
		binary.LittleEndian.PutUint64(out, binary.LittleEndian.Uint64(src)^key)
		out, src = out[8:], src[8:]
	}
	for i := range out {
		out[i] = src[i] ^ byte(key>>(8*i))
	}
}

// mix is the finalizer of SplitMix64: a bijection, so that different numbers stay different.
func mix(x uint64) uint64 {
	x ^= x >> 30
	x *= 0xbf58476d1ce4e5b9
	x ^= x >> 27
	x *= 0x94d049bb133111eb
	return x ^ x>>31
}
