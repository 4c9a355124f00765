package spell

import (
	"strings"
	"testing"
)

func TestClosest_Names(t *testing.T) {
	known := []string{"width", "height", "category", "page_index", "run", "x"}
	for name, want := range map[string]string{
		"widht": "width", "widt": "width", "width": "width", "catgory": "category", "page_idx": "page_index", "colour": "", "": "", "rnu": "run", "rum": "run", "nur": "", "y": "",
		strings.Repeat("height", 20): "",
	} {
		if got := Closest(name, known); got != want {
			t.Errorf("Closest(%q) = %q, want %q", name, got, want)
		}
	}
}

func TestDistance_Pairs(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		want int
	}{
		{"", "", 0}, {"", "abc", 3}, {"abc", "", 3}, {"abc", "abc", 0}, {"abc", "abd", 1}, {"abc", "ac", 1}, {"kitten", "sitting", 3},
		{"rnu", "run", 1}, {"ab", "ba", 1}, {"abcd", "badc", 2}, {"ca", "abc", 3}, {"abc", "cab", 2},
	} {
		if got := Distance(tt.a, tt.b); got != tt.want {
			t.Errorf("Distance(%q, %q) = %d, want %d", tt.a, tt.b, got, tt.want)
		}
	}
}
