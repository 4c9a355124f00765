package sinks

import (
	"bytes"
	"fmt"
	"iter"
	"slices"
	"testing"

	"exporter/internal/store"
	"exporter/internal/store/storetest"
	"exporter/pipeline"
)

// goingOn is an archive that goes on with the last shard, which may be of 100,000 bytes.
func goingOn(t *testing.T, compress bool) sinkUnderTest {
	return sinkUnderTest{name: "archive that goes on", open: func(s store.Store, committed func() iter.Seq2[*pipeline.Row, error]) (pipeline.Sink, error) {
		o := ArchiveOptions{Compress: compress, Level: "fastest", ShardSize: 100_000, FrameSize: 20_000, GoOn: true}
		return NewArchive(t.Context(), s, o, committed)
	}}
}

// night is a run that stores pages of so many bytes each.
func (f *fixture) night(pages, size int) {
	f.t.Helper()
	f.crash()
	for range pages {
		f.mustPut(screenshot("f", len(f.committed)+len(f.pending)), noise(len(f.committed)+len(f.pending), size))
	}
	f.checkpoint()
	f.seal()
}

// damages collects what an inspection finds.
type damages struct{ found []string }

func (d *damages) Claimed(c *Claim, err error) {
	if err != nil {
		d.found = append(d.found, fmt.Sprint(c.Ordinal, ": ", err))
	}
}
func (d *damages) Orphan(member string)        { d.found = append(d.found, member) }
func (d *damages) Damaged(_ *Claim, err error) { d.found = append(d.found, err.Error()) }

// claims returns those of the committed rows on a shard.
func (f *fixture) claims(name string) (claims []Claim) {
	f.t.Helper()
	for i, row := range f.committed {
		if row.Location.Path != name {
			continue
		}
		c, err := NewClaim(uint32(i), row)
		if err != nil {
			f.t.Fatal(err)
		}
		claims = append(claims, c)
	}
	return claims
}

// mustBeSound inspects all shards, and returns how many there are.
func (f *fixture) mustBeSound() int {
	f.t.Helper()
	shards, _, err := ListShards(f.t.Context(), f.store)
	if err != nil {
		f.t.Fatal(err)
	}
	for _, name := range shards {
		r, err := OpenShard(f.t.Context(), f.store, name)
		if err != nil {
			f.t.Fatal(err)
		}
		var d damages
		if err := r.Inspect(f.t.Context(), f.claims(name), &d); err != nil || len(d.found) > 0 {
			f.t.Errorf("%s: %q, %v", name, d.found, err)
		}
		if err := r.Close(); err != nil {
			f.t.Error(err)
		}
	}
	f.check()
	return len(shards)
}

// Nights of few pictures leave as many shards as their bytes ask for. Of what is committed no byte is written again.
func TestArchive_GoOn_FillsTheLastShard(t *testing.T) {
	for _, compress := range []bool{true, false} {
		f := newFixture(t, goingOn(t, compress))
		first := shardPath(0, compress)
		var before []byte
		const nights, pages, size = 20, 3, 5_000
		for night := range nights {
			f.night(pages, size)
			want := 1 + (night+1)*pages*(size+2*tarBlock)/100_000
			if got := f.mustBeSound(); got > want {
				t.Fatalf("night %d: %d shards, want %d at most", night, got, want)
			}
			if night == 0 {
				before = readAll(t, f.dir, first)
			}
		}
		members, end := readTar(t, f.dir, first), f.claims(first)
		if len(members) != len(end) {
			t.Errorf("%s has %d members, want %d", first, len(members), len(end))
		}
		committed := before[:committedEnd(end[:pages])]
		if !bytes.HasPrefix(readAll(t, f.dir, first), committed) {
			t.Errorf("what was committed in %s was written again", first)
		}
	}
}

