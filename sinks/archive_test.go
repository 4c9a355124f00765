package sinks

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"errors"
	"io"
	"iter"
	"maps"
	"slices"
	"strings"
	"testing"

	seekable "github.com/SaveTheRbtz/zstd-seekable-format-go/pkg"
	"github.com/klauspost/compress/zstd"

	"exporter/internal/durable"
	"exporter/internal/store"
	"exporter/pipeline"
)

func readAll(t *testing.T, fsys durable.FS, name string) []byte {
	t.Helper()
	f, err := fsys.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// readTar lists the members of a shard as a streaming reader sees them.
func readTar(t *testing.T, fsys durable.FS, name string) []string {
	t.Helper()
	var r io.Reader = bytes.NewReader(readAll(t, fsys, name))
	if strings.Contains(name, compressedSuffix) {
		d, err := zstd.NewReader(r)
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		r = d
	}
	var members []string
	for tr := tar.NewReader(r); ; {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return members
		}
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if _, err := io.Copy(io.Discard, tr); err != nil {
			t.Fatalf("%s: %s: %v", name, h.Name, err)
		}
		members = append(members, h.Name)
	}
}

func archiveUnderTest(t *testing.T, compress bool) sinkUnderTest {
	i := slices.IndexFunc(sinksUnderTest(), func(s sinkUnderTest) bool {
		return s.name == map[bool]string{true: "archive", false: "archive uncompressed"}[compress]
	})
	if i < 0 {
		t.Fatal("no such sink")
	}
	return sinksUnderTest()[i]
}

