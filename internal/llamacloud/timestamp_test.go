package llamacloud

import (
	"math/rand/v2"
	"testing"
	"time"
)

// What is spelled as most times are is read as any other spelling is, whatever its numbers are.
func TestParseTimestamp_UTC_IsReadAsAnySpelling(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	texts := []string{
		"2024-06-13T12:30:45Z", "2024-06-13T12:30:45.678901Z", "0001-01-01T00:00:00Z", "0000-01-01T00:00:00Z", "9999-12-31T23:59:59.999999999Z",
		"2016-12-31T23:59:60Z", "2024-02-30T00:00:00Z", "2024-06-13T24:00:00Z", "2024-06-13T12:30:45.Z", "2024-06-13T12:30:45.6.7Z", "Z", "",
		"2024-06-13T12:30:4Z", "2024-06-13T12:30:45+Z", "2024-06-13T12:30:45.0000000000000001Z",
	}
	const digits = "0123456789"
	for range 20_000 {
		text := []byte(time.Unix(rng.Int64N(1<<34), rng.Int64N(1e9)).UTC().Format(time.RFC3339Nano))
		if rng.IntN(2) == 0 {
			text[rng.IntN(len(text))] = (digits + ".:-TZ ,")[rng.IntN(len(digits)+7)]
		}
		texts = append(texts, string(text))
	}
	read := 0
	for _, text := range texts {
		got, err := parseTimestamp(text)
		want, wantErr := parseSpelling(text)
		if got != want || (err == nil) != (wantErr == nil) {
			t.Errorf("%q: got %v, %v, want %v, %v", text, got, err, want, wantErr)
		}
		if err == nil && isUTC(text) {
			read++
		}
	}
	if read < len(texts)/3 {
		t.Errorf("%d of %d texts were read the short way", read, len(texts))
	}
}
