package verify

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"testing"

	"github.com/klauspost/compress/zstd"

	"exporter/pipeline"
)

func TestVerification_SoundExport_IsClean(t *testing.T) {
	for _, sink := range sinksUnderTest() {
		for _, sealed := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s/sealed %t", sink, sealed), func(t *testing.T) {
				e := newExport(t, sink, sealed)
				for _, mode := range []func(*Verification){quick, func(*Verification) {}} {
					got := e.verify(mode)
					if !got.clean() || len(got.orphans) > 0 {
						t.Errorf("got lost %v, damaged %q, orphans %q", got.lost, got.damaged, got.orphans)
					}
					if got.Blobs != 8 || got.Bytes != 8*315 {
						t.Errorf("got %d blobs of %d bytes, want 8 of %d", got.Blobs, got.Bytes, 8*315)
					}
				}
			})
		}
	}
}

// blobFiles returns the files that hold blobs.
func (e *export) blobFiles() []string {
	var names []string
	var walk func(dir string)
	walk = func(dir string) {
		entries, err := e.fs.ReadDir(dir)
		if errors.Is(err, fs.ErrNotExist) {
			return
		}
		must(e.t, err)
		for _, entry := range entries {
			if name := dir + "/" + entry.Name(); entry.IsDir() {
				walk(name)
			} else {
				names = append(names, name)
			}
		}
	}
	walk("blobs")
	walk("shards")
	return names
}

// unreadable returns the assets whose bytes are not those of their rows, read by their locations.
func (e *export) unreadable() []pipeline.AssetKey {
	var keys []pipeline.AssetKey
	for row := range e.Rows(e.t.Context()) {
		if row.Status != pipeline.Stored {
			continue
		}
		got, err := e.read(row)
		if err == nil && e.sink == local {
			got = e.bytes(row.Location.Path)
		}
		if err != nil || string(got) != string(e.content[row.Key()]) {
			keys = append(keys, row.Key())
		}
	}
	return keys
}

// entries returns all that a reader gets out of a file: of a shard everything that its tar headers say, and the bodies; nil
// where it gets an error.
func (e *export) entries(name string) []string {
	var r io.Reader = bytes.NewReader(e.bytes(name))
	if e.sink == local {
		return []string{string(e.bytes(name))}
	}
	if e.sink == archive {
		decoder, err := zstd.NewReader(r)
		must(e.t, err)
		defer decoder.Close()
		r = decoder
	}
	var entries []string
	for members := tar.NewReader(r); ; {
		header, err := members.Next()
		if errors.Is(err, io.EOF) {
			return entries
		}
		if err != nil {
			return nil
		}
		content, err := io.ReadAll(members)
		if err != nil {
			return nil
		}
		entries = append(entries, fmt.Sprintf("%+v %x", *header, content))
	}
}

// The bytes of every file that holds blobs are changed in turn. It is found each time, unless it is a bit that no reader
// looks at, and no blob is said to be lost that is sound, nor the other way round.
func TestVerification_FlippedBit_IsFound(t *testing.T) {
	for _, sink := range sinksUnderTest() {
		t.Run(string(sink), func(t *testing.T) {
			t.Parallel()
			e := newExport(t, sink, true)
			flips, ignored := 0, 0
			for _, name := range e.blobFiles() {
				sound := e.entries(name)
				for at := 0; at < len(e.bytes(name)); at += sink.stride() {
					e.flip(name, at)
					flips++
					got := e.verify()
					if got.clean() {
						ignored++
						if !slices.Equal(e.entries(name), sound) {
							t.Errorf("%s: byte %d was changed, and nothing was found", name, at)
						}
					}
					e.checkLost(fmt.Sprintf("%s: byte %d was changed", name, at), got)
					e.flip(name, at)
				}
			}
			if got := e.verify(); !got.clean() {
				t.Errorf("got lost %v, damaged %q after all was put back", got.lost, got.damaged)
			}
			if ignored > flips/50 {
				t.Errorf("%d of %d flips changed nothing", ignored, flips)
			}
		})
	}
}

// checkLost fails unless what is said to be lost is what cannot be read by the rows.
func (e *export) checkLost(what string, got verified) {
	e.t.Helper()
	unreadable := e.unreadable()
	for key := range got.lost {
		if !slices.Contains(unreadable, key) {
			e.t.Errorf("%s: %v is said to be lost, but can be read", what, key)
		}
	}
	// Who reads a single blob of a compressed shard may fail at the checksum of its frame, though the blob is sound.
	if e.sink != archive && len(unreadable) != len(got.lost) {
		e.t.Errorf("%s: got lost %v, want %v", what, got.lost, unreadable)
	}
}
