package llamacloud

import (
	"math"
	"net/http"
	"testing"
	"time"
)

func TestParseRetryAfter(t *testing.T) {
	now := time.Date(2024, 5, 1, 12, 0, 0, 0, time.UTC)
	const before, after = "Wed, 01 May 2024 11:59:00 GMT", "Wed, 01 May 2024 12:01:30 GMT"
	tests := []struct {
		name  string
		value string
		ms    string
		date  string
		want  time.Duration
	}{
		{name: "absent"},
		{name: "seconds", value: "7", want: 7 * time.Second},
		{name: "blanks", value: " 7 ", want: 7 * time.Second},
		{name: "fraction", value: "1.5", want: 1500 * time.Millisecond},
		{name: "zero", value: "0"},
		{name: "negative", value: "-5"},
		{name: "garbage", value: "soon"},
		{name: "two dots", value: "1.2.3"},
		{name: "dot", value: "."},
		{name: "exponent", value: "1e3"},
		{name: "hexadecimal", value: "0x10"},
		{name: "infinite", value: "Inf"},
		{name: "huge", value: "99999999999999999999", want: math.MaxInt64},
		{name: "milliseconds", ms: "250", want: 250 * time.Millisecond},
		{name: "milliseconds go first", ms: "250", value: "7", want: 250 * time.Millisecond},
		{name: "garbage in milliseconds", ms: "x", value: "7", want: 7 * time.Second},
		{name: "date", value: after, want: 90 * time.Second},
		{name: "date from the answer's own", value: after, date: before, want: 150 * time.Second},
		{name: "past date", value: before},
		{name: "RFC 850 date", value: "Wednesday, 01-May-24 12:01:30 GMT", want: 90 * time.Second},
		{name: "far date", value: "Fri, 31 Dec 9999 23:59:59 GMT", want: math.MaxInt64},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			h := http.Header{}
			for name, value := range map[string]string{"Retry-After": test.value, "Retry-After-Ms": test.ms, "Date": test.date} {
				if value != "" {
					h.Set(name, value)
				}
			}
			if got := parseRetryAfter(h, now); got.wait != test.want {
				t.Errorf("got %v, want %v", got.wait, test.want)
			}
		})
	}
}

func FuzzParseRetryAfter(f *testing.F) {
	for _, seed := range []string{"", "0", "7", "1.5", "-1", "1e9", "soon", "99999999999999999999",
		"Wed, 01 May 2024 12:01:30 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"} {
		f.Add(seed, "")
		f.Add("", seed)
	}
	now := time.Date(2024, 5, 1, 12, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, value, ms string) {
		h := http.Header{"Retry-After": {value}, "Retry-After-Ms": {ms}}
		if d := parseRetryAfter(h, now); d.wait < 0 {
			t.Errorf("got %v", d.wait)
		}
	})
}
