package sinks

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"sync/atomic"
	"testing"

	"exporter/internal/durable"
	"exporter/internal/durable/durabletest"
	"exporter/pipeline"
)

// manyBlobs are as many as are synced together, each with its content.
func manyBlobs() map[*pipeline.Asset][]byte {
	blobs := map[*pipeline.Asset][]byte{}
	for n := range syncAllFrom {
		asset := &pipeline.Asset{FileID: pipeline.ID(fmt.Sprint("file-", n%5)), Kind: pipeline.Screenshot, PageIndex: int32(n)}
		blobs[asset] = fmt.Appendf(nil, "blob number %d", n)
	}
	return blobs
}

// putAndSync puts the blobs into a sink of fsys, and syncs them.
func putAndSync(t *testing.T, fsys durable.FS, blobs map[*pipeline.Asset][]byte) error {
	t.Helper()
	if err := durable.Prepare(fsys); err != nil {
		return err
	}
	sink := NewLocal(fsys)
	defer sink.Close()
	for asset, content := range blobs {
		if _, err := sink.Put(t.Context(), asset, testBlob(content)); err != nil {
			return err
		}
	}
	return sink.Sync(t.Context(), func() {})
}

// Many blobs are synced together. Whenever the machine stops: a name that is there has its bytes, and after Sync all names
// are there.
func TestLocal_Sync_OfMany_SurvivesACrash(t *testing.T) {
	blobs := manyBlobs()
	whole := durabletest.NewMemory(nil)
	if err := putAndSync(t, whole, blobs); err != nil {
		t.Fatal(err)
	}
	for _, drop := range []durabletest.Drop{durabletest.DropNone, durabletest.DropHalf, durabletest.DropAll} {
		for n := 1; n <= whole.Operations()+1; n++ {
			crashed := durabletest.NewMemory(durabletest.CrashAt(n))
			err := putAndSync(t, crashed, blobs)
			if crashes := n <= whole.Operations(); crashes != errors.Is(err, durabletest.ErrCrashed) {
				t.Fatalf("operation %d of %d crashes: got %v", n, whole.Operations(), err)
			}
			fsys := crashed.Recover(drop, uint64(n))
			for asset, want := range blobs {
				name := path.Join(LocalDir, string(asset.FileID), "page_screenshots", fmt.Sprintf("%d.jpg", asset.PageIndex))
				if _, missing := fsys.Lstat(name); errors.Is(missing, fs.ErrNotExist) && err != nil {
					continue
				}
				if got := readAll(t, fsys, name); !bytes.Equal(got, want) {
					t.Fatalf("after a crash at operation %d, %s dropped: %s is %q, want %q", n, drop, name, got, want)
				}
			}
		}
	}
}

// Where a file system cannot be synced as a whole, files and directories are, one by one.
func TestLocal_Sync_OfMany_OneByOne(t *testing.T) {
	blobs := manyBlobs()
	var synced, whole atomic.Int64
	fsys := durabletest.Hook(durabletest.NewMemory(nil), durabletest.Hooks{Before: func(o durabletest.Operation) error {
		switch o.Kind {
		case "sync":
			synced.Add(1)
		case "syncall":
			whole.Add(1)
			return errors.ErrUnsupported
		}
		return nil
	}})
	if err := putAndSync(t, fsys, blobs); err != nil {
		t.Fatal(err)
	}
	if synced.Load() != int64(len(blobs)) || whole.Load() != 1 {
		t.Errorf("%d files were synced, and %d times all, want %d and 1 in vain", synced.Load(), whole.Load(), len(blobs))
	}
}
