package interop

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"testing"
)

// frames cuts zstd frames out of shards and has the zstd program decompress them.
type frames struct {
	*export
	// known holds the frames that were decompressed, by path and offset.
	known map[string][]byte
}

func (e *export) frames() *frames { return &frames{e, map[string][]byte{}} }

// blob returns the bytes of a stored asset. It goes by the manifest's row alone, as docs/format.md says.
func (f *frames) blob(t *testing.T, a *asset) []byte {
	t.Helper()
	switch {
	case a.Shard == nil:
		return f.cut(t, *a.FileName, 0, *a.Size)
	case a.FrameOffset == nil:
		return f.cut(t, *a.Shard, *a.MemberOffset, *a.Size)
	}
	id := fmt.Sprint(*a.Shard, *a.FrameOffset)
	if f.known[id] == nil {
		zstd := program(t, "zstd", "--decompress", "--stdout", "--quiet")
		zstd.Stdin = bytes.NewReader(f.cut(t, *a.Shard, *a.FrameOffset, *a.FrameSize))
		f.known[id] = output(t, zstd)
	}
	frame, start := f.known[id], *a.MemberOffset-*a.FrameStart
	if start < 0 || start+*a.Size > int64(len(frame)) {
		t.Fatalf("%v: bytes %d to %d of a frame of %d", a.key(), start, start+*a.Size, len(frame))
	}
	return frame[start : start+*a.Size]
}

// cut reads size bytes at offset of a file. A shard that is not sealed has another name.
func (f *frames) cut(t *testing.T, name string, offset, size int64) []byte {
	t.Helper()
	file, err := os.Open(f.path(name))
	if errors.Is(err, fs.ErrNotExist) {
		file, err = os.Open(f.path(name + ".partial"))
	}
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	data := make([]byte, size)
	if _, err := io.ReadFull(io.NewSectionReader(file, offset, size), data); err != nil {
		t.Fatalf("%s: %d bytes at %d: %v", name, size, offset, err)
	}
	return data
}

// checkBlobs compares the bytes of all stored assets with their SHA-256 in the manifest.
func (f *frames) checkBlobs(t *testing.T, assets []asset) {
	t.Helper()
	stored := 0
	for i := range assets {
		a := &assets[i]
		if a.Status != "stored" {
			continue
		}
		stored++
		if got := sum(f.blob(t, a)); got != *a.SHA256 {
			t.Errorf("%v: SHA-256 of the bytes is %s, want %s", a.key(), got, *a.SHA256)
		}
	}
	if stored == 0 {
		t.Error("no asset is stored")
	}
}

// sum returns the SHA-256 as the manifest has it.
func sum(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
