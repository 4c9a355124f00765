package pipeline

import (
	"errors"
	"strings"
	"testing"
)

func TestParsePages_Contains(t *testing.T) {
	tests := []struct {
		text, canonical string
		in, out         []int32
	}{
		{"", "", []int32{0, 7, 1<<31 - 1, -1}, nil},
		{" ", "", []int32{0}, nil},
		{"0", "0", []int32{0}, []int32{1, -1}},
		{"0-9,12", "0-9,12", []int32{0, 5, 9, 12}, []int32{10, 11, 13, -1}},
		{"12, 0 - 9", "0-9,12", []int32{9, 12}, []int32{10}},
		{"3-5,4-8,9", "3-9", []int32{3, 9}, []int32{2, 10}},
		{"2147483647", "2147483647", []int32{1<<31 - 1}, []int32{0}},
		{"0-2147483647", "0-2147483647", []int32{0, 1<<31 - 1}, []int32{-1}},
	}
	for _, tt := range tests {
		p, err := ParsePages(tt.text)
		if err != nil {
			t.Errorf("ParsePages(%q): %v", tt.text, err)
			continue
		}
		if got := p.String(); got != tt.canonical {
			t.Errorf("ParsePages(%q) = %q, want %q", tt.text, got, tt.canonical)
		}
		for _, page := range tt.in {
			if !p.Contains(page) {
				t.Errorf("pages %q do not contain %d", tt.text, page)
			}
		}
		for _, page := range tt.out {
			if p.Contains(page) {
				t.Errorf("pages %q contain %d", tt.text, page)
			}
		}
	}
}

func TestParsePages_BadText_NamesIt(t *testing.T) {
	for text, want := range map[string]string{
		"a": `"a"`, "1,": `""`, "-1": `""`, "5-2": "ends before", "1-2-3": `"2-3"`, "2147483648": `"2147483648"`, "0x1": `"0x1"`, "1.5": `"1.5"`,
	} {
		if _, err := ParsePages(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("ParsePages(%q): got error %v, want one that contains %s", text, err, want)
		}
	}
}

func FuzzParsePages(f *testing.F) {
	for _, seed := range []string{"", "0-9,12", "1,2,3", "5-2", "-", "2147483647-2147483647", "0,,1"} {
		f.Add(seed, int32(3))
	}
	f.Fuzz(func(t *testing.T, text string, page int32) {
		p, err := ParsePages(text)
		if err != nil {
			return
		}
		again, err := ParsePages(p.String())
		if err != nil || again.String() != p.String() || again.Contains(page) != p.Contains(page) {
			t.Fatalf("ParsePages(%q) = %q, read again %q, %v", text, p, again, err)
		}
	})
}

func FuzzParseID(f *testing.F) {
	for _, seed := range []string{"dir-abc123", "182bd5e5-6e1a-4fe4-a799-aa6d9a6ab26e", "", ".", "..", "../..?x", "a/b", "é", "a\x00", strings.Repeat("x", 129)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		id, err := ParseID(s)
		if err != nil {
			if !errors.Is(err, ErrBadID) || strings.ContainsAny(err.Error(), "\x00\n\x1b") {
				t.Fatalf("ParseID(%q): %v", s, err)
			}
			return
		}
		if string(id) != s || s == "" || s == "." || s == ".." || strings.ContainsAny(s, "/\\?#%\x00 ") || len(s) > 128 {
			t.Fatalf("ParseID accepts %q", s)
		}
	})
}
