package verify

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"exporter/internal/durable"
	"exporter/internal/store"
	"exporter/pipeline"
)

// A file is cut at every length.
func TestVerification_CutFile_IsFound(t *testing.T) {
	for _, sink := range sinksUnderTest() {
		t.Run(string(sink), func(t *testing.T) {
			t.Parallel()
			e := newExport(t, sink, true)
			for _, name := range e.blobFiles() {
				whole := e.bytes(name)
				for size := 0; size < len(whole); size += sink.stride() {
					e.edit(name, func([]byte) []byte { return whole[:size] })
					what := fmt.Sprintf("%s: cut to %d of %d bytes", name, size, len(whole))
					got := e.verify()
					if got.clean() {
						t.Errorf("%s, and nothing was found", what)
					}
					e.checkLost(what, got)
					if got := e.verify(quick); got.clean() && !strings.HasSuffix(name, ".tar") {
						t.Errorf("%s, and a quick look found nothing", what)
					}
				}
				e.edit(name, func([]byte) []byte { return whole })
			}
		})
	}
}

func (e *export) remove(name string) { must(e.t, e.fs.Remove(name)) }

func (e *export) write(name, content string) {
	must(e.t, durable.Write(e.fs, name, func(f durable.File) error {
		_, err := f.Write([]byte(content))
		return err
	}))
}

func removing(name string) func(*export) { return func(e *export) { e.remove(name) } }

func writing(name, content string) func(*export) { return func(e *export) { e.write(name, content) } }

func editing(name string, change func([]byte) []byte) func(*export) {
	return func(e *export) { e.edit(name, change) }
}

func swapping(a, b string) func(*export) {
	return func(e *export) {
		must(e.t, errors.Join(e.fs.Rename(a, "swapped"), e.fs.Rename(b, a), e.fs.Rename("swapped", b)))
	}
}

const (
	page0   = "blobs/15/file-0/page_screenshots/0.jpg"
	page2   = "blobs/15/file-0/page_screenshots/2.jpg"
	shard0  = "shards/shard-000000.tar.zst"
	shard1  = "shards/shard-000001.tar.zst"
	plain0  = "shards/shard-000000.tar"
	partial = ".partial"
)

// damage is something that happens to an export, and what is found then.
type damage struct {
	sink     sinkUnderTest
	unsealed bool
	happens  func(*export)
	// lost is the number of lost blobs, damaged and orphans parts of what else is found. seen says that a quick look finds
	// all of it too.
	lost             int
	damaged, orphans []string
	seen             bool
}

