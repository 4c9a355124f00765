package flags

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"
)

// parse parses a command line.
func parse(line string) (*Flags, error) {
	fs := pflag.NewFlagSet("emulate", pflag.ContinueOnError)
	f := Add(fs)
	return f, fs.Parse(strings.Fields(line))
}

// The window of a rate is the unit in which it is written, wherever that has a whole number of requests.
func TestRequestsIn(t *testing.T) {
	for text, want := range map[string]struct {
		requests int
		window   time.Duration
	}{
		"100/s": {100, time.Second}, "60/m": {60, time.Minute}, "120/m": {120, time.Minute}, "20/m": {20, time.Minute},
		"3600/h": {3600, time.Hour}, "1/h": {1, time.Hour}, "1000000/s": {1_000_000, time.Second},
		"0.5/s": {30, time.Minute}, "0.5/m": {30, time.Hour}, "90.5/m": {5430, time.Hour}, "2.50/s": {150, time.Minute},
	} {
		if requests, window, err := requestsIn("--rate", text); requests != want.requests || window != want.window || err != nil {
			t.Errorf("%s is %d in %v, %v; want %d in %v", text, requests, window, err, want.requests, want.window)
		}
	}
}

// The windows of aligned limits begin with the unit of the clock, unless their age is given.
func TestFlags_Options_Aligned_KeepsToTheClock(t *testing.T) {
	now := time.Date(2026, 3, 4, 14, 3, 20, 0, time.UTC)
	const aligned = "--limit-kind aligned --storage --storage-limit-kind aligned --storage-rate 3/h "
	for line, want := range map[string]struct{ api, storage time.Duration }{
		aligned + "--rate 20/m":                    {20 * time.Second, 3*time.Minute + 20*time.Second},
		aligned + "--rate 60/m":                    {20 * time.Second, 3*time.Minute + 20*time.Second},
		aligned + "--rate 20/m --quota-age 7s":     {7 * time.Second, 3*time.Minute + 20*time.Second},
		"--rate 20/m --storage --storage-rate 3/h": {},
	} {
		f, err := parse(line)
		if err != nil {
			t.Fatal(err)
		}
		options, err := f.Options(func() time.Time { return now })
		if err != nil {
			t.Fatal(err)
		}
		if api, storage := options.Limit.Age, options.Storage.Limit.Age; api != want.api || storage != want.storage {
			t.Errorf("%s: windows began %v and %v before the start, want %v and %v", line, api, storage, want.api, want.storage)
		}
	}
}

// The clock is read after the corpus, which may take long.
func TestFlags_Options_Aligned_ReadsTheClockLast(t *testing.T) {
	f, err := parse("--rate 20/m --limit-kind aligned --corpus " + filepath.Join(t.TempDir(), "none"))
	if err != nil {
		t.Fatal(err)
	}
	asked := false
	_, err = f.Options(func() time.Time {
		asked = true
		return time.Now()
	})
	if err == nil || asked {
		t.Errorf("error %v, clock read %v; want that of the corpus, before the clock is read", err, asked)
	}
}
