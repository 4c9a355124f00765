package sinks

import (
	"encoding/binary"
	"io/fs"
	"math/rand/v2"
	"path"
	"strings"
	"testing"
	"unicode/utf8"

	"exporter/internal/media"
	"exporter/pipeline"
)

// hostileNames are figure names that collide, escape or break somewhere if they are used as they are.
var hostileNames = []string{
	"", ".", "..", "...", "/", "\\", "a", "A", "a.jpg", "A.jpg", "a.JPG", "a.jpeg", "a.png", "a.jpg.jpg", "a%2Ejpg.jpg", "a%2ejpg.jpg",
	"a/b", "a\\b", "a%2Fb", "../../etc/passwd", "/etc/passwd", "C:\\x", "C:", "x.", "x. ", "x ", " x", "%2e%2e", "%2E%2E/x.jpg",
	"CON", "con", "con.jpg", "Con.jpg", "nul", "com1.jpg", "com1", "lpt9.png", "com\u00b9.jpg", "aux.tar.gz", ".hidden", ".jpg", "-rf", "~", "a~", "a~12345678.jpg",
	"\u00e9.jpg", "e\u0301.jpg", "\u212b.jpg", "\u00c5.jpg", "A\u030a.jpg", "\ufb01.jpg", "fi.jpg", "ß.jpg", "ss.jpg", "İ.jpg", "i.jpg", "ı.jpg",
	"\x00", "a\x00b.jpg", "a\nb.jpg", "a\x1b[31m.jpg", "\u202egpj.exe", "\xff\xfe.jpg", "\xed\xa0\x80.jpg",
	strings.Repeat("x", 120) + ".jpg", strings.Repeat("x", 121) + ".jpg", strings.Repeat("x", 300), strings.Repeat("x", 300) + "y",
	strings.Repeat("é", 150) + ".jpg", strings.Repeat("x", 119) + "é.jpg", "page_1_figure_1.jpg", "page_1_figure_1", "page_1_figure_1.jpe",
	"a.svg", "a.SVG", "a.svgz", "a.avif", "a.j2c", "a.j2k", "a.J2K", "a.jpc",
	"a.pdf", "A.PDF", "a.docx", "a.markdown", "a.MARKDOWN", "a.md", "a.html", "a.htm", "a.exe", strings.Repeat("x", 300) + ".markdown",
}

// named are assets of each origin and kind that have a name.
func named(raw string) []*pipeline.Asset {
	return []*pipeline.Asset{
		{FileID: "f", Kind: pipeline.Figure, Origin: pipeline.OriginFile, FigureName: raw},
		{FileID: "f", Kind: pipeline.Document, Origin: pipeline.OriginFile, PageIndex: pipeline.NoPage, Details: &pipeline.Details{UpstreamName: raw}},
		{FileID: "f", Kind: pipeline.Screenshot, Origin: pipeline.OriginAttachment, Details: &pipeline.Details{UpstreamName: raw}},
		{FileID: "f", Kind: pipeline.Figure, Origin: pipeline.OriginAttachment, FigureName: raw, Details: &pipeline.Details{UpstreamName: raw}},
		{FileID: "f", JobID: "job", Kind: pipeline.Screenshot, Origin: pipeline.OriginParse, Details: &pipeline.Details{UpstreamName: raw}},
		{JobID: "job", Kind: pipeline.Figure, Origin: pipeline.OriginParse, FigureName: raw, Details: &pipeline.Details{UpstreamName: raw}},
		{JobID: "job", Kind: pipeline.Document, Origin: pipeline.OriginParse, PageIndex: pipeline.NoPage, Details: &pipeline.Details{UpstreamName: raw}},
	}
}

// checkName fails if a name is unsafe anywhere.
func checkName(t *testing.T, name string) {
	t.Helper()
	if !fs.ValidPath(name) {
		t.Fatalf("%q is not a valid path", name)
	}
	for _, part := range strings.Split(name, "/") {
		stem, _, _ := strings.Cut(part, ".")
		switch {
		case len(part) > maxName:
			t.Fatalf("%q: %d bytes", name, len(part))
		case isDevice(stem):
			t.Fatalf("%q: %q is a device", name, part)
		case strings.HasSuffix(part, ".") || strings.HasPrefix(part, "."):
			t.Fatalf("%q: dot at an end of %q", name, part)
		}
		for _, c := range []byte(part) {
			if !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-~%.", rune(c)) {
				t.Fatalf("%q: byte %q", name, c)
			}
		}
	}
}

