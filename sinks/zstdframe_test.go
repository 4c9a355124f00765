package sinks

import (
	"bytes"
	"fmt"
	"io"
	"testing"

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

func decodeFrame(frame []byte) ([]byte, error) {
	d, err := zstd.NewReader(bytes.NewReader(frame))
	if err != nil {
		return nil, err
	}
	defer d.Close()
	return io.ReadAll(d)
}
