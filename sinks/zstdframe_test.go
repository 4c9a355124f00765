package sinks

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/cespare/xxhash/v2"
	"github.com/klauspost/compress/zstd"
)

func TestRawFrame_IsReadByAnotherImplementation(t *testing.T) {
	for _, sizes := range [][]int{{}, {0}, {1}, {512, 3, 0, 17}, {maxBlock}, {maxBlock + 1}, {512, 3*maxBlock - 1, 100}} {
		t.Run(fmt.Sprint(sizes), func(t *testing.T) {
			var frame, want bytes.Buffer
			hash := xxhash.New()
			f, err := newRawFrame(&frame, hash)
			if err != nil {
				t.Fatal(err)
			}
			for i, size := range sizes {
				piece := noise(i, size)
				want.Write(piece)
				hash.Write(piece)
				if n, err := f.Write(piece); n != size || err != nil {
					t.Fatalf("Write of %d bytes = %d, %v", size, n, err)
				}
			}
			if err := f.Close(); err != nil {
				t.Fatal(err)
			}
			if size, err := frameSize(bytes.NewReader(frame.Bytes()), 0, int64(frame.Len())); err != nil || size != int64(frame.Len()) {
				t.Errorf("frameSize = %d, %v, want %d", size, err, frame.Len())
			}
			got, err := decodeFrame(frame.Bytes())
			if err != nil || !bytes.Equal(got, want.Bytes()) {
				t.Errorf("decoded %d bytes, %v, want the %d that were written", len(got), err, want.Len())
			}
			changed := bytes.Clone(frame.Bytes())
			changed[len(changed)-1]++
			if _, err := decodeFrame(changed); err == nil {
				t.Error("a wrong checksum is not noticed")
			}
		})
	}
}

// What is between the bodies of members takes little of a frame that is not compressed, and is there again, whatever zeros there are in it.
func TestRawFrame_Zeros_TakeLittle(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for range 300 {
		var frame, want bytes.Buffer
		hash := xxhash.New()
		f, err := newRawFrame(&frame, hash)
		if err != nil {
			t.Fatal(err)
		}
		for range 4 {
			piece := withZeros(random, random.IntN(maxSparse+100))
			want.Write(piece)
			hash.Write(piece)
			if n, err := f.Write(piece); n != len(piece) || err != nil {
				t.Fatalf("Write of %d bytes = %d, %v", len(piece), n, err)
			}
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		if size, err := frameSize(bytes.NewReader(frame.Bytes()), 0, int64(frame.Len())); err != nil || size != int64(frame.Len()) {
			t.Fatalf("frameSize = %d, %v, want %d", size, err, frame.Len())
		}
		if got, err := decodeFrame(frame.Bytes()); err != nil || !bytes.Equal(got, want.Bytes()) {
			t.Fatalf("decoded %d bytes, %v, want the %d that were written", len(got), err, want.Len())
		}
	}
	header := newPlainHeader()
	if !header.fill("file-00000000/page_screenshots/1.jpg", 10_000, time.Unix(1e9, 0)) {
		t.Fatal("a plain header does not take a plain name")
	}
	if got := len(appendSparse(nil, header.block[:])) + len(appendSparse(nil, filler[:])); got > rawMember || got < rawMember/2 {
		t.Errorf("header and padding of a member take %d bytes, want about %d", got, rawMember)
	}
}

// withZeros returns size bytes, some of which are runs of zeros.
func withZeros(random *rand.Rand, size int) []byte {
	piece := noise(random.IntN(1000), size)
	for range random.IntN(4) {
		at := random.IntN(size + 1)
		clear(piece[at : at+random.IntN(size-at+1)])
	}
	return piece
}

func decodeFrame(frame []byte) ([]byte, error) {
	d, err := zstd.NewReader(bytes.NewReader(frame))
	if err != nil {
		return nil, err
	}
	defer d.Close()
	return io.ReadAll(d)
}
