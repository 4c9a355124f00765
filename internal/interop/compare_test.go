package interop

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// layout is how an export stores its blobs.
type layout int

const (
	localFiles layout = iota
	compressedShards
	plainShards
)

// layouts are the flags for each layout. Shards and frames are small, so that there are many.
func layouts() map[layout][]string {
	return map[layout][]string{
		localFiles:       {"--sink", "local"},
		compressedShards: {"--sink", "archive", "--shard-size", "100KiB", "--frame-size", "32KiB"},
		plainShards: {
			"--sink", "archive", "--compression", "none", "--shard-size", "100KiB", "--frame-size", "32KiB",
		},
	}
}

func (l layout) String() string {
	return [...]string{"local files", "compressed shards", "plain shards"}[l]
}

// checkAssets compares rows with those of the corpus, in order, and checks the columns that the corpus does not tell.
func (e *export) checkAssets(t *testing.T, l layout, got, want []asset) {
	t.Helper()
	unknown := cmpopts.IgnoreFields(asset{}, "FileName", "Shard", "Member", "MemberOffset", "FrameOffset", "FrameSize", "FrameStart", "FetchedAt")
	if diff := cmp.Diff(want, got, unknown); diff != "" {
		t.Errorf("rows of manifest.parquet differ from the corpus (-want +got):\n%s", head(diff))
	}
	for i := range got {
		a := &got[i]
		if a.Status != "stored" {
			checkNotStored(t, a)
			continue
		}
		checkStored(t, l, a)
		if a.FetchedAt == nil || *a.FetchedAt < e.started.UnixMicro() || *a.FetchedAt > e.ended.UnixMicro() {
			t.Errorf("%v: fetched_at is not within the run", a.key())
		}
	}
}

// wholeManifest reads the rows of an export of the whole corpus. It fails the test unless they are as they should be.
func (e *export) wholeManifest(t *testing.T, l layout) []asset {
	t.Helper()
	assets, _ := e.readDuckDB(t)
	e.checkAssets(t, l, assets, e.assets)
	if t.Failed() {
		t.FailNow()
	}
	return assets
}

// checkNotStored checks that what an asset without a blob cannot have is null.
func checkNotStored(t *testing.T, a *asset) {
	t.Helper()
	rest := *a
	rest.FileName, rest.Shard, rest.Member = nil, nil, nil
	rest.MemberOffset, rest.FrameOffset, rest.FrameSize, rest.FrameStart = nil, nil, nil, nil
	rest.Size, rest.SHA256, rest.MediaType, rest.DeclaredType = nil, nil, nil, nil
	rest.Width, rest.Height, rest.Orientation, rest.FetchedAt = nil, nil, nil, nil
	if diff := cmp.Diff(rest, *a); diff != "" {
		t.Errorf("%v is %s, and has columns of a stored one:\n%s", a.key(), a.Status, diff)
	}
}

// checkStored checks that an asset has those columns that the layout asks for, and no others.
func checkStored(t *testing.T, l layout, a *asset) {
	t.Helper()
	sharded, framed := l != localFiles, l == compressedShards
	for _, c := range []struct {
		name      string
		got, want bool
	}{
		{"file_name", a.FileName != nil, !sharded},
		{"shard", a.Shard != nil, sharded},
		{"member", a.Member != nil, sharded},
		{"member_offset", a.MemberOffset != nil, sharded},
		{"frame_offset", a.FrameOffset != nil, framed},
		{"frame_size", a.FrameSize != nil, framed},
		{"frame_start", a.FrameStart != nil, framed},
	} {
		if c.got != c.want {
			t.Errorf("%v in %s: has %s: %v, want %v", a.key(), l, c.name, c.got, c.want)
			return
		}
	}
	name, pattern := a.FileName, `^blobs/[0-9a-f]{2}/[^/]+/(page_screenshots|page-figures/\d+)/[a-z0-9_%A-F~-]+\.[a-z]+$`
	if sharded {
		name, pattern = a.Shard, `^shards/shard-\d{6}\.tar(\.zst)?$`
	}
	if !regexp.MustCompile(pattern).MatchString(*name) {
		t.Errorf("%v is in %q, want that to match %s", a.key(), *name, pattern)
	}
}

// checkFiles compares rows with those of the corpus, in order.
func (e *export) checkFiles(t *testing.T, got, want []file) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(file{}, "ListedAt", "AskedAt", "MissingPages", "FiltersDigest")); diff != "" {
		t.Errorf("rows of files.parquet differ from the corpus (-want +got):\n%s", head(diff))
	}
	for _, f := range got {
		if f.ListedAt != nil && (*f.ListedAt < e.started.UnixMicro() || *f.ListedAt > e.ended.UnixMicro()) ||
			f.ListedAt == nil && f.Status != "skipped" {
			t.Errorf("file %v: listed_at is not within the run", cmp.Diff(nil, f.FileID))
		}
		if f.AskedAt == nil || f.ListedAt != nil && *f.AskedAt < *f.ListedAt {
			t.Errorf("file %v: asked_at is missing, or before listed_at", cmp.Diff(nil, f.FileID))
		}
	}
}

// except returns the assets and files of the corpus with some of the assets changed, and the files' counts with them.
func (c *corpus) except(change func(*asset)) ([]asset, []file) {
	assets, files := slices.Clone(c.assets), slices.Clone(c.files)
	for i := range assets {
		a := &assets[i]
		size := *a.Size
		change(a)
		if a.Status == "stored" {
			continue
		}
		a.Size, a.SHA256, a.MediaType, a.DeclaredType, a.Width, a.Height = nil, nil, nil, nil, nil, nil
		f := fileOf(files, a.FileID)
		f.Stored--
		f.Bytes -= size
		if a.Status == "skipped" {
			f.Skipped++
			continue
		}
		f.Failed++
		f.Status = "partial"
	}
	return assets, files
}

// head returns the first lines of a text that may be long.
func head(text string) string {
	lines := strings.SplitAfterN(text, "\n", 61)
	return strings.Join(lines[:min(60, len(lines))], "")
}
