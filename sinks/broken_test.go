package sinks

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"path"
	"strings"
	"testing"

	"exporter/internal/media"
	"exporter/internal/store/storetest"
	"exporter/pipeline"
)

// A shard that ends in the middle of an entry takes no other blob, and nothing of it is ever committed.
func TestArchive_PutFails_GoesOnNoMore(t *testing.T) {
	for _, compress := range []bool{true, false} {
		o := DefaultArchiveOptions()
		o.Compress = compress
		a, err := NewArchive(t.Context(), storetest.NewMemory(nil), o, nil)
		if err != nil {
			t.Fatal(err)
		}
		put := func(size int64, content string) error {
			c := pipeline.Content{Size: size, SHA256: sha256.Sum256([]byte(content)), MediaType: media.JPEG}
			_, err := a.Put(t.Context(), &pipeline.Asset{FileID: "f", Kind: pipeline.Screenshot}, pipeline.NewBlob(c, bytes.NewReader([]byte(content)), nil), nil)
			return err
		}
		if err := put(4, "good"); err != nil {
			t.Fatal(err)
		}
		if put(4, "bad") == nil {
			t.Fatal("a blob that is too short was put")
		}
		if put(4, "good") == nil {
			t.Errorf("compress %v: a blob was put behind half an entry", compress)
		}
		if _, err := a.Cut(t.Context()); err == nil {
			t.Errorf("compress %v: a batch was cut behind half an entry", compress)
		}
		if a.Seal(t.Context()) == nil {
			t.Errorf("compress %v: a shard was sealed that ends in half an entry", compress)
		}
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	}
}

// Where a shard cannot be sealed, no other stays open: the next run goes on with them.
func TestArchive_SealFails_LeavesNoShardOpen(t *testing.T) {
	for _, atEnd := range []bool{false, true} {
		no := errors.New("no")
		st := storetest.NewMemory(func(o storetest.Operation) error {
			if o.Kind == "finish" {
				return no
			}
			return nil
		})
		o := DefaultArchiveOptions()
		o.ShardSize, o.FrameSize = 1, 1
		a, err := NewArchive(t.Context(), st, o, nil)
		if err != nil {
			t.Fatal(err)
		}
		for page := range int32(3) {
			c := pipeline.Content{Size: 4, MediaType: media.JPEG}
			asset := &pipeline.Asset{FileID: "f", Kind: pipeline.Screenshot, PageIndex: page}
			if _, err := a.Put(t.Context(), asset, pipeline.NewBlob(c, strings.NewReader("good"), nil), nil); err != nil {
				t.Fatal(err)
			}
		}
		seal := func() error {
			b, err := a.Cut(t.Context())
			if err != nil {
				return err
			}
			return b.Sync(t.Context())
		}
		if err := seal(); err != nil {
			t.Fatal(err)
		}
		if atEnd {
			seal = func() error { return a.Seal(t.Context()) }
		}
		if err := seal(); !errors.Is(err, no) {
			t.Errorf("got error %v, want %v", err, no)
		}
		if err := a.Close(); err != nil {
			t.Fatal(err)
		}
		for number := range 3 {
			g, err := st.Grow(t.Context(), shardPath(number, true))
			if err != nil {
				t.Errorf("at the end %v: %v", atEnd, err)
				continue
			}
			g.Close()
		}
	}
}

// A version is named for its bytes, so that what a killed run left of one is never taken for another.
func TestMemberName_Version_IsThatOfItsBytes(t *testing.T) {
	a := &pipeline.Asset{FileID: "f", Kind: pipeline.Screenshot}
	before := &pipeline.Location{Path: "blobs/00/f/page_screenshots/0.jpg"}
	for _, content := range []string{"one", "another"} {
		c := &pipeline.Content{MediaType: media.JPEG, SHA256: sha256.Sum256([]byte(content))}
		want := "~v" + hex.EncodeToString(c.SHA256[:4]) + ".jpg"
		if got := path.Base(memberName(a, c, before)); !strings.HasSuffix(got, want) {
			t.Errorf("the version of %q is %q, want it to end in %q", content, got, want)
		}
	}
}