// A shard's seek table, written partly after a crash, leads another implementation to every blob.
func TestArchive_SeekTable_ReadByAnotherImplementation(t *testing.T) {
	f := newFixture(t, archiveUnderTest(t, true))
	for i := range 4 {
		f.mustPut(screenshot("f", i), noise(i, 15_000))
		f.checkpoint()
	}
	f.crash()
	f.mustPut(screenshot("f", 4), noise(4, 5_000))
	f.checkpoint()
	f.seal()

	shards := map[string]*seekable.Reader{}
	decoder, err := zstd.NewReader(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer decoder.Close()
	for _, row := range f.committed {
		name := row.Location.Path
		if shards[name] == nil {
			content := readAll(t, f.dir, name)
			if shards[name], err = seekable.NewReader(bytes.NewReader(content), decoder); err != nil {
				t.Fatal(err)
			}
			defer shards[name].Close()
		}
		got := make([]byte, row.Content.Size)
		if _, err := shards[name].ReadAt(got, row.Location.Shard.Offset); err != nil && !errors.Is(err, io.EOF) {
			t.Fatal(err)
		}
		if sha256.Sum256(got) != row.Content.SHA256 {
			t.Errorf("the seek table of %s does not lead to %s", name, row.Location.Shard.Member)
		}
	}
}

// A reader needs a window of 1 MiB, whatever the level.
func TestArchive_Window_IsSmall(t *testing.T) {
	for _, level := range []string{"fastest", "default", "better", "best"} {
		o := DefaultArchiveOptions()
		o.Level = level
		f := newFixture(t, sinkUnderTest{name: level, open: func(s store.Store, committed func() iter.Seq2[*pipeline.Row, error]) (pipeline.Sink, error) {
			return NewArchive(t.Context(), s, o, committed)
		}})
		f.mustPut(screenshot("f", 0), bytes.Repeat(noise(1, 1000), 3000))
		f.checkpoint()
		f.seal()
		for _, name := range shardFiles(t, f.dir) {
			d, err := zstd.NewReader(bytes.NewReader(readAll(t, f.dir, name)), zstd.WithDecoderMaxWindow(1<<20))
			if err != nil {
				t.Fatal(err)
			}
			defer d.Close()
			if n, err := io.Copy(io.Discard, d); err != nil || n < 3_000_000 {
				t.Errorf("%s: %d bytes are read of %s, error %v", level, n, name, err)
			}
		}
	}
}

// Where compression makes frames no smaller, some follow that are not compressed, and after those it is tried again. What there is between pictures
// shrinks much, but as much without compression.
func TestArchive_WhatDoesNotShrink_IsStoredAsItIs(t *testing.T) {
	for _, size := range []int{150_000, 10_000} {
		options := DefaultArchiveOptions()
		options.FrameSize = int64(size)
		f := newFixture(t, sinkUnderTest{name: "one shard", open: func(s store.Store, committed func() iter.Seq2[*pipeline.Row, error]) (pipeline.Sink, error) {
			return NewArchive(t.Context(), s, options, committed)
		}})
		tried, raw := trialSize/(size+rawMember)+1, rawAfter/(size+rawMember)+1
		const more = 3
		for page := range tried + raw + more {
			content := make([]byte, size)
			if page < tried {
				content = noise(page, size)
			}
			f.mustPut(screenshot("f", page), content)
		}
		f.checkpoint()
		for page, row := range f.committed {
			isCompressed, want := row.Location.Shard.Frame.Size < int64(size)/2, page >= tried+raw
			if isCompressed != want {
				t.Fatalf("%d bytes of page %d are compressed: %t, want %t", size, page, isCompressed, want)
			}
		}
		f.seal()
		f.check()
		members := 0
		for _, name := range shardFiles(t, f.dir) {
			members += len(readTar(t, f.dir, name))
		}
		if want := tried + raw + more; members != want {
			t.Errorf("the shards have %d members, want %d", members, want)
		}
	}
}

// Of small frames, in which pictures that shrink and others come by turns, those that shrink are compressed.
func TestArchive_SmallFrames_AreJudgedTogether(t *testing.T) {
	const size, pages = 50_000, 300
	options := DefaultArchiveOptions()
	options.FrameSize = size
	f := newFixture(t, sinkUnderTest{name: "one shard", open: func(s store.Store, committed func() iter.Seq2[*pipeline.Row, error]) (pipeline.Sink, error) {
		return NewArchive(t.Context(), s, options, committed)
	}})
	for page := range pages {
		content := make([]byte, size)
		if page%3 == 0 {
			content = noise(page, size)
		}
		f.mustPut(screenshot("f", page), content)
	}
	f.checkpoint()
	var total int64
	for _, row := range f.committed {
		total += row.Location.Shard.Frame.Size
	}
	if most := int64(size * pages * 2 / 5); total > most {
		t.Errorf("the frames have %d bytes, want %d at most", total, most)
	}
	f.seal()
	f.check()
}

// The frame that is compressed to see whether that is worth while again is no larger than that takes.
func TestArchive_FrameThatTries_IsShort(t *testing.T) {
	const size = 100_000
	f := newFixture(t, sinkUnderTest{name: "one shard", open: func(s store.Store, committed func() iter.Seq2[*pipeline.Row, error]) (pipeline.Sink, error) {
		return NewArchive(t.Context(), s, DefaultArchiveOptions(), committed)
	}})
	// A usual frame of 4 MiB, raw ones, and the short one.
	const usual, short = 42, 11
	raw := (rawAfter/(size+rawMember)/usual + 1) * usual
	for page := range usual + raw + short + 1 {
		f.mustPut(screenshot("f", page), noise(page, size))
	}
	f.checkpoint()
	members := map[int64]int{}
	for _, row := range f.committed {
		members[row.Location.Shard.Frame.Start]++
	}
	var got []int
	for _, start := range slices.Sorted(maps.Keys(members)) {
		got = append(got, members[start])
	}
	if want := append(slices.Repeat([]int{usual}, 1+raw/usual), short, 1); !slices.Equal(got, want) {
		t.Errorf("frames have %d members, want %d", got, want)
	}
	f.seal()
	f.check()
}

func TestArchive_Shards_AreNumberedWithoutGaps(t *testing.T) {
	for _, compress := range []bool{true, false} {
		f := newFixture(t, archiveUnderTest(t, compress))
		for run := range 3 {
			for i := range 20 {
				f.mustPut(screenshot("f", run*100+i), noise(i, 30_000))
			}
			f.checkpoint()
			if run < 2 {
				f.crash()
			}
		}
		f.seal()
		a := f.Sink.(*Archive)
		var want []string
		for i := range a.next {
			want = append(want, shardPath(i, compress))
		}
		if got := shardFiles(t, f.dir); !slices.Equal(got, want) || len(got) < 5 {
			t.Errorf("got shards %q, want %q", got, want)
		}
		f.check()
		f.checkNothingElse()
	}
}

func TestArchive_Recover_NamesDamagedShard(t *testing.T) {
	f := newFixture(t, archiveUnderTest(t, true))
	for i := range 3 {
		f.mustPut(screenshot("f", i), noise(i, 15_000))
	}
	f.checkpoint()
	name := "shards/shard-000000.tar.zst.partial"
	content := readAll(t, f.dir, name)
	if err := errors.Join(f.Close(), f.dir.Remove(name)); err != nil {
		t.Fatal(err)
	}
	flipped := slices.Clone(content)
	flipped[len(flipped)/2] ^= 1
	for what, damaged := range map[string][]byte{"cut": content[:len(content)-1], "flipped": flipped} {
		file, err := f.dir.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := file.Write(damaged); err != nil {
			t.Fatal(err)
		}
		if err := file.Close(); err != nil {
			t.Fatal(err)
		}
		committed := func() iter.Seq2[*pipeline.Row, error] {
			return func(yield func(*pipeline.Row, error) bool) {
				for _, row := range f.committed {
					if !yield(row, nil) {
						return
					}
				}
			}
		}
		_, err = NewArchive(t.Context(), f.store, DefaultArchiveOptions(), committed)
		var damage *pipeline.DamageError
		if !errors.As(err, &damage) || damage.Path != name {
			t.Errorf("%s shard: got error %v, want a DamageError of %s", what, err, name)
		}
		if err := f.dir.Remove(name); err != nil {
			t.Fatal(err)
		}
	}
	f.Sink = NewLocal(f.store)
}

func TestArchiveOptions_Validate_NamesTheField(t *testing.T) {
	for want, change := range map[string]func(*ArchiveOptions){
		`level "max"`:   func(o *ArchiveOptions) { o.Level = "max" },
		"frame size 0":  func(o *ArchiveOptions) { o.FrameSize = 0 },
		"shard size -1": func(o *ArchiveOptions) { o.ShardSize = -1 },
	} {
		o := DefaultArchiveOptions()
		if err := o.Validate(); err != nil {
			t.Fatal(err)
		}
		change(&o)
		if err := o.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got error %v, want one that contains %q", err, want)
		}
	}
}