func TestMemberName_HostileNames_StayApart(t *testing.T) {
	for _, mediaType := range []string{media.JPEG, media.PNG, media.AVIF, media.SVGZ, "image/x-unheard-of", "application/pdf", "text/markdown", "text/html"} {
		seen := map[string]string{}
		for _, raw := range hostileNames {
			for _, a := range named(raw) {
				name := PlainName(a, mediaType)
				checkName(t, name)
				if strings.Count(path.Base(name), ".") != 1 {
					t.Errorf("%q: a stem with a dot", name)
				}
				folded := strings.ToLower(name)
				if other, taken := seen[folded]; taken {
					t.Errorf("%q and %q are both %q", raw, other, name)
				}
				seen[folded] = raw
			}
		}
	}
}

// Distinct keys have distinct names, also when case is folded: over random names from an alphabet in which nearly
// everything collides for a careless program.
func TestMemberName_RandomNames_StayApart(t *testing.T) {
	alphabet := []string{"a", "A", ".", "%", "2", "E", "e", "~", "/", "\x00", "é", "e\u0301", ".jpg", ".JPG", ".png", "con", "-"}
	rng := rand.New(rand.NewPCG(3, 4))
	seen := map[string]pipeline.AssetKey{}
	for range 200_000 {
		a := pipeline.Asset{FileID: pipeline.ID([]string{"a", "A", "con", "a.b", "con.a", "CON.a", "Con.", "a."}[rng.IntN(8)]), Kind: pipeline.Figure}
		if rng.IntN(8) == 0 {
			a.Kind = pipeline.Screenshot
		}
		a.PageIndex, a.Origin = int32(rng.IntN(3)-1), pipeline.OriginFile
		raw := ""
		for range rng.IntN(6) {
			raw += alphabet[rng.IntN(len(alphabet))]
		}
		switch rng.IntN(6) {
		case 0:
			a.Kind, a.PageIndex, a.Details = pipeline.Document, pipeline.NoPage, &pipeline.Details{UpstreamName: raw}
		case 1:
			a.Origin, a.Details = pipeline.OriginAttachment, &pipeline.Details{UpstreamName: raw}
		case 2:
			a.Origin, a.Details, a.JobID, a.FileID = pipeline.OriginParse, &pipeline.Details{UpstreamName: raw}, a.FileID, ""
		}
		if a.Kind == pipeline.Figure {
			a.FigureName = raw
		}
		name := PlainName(&a, media.JPEG)
		checkName(t, name)
		folded := strings.ToLower(name)
		if key, taken := seen[folded]; taken && key != a.Key() {
			t.Fatalf("%+v and %+v are both %q", key, a.Key(), name)
		}
		seen[folded] = a.Key()
	}
}

func TestMemberName_PlainNames_StayAsTheyAre(t *testing.T) {
	tests := []struct {
		asset     pipeline.Asset
		mediaType string
		want      string
	}{
		{screenshot("f-1", 0), media.JPEG, "f-1/page_screenshots/0.jpg"},
		{screenshot("f-1", 7), media.WebP, "f-1/page_screenshots/7.webp"},
		{screenshot("f-1", 7), media.AVIF, "f-1/page_screenshots/7.avif"},
		{screenshot("f-1", 7), "image/x-unheard-of", "f-1/page_screenshots/7.bin"},
		{figure("f", 0, "a.svg"), media.SVG, "f/page-figures/0/a.svg"},
		{figure("f", 0, "a.svg"), media.SVGZ, "f/page-figures/0/a%2Esvg~fdf18ab1.svgz"},
		{figure("f", 0, "a.svgz"), media.SVGZ, "f/page-figures/0/a.svgz"},
		{figure("f", 0, "a.J2K"), media.J2C, "f/page-figures/0/a~0bb38710.j2k"},
		{figure("f", 0, "a.jpg"), media.HEIC, "f/page-figures/0/a%2Ejpg~509b0d46.heic"},
		{screenshot("Dir", 7), media.PNG, "Dir~9c09272b/page_screenshots/7.png"},
		{screenshot("nul", 0), media.PNG, "nul~99e62427/page_screenshots/0.png"},
		{screenshot("nul.x", 0), media.PNG, "nul~4f25bf65.x/page_screenshots/0.png"},
		{screenshot("CON.", 0), media.PNG, "CON~3c0e6540.~3c0e6540/page_screenshots/0.png"},
		{figure("f.x", 0, "page_1_figure_1.jpg"), media.JPEG, "f.x/page-figures/0/page_1_figure_1.jpg"},
		{figure("f", 0, "page_1_figure_1.jpeg"), media.JPEG, "f/page-figures/0/page_1_figure_1.jpeg"},
		{figure("f", 0, "a.png"), media.JPEG, "f/page-figures/0/a%2Epng~7f071235.jpg"},
		{figure("f", 0, "a b.jpg"), media.JPEG, "f/page-figures/0/a%20b~1f97f74b.jpg"},
		{figure("f", 0, ""), media.GIF, "f/page-figures/0/~e3b0c442.gif"},
		{*named("report.pdf")[1], "application/pdf", "f/document/report.pdf"},
		{*named("report.PDF")[1], "application/pdf", "f/document/report~200850b3.pdf"},
		{*named("notes.markdown")[1], "text/markdown", "f/document/notes%2Emarkdown~656e4e30.md"},
		{*named("report.exe")[1], "application/octet-stream", "f/document/report%2Eexe~79cc0050.bin"},
		{*named("scan.png")[1], media.PNG, "f/document/scan.png"},
		{*named("page_1.jpg")[2], media.JPEG, "f/attachments/0/page_1.jpg"},
		{*named("img_p0_1.png")[3], media.PNG, "f/attachment-figures/0/img_p0_1.png"},
		{*named("page_1.jpg")[4], media.JPEG, "job/parse/0/page_1.jpg"},
		{*named("img_p0_1.png")[5], media.PNG, "job/parse-figures/0/img_p0_1.png"},
		{*named("report.csv")[6], "text/csv", "job/parse-document/report.csv"},
	}
	for _, tt := range tests {
		if got := PlainName(&tt.asset, tt.mediaType); got != tt.want {
			t.Errorf("PlainName(%v, %s) = %q, want %q", tt.asset.Key(), tt.mediaType, got, tt.want)
		}
	}
}