func damages() map[string]damage {
	return map[string]damage{
		"missing blob":  {sink: local, happens: removing(page0), lost: 1, seen: true},
		"longer blob":   {sink: local, happens: editing(page0, appendByte), lost: 1, seen: true},
		"swapped blobs": {sink: local, happens: swapping(page0, page2), lost: 2, seen: true},
		"directory as blob": {sink: local, lost: 1, seen: true, happens: func(e *export) {
			e.remove(page0)
			must(e.t, e.fs.MkdirAll(page0))
		}},
		"orphaned files": {sink: local, seen: true, happens: func(e *export) {
			must(e.t, e.fs.MkdirAll("blobs/3c/file-9/page_screenshots"))
			e.write("blobs/15/file-0/page_screenshots/9.jpg", "orphan")
			e.write("blobs/3c/file-9/page_screenshots/0.jpg", "orphan")
			e.write("blobs/thumbs.db", "orphan")
		}, orphans: []string{"blobs/15/file-0/page_screenshots/9.jpg ", "blobs/3c/file-9/page_screenshots/0.jpg ", "blobs/thumbs.db "}},

		"missing shard": {sink: archive, happens: removing(shard0), lost: 6, seen: true,
			damaged: []string{shard0 + ": the shard is missing"}},
		"longer shard": {sink: archive, happens: editing(shard0, appendByte), seen: true,
			damaged: []string{shard0 + ": "}},
		"swapped shards": {sink: archive, happens: swapping(shard0, shard1), lost: 8,
			orphans: []string{"page_3", "0/page_screenshots/2", "page_1", "1/page_screenshots/0"}},
		"shard renamed to a later number": {sink: archive,
			happens: func(e *export) { must(e.t, e.fs.Rename(shard1, "shards/shard-000002.tar.zst")) }, lost: 2,
			damaged: []string{shard1 + ": the shard is missing"}, orphans: []string{"page_3", "screenshots/2"}},
		"gap that no row names": {sink: archive, seen: true,
			happens: writing("shards/shard-000003.tar", strings.Repeat("\x00", 1024)),
			damaged: []string{"shards/shard-000002.tar: the shard is missing"}},
		"orphaned members": {sink: archive, happens: func(e *export) { e.disown("file-0", 0); e.disown("file-1", 2) },
			orphans: []string{shard0 + " file-0/page_screenshots/0.jpg", shard1 + " file-1/page_screenshots/2.jpg"}},
		"other file": {sink: archive, happens: writing("shards/index.txt", ""), seen: true,
			orphans: []string{"shards/index.txt "}},
		"partial shard of nobody": {sink: archive, happens: writing("shards/shard-000002.tar.zst.partial", "cut"), seen: true},

		"cut partial shard": {sink: archive, unsealed: true, happens: editing(shard1+partial, dropByte), lost: 2, seen: true},
		"missing partial shard": {sink: archive, unsealed: true, happens: removing(shard1 + partial), lost: 2, seen: true,
			damaged: []string{shard1 + ": the shard is missing"}},
		"partial shard that goes on": {sink: archive, unsealed: true, happens: editing(shard1+partial, appendByte), seen: true},

		"plain shard that goes on": {sink: plain, happens: editing(plain0, appendBlock),
			damaged: []string{plain0 + ": 512 bytes follow the end of the archive"}},
		"zeros in a plain shard": {sink: plain, happens: editing(plain0, zeroFirstMember), lost: 1},
		"member of a plain shard": {sink: plain, happens: func(e *export) { e.disown("file-0", 0); e.edit(plain0, spoilHeader) },
			damaged: []string{plain0 + ": tar header"}},
	}
}

func appendByte(b []byte) []byte  { return append(b, 1) }
func appendBlock(b []byte) []byte { return append(b, make([]byte, 512)...) }
func dropByte(b []byte) []byte    { return b[:len(b)-1] }

func zeroFirstMember(b []byte) []byte {
	clear(b[:1024])
	return b
}

func spoilHeader(b []byte) []byte {
	b[0] ^= 1
	return b
}

// disown makes the export forget that a screenshot is stored.
func (e *export) disown(file string, page int32) {
	row := e.rows[pipeline.AssetKey{FileID: pipeline.ID(file), Kind: pipeline.Screenshot, PageIndex: page}]
	row.Status = pipeline.Skipped
	e.settle()
}

func TestVerification_Damage_IsFound(t *testing.T) {
	for name, d := range damages() {
		t.Run(name, func(t *testing.T) {
			e := newExport(t, d.sink, !d.unsealed)
			d.happens(e)
			got := e.verify()
			if !d.isFound(got) {
				t.Errorf("got lost %v, damaged %q, orphans %q, want %d, %q, %q",
					got.lost, got.damaged, got.orphans, d.lost, d.damaged, d.orphans)
			}
			e.checkLost(name, got)
			if seen := d.isFound(e.verify(quick)); seen != d.seen {
				t.Errorf("a quick look saw all: %t, want %t", seen, d.seen)
			}
		})
	}
}

// isFound tells whether what was found is what is to be found.
func (d *damage) isFound(got verified) bool {
	return len(got.lost) == d.lost && matches(got.damaged, d.damaged) && matches(got.orphans, d.orphans)
}

