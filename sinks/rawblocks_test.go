package sinks

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/cespare/xxhash/v2"
	"github.com/klauspost/compress/zstd"
)

// Any part of a frame that is not compressed is read without decoding it, and what is no such frame is left to the decoder.
func TestRawBlocks_Read_IsWhatDecodes(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 50 {
		var frame, content bytes.Buffer
		frame.WriteString("what comes before")
		at := int64(frame.Len())
		sum := xxhash.New()
		w, err := newRawFrame(&frame, sum)
		if err != nil {
			t.Fatal(err)
		}
		for range random.IntN(12) {
			part := noise(random.IntN(1000), random.IntN(300_000))
			if random.IntN(2) == 0 {
				part = withZeros(random, random.IntN(maxSparse))
			}
			sum.Write(part)
			content.Write(part)
			if _, err := w.Write(part); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		file, size := bytes.NewReader(frame.Bytes()), int64(frame.Len())-at
		blocks := findRawBlocks(file, at, size)
		if blocks == nil {
			t.Fatal("a raw frame is not known as one")
		}
		for range 20 {
			from := random.Int64N(int64(content.Len()) + 1)
			got := make([]byte, random.Int64N(int64(content.Len())-from+1))
			if found, err := blocks.read(file, got, from); !found || err != nil || !bytes.Equal(got, content.Bytes()[from:from+int64(len(got))]) {
				t.Fatalf("%d bytes from %d of %d: found %t, %v, or other bytes", len(got), from, content.Len(), found, err)
			}
		}
		if found, _ := blocks.read(file, make([]byte, 2), int64(content.Len())-1); found {
			t.Error("more is found than there is")
		}
		if findRawBlocks(file, at, size-5) != nil || findRawBlocks(file, at+1, size-1) != nil {
			t.Error("a part of a frame is taken for one")
		}
	}
	encoder, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	compressed := encoder.EncodeAll(bytes.Repeat([]byte("again and "), 1000), nil)
	if findRawBlocks(bytes.NewReader(compressed), 0, int64(len(compressed))) != nil {
		t.Error("a compressed frame is taken for a raw one")
	}
}