// A blob that takes the place of another has another name, however often that happens, and no other asset can have that name.
func TestMemberName_Versions_HaveOtherNames(t *testing.T) {
	taken := map[string]bool{}
	for _, raw := range hostileNames {
		for _, kind := range []pipeline.Kind{pipeline.Screenshot, pipeline.Figure} {
			a := &pipeline.Asset{FileID: "f", Kind: kind, FigureName: raw}
			taken[strings.ToLower(PlainName(a, media.JPEG))] = true
		}
	}
	for _, raw := range hostileNames {
		a := &pipeline.Asset{FileID: "f", Kind: pipeline.Figure, FigureName: raw}
		name := PlainName(a, media.JPEG)
		for i := range 6 {
			c := &pipeline.Content{MediaType: media.JPEG, SHA256: [32]byte{byte(i / 2)}}
			for _, prior := range []*pipeline.Location{
				{Path: "blobs/00/" + name}, {Path: "blobs/" + name}, {Path: "shards/x", Shard: &pipeline.ShardLocation{Member: name}},
			} {
				next := versionName(a, c, prior, "")
				checkName(t, next)
				if next == name || strings.Contains(next, "~v") && taken[strings.ToLower(next)] {
					t.Errorf("what takes the place of %q is %q", name, next)
				}
			}
			name = versionName(a, c, &pipeline.Location{Path: name}, "")
		}
	}
}

func TestFolderOf_Layouts(t *testing.T) {
	for name, want := range map[string]string{
		fanOut("f") + "f/page_screenshots/0.jpg":     fanOut("f") + "f/",
		fanOut("ab") + "ab/page-figures/0/x.jpg":     fanOut("ab") + "ab/",
		"blobs/f/page_screenshots/0.jpg":             "blobs/f/",
		"blobs/ab/page_screenshots/0.jpg":            "blobs/ab/",
		"blobs/ab/page-figures/0/x.jpg":              "blobs/ab/",
		"blobs/ab/page_screenshots/page-figures/x/y": "blobs/ab/",
		"blobs/x.jpg":                 "",
		"shards/shard-000000.tar.zst": "",
	} {
		if got := FolderOf(name); got != want {
			t.Errorf("FolderOf(%q) = %q, want %q", name, got, want)
		}
	}
}

func TestCut_LongStems_KeepsEscapesWhole(t *testing.T) {
	for n := range 200 {
		stem := escape(strings.Repeat("x", n) + strings.Repeat("é", 100))
		got := cut(stem)
		if len(got) > maxStem || len(got) < min(len(stem), maxStem-2) || !strings.HasPrefix(stem, got) {
			t.Fatalf("cut(%q) = %q", stem, got)
		}
		if i := strings.LastIndexByte(got, '%'); i >= 0 && len(got)-i < 3 {
			t.Fatalf("cut(%q) = %q ends inside an escape", stem, got)
		}
	}
}

func FuzzMemberName(f *testing.F) {
	for _, name := range hostileNames {
		f.Add(name, "b.jpg")
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		others := named(b)
		for i, asset := range named(a) {
			for _, mediaType := range []string{media.JPEG, media.TIFF, media.J2C, media.SVG, "application/pdf", "text/markdown", "text/html"} {
				nameA, nameB := PlainName(asset, mediaType), PlainName(others[i], mediaType)
				checkName(t, nameA)
				if a != b && strings.EqualFold(nameA, nameB) {
					t.Fatalf("%q and %q are both %q", a, b, nameA)
				}
				if !utf8.ValidString(nameA) {
					t.Fatalf("%q is not UTF-8", nameA)
				}
			}
		}
	})
}

