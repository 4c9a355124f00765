package main

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go"

	"exporter/internal/emulator"
	"exporter/internal/testmain"
)

// keyForms are what the secrets of all tests, the key and the value of a header, look like where something shows them.
func keyForms() [][]byte { return slices.Concat(secretForms(canaryKey), secretForms(canaryHeader)) }

// secretForms are what a secret looks like: its beginning or its end alone, as texts are cut, in any case, in hex, and in base64 with
// zero to two bytes before it.
func secretForms(secret string) (forms [][]byte) {
	for _, part := range []string{secret[:10], secret[len(secret)-12:]} {
		inHex := hex.EncodeToString([]byte(part))
		for _, form := range []string{part, inHex} {
			forms = append(forms, []byte(form), bytes.ToLower([]byte(form)), bytes.ToUpper([]byte(form)))
		}
	}
	for before := range 3 {
		encoded := base64.RawStdEncoding.EncodeToString([]byte(strings.Repeat(" ", before) + secret))
		// The first characters hold bits of what is before the key, the last ones bits of what follows.
		forms = append(forms, []byte(encoded[(8*before+5)/6:len(encoded)-2]))
	}
	return forms
}

// keyFinder looks for the key in what is written to it.
type keyFinder struct {
	forms [][]byte
	// tail is the end of what was written, of which more may come.
	tail  []byte
	found bool
}

func newKeyFinder() *keyFinder { return &keyFinder{forms: keyForms()} }

func (k *keyFinder) Write(p []byte) (int, error) {
	const longest = 64
	text := append(k.tail, p...)
	k.found = k.found || slices.ContainsFunc(k.forms, func(form []byte) bool { return bytes.Contains(text, form) })
	k.tail = append(k.tail[:0], text[max(0, len(text)-longest):]...)
	return len(p), nil
}

// showsKey tells whether a text shows the key.
func showsKey(text string) bool {
	k := newKeyFinder()
	_, _ = io.WriteString(k, text) // never fails
	return k.found
}

// checkNoKey fails if anything below a directory shows the key.
func checkNoKey(t *testing.T, dir string) {
	t.Helper()
	places, err := findKey(dir)
	if err != nil {
		t.Errorf("search for the key: %v", err)
	}
	if len(places) > 0 {
		t.Errorf("the key is in %q, want it nowhere", places)
	}
}

// watchForKey makes a test fail if anything in its temporary directories shows the key when it ends.
func watchForKey(t *testing.T) {
	t.Helper()
	root := filepath.Dir(t.TempDir())
	t.Cleanup(func() {
		// The last of many that were registered is the first to be called. It does the work for all.
		searched := filepath.Join(root, "searched")
		if _, err := os.Lstat(searched); err == nil {
			return
		}
		checkNoKey(t, root)
		if err := os.WriteFile(searched, nil, 0o600); err != nil {
			t.Error(err)
		}
	})
}

// findKey returns the files below a directory that show the key: in their names, in their bytes, in the columns of Parquet
// files, or in what zstd has compressed. Files may be damaged: then what can be decoded of them counts.
func findKey(dir string) (places []string, err error) {
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		k := newKeyFinder()
		fmt.Fprintln(k, name)
		if d.Type().IsRegular() {
			err = k.searchFile(path)
		}
		if k.found {
			places = append(places, name)
		}
		return err
	})
	return places, err
}

func (k *keyFinder) searchFile(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	size, err := io.Copy(k, f)
	if err != nil {
		return err
	}
	magic := make([]byte, 4)
	if _, err := f.ReadAt(magic, 0); err != nil {
		// It is shorter, and holds neither.
		return nil
	}
	switch string(magic) {
	case "PAR1":
		k.searchParquet(f, size)
	case "\x28\xb5\x2f\xfd":
		return k.searchFrames(io.NewSectionReader(f, 0, size))
	}
	return nil
}

// searchFrames searches zstd frames up to the first that is damaged.
func (k *keyFinder) searchFrames(r io.Reader) error {
	decoder, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1))
	if err != nil {
		return err
	}
	defer decoder.Close()
	_, _ = io.Copy(k, decoder)
	return nil
}

