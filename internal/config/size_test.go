package config

import (
	"math"
	"testing"
)

func TestSize_ParseSize_Accepts(t *testing.T) {
	for _, tt := range []struct {
		text string
		want Size
		form string
	}{
		{"0", 0, "0B"},
		{"1000", 1000, "1KB"},
		{"1023b", 1023, "1023B"},
		{"64KB", 64_000, "64KB"},
		{"64 kb", 64_000, "64KB"},
		{"1KiB", 1024, "1KiB"},
		{"256MiB", 256 << 20, "256MiB"},
		{"256mib", 256 << 20, "256MiB"},
		{"3MB", 3_000_000, "3MB"},
		{"1GiB", 1 << 30, "1GiB"},
		{"5GB", 5_000_000_000, "5GB"},
		{"2TiB", 2 << 40, "2TiB"},
		{"7TB", 7_000_000_000_000, "7TB"},
		{"9223372036854775807", math.MaxInt64, "9223372036854775807B"},
	} {
		got, err := ParseSize(tt.text)
		if err != nil || got != tt.want {
			t.Errorf("ParseSize(%q) = %d, %v; want %d", tt.text, int64(got), err, int64(tt.want))
		}
		if form := got.String(); form != tt.form {
			t.Errorf("ParseSize(%q).String() = %q, want %q", tt.text, form, tt.form)
		}
	}
}

func TestSize_ParseSize_Refuses(t *testing.T) {
	for text, want := range map[string]string{
		"":                    `"" is not a size`,
		"MiB":                 `"MiB" is not a size`,
		"big":                 `"big" is not a size`,
		"many":                `"many" is not a size`,
		"-1":                  `"-1" is not a size`,
		"+1":                  `"+1" is not a size`,
		"1.5GiB":              `"1.5GiB" is not a size`,
		"1 000":               `"1 000" is not a size`,
		"12 ":                 `"12 " is not a size`,
		"256M":                `"256M" is not a size`,
		"1MiBB":               `"1MiBB" is not a size`,
		"1EiB":                `"1EiB" is not a size`,
		"9223372036854775808": `the size "9223372036854775808" is too large`,
		"8388608TiB":          `the size "8388608TiB" is too large`,
	} {
		if got, err := ParseSize(text); err == nil || err.Error() != want {
			t.Errorf("ParseSize(%q) = %v, %v; want the error %s", text, got, err, want)
		}
	}
}

func FuzzParseSize(f *testing.F) {
	for _, seed := range []string{
		"256MiB", "1GiB", "64KB", "1000", "0", "-1", "9223372036854775807", "8388607TiB", "1 b", "KB",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := ParseSize(text)
		if err != nil {
			return
		}
		if s < 0 {
			t.Fatalf("ParseSize(%q) = %d, negative", text, int64(s))
		}
		if again, err := ParseSize(s.String()); err != nil || again != s {
			t.Fatalf("ParseSize(%q) = %d, but its String %q parses to %d, %v", text, int64(s), s.String(), int64(again), err)
		}
	})
}