// matches tells whether each text has its part.
func matches(texts, parts []string) bool {
	if len(texts) != len(parts) {
		return false
	}
	for i, part := range parts {
		if !strings.Contains(texts[i], part) {
			return false
		}
	}
	return true
}

// A link is damage even where it leads to the very bytes.
func TestVerification_PlantedLink_IsFound(t *testing.T) {
	for _, link := range []string{page0, filepath.Dir(page0), shard0, "blobs", "shards"} {
		sink := local
		if strings.HasPrefix(link, "shards") {
			sink = archive
		}
		for _, mode := range []func(*Verification){quick, func(*Verification) {}} {
			path := t.TempDir()
			dir, err := durable.Open(path)
			must(t, err)
			e := newExportIn(t, dir, sink, true)
			target := filepath.Join(path, "target")
			must(t, os.Rename(filepath.Join(path, link), target))
			must(t, os.Symlink(target, filepath.Join(path, link)))
			must(t, dir.Close())
			fsys, err := durable.OpenReadOnly(path)
			must(t, err)
			e.store = store.OnFS(fsys)
			if got := e.verify(mode); got.clean() {
				t.Errorf("%s is a link, and nothing was found", link)
			}
		}
	}
}

// brokenFS fails to open, or to read, one file.
type brokenFS struct {
	durable.FS
	name       string
	open, read error
	// at is the byte that cannot be read.
	at int64
}

func (b brokenFS) Open(name string) (durable.File, error) {
	if name != b.name {
		return b.FS.Open(name)
	}
	if b.open != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: b.open}
	}
	f, err := b.FS.Open(name)
	return brokenFile{f, b.read, b.at}, err
}

// brokenFile fails to read its bytes from 600 to 700.
type brokenFile struct {
	durable.File
	err error
	at  int64
}

func (f brokenFile) ReadAt(p []byte, at int64) (int, error) {
	if at <= f.at && at+int64(len(p)) > f.at {
		return 0, &fs.PathError{Op: "read", Path: "x", Err: f.err}
	}
	return f.File.ReadAt(p, at)
}

func TestVerification_ReadError_IsDamage(t *testing.T) {
	for name, sink := range map[string]sinkUnderTest{page0: local, plain0: plain} {
		e := newExport(t, sink, true)
		at := map[sinkUnderTest]int64{local: 100, plain: 650}[sink]
		e.store = store.OnFS(brokenFS{FS: e.fs, name: name, read: syscall.EIO, at: at})
		got := e.verify()
		if len(got.lost) != 1 {
			t.Errorf("%s: got lost %v, want one blob", name, got.lost)
		}
		for key, err := range got.lost {
			if !errors.Is(err, syscall.EIO) {
				t.Errorf("%v: got error %v, want %v", key, err, syscall.EIO)
			}
		}
	}
}

func TestVerification_NoPermission_IsNoDamage(t *testing.T) {
	for name, sink := range map[string]sinkUnderTest{page0: local, shard0: archive} {
		e := newExport(t, sink, true)
		v := New(Options{Export: store.OnFS(brokenFS{FS: e.fs, name: name, open: fs.ErrPermission}), Rows: e})
		err := v.Run(t.Context())
		if _, ok := errors.AsType[*pipeline.StorageError](err); !ok || !errors.Is(err, fs.ErrPermission) {
			t.Errorf("%s: got error %v, want a StorageError", name, err)
		}
		if n := v.Counts(); n.Lost+n.Damaged > 0 {
			t.Errorf("%s: got %+v, want no damage", name, n)
		}
	}
}

func TestVerification_Interrupt_EndsIt(t *testing.T) {
	for _, sink := range sinksUnderTest() {
		e := newExport(t, sink, true)
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(pipeline.ErrInterrupted)
		if err := New(Options{Export: e.store, Rows: e}).Run(ctx); !errors.Is(err, pipeline.ErrInterrupted) {
			t.Errorf("%s: got error %v, want %v", sink, err, pipeline.ErrInterrupted)
		}
	}
}
