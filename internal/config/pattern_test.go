package config

import (
	"strings"
	"testing"
)

func TestSource_TakesName_Patterns(t *testing.T) {
	for _, tt := range []struct {
		include, exclude []Pattern
		name             string
		want             bool
	}{
		{nil, nil, "a.pdf", true},
		{[]Pattern{"*.pdf"}, nil, "a.pdf", true},
		{[]Pattern{"*.pdf"}, nil, "a.PDF", false},
		{[]Pattern{"*.[pP][dD][fF]"}, nil, "a.PDF", true},
		{[]Pattern{"*.pdf"}, nil, "in/a/folder.pdf", true},
		{[]Pattern{"in/?/*"}, nil, "in/a/folder.pdf", true},
		{[]Pattern{"a"}, nil, "aa", false},
		{[]Pattern{"a*", "b*"}, nil, "bc", true},
		{[]Pattern{"??"}, nil, "üö", true},
		{nil, []Pattern{"*.txt"}, "a.txt", false},
		{nil, []Pattern{"*.txt"}, "a.pdf", true},
		{[]Pattern{"a*"}, []Pattern{"*b"}, "ab", false},
		{[]Pattern{`\*`}, nil, "x", false},
	} {
		s := Source{Include: tt.include, Exclude: tt.exclude}
		if got := s.TakesName(&tt.name); got != tt.want {
			t.Errorf("include %q, exclude %q: %q is taken: %t", tt.include, tt.exclude, tt.name, got)
		}
	}
	included, excluded := Source{Include: []Pattern{"*"}}, Source{Exclude: []Pattern{"*"}}
	if included.TakesName(nil) || !excluded.TakesName(nil) {
		t.Error("a file without a name is like a pattern")
	}
}

func TestNarrower_Patterns(t *testing.T) {
	for _, tt := range []struct{ was, is, include, exclude string }{
		{"", "", "", ""},
		{"", "a*", `source.include is "a*", not everything`, `source.exclude has "a*" too`},
		{"a*", "", "", ""},
		{"a*", "a*,b*", "", `source.exclude has "b*" too`},
		{"a*,b*", "b*", `source.include lacks "a*"`, ""},
		{"a*", "b*", `source.include lacks "a*"`, `source.exclude has "b*" too`},
	} {
		for path, want := range map[string]string{"source.include": tt.include, "source.exclude": tt.exclude} {
			got := strings.Join(Narrower(map[string]string{path: tt.was}, map[string]string{path: tt.is}), "; ")
			if got != want {
				t.Errorf("%s from %q to %q: got %q, want %q", path, tt.was, tt.is, got, want)
			}
		}
	}
}

func TestReadIDs_Lines(t *testing.T) {
	ids, err := ReadIDs(strings.NewReader("\ufeffa\r\n\n # no\n  b-1 \n#c\nd"), "list")
	if err != nil || len(ids) != 3 || ids[0] != "a" || ids[1] != "b-1" || ids[2] != "d" {
		t.Errorf("got %q, %v", ids, err)
	}
	for text, want := range map[string]string{
		"":                           "list: the list has no id",
		"# a\n\n":                    "list: the list has no id",
		"a\n\n../b\n":                `list:3: not a valid id: "../b"`,
		"a\nllx-" + "abcdefghijkl\n": "list:2: this looks like an API key",
		"a\n" + strings.Repeat("x", maxListLine+1): "list:2: the line is too long for an id",
	} {
		if _, err := ReadIDs(strings.NewReader(text), "list"); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%.20q: got %v, want %s", text, err, want)
		}
	}
}
