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

// Where an archive fails, it leaves no shard open once it is closed: the next run goes on with them.
func TestArchive_Fails_LeavesNoShardOpen(t *testing.T) {
	next := func(a *Archive) error {
		b, err := a.Cut(t.Context())
		if err != nil {
			return err
		}
		return b.Sync(t.Context())
	}
	for name, tt := range map[string]struct {
		// kind of operations fail, while the archive ends a second batch or the run.
		kind string
		end  func(*Archive) error
	}{
		"sealing in a batch":   {"finish", next},
		"sealing at the end":   {"finish", func(a *Archive) error { return a.Seal(t.Context()) }},
		"the frame of a batch": {"write", next},
	} {
		no, st := errors.New("no"), storetest.NewMemory(nil)
		o := DefaultArchiveOptions()
		o.ShardSize, o.FrameSize = 1, 1
		a, err := NewArchive(t.Context(), st, o, nil)
		if err != nil {
			t.Fatal(err)
		}
		put := func(page int32) {
			asset := &pipeline.Asset{FileID: "f", Kind: pipeline.Screenshot, PageIndex: page}
			blob := pipeline.NewBlob(pipeline.Content{Size: 4, MediaType: media.JPEG}, strings.NewReader("good"), nil)
			if _, err := a.Put(t.Context(), asset, blob, nil); err != nil {
				t.Fatal(err)
			}
		}
		for page := range int32(3) {
			put(page)
		}
		if err := next(a); err != nil {
			t.Fatal(err)
		}
		a.options = DefaultArchiveOptions()
		put(3)
		st.FailWith(func(o storetest.Operation) error {
			if o.Kind == tt.kind {
				return no
			}
			return nil
		})
		if err := tt.end(a); !errors.Is(err, no) {
			t.Errorf("%s: got error %v, want %v", name, err, no)
		}
		if err := a.Close(); err != nil {
			t.Fatal(err)
		}
		for number := range 4 {
			g, err := st.Grow(t.Context(), shardPath(number, true))
			if err != nil {
				t.Errorf("%s: %v", name, err)
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
		if got := path.Base(versionName(a, c, before, "")); !strings.HasSuffix(got, want) {
			t.Errorf("the version of %q is %q, want it to end in %q", content, got, want)
		}
	}
}
