package main

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"exporter/internal/emulator"
	"exporter/internal/testmain"
	"exporter/pipeline"
)

// surroundings are an export directory and what is beside and above it, which no run may change.
type surroundings struct {
	t *testing.T
	// base holds the export directory out, which does not exist yet, and files that are not its own.
	base, out string
	names     []string
	before    map[string]string
}

func newSurroundings(t *testing.T) *surroundings {
	t.Helper()
	base := t.TempDir()
	s := &surroundings{t: t, base: base, out: filepath.Join(base, "beside", "out")}
	for _, name := range []string{"canary", "beside/canary", "beside/canaries/canary", "blobs/canary", "beside/shards/canary"} {
		name = filepath.Join(base, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte("canary of "+name), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	s.names, s.before = s.list(), fingerprint(t, base, "beside/out/")
	return s
}

// list returns the names of all files and directories beside and above the export.
func (s *surroundings) list() (names []string) {
	s.t.Helper()
	for _, dir := range []string{filepath.Dir(s.base), s.base, filepath.Join(s.base, "beside"), filepath.Join(s.base, "blobs")} {
		entries, err := os.ReadDir(dir)
		if err != nil {
			s.t.Fatal(err)
		}
		for _, e := range entries {
			// Temporary directories of the test are numbered.
			if _, err := strconv.Atoi(e.Name()); err != nil && e.Name() != filepath.Base(s.out) {
				names = append(names, filepath.Join(dir, e.Name()))
			}
		}
	}
	return names
}

// check fails for everything that is new, gone or changed.
func (s *surroundings) check() {
	s.t.Helper()
	if got := s.list(); !slices.Equal(got, s.names) {
		s.t.Errorf("outside the export there are %q, want %q", got, s.names)
	}
	checkUntouched(s.t, s.base, s.before, "beside/out/")
}

// hostileNames are names that lead elsewhere, are one where case or Unicode is folded, are none on some system, control a
// terminal, or mean something to a shell, to a format or to JavaScript.
func (s *surroundings) hostileNames() []string {
	long := strings.Repeat("x", 300)
	return []string{
		".", "..", "...", "../", "../../canary", "../../beside/canary.jpg", "../../../../../../../../etc/passwd",
		"./../canary", "a/../../canary",
		filepath.Join(s.base, "canary"), filepath.Join(s.base, "new"), "/", "//host/share", "/etc/passwd", "blobs/canary",
		`..\..\canary`, `C:\Windows\x`, "C:", "C:x.jpg", `\\host\share\x`, `\\?\C:\x`, "x:stream.jpg", "file:///etc/passwd",
		"%2e%2e", "%2E%2E%2fcanary", "%2e%2e%2f%2e%2e%2fcanary", "..%c0%af..%c0%afcanary", "%00", "%", "a%2Fb", "a%2Ejpg.jpg",
		"CON", "con", "con.jpg", "Con.JPG", "AUX.tar.gz", "nul", "NUL.png", "prn.", "com1.jpg", "COM¹", "LPT9",
		"lpt0.x", "CONIN$",
		"a", "A", "a.jpg", "A.jpg", "a.JPG", "a.jpeg", "a.jpg.jpg", "a.png", "page_1_figure_1.jpg", "PAGE_1_FIGURE_1.JPG",
		"é.jpg", "e\u0301.jpg", "\u212b.jpg", "\u00c5.jpg", "A\u030a.jpg", "ﬁ.jpg", "fi.jpg", "ß", "ss", "ı", "i", "İ",
		"σ", "ς", "K", "k", "\u212a",
		"x.", "x", "x ", " x", "x. ", "x..", ".hidden", ".jpg", ".", "-rf", "--help", "~", "~root", "a~1",
		"a~12345678.jpg", "desktop.ini",
		"a/b", `a\b`, "a\nb.jpg", "a\r\nb", "a\tb", "\x00", "a\x00b.jpg", "canary\x00.jpg", "\x7f", "\b\b\b",
		"\x1b[31mred\x1b[0m.jpg", "\x1b]0;title\x07.jpg", "\x1b[2J", "\u009b31m.jpg", "\u009d0;title\u009c",
		"\u202egpj.exe", "\u2066a\u2069", "\u200b", "\u200f.jpg", "\ufeff", "\u2028", "\u00ad", "\U000e0041\U000e007f",
		"\ue000", "👩\u200d🚀",
		long, long + "y", long + ".jpg", strings.Repeat("é", 150) + ".jpg", strings.Repeat("../", 100),
		strings.Repeat("%", 300),
		"$(touch new)", "`touch new`", "; touch new", "| touch new", "*", "?", "a b", "'", `"`, `a"b.jpg`, "{}",
		"{{.}}", "%s%n%d", "%!q",
		"<script>alert(1)</script>.jpg", "__proto__", "constructor", "null", "undefined", "0", "-1", "1e400", "true",
		"?x=1#y", "a&b=c", "x;y",
	}
}

// hostileCorpus has a file for every name as its display_name, and one file with a figure for every name. It returns what has
// to be stored.
func hostileCorpus(t *testing.T, names []string) (*emulator.Corpus, map[pipeline.AssetKey][]byte) {
	t.Helper()
	corpus, want := emulator.NewCorpus(), map[pipeline.AssetKey][]byte{}
	names = slices.Compact(slices.Sorted(slices.Values(names)))
	album := emulator.FileSpec{ID: "figures", FileID: "figures", Metadata: json.RawMessage(oddMetadata)}
	add := func(to *emulator.FileSpec, asset emulator.AssetSpec) {
		to.Assets = append(to.Assets, asset)
		key := pipeline.AssetKey{
			FileID: pipeline.ID(to.FileID), Kind: pipeline.Kind(asset.Kind), PageIndex: int32(asset.Page),
			FigureName: asset.Name, Origin: pipeline.OriginFile,
		}
		want[key] = asset.Data
	}
	for i, name := range append(names, "") {
		// What is stored is a picture, and something else as well.
		data := fmt.Appendf(nil, "GIF89a/*\x00\x00*/=%d;<script>alert(1)</script>\n;", i)
		add(&album, emulator.AssetSpec{Kind: emulator.Figure, Page: int64(i % 3), Name: name, Data: data,
			Metadata: json.RawMessage(oddMetadata)})
	}
	for i, name := range []string{"x.html", "x.js", "x.svg", "x.exe", "x.zip", "x.php.jpg", "x.jpg.php", "x.jpg/", "x.jpg\x00.php"} {
		data := fmt.Appendf(nil, "\xff\xd8\xff\xe0%d<?php system('x') ?>\xff\xd9PK\x03\x04", i)
		add(&album, emulator.AssetSpec{Kind: emulator.Figure, Page: 7, Name: name, Data: data})
	}
	// Half of a surrogate pair, and bytes that are no UTF-8, stand for no character, and yet for themselves.
	for i, odd := range []struct{ listed, sent, spelled string }{
		{`\ud800`, "\xed\xa0\x80", "\U0010f7ed\U0010f7a0\U0010f780"},
		{`\ud801`, "\xed\xa0\x81", "\U0010f7ed\U0010f7a0\U0010f781"},
		{"\xff", "\xff", "\U0010f7ff"},
		{"\xfe", "\xfe", "\U0010f7fe"},
		{"\ufffd", "\ufffd", "\ufffd"},
	} {
		asset := emulator.AssetSpec{Kind: emulator.Figure, Page: 8, Name: odd.sent, Data: fmt.Appendf(nil, "GIF89a%d;", i)}
		asset.Raw = json.RawMessage(`{"figure_name":"` + odd.listed + `","page_index":8,"figure_size":8}`)
		add(&album, asset)
		key := pipeline.AssetKey{FileID: "figures", Kind: pipeline.Figure, PageIndex: 8, FigureName: odd.sent, Origin: pipeline.OriginFile}
		delete(want, key)
		key.FigureName = odd.spelled
		want[key] = asset.Data
	}
	for _, page := range []int64{-1 << 31, -1, 1<<31 - 1} {
		add(&album, emulator.AssetSpec{Kind: emulator.Screenshot, Page: page, Data: fmt.Appendf(nil, "\xff\xd8\xff %d", page)})
	}
	mustAdd(t, corpus, album)
	for i, name := range names {
		file := emulator.FileSpec{ID: name, FileID: fmt.Sprintf("file-%d", i), DisplayName: name, UniqueID: name}
		add(&file, emulator.AssetSpec{Kind: emulator.Screenshot, Data: fmt.Appendf(nil, "\xff\xd8\xff file %d", i)})
		mustAdd(t, corpus, file)
	}
	return corpus, want
}

// oddMetadata is JSON that must neither be understood nor be written anew.
const oddMetadata = `{"__proto__":{"x":1},"a":1,"a":2,"big":9007199254740993,"huge":1e400,"minus":-0.0,` +
	`"\u0000":"\ud800\u001b[31m","path":"../.."}`

// spelledMetadata is how a manifest has it: half of a surrogate pair is no Unicode.
var spelledMetadata = strings.Replace(oddMetadata, `\ud800`, "\U0010f7ed\U0010f7a0\U0010f780", 1)

// mustAdd adds a file to the directory "d" of a corpus, which is made where it is missing.
func mustAdd(t *testing.T, corpus *emulator.Corpus, spec emulator.FileSpec) {
	t.Helper()
	// It may be there already.
	_ = corpus.AddDirectory(emulator.DirectorySpec{ID: "d"})
	if err := corpus.AddFile("d", spec); err != nil {
		t.Fatal(err)
	}
}

var (
	safePart = regexp.MustCompile(`^[A-Za-z0-9_%~.-]*[A-Za-z0-9_%~-]$`)
	device   = regexp.MustCompile(`(?i)^(con|prn|aux|nul|com[0-9]|lpt[0-9])(\.|$)`)
	picture  = regexp.MustCompile(`^[^.]+\.(jpg|jpeg|png|gif)$`)
)

// checkSafe fails unless the blobs of all rows have names of their own, wherever case is folded, which mean nothing to any
// system and are those of pictures.
func checkSafe(t *testing.T, rows map[pipeline.AssetKey]*pipeline.Row) {
	t.Helper()
	seen := map[string]pipeline.AssetKey{}
	for key, row := range rows {
		name := strings.TrimPrefix(row.Location.Path, "blobs/")
		if row.Location.Shard != nil {
			name = row.Location.Shard.Member
		}
		if other, taken := seen[strings.ToLower(name)]; taken {
			t.Errorf("%q and %q are both stored as %s", other.FigureName, key.FigureName, name)
		}
		seen[strings.ToLower(name)] = key
		for _, part := range strings.Split(name, "/") {
			if !safePart.MatchString(part) || device.MatchString(part) || len(part) > 200 {
				t.Errorf("%q is stored as %q", key.FigureName, name)
			}
		}
		if !picture.MatchString(name[strings.LastIndex(name, "/")+1:]) {
			t.Errorf("%q is stored as %q, want a picture's name", key.FigureName, name)
		}
	}
}

// Whatever names the API lists: every asset is stored, under a path of its own that is safe everywhere, and the names are in
// the manifest as they were listed. Nothing outside the export is touched, and the next run knows all of it again.
func TestRun_HostileNames_AreStoredAtSafePaths(t *testing.T) {
	testmain.Long(t)
	t.Parallel()
	for _, sink := range []string{"local", "archive"} {
		t.Run(sink, func(t *testing.T) {
			t.Parallel()
			s := newSurroundings(t)
			corpus, want := hostileCorpus(t, s.hostileNames())
			server, url := startEmulator(t, emulator.Options{Corpus: corpus})
			c := newCLI(t, url)
			args := []string{"run", "--directory", "d", "--out", s.out, "--sink", sink}
			c.mustRun(args...)
			e := readExport(t, s.out)
			for key, data := range want {
				row := e.rows[key]
				if row == nil || row.Status != pipeline.Stored || row.Content.SHA256 != sha256.Sum256(data) {
					t.Errorf("figure %+q of page %d of %s: got the row %+v, want its own bytes", key.FigureName,
						key.PageIndex, key.FileID, row)
				}
			}
			if len(e.rows) != len(want) {
				t.Errorf("%d rows, want %d", len(e.rows), len(want))
			}
			checkSafe(t, e.rows)
			checkAsListed(t, e)
			if stdout := newCLI(t, "").mustRun("verify", "--out", s.out); strings.Contains(stdout, "orphans") {
				t.Errorf("there are files that no row knows:\n%s", stdout)
			}
			server.Reset()
			c.mustRun(append(args, "--since", "last")...)
			c.mustRun(args...)
			if n := blobRequests(server); n != 0 {
				t.Errorf("the next runs fetched %d blobs, want none", n)
			}
			if again := readExport(t, s.out); !reflect.DeepEqual(again.rows, e.rows) {
				t.Error("the next runs changed the rows")
			}
			s.check()
		})
	}
}

// checkAsListed fails unless names and metadata are in the rows as the hostile corpus has them.
func checkAsListed(t *testing.T, e exported) {
	t.Helper()
	for _, file := range e.files {
		if name := *file.DisplayName; file.ID != "figures" && (name != file.DirectoryFileID || name != *file.UniqueID) {
			t.Errorf("file %s is called %+q, want %+q", file.ID, name, file.DirectoryFileID)
		}
		if file.ID == "figures" && string(file.Metadata) != spelledMetadata {
			t.Errorf("got the metadata %s, want %s", file.Metadata, spelledMetadata)
		}
	}
	odd := 0
	for key, row := range e.rows {
		if row.Metadata == nil {
			continue
		}
		odd++
		if string(row.Metadata) != spelledMetadata {
			t.Errorf("%v: got the metadata %s, want %s", key, row.Metadata, spelledMetadata)
		}
	}
	if odd < 100 {
		t.Errorf("%d assets have metadata, want all hostile figures", odd)
	}
}

// badIDs are no ids, and oddIDs are, but seldom seen.
var (
	badIDs = []string{
		"../..?x", ".", "..", "/", "//", "a/b", `a\b`, "a b", " ", "a\x00b", "a\nb", "%2e%2e", "..%2f", "é", "a?b",
		"a#b", "a&b", "a;b", "a:b", "C:x",
		"\u202e", "\x1b[31m", "\ufffd", "/etc/passwd", "{id}", "*", "'", strings.Repeat("x", 129), strings.Repeat("../", 50),
	}
	oddIDs = []string{
		"CON", "con", "nul.x", "A", "a", "a.", ".hidden", "...", "..a", "-rf", "--out", "__proto__", "x.tar.zst",
		strings.Repeat("x", 128),
	}
)

// An id that could be more than one segment of a path is refused before a request is made: the file's row says so, and the
// others are exported.
func TestRun_HostileIDs_AreRefusedBeforeARequest(t *testing.T) {
	t.Parallel()
	for i, source := range [][]string{{"--directory", "d"}, {"--pipeline", "d"}, {"--project"}} {
		sink := sinkOf(i)
		t.Run(source[0]+" "+sink, func(t *testing.T) {
			t.Parallel()
			s := newSurroundings(t)
			corpus := emulator.NewCorpus()
			for i, id := range append(slices.Clone(badIDs), oddIDs...) {
				mustAdd(t, corpus, emulator.FileSpec{ID: fmt.Sprint("../", i), FileID: id, Assets: []emulator.AssetSpec{
					{Kind: emulator.Screenshot, Data: fmt.Appendf(nil, "\xff\xd8\xff %d", i)},
					{Kind: emulator.Figure, Name: "../" + id, Data: fmt.Appendf(nil, "GIF89a%d;", i)},
				}})
			}
			server, url := startEmulator(t, emulator.Options{Corpus: corpus})
			c := newCLI(t, url)
			code, stdout, stderr := c.run(append([]string{"run", "--out", s.out, "--sink", sink}, source...)...)
			want := fmt.Sprintf("%d × bad_id: not a valid id", len(badIDs))
			if code != exitIncomplete || !strings.Contains(stdout, want) {
				t.Errorf("exit %d, want %d and %q\n%s%s", code, exitIncomplete, want, stdout, stderr)
			}
			checkPrintable(t, "run", stdout+stderr)
			e := readExport(t, s.out)
			checkSafe(t, e.rows)
			status := map[string]pipeline.Status{}
			for _, file := range e.files {
				status[file.ID] = file.Status
				if bad := slices.Contains(badIDs, file.ID); bad != strings.HasPrefix(file.Error, "bad_id: ") {
					t.Errorf("file %+q has the error %q", file.ID, file.Error)
				}
			}
			for _, id := range badIDs {
				if status[id] != pipeline.Failed {
					t.Errorf("file %+q is %q, want %q", id, status[id], pipeline.Failed)
				}
			}
			if want := 2 * len(oddIDs); len(e.rows) != want {
				t.Errorf("%d rows, want %d", len(e.rows), want)
			}
			// One for the listing, with what a directory costs beside, and for each good id two for its listings and two for its blobs.
			listing := 1
			if source[0] == "--directory" {
				listing = perDirectory
			}
			if got, want := len(server.Requests()), listing+4*len(oddIDs); got != want {
				t.Errorf("%d requests, want %d", got, want)
			}
			for _, r := range server.Requests() {
				if id := strings.Split(r.Path, "/"); r.Status != 200 || id[3] == "files" && !slices.Contains(oddIDs, id[4]) {
					t.Errorf("%s was asked for, with status %d", r.Path, r.Status)
				}
			}
			s.check()
		})
	}
}

// Sizes that the API lists are as large as numbers get. They are kept as they are, and nothing that is made of them overflows.
func TestPlan_HostileSizes_DoNotOverflow(t *testing.T) {
	t.Parallel()
	sizes := []int64{math.MaxInt64, math.MaxInt64 - 1, 1<<53 + 1, 0, -1, math.MinInt64}
	corpus, file := emulator.NewCorpus(), emulator.FileSpec{ID: "e", FileID: "f"}
	for page := range sizes {
		file.Assets = append(file.Assets, emulator.AssetSpec{
			Kind: emulator.Screenshot, Page: int64(page), Data: []byte("\xff\xd8\xff"), ListedSize: &sizes[page],
		})
	}
	mustAdd(t, corpus, file)
	_, url := startEmulator(t, emulator.Options{Corpus: corpus})
	out := filepath.Join(t.TempDir(), "out")
	c := newCLI(t, url)
	stdout := c.mustRun("plan", "--directory", "d", "--out", out, "--json")
	for _, want := range []string{fmt.Sprintf(`"bytes": %d,`, math.MaxInt64), `"unknown_sizes": 3,`} {
		if !strings.Contains(stdout, want) {
			t.Errorf("got %s, want %s in it", stdout, want)
		}
	}
	code, stdout, stderr := c.run("run", "--directory", "d", "--out", out, "--sink", "archive", "--max-attempts", "1")
	if want := "3 × size_mismatch: "; code != exitIncomplete || !strings.Contains(stdout, want) {
		t.Errorf("exit %d, want %d and %q\n%s%s", code, exitIncomplete, want, stdout, stderr)
	}
	for key, row := range readExport(t, out).rows {
		want := pipeline.Failed
		if sizes[key.PageIndex] <= 0 {
			want = pipeline.Stored
		}
		if row.Status != want || row.ListedSize == nil || *row.ListedSize != sizes[key.PageIndex] {
			t.Errorf("page %d is %s with the listed size %v, want %s with %d", key.PageIndex, row.Status,
				row.ListedSize, want, sizes[key.PageIndex])
		}
	}
}
