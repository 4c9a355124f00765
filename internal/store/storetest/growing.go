package storetest

import (
	"errors"
	"io"
	"io/fs"

	"exporter/internal/store"
)

func (s *checked) write(g store.Growing, content string) {
	s.Helper()
	if n, err := g.Write([]byte(content)); err != nil || n != len(content) {
		s.Fatalf("wrote %d of %d bytes: %v", n, len(content), err)
	}
}

// holds fails unless an object that grows has these bytes.
func (s *checked) holds(g store.Growing, want string) {
	s.Helper()
	got, err := io.ReadAll(io.NewSectionReader(g, 0, g.Size()))
	if err != nil || string(got) != want {
		s.Fatalf("it has %q, %v, want %q", got, err, want)
	}
}

// syncs fails unless what was written of an object that grows is kept, where the store keeps such objects.
func (s *checked) syncs(g store.Growing) {
	s.Helper()
	err := g.Sync()
	if s.KeepsUnfinished() {
		s.must(err)
	} else if !errors.Is(err, errors.ErrUnsupported) {
		s.Errorf("sync what is not kept: got error %v, want %v", err, errors.ErrUnsupported)
	}
}

func (s *checked) growingGoesOn() {
	g, err := s.Grow(s.ctx, "shards/1")
	s.must(err)
	s.holds(g, "")
	s.write(g, "one, ")
	s.write(g, "two, three")
	s.must(g.Truncate(8))
	s.holds(g, "one, two")
	s.syncs(g)
	s.write(g, ", four")
	s.must(g.Close())

	g, err = s.Grow(s.ctx, "shards/1")
	s.must(err)
	if s.KeepsUnfinished() {
		if g.Size() < 8 {
			s.Fatalf("it has %d bytes, and 8 were synced", g.Size())
		}
		s.must(g.Truncate(8))
	} else {
		s.holds(g, "")
		s.write(g, "one, two")
	}
	s.write(g, ", five")
	s.holds(g, "one, two, five")
	s.must(g.Finish(s.ctx))
	s.has("shards/1", "one, two, five")
	s.lists("shards/", "shards/1")
}

func (s *checked) growingReplaces() {
	s.put("shards/1", "a damaged one")
	g, err := s.Grow(s.ctx, "shards/1")
	s.must(err)
	s.holds(g, "")
	s.write(g, "sound")
	s.has("shards/1", "a damaged one")
	s.must(g.Finish(s.ctx))
	s.has("shards/1", "sound")
}

func (s *checked) growingIsFound() {
	g, err := s.Grow(s.ctx, "shards/1")
	s.must(err)
	s.write(g, "some")
	s.syncs(g)
	if !s.KeepsUnfinished() {
		s.lists("")
		s.must(g.Close())
		s.lists("")
		return
	}
	s.has("shards/1"+store.PartialSuffix, "some")
	s.lists("shards/", "shards/1"+store.PartialSuffix)
	s.must(g.Close())
	s.must(s.Remove(s.ctx, "shards/1"+store.PartialSuffix))
	g, err = s.Grow(s.ctx, "shards/1")
	s.must(err)
	s.holds(g, "")
	s.must(g.Close())
}

func (s *checked) reopen() {
	s.put("shards/1", "one, two; end")
	before, err := s.Open(s.ctx, "shards/1")
	s.must(err)
	g, err := s.Reopen(s.ctx, "shards/1")
	if errors.Is(err, errors.ErrUnsupported) {
		s.lists("shards/", "shards/1")
		s.has("shards/1", "one, two; end")
		s.must(before.Close())
		return
	}
	s.must(err)
	s.lists("shards/", "shards/1"+store.PartialSuffix)
	s.holds(g, "one, two; end")
	s.must(g.Truncate(8))
	s.write(g, ", three")
	kept := make([]byte, 8)
	if _, err := before.ReadAt(kept, 0); err != nil || string(kept) != "one, two" {
		s.Errorf("who had opened it reads %q, %v", kept, err)
	}
	s.must(before.Close())
	s.must(g.Finish(s.ctx))
	s.has("shards/1", "one, two, three")
	s.lists("shards/", "shards/1")
	if _, err := s.Reopen(s.ctx, "shards/2"); !errors.Is(err, fs.ErrNotExist) {
		s.Errorf("reopen what is missing: got error %v, want %v", err, fs.ErrNotExist)
	}
	s.lists("shards/", "shards/1")
}
