package verify

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"iter"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"exporter/internal/durable"
	"exporter/internal/durable/durabletest"
	"exporter/internal/store"
	"exporter/pipeline"
	"exporter/sinks"
)

// sinkUnderTest is one of the ways to store blobs.
type sinkUnderTest string

const (
	local   sinkUnderTest = "local"
	archive sinkUnderTest = "archive"
	plain   sinkUnderTest = "archive uncompressed"
)

func sinksUnderTest() []sinkUnderTest { return []sinkUnderTest{local, archive, plain} }

func (s sinkUnderTest) open(ctx context.Context, st store.Store, committed func() iter.Seq2[*pipeline.Row, error]) (pipeline.Sink, error) {
	if s == local {
		return sinks.NewLocal(st), nil
	}
	// A few blobs for each frame, a few frames for each shard.
	o := sinks.ArchiveOptions{Compress: s == archive, Level: "fastest", ShardSize: 1_500, FrameSize: 1_900}
	return sinks.NewArchive(ctx, st, o, committed)
}

// stride is the step in which the bytes of a file are gone over: a small one where every few bytes mean something else.
func (s sinkUnderTest) stride() int {
	if s == archive {
		return 3
	}
	return 7
}

// export is an export with a ledger in memory.
type export struct {
	t    *testing.T
	sink sinkUnderTest
	// fs is where store is, for what others do to an export.
	fs    durable.FS
	store store.Store
	*book
	content map[pipeline.AssetKey][]byte
}

// newExport stores a few files' assets. Where it is not sealed, it looks like one whose run was killed.
func newExport(t *testing.T, sink sinkUnderTest, sealed bool) *export {
	t.Helper()
	return newExportIn(t, durabletest.NewMemory(nil), sink, sealed)
}

func newExportIn(t *testing.T, fsys durable.FS, sink sinkUnderTest, sealed bool) *export {
	t.Helper()
	e := &export{t: t, sink: sink, fs: fsys, store: store.OnFS(fsys), book: newBook(), content: map[pipeline.AssetKey][]byte{}}
	must(t, durable.Prepare(fsys))
	s, err := sink.open(t.Context(), e.store, func() iter.Seq2[*pipeline.Row, error] { return e.Rows(t.Context()) })
	must(t, err)
	for file := range 2 {
		var rows []*pipeline.Row
		var locations []*pipeline.Location
		for page := range 4 {
			row, blob := e.asset(file, page)
			location, err := s.Put(t.Context(), &row.Asset, blob, nil)
			must(t, err)
			rows, locations = append(rows, row), append(locations, location)
		}
		must(t, syncSink(t.Context(), s))
		for i, row := range rows {
			row.Location = *locations[i]
		}
		e.add(rows, []*pipeline.FileRow{{File: *rows[0].File}})
	}
	if sealed {
		must(t, s.Seal(t.Context()))
	}
	must(t, s.Close())
	e.settle()
	return e
}

// asset returns an asset whose blob is partly noise and partly compressible.
func (e *export) asset(file, page int) (*pipeline.Row, *pipeline.Blob) {
	a := pipeline.Asset{FileID: pipeline.ID(fmt.Sprint("file-", file)), Kind: pipeline.Screenshot, PageIndex: int32(page)}
	if page%2 == 1 {
		a.Kind, a.FigureName = pipeline.Figure, fmt.Sprintf("page_%d_figure_1.jpg", page)
	}
	content := make([]byte, 300+10*page)
	rand.NewChaCha8([32]byte{byte(file), byte(page)}).Read(content[:200])
	e.content[a.Key()] = content
	blob := newBlob(content)
	row := &pipeline.Row{
		Asset: a, File: &pipeline.File{ID: string(a.FileID), UpdatedAt: blob.FetchedAt},
		Status: pipeline.Stored, Content: blob.Content, FetchedAt: blob.FetchedAt, Attempts: 1,
	}
	return row, blob
}

func newBlob(content []byte) *pipeline.Blob {
	c := pipeline.Content{Size: int64(len(content)), SHA256: sha256.Sum256(content), MediaType: "image/jpeg"}
	blob := pipeline.NewBlob(c, bytes.NewReader(content), nil)
	blob.FetchedAt = time.Unix(1_700_000_000, 0)
	return blob
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// verified is what a verification found.
type verified struct {
	Counts
	lost map[pipeline.AssetKey]error
	// damaged are the paths of other damage, orphans those of orphans, with their members behind a space.
	damaged, orphans []string
}

func (e *export) verify(change ...func(*Verification)) verified {
	e.t.Helper()
	got := verified{lost: map[pipeline.AssetKey]error{}}
	v := New(Options{Export: e.store, Rows: e, Found: func(f Finding) {
		switch {
		case f.Err == nil:
			got.orphans = append(got.orphans, f.Path+" "+f.Member)
		case f.Lost:
			if got.lost[f.Row.Key()] != nil {
				e.t.Errorf("%v is found lost twice", f.Row.Key())
			}
			got.lost[f.Row.Key()] = f.Err
		default:
			got.damaged = append(got.damaged, f.Path+": "+f.Err.Error())
		}
	}})
	v.groupSize = 5
	for _, c := range change {
		c(v)
	}
	must(e.t, v.Run(e.t.Context()))
	got.Counts = v.Counts()
	slices.Sort(got.orphans)
	if n := got.Counts; int(n.Lost) != len(got.lost) || int(n.Damaged) != len(got.damaged) || int(n.Orphans) != len(got.orphans) {
		e.t.Errorf("the counts %+v are not those of the findings", n)
	}
	if n := got.Counts; n.CheckedBlobs != n.Blobs || n.CheckedBytes != n.Bytes || int(n.Blobs) != e.stored() {
		e.t.Errorf("%+v: not everything was checked, want %d blobs", n, e.stored())
	}
	return got
}

func quick(v *Verification) { v.Quick = true }

func (v *verified) clean() bool { return len(v.lost)+len(v.damaged) == 0 }

// read returns the bytes of a stored blob.
func (e *export) read(row *pipeline.Row) ([]byte, error) {
	r, err := sinks.Open(e.t.Context(), e.store, row.Location, row.Content.Size)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}

// edit changes the bytes of a file.
func (e *export) edit(name string, change func([]byte) []byte) {
	e.t.Helper()
	content := change(e.bytes(name))
	must(e.t, e.fs.Remove(name))
	must(e.t, durable.Write(e.fs, name, func(f durable.File) error {
		_, err := f.Write(content)
		return err
	}))
}

func (e *export) bytes(name string) []byte {
	e.t.Helper()
	f, err := e.fs.Open(name)
	must(e.t, err)
	defer f.Close()
	b, err := io.ReadAll(f)
	must(e.t, err)
	return b
}

func (e *export) flip(name string, at int) {
	e.t.Helper()
	e.edit(name, func(b []byte) []byte {
		b[at] ^= 1 << (at % 8)
		return b
	})
}

// syncSink makes durable what was put into a sink.
func syncSink(ctx context.Context, s pipeline.Sink) error {
	batch, err := s.Cut(ctx)
	if err != nil {
		return err
	}
	return batch.Sync(ctx)
}