func FuzzIDName(f *testing.F) {
	for _, id := range []string{
		"a", "A", "con", "CON", "nul.x", "Nul.X", "com1.", ".hidden", "...", "a.", "-", "lpt0..", strings.Repeat("x", 128),
	} {
		f.Add(id, "con.a")
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		idA, errA := pipeline.ParseID(a)
		idB, errB := pipeline.ParseID(b)
		if errA != nil || errB != nil {
			return
		}
		name := idName(idA)
		stem, _, _ := strings.Cut(name, ".")
		if !fs.ValidPath(name) || strings.HasSuffix(name, ".") || isDevice(stem) || len(name) > maxName {
			t.Fatalf("%q becomes %q", a, name)
		}
		if a != b && strings.EqualFold(name, idName(idB)) {
			t.Fatalf("%q and %q are both %q", a, b, name)
		}
	})
}

func FuzzFrameSize(f *testing.F) {
	f.Add([]byte{}, int64(0))
	f.Add([]byte("\x28\xb5\x2f\xfd\x04\x00\x01\x00\x00\x99\xe9\xd8\x51"), int64(13))
	f.Add(binary.LittleEndian.AppendUint32(nil, 0x184D2A5E), int64(4))
	f.Fuzz(func(t *testing.T, b []byte, end int64) {
		end = min(max(end, 0), int64(len(b)))
		size, err := frameSize(strings.NewReader(string(b)), 0, end)
		if err == nil && (size <= 0 || size > end) {
			t.Fatalf("frameSize = %d of %d bytes", size, end)
		}
	})
}

// Every name that the local sink gives, or gave, is one of ours. What people put beside them is not.
func TestIsBlobName_TellsOursFromOthers(t *testing.T) {
	prior := &pipeline.Location{Path: "x"}
	for _, id := range []pipeline.ID{"f", "file-0", "Ab", "nul.x", "..a", "c0"} {
		for _, mediaType := range []string{media.JPEG, media.SVGZ, "image/x-unheard-of"} {
			for _, raw := range append(hostileNames, "-") {
				a := &pipeline.Asset{FileID: id, Kind: pipeline.Figure, FigureName: raw, PageIndex: -1}
				if raw == "-" {
					a.Kind = pipeline.Screenshot
				}
				content := &pipeline.Content{MediaType: mediaType}
				for _, name := range []string{versionName(a, content, nil, ""), versionName(a, content, prior, "")} {
					for _, folder := range []string{fanOut(id), LocalDir + "/"} {
						if !IsBlobName(folder + name) {
							t.Errorf("%q is not ours", folder+name)
						}
					}
				}
			}
		}
	}
	for _, raw := range hostileNames {
		for _, a := range named(raw) {
			for _, mediaType := range []string{media.JPEG, "application/pdf", "text/markdown", "image/x-unheard-of"} {
				content := &pipeline.Content{MediaType: mediaType}
				for _, name := range []string{versionName(a, content, nil, ""), versionName(a, content, prior, "")} {
					folder := fanOut(ownerOf(a))
					if !IsBlobName(folder+name) || FolderOf(folder+name) != folder+string(ownerOf(a))+"/" {
						t.Errorf("%q is not ours, or in %q", folder+name, FolderOf(folder+name))
					}
				}
			}
		}
	}
	for _, name := range []string{
		"blobs/ab/f/document/notes.exe", "blobs/ab/f/document/My notes.pdf", "blobs/ab/f/document/0/x.pdf", "blobs/ab/f/attachments/x.jpg",
		"blobs/ab/f/parse/0/x.pdf", "blobs/ab/f/documents/x.pdf",
		"", "blobs", "blobs/thumbs.db", "blobs/ab/x", "blobs/ab/f/page_screenshots/0", "blobs/ab/f/page_screenshots/0.db",
		"blobs/ab/f/page_screenshots/.jpg", "blobs/ab/f/page_screenshots/cover.jpg", "blobs/ab/f/page_screenshots/00.jpg",
		"blobs/ab/f/page_screenshots/0~v1.jpg", "blobs/ab/f/page_screenshots/0/0.jpg", "blobs/ab/f/page-figures/0.jpg",
		"blobs/ab/f/page-figures/x/0.jpg", "blobs/ab/f/page-figures/0/my notes.jpg", "blobs/ab/f/notes.jpg", "blobs/ab/f/0/0.jpg",
		"shards/ab/f/page_screenshots/0.jpg", "blobs/../f/page_screenshots/0.jpg", "page_screenshots/0.jpg",
	} {
		if IsBlobName(name) {
			t.Errorf("%q is ours", name)
		}
	}
}