func (k *keyFinder) searchParquet(r io.ReaderAt, size int64) {
	f, err := parquet.OpenFile(r, size)
	if err != nil {
		return
	}
	for _, m := range f.Metadata().KeyValueMetadata {
		fmt.Fprintln(k, m.Key, m.Value)
	}
	for _, group := range f.RowGroups() {
		for _, chunk := range group.ColumnChunks() {
			if kind := chunk.Type().Kind(); kind == parquet.ByteArray || kind == parquet.FixedLenByteArray {
				k.searchColumn(chunk)
			}
		}
	}
}

// searchColumn searches the values of a column chunk up to the first page that is damaged.
func (k *keyFinder) searchColumn(chunk parquet.ColumnChunk) {
	// The library panics on some damage.
	defer func() { _ = recover() }()
	pages := chunk.Pages()
	defer pages.Close()
	for searched := false; ; {
		page, err := pages.ReadPage()
		if err != nil {
			return
		}
		values := page
		if dictionary := page.Dictionary(); dictionary != nil {
			values = dictionary.Page()
		}
		// All pages have the same dictionary.
		if values == page || !searched {
			data := values.Data()
			text, _ := data.Data()
			_, _ = k.Write(text) // never fails
			searched = values != page
		}
		parquet.Release(page)
	}
}

// A file that shows the key is found, whatever is in it, and only it.
func TestFindKey_Files(t *testing.T) {
	testmain.Long(t)
	t.Parallel()
	half := len(canaryKey) / 2
	for name, content := range map[string]string{
		"as it is":            "Authorization: Bearer " + canaryKey + "\n",
		"cut":                 "begins with \"<html>Bearer " + canaryKey[:half],
		"the rest of it":      "…" + canaryKey[half-1:] + "\"",
		"folded":              "lookup " + strings.ToLower(canaryKey) + ".invalid: no such host",
		"in hex":              hex.EncodeToString([]byte("key " + canaryKey)),
		"in base64":           base64.StdEncoding.EncodeToString([]byte(canaryKey)),
		"in base64, 1 behind": base64.StdEncoding.EncodeToString([]byte("Basic:" + canaryKey + ":")),
		"in base64, 2 behind": base64.URLEncoding.EncodeToString([]byte("Bearer: " + canaryKey + " ")),
		"a header":            canaryHeader,
		"late":                strings.Repeat("x", 1<<20) + canaryKey + strings.Repeat("x", 1<<20),
	} {
		checkFound(t, name, []byte(content))
	}
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "of "+canaryKey), 0o755); err != nil {
		t.Fatal(err)
	}
	if got, err := findKey(dir); err != nil || len(got) != 1 {
		t.Errorf("a directory's name: got %q, %v, want it", got, err)
	}
	missing := filepath.Join(dir, "missing")
	if got, err := findKey(missing); err == nil {
		t.Errorf("%s was searched: %q", missing, got)
	}
}

