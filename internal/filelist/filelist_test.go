package filelist

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"

	"exporter/pipeline"
)

var listedAt = time.Date(2026, 11, 1, 2, 3, 4, 5000, time.UTC)

func header() Header {
	return Header{
		Program: "1", ListedAt: listedAt, Watermark: listedAt.Truncate(time.Second), Settings: map[string]string{"source.project": "true"},
	}
}

// item is what a listing yields.
type item struct {
	File pipeline.File
	Err  string
}

// listingOf returns a listing that yields some things.
func listingOf(key pipeline.SourceKey, items ...any) pipeline.Listing {
	return pipeline.Listing{Key: key, Files: func(yield func(pipeline.File, error) bool) {
		for _, it := range items {
			file, err := pipeline.File{}, error(nil)
			switch it := it.(type) {
			case pipeline.File:
				file = it
			case *pipeline.Failure:
				file, err = pipeline.File{DirectoryFileID: "odd"}, it
			case error:
				err = it
			}
			if !yield(file, err) {
				return
			}
		}
	}}
}

// write returns the list of some listings.
func write(t testing.TB, listings ...pipeline.Listing) []byte {
	t.Helper()
	var b bytes.Buffer
	if _, err := Write(context.Background(), &b, header, listings, nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// sourceOf returns a Source of a list.
func sourceOf(list []byte, takes func(pipeline.FileKey) bool) (*Source, error) {
	h, err := ReadHeader(bytes.NewReader(list))
	open := func(context.Context) (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(list)), nil }
	return &Source{Header: h, Open: open, Takes: takes}, err
}

// outcome is what a list has of one listing.
type outcome struct {
	Key    pipeline.SourceKey
	IsPart bool
	Items  []item
}

// read returns what a list has, and why all ended early.
func read(t testing.TB, list []byte, takes func(pipeline.FileKey) bool) (all []outcome, err error) {
	t.Helper()
	s, err := sourceOf(list, takes)
	if err != nil {
		return nil, err
	}
	for _, l := range s.Listings(context.Background()) {
		o := outcome{Key: l.Key, IsPart: l.IsPart}
		for file, err := range l.Files {
			_, isFailure := errors.AsType[*pipeline.Failure](err)
			_, isEnd := errors.AsType[*pipeline.SourceError](err)
			if err != nil && !isFailure && !isEnd {
				return all, err
			}
			it := item{File: file}
			if err != nil {
				it.Err = err.Error()
			}
			o.Items = append(o.Items, it)
		}
		all = append(all, o)
	}
	return all, nil
}

// full is a file with everything that a listing may say.
func full() pipeline.File {
	at := func(hour int) time.Time { return time.Date(2024, 2, 29, hour, 0, 0, 123456789, time.UTC) }
	return pipeline.File{
		ID: "182bd5e5-6e1a-4fe4-a799-aa6d9a6ab26e", DirectoryID: "dir-1", DirectoryFileID: "dfl-1", PipelineID: "p", ProjectID: "q",
		DisplayName: new("a <b> & \"c\"\u2028 ü 漢"), UniqueID: new(""), Metadata: json.RawMessage(`{"b":1.0,"a":[12345678901234567890,"<"]}`),
		CreatedAt: at(1), UpdatedAt: at(2), DeletedAt: at(3), ExpiresAt: at(4), Idle: "idle", Odd: []pipeline.Oddity{{Field: "f", Value: "{"}},
	}
}

func TestSource_Listings_AreThoseThatWereWritten(t *testing.T) {
	key := pipeline.DirectorySource("a")
	project := listingOf(pipeline.ProjectSource, pipeline.File{ID: `q"uoted`}, pipeline.File{JobID: "job", ID: "f"}, pipeline.File{DirectoryFileID: "e"}, pipeline.File{})
	project.IsPart = true
	list := write(t,
		listingOf(key, full(), &pipeline.Failure{Class: "malformed", Err: errors.New("no id")}, pipeline.File{ID: "b"},
			&pipeline.SourceError{Key: key, Absent: true, Err: errors.New("404")}),
		listingOf(pipeline.IndexSource("i")),
		project,
	)
	got, err := read(t, list, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := []outcome{
		{Key: key, Items: []item{{File: full()}, {File: pipeline.File{DirectoryFileID: "odd"}, Err: "malformed: no id"}, {File: pipeline.File{ID: "b"}}, {Err: "404"}}},
		{Key: pipeline.IndexSource("i")},
		{Key: pipeline.ProjectSource, IsPart: true, Items: []item{
			{File: pipeline.File{ID: `q"uoted`}}, {File: pipeline.File{JobID: "job", ID: "f"}}, {File: pipeline.File{DirectoryFileID: "e"}}, {},
		}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("what is read differs from what was written:\n%s", diff)
	}
}

func TestSource_Listings_KeepWhatEndsOne(t *testing.T) {
	grows := &pipeline.SourceError{Key: "index:i", Grows: true, Err: errors.New("it is being synchronised")}
	s, err := sourceOf(write(t, listingOf("index:i", pipeline.File{ID: "a"}, grows), listingOf("project", pipeline.File{ID: "a"})), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range s.Listings(t.Context())[0].Files {
		if ended, ok := errors.AsType[*pipeline.SourceError](err); ok && (!ended.Grows || ended.Absent || ended.Key != "index:i") {
			t.Errorf("the listing ended with %+v, want that it grows", ended)
		}
	}
}

func TestSource_Listings_ExpireAsTheyWereSaidTo(t *testing.T) {
	expires := time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)
	holds := listingOf("directory:a", pipeline.File{ID: "a"})
	holds.Expiry = func() (time.Time, bool, error) { return expires, true, nil }
	never := listingOf("directory:b", pipeline.File{ID: "a"})
	never.Expiry = func() (time.Time, bool, error) { return time.Time{}, true, nil }
	s, err := sourceOf(write(t, holds, never, listingOf("project", pipeline.File{ID: "a"})), nil)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []struct {
		at   time.Time
		told bool
	}{{expires, true}, {time.Time{}, true}, {time.Time{}, false}} {
		l := s.Listings(t.Context())[i]
		for range l.Files {
		}
		if at, told, err := l.Expiry(); !at.Equal(want.at) || told != want.told || err != nil {
			t.Errorf("%s expires at %v, told %v, %v, want %v, %v", l.Key, at, told, err, want.at, want.told)
		}
	}
}

func TestSource_Listings_TellFilesOfOtherParts(t *testing.T) {
	list := write(t,
		listingOf("project", full(), pipeline.File{ID: "b"}, pipeline.File{DirectoryFileID: "c"}, pipeline.File{JobID: "d"}),
		listingOf("file:b", pipeline.File{ID: "b"}), listingOf("job:d", pipeline.File{JobID: "d"}), listingOf("file:e", pipeline.File{ID: "e"}))
	got, err := read(t, list, func(key pipeline.FileKey) bool { return key == pipeline.FileKey{FileID: "b"} })
	if err != nil {
		t.Fatal(err)
	}
	want := []outcome{
		{Key: "project", Items: []item{
			{File: pipeline.File{ID: full().ID, Elsewhere: true}}, {File: pipeline.File{ID: "b"}},
			{File: pipeline.File{DirectoryFileID: "c", Elsewhere: true}}, {File: pipeline.File{JobID: "d", Elsewhere: true}},
		}},
		{Key: "file:b", Items: []item{{File: pipeline.File{ID: "b"}}}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("what is read of one part:\n%s", diff)
	}
}

// Wherever a list ends early, and whichever byte of it is another, the last listing does not come to its end.
func TestSource_Listings_OfADamagedListFail(t *testing.T) {
	var files []any
	for i := range 300 {
		files = append(files, pipeline.File{ID: fmt.Sprintf("file-%d", i), DisplayName: new(strings.Repeat("x", i%40))})
	}
	// The last listing is of another part, and damage behind it is found all the same.
	list := write(t, listingOf("project", files...), listingOf("file:z", pipeline.File{ID: "z"}))
	takes := func(key pipeline.FileKey) bool { return key.FileID != "z" }
	if _, err := read(t, list, takes); err != nil {
		t.Fatal(err)
	}
	for size := range list {
		if all, err := read(t, list[:size], takes); !isWrong(err) || len(all) > 0 {
			t.Fatalf("a list of %d bytes in place of %d: %d listings came to their end, %v, want an *Error", size, len(list), len(all), err)
		}
	}
	for at := range list {
		changed := bytes.Clone(list)
		changed[at] ^= 0x10
		if all, err := read(t, changed, takes); !isWrong(err) && err == nil && at > 4 && !sameItems(all, files) {
			t.Fatalf("byte %d is another, and what is read is not what was written", at)
		}
	}
	if _, err := read(t, append(bytes.Clone(list), list...), takes); !isWrong(err) {
		t.Errorf("a list behind a list: %v, want an *Error", err)
	}
}

// sameItems tells whether the first listing has some files.
func sameItems(all []outcome, files []any) bool {
	if len(all) != 1 || len(all[0].Items) != len(files) {
		return false
	}
	for i, it := range all[0].Items {
		if want := files[i].(pipeline.File); it.File.ID != want.ID || *it.File.DisplayName != *want.DisplayName {
			return false
		}
	}
	return true
}

func isWrong(err error) bool {
	_, ok := errors.AsType[*Error](err)
	return ok
}

// compress returns the zstd stream of a text.
func compress(t testing.TB, text string) []byte {
	t.Helper()
	z, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithWindowSize(zstd.MinWindowSize))
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	return z.EncodeAll([]byte(text), nil)
}

func TestReadHeader_RefusesWhatIsNoList(t *testing.T) {
	const good = `{"exporter_list":1,"program":"1","listed_at":"2026-11-01T02:03:04Z","settings":{},"listings":[{"source":"project"}]}` + "\n"
	if _, err := ReadHeader(bytes.NewReader(compress(t, good))); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{
		"", "x", "\n", strings.Replace(good, ":1,", ":2,", 1), strings.Replace(good, "2026-11-01T02:03:04Z", "", 1), "{}\n",
		strings.Replace(good, `{"source":"project"}`, `{"source":"project"},{"source":"project"}`, 1), strings.Replace(good, "project", "", 1),
		strings.TrimSuffix(good, "\n"),
	} {
		if h, err := ReadHeader(bytes.NewReader(compress(t, text))); !isWrong(err) {
			t.Errorf("%.80q: %v, %v, want an *Error", text, h, err)
		}
	}
	for _, raw := range []string{"", "no zstd", good, "\x28\xb5\x2f\xfd"} {
		if h, err := ReadHeader(strings.NewReader(raw)); !isWrong(err) {
			t.Errorf("%.80q: %v, %v, want an *Error", raw, h, err)
		}
	}
}

func TestSource_Listings_RefuseOtherCounts(t *testing.T) {
	const head = `{"exporter_list":1,"program":"1","listed_at":"2026-11-01T02:03:04Z","settings":{},"listings":[{"source":"project"}]}` + "\n"
	const begin, file, end, total = `{"begin":"project"}` + "\n", `{"file_id":"a"}` + "\n", `{"end":"project","files":1}` + "\n", `{"total":1,"listings":1}` + "\n"
	if all, err := read(t, compress(t, head+begin+file+end+total), nil); err != nil || len(all) != 1 {
		t.Fatalf("%v, %v, want one listing", all, err)
	}
	for _, text := range []string{
		begin + end + total, begin + file + file + end + total, file + end + total, begin + file + total, begin + file + end,
		begin + file + end + `{"total":2,"listings":1}` + "\n", begin + file + end + `{"total":1,"listings":2}` + "\n", begin + file + end + total + "\n",
		`{"begin":"jobs"}` + "\n" + file + end + total, begin + file + `{"end":"jobs","files":1}` + "\n" + total, begin + `{"file_id":1}` + "\n" + end + total,
		begin + file + end + begin + end + total,
	} {
		if all, err := read(t, compress(t, head+text), nil); !isWrong(err) || len(all) > 0 {
			t.Errorf("%q: %v, %v, want an *Error and no listing that came to its end", text, all, err)
		}
	}
}

// What could not be read is no fault of the list.
func TestSource_Listings_TellAFaultOfTheStore(t *testing.T) {
	list := write(t, listingOf("project", full()))
	broken := errors.New("the disk is gone")
	_, err := ReadHeader(io.MultiReader(bytes.NewReader(list[:10]), errReader{broken}))
	if !errors.Is(err, broken) || isWrong(err) {
		t.Errorf("%v, want %v alone", err, broken)
	}
}

type errReader struct{ err error }

func (e errReader) Read([]byte) (int, error) { return 0, e.err }

func TestWrite_WithoutAListing_IsNoList(t *testing.T) {
	refused := &pipeline.SourceError{Key: "project", Err: errors.New("403")}
	var b bytes.Buffer
	_, err := Write(t.Context(), &b, header, []pipeline.Listing{listingOf("project", refused)}, nil)
	if !errors.Is(err, refused) {
		t.Errorf("%v, want why the only listing ended", err)
	}
	stopped := errors.New("stopped")
	if _, err := Write(t.Context(), &b, header, []pipeline.Listing{listingOf("project", full(), stopped)}, nil); !errors.Is(err, stopped) {
		t.Errorf("%v, want what ended all listings", err)
	}
	if _, err := Write(t.Context(), &b, header, []pipeline.Listing{listingOf("project", pipeline.File{ID: "\xff"})}, nil); err == nil {
		t.Error("an id that is no text was written")
	}
}

func TestSource_Listings_OfAListThatIsWrittenAnew(t *testing.T) {
	s, err := sourceOf(write(t, listingOf("project", full())), nil)
	if err != nil {
		t.Fatal(err)
	}
	s.Header.ListedAt = s.Header.ListedAt.Add(time.Second)
	for _, err := range s.Listings(t.Context())[0].Files {
		if !isWrong(err) {
			t.Errorf("%v, want an *Error", err)
		}
	}
}

func FuzzSource_Listings(f *testing.F) {
	list := write(f, listingOf("project", full(), pipeline.File{ID: "b"}), listingOf("file:b", pipeline.File{ID: "b"}))
	text, err := io.ReadAll(must(zstd.NewReader(bytes.NewReader(list))))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(list, false)
	f.Add(text, true)
	f.Add([]byte("{}"), true)
	f.Add([]byte(strings.Replace(string(text), `"files":2`, `"files":-1`, 1)), true)
	f.Fuzz(func(t *testing.T, data []byte, isText bool) {
		if isText {
			data = compress(t, string(data))
		}
		_, err := read(t, data, nil)
		if err != nil && !isWrong(err) {
			t.Fatalf("%v, want an *Error", err)
		}
		// Of one part less is read, so that what is wrong with the files of others need not show, but nothing else is found wrong.
		_, errOfPart := read(t, data, func(key pipeline.FileKey) bool { return key.FileID == "b" })
		if err == nil && errOfPart != nil {
			t.Fatalf("a part: %v, though the whole is well", errOfPart)
		}
	})
}

func must(z *zstd.Decoder, err error) *zstd.Decoder {
	if err != nil {
		panic(err)
	}
	return z
}