// The last shard stays as it is where a run stores nothing, where it is full or compressed otherwise, where its end is damaged, and where
// nobody asks for it.
func TestArchive_GoOn_LeavesAShardAlone(t *testing.T) {
	first := shardPath(0, true)
	for name, tt := range map[string]struct {
		goOn, compress bool
		pages, size    int
		spoil          func([]byte)
	}{
		"nothing to store":  {goOn: true, compress: true},
		"no room":           {goOn: true, compress: true, pages: 1, size: 96_000},
		"other compression": {goOn: true, pages: 1, size: 10},
		"not asked for":     {compress: true, pages: 1, size: 10},
		"no footer":         {goOn: true, compress: true, pages: 1, size: 10, spoil: func(b []byte) { b[len(b)-1] ^= 1 }},
		"wrong table":       {goOn: true, compress: true, pages: 1, size: 10, spoil: func(b []byte) { b[len(b)-seekTableFooter-seekTableEntry] ^= 1 }},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, goingOn(t, true))
			f.night(1, 5_000)
			before := readAll(t, f.dir, first)
			if tt.spoil != nil {
				tt.spoil(before)
				if err := store.PutBytes(t.Context(), f.store, first, before); err != nil {
					t.Fatal(err)
				}
			}
			f.sink = goingOn(t, tt.compress)
			if !tt.goOn {
				f.sink = archiveUnderTest(t, tt.compress)
			}
			f.night(tt.pages, tt.size)
			if !bytes.Equal(readAll(t, f.dir, first), before) {
				t.Errorf("%s was changed", first)
			}
			f.check()
			if shards, _, err := ListShards(t.Context(), f.store); err != nil || len(shards) != 1+tt.pages {
				t.Errorf("shards %q, %v, want %d", shards, err, 1+tt.pages)
			}
		})
	}
}

// A shard that was to be removed, when a compaction was killed, is not gone on with.
func TestArchive_GoOn_LeavesARetiredShardAlone(t *testing.T) {
	f := newFixture(t, goingOn(t, true))
	f.night(1, 1_000)
	if err := store.PutBytes(t.Context(), f.store, retiredName, []byte("[[0,0]]")); err != nil {
		t.Fatal(err)
	}
	before := readAll(t, f.dir, shardPath(0, true))
	f.night(1, 1_000)
	if !bytes.Equal(readAll(t, f.dir, shardPath(0, true)), before) || f.mustBeSound() != 2 {
		t.Error("the shard was gone on with")
	}
}

// A store that cannot open what is finished gets another shard each night.
func TestArchive_GoOn_StoreThatCannot(t *testing.T) {
	s := storetest.NewMemory(nil)
	o := DefaultArchiveOptions()
	o.GoOn = true
	for night := range 3 {
		spendNight(t, s, o, night)
	}
	shards, _, err := ListShards(t.Context(), s)
	if want := []string{shardPath(0, true), shardPath(1, true), shardPath(2, true)}; err != nil || !slices.Equal(shards, want) {
		t.Errorf("got %q, %v, want %q", shards, err, want)
	}
}

// Who has opened a shard before a run goes on with it finds its blobs, and calls its end not damaged.
func TestShardReader_GrowsMeanwhile_IsNotDamaged(t *testing.T) {
	for _, compress := range []bool{true, false} {
		for _, sealed := range []bool{true, false} {
			f := newFixture(t, goingOn(t, compress))
			f.night(4, 5_000)
			name := shardPath(0, compress)
			claims := f.claims(name)
			reader, err := store.OpenDir(f.path)
			if err != nil {
				t.Fatal(err)
			}
			defer reader.Close()
			r, err := OpenShard(t.Context(), reader, name)
			if err != nil {
				t.Fatal(err)
			}
			f.crash()
			f.mustPut(screenshot("f", 100), noise(100, 30_000))
			f.checkpoint()
			if sealed {
				f.seal()
			}
			var d damages
			r.Glance(t.Context(), claims, &d)
			if err := r.Inspect(t.Context(), claims, &d); err != nil {
				t.Fatal(err)
			}
			if slices.ContainsFunc(d.found, func(s string) bool { return s != "f/page_screenshots/100.jpg" }) {
				t.Errorf("compressed %t, sealed %t: found %q", compress, sealed, d.found)
			}
			if err := r.Close(); err != nil {
				t.Error(err)
			}
			f.check()
		}
	}
}

// The extent of a shard is that of its members, however long their names are.
func TestShardExtent_IsThatOfItsMembers(t *testing.T) {
	for _, compress := range []bool{true, false} {
		f := newFixture(t, goingOn(t, compress))
		f.crash()
		f.mustPut(screenshot("f", 0), noise(0, 5_000))
		f.mustPut(figure("f", 1, string(bytes.Repeat([]byte("é"), 120))), noise(1, 512))
		f.mustPut(figure(string(bytes.Repeat([]byte("g"), 120)), 1, "figure.jpg"), noise(2, 0))
		f.checkpoint()
		f.seal()
		var want int64
		for _, row := range f.committed {
			extent, err := MemberExtent(row.Location.Shard.Member, row.Content.Size, testBlob(nil).FetchedAt)
			if err != nil {
				t.Fatal(err)
			}
			want += extent
		}
		if got, err := ShardExtent(t.Context(), f.store, shardPath(0, compress)); err != nil || got != want {
			t.Errorf("compressed %t: got %d, %v, want %d", compress, got, err, want)
		}
	}
}