// checkFound fails unless the key is found in a file, and in none beside it.
func checkFound(t *testing.T, name string, content []byte) {
	t.Helper()
	dir := t.TempDir()
	for name, content := range map[string][]byte{
		name: content, "other": []byte("llx-another-key Bearer 7f3a91c2"), "empty": nil, "short": []byte("PA"),
		"none": []byte("PAR1PAR1"),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := findKey(dir); err != nil || !slices.Equal(got, []string{name}) {
		t.Errorf("%s: got %q, %v, want only it", name, got, err)
	}
}

// hiddenKey is text with the key in its middle, which does not show when the text is compressed. Others come before and after
// it in the alphabet, so that it is no bound of a column.
func hiddenKey() string {
	random := rand.New(rand.NewPCG(1, 2))
	text := make([]byte, 4000)
	for i := range text {
		text[i] = "mopq"[random.IntN(4)]
	}
	return string(text[:2000]) + canaryKey + string(text[2000:])
}

// checkHidden fails if the key shows in the bytes of a file, so that they need not be decoded to find it.
func checkHidden(t *testing.T, name string, content []byte) {
	t.Helper()
	k := newKeyFinder()
	if _, _ = k.Write(content); k.found {
		t.Fatalf("%s shows the key as it is, want it compressed", name)
	}
}

// In Parquet files the key is found in plain and in dictionary pages, in each row group, and in the key-value metadata.
func TestFindKey_Parquet(t *testing.T) {
	testmain.Long(t)
	t.Parallel()
	type row struct {
		Number     int32
		Plain      string     `parquet:",zstd"`
		Dictionary string     `parquet:",dict,zstd"`
		Optional   *string    `parquet:",zstd"`
		Fixed      [4023]byte `parquet:",zstd"`
	}
	key := hiddenKey()
	for name, change := range map[string]func(*row){
		"plain":      func(r *row) { r.Plain = key },
		"dictionary": func(r *row) { r.Dictionary = key },
		"optional":   func(r *row) { r.Optional = &key },
		"fixed":      func(r *row) { copy(r.Fixed[:], key) },
		"metadata":   nil,
	} {
		var b bytes.Buffer
		w := parquet.NewGenericWriter[row](&b, parquet.MaxRowsPerRowGroup(50))
		for i := range 200 {
			bound := "az"[i%2 : i%2+1]
			r := row{Number: int32(i), Plain: bound, Dictionary: bound, Optional: &bound}
			r.Fixed[0] = bound[0]
			if i == 130 && change != nil {
				change(&r)
			}
			if _, err := w.Write([]row{r}); err != nil {
				t.Fatal(err)
			}
		}
		if change == nil {
			w.SetKeyValueMetadata("source", key)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if change != nil {
			checkHidden(t, name, b.Bytes())
		}
		checkFound(t, name, b.Bytes())
	}
}

// In zstd frames the key is found behind other frames and before damage.
func TestFindKey_Frames(t *testing.T) {
	testmain.Long(t)
	t.Parallel()
	encoder, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer encoder.Close()
	plain, key := encoder.EncodeAll([]byte(strings.Repeat("nothing", 1000)), nil), encoder.EncodeAll([]byte(hiddenKey()), nil)
	checkHidden(t, "a frame", key)
	checkFound(t, "the second frame", slices.Concat(plain, key))
	checkFound(t, "before a frame that is cut", slices.Concat(key, plain[:len(plain)-3]))
	checkFound(t, "before a frame that can be skipped", slices.Concat(key, []byte("\x5e\x2a\x4d\x18\x04\x00\x00\x00seek")))
}

// What the API says is stored as it is. Were the key among it, it would be found in all that an export consists of.
func TestFindKey_Export(t *testing.T) {
	t.Parallel()
	for sink, want := range map[string][]string{
		"local":   {"blobs/25/f/page_screenshots/0.jpg", "files.parquet", "manifest.parquet"},
		"archive": {"files.parquet", "manifest.parquet", "shards/shard-000000.tar.zst"},
	} {
		key := hiddenKey()
		corpus := emulator.NewCorpus()
		err := corpus.AddDirectory(emulator.DirectorySpec{ID: "d"})
		for id, name := range map[string]string{"e": "first", "f": key, "g": "z"} {
			err = errors.Join(err, corpus.AddFile("d", emulator.FileSpec{
				ID: id, FileID: id, DisplayName: name, UniqueID: "one",
				Assets: []emulator.AssetSpec{{Kind: emulator.Screenshot, Data: []byte("\xff\xd8\xff" + name)}},
			}))
		}
		if err != nil {
			t.Fatal(err)
		}
		_, url := startEmulator(t, emulator.Options{Corpus: corpus})
		out := filepath.Join(t.TempDir(), "out")
		newCLI(t, url).mustRun("run", "--directory", "d", "--out", out, "--sink", sink)
		for _, name := range want[len(want)-2:] {
			content, err := os.ReadFile(filepath.Join(out, name))
			if err != nil {
				t.Fatal(err)
			}
			checkHidden(t, name, content)
		}
		if got, err := findKey(out); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: got %q, %v, want %q", sink, got, err, want)
		}
		// It is there on purpose.
		if err := os.RemoveAll(out); err != nil {
			t.Fatal(err)
		}
	}
}
