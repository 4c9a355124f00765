package sinks

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// headerBlock returns the blocks that come before a member's body.
func headerBlock(t testing.TB, h tar.Header) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := tar.NewWriter(&b).WriteHeader(&h); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// The short way to read a tar header says what the long one does, or leaves it to that, whatever has become of the header.
func TestParseHeader_AgreesWithTar(t *testing.T) {
	at := time.Unix(1_700_000_000, 0)
	whole := 0
	for _, h := range []tar.Header{
		{Name: "file-1/page_screenshots/0.jpg", Size: 100, Mode: 0o644, ModTime: at, Format: tar.FormatUSTAR, Typeflag: tar.TypeReg},
		{Name: strings.Repeat("d/", 60) + "0.jpg", Size: 8<<30 - 1, Mode: 0o644, ModTime: at, Format: tar.FormatUSTAR, Typeflag: tar.TypeReg},
		{Name: strings.Repeat("d", 120) + "0.jpg", Size: 1 << 40, Mode: 0o644, ModTime: at, Format: tar.FormatPAX, Typeflag: tar.TypeReg},
		{Name: "gnu", Size: 1 << 40, Mode: 0o644, ModTime: at, Format: tar.FormatGNU, Typeflag: tar.TypeReg},
		{Name: "directory/", Mode: 0o755, ModTime: at, Format: tar.FormatUSTAR, Typeflag: tar.TypeDir},
	} {
		blocks := headerBlock(t, h)
		var got tar.Header
		if parseHeader(blocks[:tarBlock], &got) {
			whole++
		}
		rng := rand.New(rand.NewPCG(1, 1))
		for range 20_000 {
			changed := bytes.Clone(blocks)
			for range rng.IntN(3) {
				changed[rng.IntN(tarBlock)] = byte(rng.Uint32())
			}
			if rng.IntN(2) == 0 {
				// So that what else is wrong decides.
				copy(tarSum.of(changed), strings.ToLower("0000000\x00"))
				sum, _ := headerSum(changed[:tarBlock])
				for i := 5; i >= 0; i-- {
					changed[tarSum.first+i], sum = '0'+byte(sum&7), sum>>3
				}
				changed[tarSum.first+6] = 0
			}
			if !parseHeader(changed[:tarBlock], &got) {
				continue
			}
			want, err := tar.NewReader(bytes.NewReader(changed)).Next()
			if err != nil {
				t.Fatalf("%.512q is taken for that of %q, tar says %v", changed, got.Name, err)
			}
			if got.Name != want.Name || got.Size != want.Size || got.Typeflag != want.Typeflag {
				t.Fatalf("%.512q: got %+v, want %+v", changed, got, want)
			}
		}
	}
	if whole != 2 {
		t.Errorf("%d headers were read the short way, want those of two files in USTAR", whole)
	}
}

// badBlock is a file in which one byte cannot be read, nor with it what is asked for at once.
type badBlock struct {
	*bytes.Reader
	bad int64
}

var errBad = errors.New("bad block")

func (b badBlock) ReadAt(p []byte, at int64) (int, error) {
	if at <= b.bad && b.bad < at+int64(len(p)) {
		return 0, errBad
	}
	return b.Reader.ReadAt(p, at)
}

// Who reads ahead gets every byte that can be read without, and an error for no other.
func TestReadAhead_BadByte_CostsWhatHasIt(t *testing.T) {
	content := make([]byte, 5*aheadBytes/2)
	for i := range content {
		content[i] = byte(rand.Uint32())
	}
	for range 300 {
		file := badBlock{bytes.NewReader(content), int64(rand.IntN(len(content)))}
		end := int64(rand.IntN(len(content) + 1))
		r := newReadAhead(file, end, aheadBytes)
		place := int64(0)
		for range 60 {
			if rand.IntN(3) == 0 {
				place = int64(rand.IntN(len(content)))
				if _, err := r.Seek(place, io.SeekStart); err != nil {
					t.Fatal(err)
				}
			}
			p := make([]byte, 1+rand.IntN(1000))
			n, err := io.ReadFull(r, p)
			whole := place+int64(len(p)) <= end
			isBad := place <= file.bad && file.bad < min(place+int64(len(p)), end)
			switch {
			case !bytes.Equal(p[:n], content[place:][:n]):
				t.Fatalf("at byte %d: other bytes than the file has", place)
			case isBad != errors.Is(err, errBad), !isBad && whole != (err == nil):
				t.Fatalf("%d bytes at byte %d of %d, of which %d is bad: %v", len(p), place, end, file.bad, err)
			}
			place += int64(n)
		}
	}
}

// The header that is filled in is the one that archive/tar makes, or is left to that.
func TestPlainHeader_IsThatOfTar(t *testing.T) {
	h := newPlainHeader()
	now := time.Unix(1_700_000_000, 123)
	for _, test := range []struct {
		name  string
		size  int64
		at    time.Time
		plain bool
	}{
		{"file-1/page_screenshots/0.jpg", 100_000, now, true},
		{"a", 0, time.Unix(0, 0), true},
		{strings.Repeat("d", 100), 8<<30 - 1, time.Unix(8<<30-1, 0), true},
		{"b c~%25.jpg", 7, now, true},
		{strings.Repeat("d", 101), 1, now, false},
		{strings.Repeat("d/", 60) + "0.jpg", 1, now, false},
		{"large", 8 << 30, now, false},
		{"late", 1, time.Unix(8<<30, 0), false},
		{"early", 1, time.Unix(-1, 0), false},
		{"undated", 1, time.Time{}, false},
		{"é.jpg", 1, now, false},
		{"short", 1, now.UTC(), true},
	} {
		if plain := h.fill(test.name, test.size, test.at); plain != test.plain {
			t.Errorf("%.20q: filled in is %v, want %v", test.name, plain, test.plain)
		} else if want := headerBlock(t, *memberHeader(test.name, test.size, test.at)); plain && !bytes.Equal(h.block[:], want) {
			t.Errorf("%.20q: got\n%q, want\n%q", test.name, h.block, want)
		}
	}
	for _, name := range []string{"", "d/", "a\x00b"} {
		if h.fill(name, 1, now) {
			t.Errorf("%q: filled in", name)
		}
	}
}
