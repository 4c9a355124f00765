package dataset

import (
	"bytes"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"
)

func mustWrite(t *testing.T, name string, data []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, data, 0o666); err != nil {
		t.Fatal(err)
	}
}

func mustStat(t *testing.T, name string) fs.FileInfo {
	t.Helper()
	info, err := os.Lstat(name)
	if err != nil {
		t.Fatal(err)
	}
	return info
}

// checkPlaced looks for a picture, and that there is nothing else in its folder.
func checkPlaced(t *testing.T, name string, want []byte) {
	t.Helper()
	got, err := os.ReadFile(name)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("%s: got %d bytes, or others than the %d of the picture: %v", name, len(got), len(want), err)
	}
	entries, err := os.ReadDir(filepath.Dir(name))
	if err != nil || len(entries) != 1 {
		t.Errorf("beside it are %v: %v", entries, err)
	}
}

func TestPlacePicture_Link(t *testing.T) {
	dir, out := t.TempDir(), t.TempDir()
	from, to := filepath.Join(dir, "blob"), filepath.Join(out, "f", "0.jpg")
	mustWrite(t, from, []byte("picture"))
	for range 2 {
		if err := placePicture(out, "f/0.jpg", from, []byte("picture")); err != nil {
			t.Fatal(err)
		}
		checkPlaced(t, to, []byte("picture"))
		if !os.SameFile(mustStat(t, from), mustStat(t, to)) {
			t.Error("it is no hard link")
		}
	}
}

// Bytes are shared with a file only.
func TestPlacing_Source_IsTheBlobsFile(t *testing.T) {
	blob := filepath.Join(t.TempDir(), "blob")
	mustWrite(t, blob, []byte("picture"))
	for picture, want := range map[string]bool{"picture": true, "another one": false} {
		p := &placing{from: blob, picture: []byte(picture)}
		f, err := p.source()
		if err != nil {
			t.Fatal(err)
		}
		if _, isFile := f.(*os.File); isFile != want {
			t.Errorf("%q: the source is a file: %t, want %t", picture, isFile, want)
		}
		f.Close()
	}
}

func TestPlacePicture_Copy(t *testing.T) {
	dir := t.TempDir()
	mustWrite(t, filepath.Join(dir, "blob"), []byte("picture"))
	// What a symbolic link leads to is not linked.
	link := filepath.Join(dir, "link")
	if err := os.Symlink("blob", link); err != nil {
		t.Fatal(err)
	}
	for name, from := range map[string]string{"of bytes": "", "of a file that cannot be linked": link} {
		t.Run(name, func(t *testing.T) {
			var data []byte
			if from == "" {
				data = []byte("picture")
			}
			out := t.TempDir()
			to := filepath.Join(out, "f", "0.jpg")
			if err := placePicture(out, "f/0.jpg", from, data); err != nil {
				t.Fatal(err)
			}
			checkPlaced(t, to, []byte("picture"))
			before := mustStat(t, to)
			if before.Mode().Type() != 0 || os.SameFile(before, mustStat(t, filepath.Join(dir, "blob"))) {
				t.Errorf("it is no copy: %v", before.Mode())
			}
			if err := placePicture(out, "f/0.jpg", from, data); err != nil {
				t.Fatal(err)
			}
			if !os.SameFile(before, mustStat(t, to)) {
				t.Error("a file that was right was written again")
			}
		})
	}
}

// What is left of a run that was killed, or of an export that has changed, gives way.
func TestPlacePicture_OtherBytes_AreReplaced(t *testing.T) {
	dir := t.TempDir()
	from, other := filepath.Join(dir, "blob"), filepath.Join(dir, "other")
	picture := strings.Repeat("picture", 10_000)
	last := len(picture) - 1
	mustWrite(t, from, []byte(picture))
	for _, wrong := range []string{"", "pictur", picture[:32<<10], picture[:last], picture[:last] + "E", picture + "s", strings.ToUpper(picture)} {
		for _, source := range []string{from, ""} {
			out := t.TempDir()
			to := filepath.Join(out, "f", "0.jpg")
			mustWrite(t, other, []byte(wrong))
			if err := os.Mkdir(filepath.Dir(to), 0o777); err != nil {
				t.Fatal(err)
			}
			// It may be a link to a blob, which must not change.
			if err := os.Link(other, to); err != nil {
				t.Fatal(err)
			}
			if err := placePicture(out, "f/0.jpg", source, []byte(picture)); err != nil {
				t.Fatal(err)
			}
			checkPlaced(t, to, []byte(picture))
			if isLink := os.SameFile(mustStat(t, from), mustStat(t, to)); isLink != (source != "") {
				t.Errorf("placed from %q, it is a hard link: %v", source, isLink)
			}
			if got, err := os.ReadFile(other); err != nil || string(got) != wrong {
				t.Errorf("the other file has %d bytes now, and had %d: %v", len(got), len(wrong), err)
			}
		}
	}
}