// A shard that is removed leaves no gap, and its number to nobody.
func TestRemoveShards_NumbersStayTaken(t *testing.T) {
	f := newFixture(t, archiveUnderTest(t, true))
	for range 4 {
		f.night(1, 1_000)
	}
	for _, numbers := range [][]int{{3}, {1, 0}} {
		var names []string
		for _, n := range numbers {
			names = append(names, shardPath(n, true))
		}
		if err := RemoveShards(t.Context(), f.store, names...); err != nil {
			t.Fatal(err)
		}
	}
	f.night(1, 1_000)
	shards, _, err := ListShards(t.Context(), f.store)
	if want := []string{shardPath(2, true), shardPath(4, true)}; err != nil || !slices.Equal(shards, want) {
		t.Errorf("got %q, %v, want %q", shards, err, want)
	}
	if missing, err := MissingShards(t.Context(), f.store, shards); err != nil || len(missing) > 0 {
		t.Errorf("missing are %q, %v", missing, err)
	}
	if err := f.store.Remove(t.Context(), shardPath(2, true)); err != nil {
		t.Fatal(err)
	}
	if missing, err := MissingShards(t.Context(), f.store, shards[1:]); err != nil || !slices.Equal(missing, shards[:1]) {
		t.Errorf("missing are %q, %v, want %q", missing, err, shards[:1])
	}
}

func TestRetired_With_MergesRanges(t *testing.T) {
	var r retired
	for _, numbers := range [][]int{{5}, {1, 2}, {9, 4}, {3, 9}, nil} {
		r = r.with(numbers)
	}
	if want := (retired{{1, 5}, {9, 9}}); !slices.Equal(r, want) {
		t.Errorf("got %v, want %v", r, want)
	}
	for n, want := range map[int]bool{0: false, 1: true, 5: true, 6: false, 9: true, 10: false} {
		if _, got := r.find(n); got != want {
			t.Errorf("%d is retired: got %t, want %t", n, got, want)
		}
	}
}

// A picture that has been damaged in the last shard stops nobody who goes on with that, also after a crash, and damages nothing else.
func TestArchive_GoOn_DamageStopsNothing(t *testing.T) {
	f := newFixture(t, goingOn(t, true))
	const damaged = 3
	f.night(damaged, 5_000)
	first := shardPath(0, true)
	b := readAll(t, f.dir, first)
	b[2_000] ^= 1
	if err := store.PutBytes(t.Context(), f.store, first, b); err != nil {
		t.Fatal(err)
	}
	// The first crash comes before anything is committed, the second after it.
	for range 3 {
		f.crash()
		f.mustPut(screenshot("f", len(f.committed)), noise(len(f.committed), 5_000))
		f.crash()
		f.mustPut(screenshot("f", len(f.committed)), noise(len(f.committed), 5_000))
		f.checkpoint()
	}
	f.crash()
	f.seal()
	if shards, _, err := ListShards(t.Context(), f.store); err != nil || len(shards) != 1 {
		t.Fatalf("shards %q, %v, want one", shards, err)
	}
	r, err := OpenShard(t.Context(), f.store, first)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var d lost
	if err := r.Inspect(t.Context(), f.claims(first), &d); err != nil || len(d.ordinals) == 0 || slices.Max(d.ordinals) >= damaged {
		t.Errorf("rows %v are damaged, %v, want some of the first %d and no other", d.ordinals, err, damaged)
	}
	if len(f.committed) != damaged+3 || f.claims(first)[damaged+2].Ordinal != damaged+2 {
		t.Errorf("%d rows are committed, want %d", len(f.committed), damaged+3)
	}
	if _, found, err := readReopened(t.Context(), f.store); found || err != nil {
		t.Errorf("what the end of the shard said is kept: %v, %v", found, err)
	}
}

// lost collects the rows that an inspection finds damaged.
type lost struct{ ordinals []uint32 }

func (l *lost) Claimed(c *Claim, err error) {
	if err != nil {
		l.ordinals = append(l.ordinals, c.Ordinal)
	}
}
func (*lost) Orphan(string)         {}
func (*lost) Damaged(*Claim, error) {}
