package inventory

import (
	"fmt"
	"testing"
)

func TestGapsBetween_Pages(t *testing.T) {
	for _, tt := range []struct {
		pages []int32
		want  string
	}{
		{nil, "[]"}, {[]int32{0}, "[]"}, {[]int32{1}, "[]"}, {[]int32{0, 1, 2}, "[]"}, {[]int32{2, 1}, "[]"}, {[]int32{2}, "[{1 1}]"},
		{[]int32{5, 0, 3}, "[{1 2} {4 4}]"}, {[]int32{1, 1, 4}, "[{2 3}]"}, {[]int32{1 << 30}, fmt.Sprintf("[{1 %d}]", 1<<30-1)},
	} {
		if got := fmt.Sprint(gapsBetween(tt.pages)); got != tt.want {
			t.Errorf("%v: got %s, want %s", tt.pages, got, tt.want)
		}
	}
}