func TestPlacePicture_Leftovers_GiveWay(t *testing.T) {
	out := t.TempDir()
	p := placing{to: "f/0.jpg"}
	mustWrite(t, filepath.Join(out, p.temp()), []byte("half"))
	if err := placePicture(out, "f/0.jpg", "", []byte("picture")); err != nil {
		t.Fatal(err)
	}
	checkPlaced(t, filepath.Join(out, "f", "0.jpg"), []byte("picture"))
}

func TestPlacePicture_SymbolicLinks_AreRefused(t *testing.T) {
	for _, at := range []string{"f", "f/g", "f/g/0.jpg"} {
		for _, to := range []string{"../elsewhere", "/", ".", "right.jpg"} {
			out := t.TempDir()
			link := filepath.Join(out, filepath.FromSlash(at))
			mustWrite(t, filepath.Join(filepath.Dir(link), "right.jpg"), []byte("picture"))
			if err := os.Symlink(to, link); err != nil {
				t.Fatal(err)
			}
			if err := placePicture(out, "f/g/0.jpg", "", []byte("picture")); err == nil {
				t.Errorf("%s was a link to %s, and followed", at, to)
			}
			if mustStat(t, link).Mode().Type() != fs.ModeSymlink {
				t.Errorf("%s is no link any more", at)
			}
		}
	}
}

func TestPlacePicture_NamesThatLeaveTheFolder_AreRefused(t *testing.T) {
	for _, name := range []string{"/etc/0.jpg", "", "a/"} {
		if err := placePicture(t.TempDir(), name, "", []byte("picture")); err == nil {
			t.Errorf("%q was taken", name)
		}
	}
	// This one is a folder of an odd name.
	out := t.TempDir()
	if err := placePicture(out, "../0.jpg", "", []byte("picture")); err != nil {
		t.Fatal(err)
	}
	checkPlaced(t, filepath.Join(out, "=..", "0.jpg"), []byte("picture"))
}

func TestFolderName(t *testing.T) {
	for name, want := range map[string]string{
		"f1/page_screenshots/0.jpg": "f1/page_screenshots/0.jpg", ".f/0.jpg": "=.f/0.jpg", "f/__x.jpg": "f/=__x.jpg", "f/_x.jpg": "f/_x.jpg",
		"f/.x/__y/.z": "f/=.x/=__y/=.z", "=.f/0.jpg": "==.f/0.jpg", "test-1.jpg": "test-1.jpg",
	} {
		if got := folderName(name); got != want {
			t.Errorf("%q: got %q, want %q", name, got, want)
		}
	}
	names := map[string]string{}
	for _, name := range hostileNames {
		got := folderName(name)
		if other, isThere := names[got]; isThere {
			t.Errorf("%q and %q are both placed at %q", name, other, got)
		}
		names[got] = name
		for part := range strings.SplitSeq(got, "/") {
			if strings.HasPrefix(part, ".") || strings.HasPrefix(part, "__") {
				t.Errorf("%q is placed at %q, which readers leave out", name, got)
			}
		}
	}
}

func TestFolderMetadata_ReadsBack(t *testing.T) {
	samples, _ := many(40)
	samples[7].Name = "__x/.y.jpg"
	var b bytes.Buffer
	w := newFolderMetadata(&b, everything())
	for _, s := range samples {
		if err := w.add(s); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.close(); err != nil {
		t.Fatal(err)
	}
	type row struct {
		FileName *string `parquet:"file_name,optional"`
		FileID   *string `parquet:"file_id,optional"`
	}
	rows, err := parquet.Read[row](bytes.NewReader(b.Bytes()), int64(b.Len()))
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) != len(samples) {
		t.Fatalf("got %d rows, want %d", len(rows), len(samples))
	}
	for i, r := range rows {
		if r.FileName == nil || *r.FileName != folderName(samples[i].Name) {
			t.Errorf("row %d: got %v, want %s", i, r.FileName, folderName(samples[i].Name))
		}
		if has := i%3 != 1; has != (r.FileID != nil) {
			t.Errorf("row %d: got file_id %v", i, r.FileID)
		}
	}
}

// A row group is kept in memory until it ends.
func TestFolderMetadata_LongTexts_EndRowGroups(t *testing.T) {
	w := newFolderMetadata(io.Discard, everything())
	s := bareSample("f/0.jpg")
	for _, c := range []struct{ text, rows int }{{10, 1}, {folderGroupBytes / 2, 2}, {folderGroupBytes / 2, 0}, {10, 1}} {
		s.Text = new(strings.Repeat("x", c.text))
		if err := w.add(s); err != nil {
			t.Fatal(err)
		}
		if w.rows.count != c.rows {
			t.Errorf("after a text of %d bytes the row group has %d rows, want %d", c.text, w.rows.count, c.rows)
		}
	}
	if err := w.close(); err != nil {
		t.Fatal(err)
	}
}
