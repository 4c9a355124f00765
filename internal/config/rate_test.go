package config

import (
	"math"
	"strings"
	"testing"
	"time"
)

func TestRate_ParseRate_Accepts(t *testing.T) {
	for _, tt := range []struct {
		text string
		want Rate
		form string
	}{
		{"auto", Rate{Auto: true}, "auto"},
		{"unlimited", Rate{}, "unlimited"},
		{"20/m", Rate{PerSecond: 20.0 / 60}, "20/m"},
		{"50/s", Rate{PerSecond: 50}, "50/s"},
		{"1000/h", Rate{PerSecond: 1000.0 / 3600}, "1000/h"},
		{"0.5/s", Rate{PerSecond: 0.5}, "30/m"},
		{"60/m", Rate{PerSecond: 1}, "1/s"},
		{".5/s", Rate{PerSecond: 0.5}, "30/m"},
		{"007/s", Rate{PerSecond: 7}, "7/s"},
		{"1/h", Rate{PerSecond: 1.0 / 3600}, "1/h"},
		{"1000000/s", Rate{PerSecond: 1e6}, "1000000/s"},
	} {
		got, err := ParseRate(tt.text)
		if err != nil || got != tt.want {
			t.Errorf("ParseRate(%q) = %+v, %v; want %+v", tt.text, got, err, tt.want)
		}
		if form := got.String(); form != tt.form {
			t.Errorf("ParseRate(%q).String() = %q, want %q", tt.text, form, tt.form)
		}
	}
}

func TestRate_ParseRate_Refuses(t *testing.T) {
	for text, want := range map[string]string{
		"":                              `"" is not a rate`,
		"20":                            `"20" is not a rate`,
		"fast":                          `"fast" is not a rate`,
		"Auto":                          `"Auto" is not a rate`,
		"20/d":                          `"20/d" is not a rate`,
		"/s":                            `"/s" is not a rate`,
		"1.2.3/s":                       `"1.2.3/s" is not a rate`,
		"-1/s":                          `"-1/s" is not a rate`,
		"NaN/s":                         `"NaN/s" is not a rate`,
		"Inf/s":                         `"Inf/s" is not a rate`,
		"1e9/s":                         `"1e9/s" is not a rate`,
		"5/fortnight":                   `"5/fortnight" is not a rate`,
		"NaN":                           `"NaN" is not a rate`,
		"1e3/s":                         `"1e3/s" is not a rate`,
		"0x10/s":                        `"0x10/s" is not a rate`,
		"1 /s":                          `"1 /s" is not a rate`,
		"0/s":                           `the rate "0/s" is out of range`,
		"0.5/h":                         `the rate "0.5/h" is out of range`,
		"1000000.1/s":                   `the rate "1000000.1/s" is out of range`,
		strings.Repeat("9", 400) + "/s": `the rate "` + strings.Repeat("9", 80) + `"… is out of range`,
	} {
		if got, err := ParseRate(text); err == nil || err.Error() != want {
			t.Errorf("ParseRate(%q) = %v, %v; want the error %s", text, got, err, want)
		}
	}
}

func TestParseRequests_KeepsTheUnit(t *testing.T) {
	for text, want := range map[string]struct {
		requests float64
		window   time.Duration
	}{
		"60/m": {60, time.Minute}, "3600/h": {3600, time.Hour}, "1/s": {1, time.Second}, "0.5/s": {0.5, time.Second},
	} {
		if requests, window, err := ParseRequests(text); requests != want.requests || window != want.window || err != nil {
			t.Errorf("ParseRequests(%q) = %v in %v, %v; want %v in %v", text, requests, window, err, want.requests, want.window)
		}
	}
	for _, text := range []string{"auto", "unlimited", "0/s", "20"} {
		if requests, window, err := ParseRequests(text); err == nil {
			t.Errorf("ParseRequests(%q) = %v in %v, want an error", text, requests, window)
		}
	}
}

// The range that is told is the one that is kept.
func TestRateRange(t *testing.T) {
	least, most, _ := strings.Cut(strings.TrimPrefix(RateRange(), "from "), " to ")
	for text, want := range map[string]float64{least: minRate, most: maxRate} {
		if r, err := ParseRate(text); err != nil || r.PerSecond != want {
			t.Errorf("%q of %q is %v a second, %v; want %v", text, RateRange(), r.PerSecond, err, want)
		}
	}
}

func FuzzParseRate(f *testing.F) {
	for _, seed := range []string{
		"auto", "unlimited", "20/m", "50/s", "1000/h", "0.5/s", "0/s", "-1/s", "NaN/s", "1e9/h", "/",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r, err := ParseRate(text)
		if err != nil {
			return
		}
		limited := !r.Auto && r.PerSecond != 0
		if math.IsNaN(r.PerSecond) || limited && (r.PerSecond < minRate || r.PerSecond > maxRate) {
			t.Fatalf("ParseRate(%q) = %+v, out of bounds", text, r)
		}
		if again, err := ParseRate(r.String()); err != nil || again != r {
			t.Fatalf("ParseRate(%q) = %+v, but its String %q parses to %+v, %v", text, r, r.String(), again, err)
		}
	})
}
