package spell

import (
	"strings"
	"testing"
)

func TestClosest_Names(t *testing.T) {
	known := []string{"width", "height", "category", "page_index"}
	for name, want := range map[string]string{
		"widht": "", "widt": "width", "width": "width", "catgory": "category", "page_idx": "page_index", "colour": "", "": "",
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
	} {
		if got := Distance(tt.a, tt.b); got != tt.want {
			t.Errorf("Distance(%q, %q) = %d, want %d", tt.a, tt.b, got, tt.want)
		}
	}
}
