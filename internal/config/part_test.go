package config

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"exporter/internal/parts"
)

func TestPart_ParsePart_ReadsWhatStringMade(t *testing.T) {
	for _, text := range []string{"", "auto", "0/1", "3/8", "3/8@0123456789abcdef"} {
		if p, err := parsePart(text); err != nil || p.String() != text {
			t.Errorf("parsePart(%q) = %v, %v", text, p, err)
		}
	}
	for _, text := range []string{"8/8", "x", "3/8@", "3/8@xyz", "@0123456789abcdef", "Auto"} {
		if p, err := parsePart(text); err == nil {
			t.Errorf("parsePart(%q) = %v, want an error", text, p)
		}
	}
}

func TestConfig_EnterPart_AsksTheEnvironment(t *testing.T) {
	for _, tt := range []struct {
		environ []string
		want    string
		problem string
	}{
		{[]string{"EXPORTER_RUN_PART=auto", "JOB_COMPLETION_INDEX=3", "EXPORTER_PART_COUNT=8"}, "3/8", ""},
		{[]string{"EXPORTER_RUN_PART=2/5", "JOB_COMPLETION_INDEX=3", "EXPORTER_PART_COUNT=8"}, "2/5", ""},
		{[]string{"JOB_COMPLETION_INDEX=3", "EXPORTER_PART_COUNT=8"}, "", ""},
		{[]string{"EXPORTER_RUN_PART=auto", "JOB_COMPLETION_INDEX=3"}, "", "set EXPORTER_PART_COUNT"},
		{[]string{"EXPORTER_RUN_PART=auto"}, "", "give --part I/N"},
	} {
		c, err := Load(LoadOptions{Environ: tt.environ})
		if err != nil {
			t.Fatal(err)
		}
		err = c.EnterPart()
		if tt.problem != "" {
			if _, ok := errors.AsType[*Error](err); !ok || !strings.Contains(err.Error(), tt.problem) || !strings.Contains(err.Error(), "EXPORTER_RUN_PART") {
				t.Errorf("%v: %v, want an *Error with %q that names the variable", tt.environ, err, tt.problem)
			}
			continue
		}
		if got := c.Run.Part.String(); err != nil || got != tt.want {
			t.Errorf("%v: the part is %q, %v, want %q", tt.environ, got, err, tt.want)
		}
	}
}

func TestConfig_EnterPart_MovesThePlaceOnce(t *testing.T) {
	for _, tt := range []struct{ out, part, whole, dir string }{
		{"s3://bucket/a", "3/8", "s3://bucket/a", "s3://bucket/a/parts/part=0003"},
		{"s3://bucket/a", "", "", "s3://bucket/a"},
		{"s3://bucket/a/parts/part=0003", "", "", "s3://bucket/a/parts/part=0003"},
	} {
		c, err := Load(LoadOptions{Environ: []string{"EXPORTER_OUTPUT_DIR=" + tt.out, "EXPORTER_RUN_PART=" + tt.part}})
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if err := c.EnterPart(); err != nil || c.Output.Whole != tt.whole || c.Output.Dir != tt.dir {
				t.Errorf("part %q of %s: %q in %q, %v, want %q in %q", tt.part, tt.out, c.Output.Dir, c.Output.Whole, err, tt.dir, tt.whole)
			}
		}
	}
	c, err := Load(LoadOptions{Environ: []string{"EXPORTER_OUTPUT_DIR=s3://bucket/a/parts/part=0003", "EXPORTER_RUN_PART=3/8"}})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.EnterPart(); err == nil || !strings.Contains(err.Error(), `give --out "s3://bucket/a", or leave out --part`) {
		t.Errorf("a part of a part: %v", err)
	}
}

func TestLoad_Environ_TellsAMisspeltCount(t *testing.T) {
	_, err := Load(LoadOptions{Environ: []string{"EXPORTER_PARTS_COUNT=8"}})
	if err == nil || !strings.Contains(err.Error(), parts.CountVariable) {
		t.Errorf("EXPORTER_PARTS_COUNT: %v, want an error that names %s", err, parts.CountVariable)
	}
}

func TestRate_SharedBy_IsAPartOfWhatIsGiven(t *testing.T) {
	for _, tt := range []struct {
		rate  string
		tasks int
		want  float64
	}{{"40/s", 8, 5}, {"20/m", 1, 0.333333}, {"8/h", 8, 1.0 / 3600}, {"auto", 8, 0}, {"unlimited", 8, 0}, {"40/s", 0, 40}} {
		rate, err := ParseRate(tt.rate)
		if err != nil {
			t.Fatal(err)
		}
		if got, ok := rate.SharedBy(tt.tasks); !ok || got.PerSecond != tt.want || got.Auto != rate.Auto {
			t.Errorf("%s shared by %d is %v, %v, want %v a second", tt.rate, tt.tasks, got, ok, tt.want)
		}
	}
}

// However many tasks there are, they keep to the rate together, or the rate is refused with one that can be given.
func TestConfig_ShareRate_KeepsToTheRate(t *testing.T) {
	for _, tasks := range []int{1, 2, 3, 7, 8, 1000, 99_999, parts.Most} {
		for _, rate := range []string{"1/h", fmt.Sprintf("%d/h", tasks-1), fmt.Sprintf("%d/h", tasks), "0.5/s", "40/s"} {
			c, err := Load(LoadOptions{Environ: []string{"EXPORTER_LIMITS_RATE=" + rate}})
			if err != nil {
				continue
			}
			given := c.Limits.Rate.PerSecond
			err = c.ShareRate(tasks)
			if wrong, ok := errors.AsType[*Error](err); ok {
				want := fmt.Sprintf("give %d/h or more, or auto", tasks)
				if given*3600 > float64(tasks) || wrong.Remedy != want || !strings.Contains(wrong.Error(), "EXPORTER_LIMITS_RATE") {
					t.Errorf("%s for %d tasks: %v, want it shared, or %q", rate, tasks, err, want)
				}
				continue
			}
			if together := c.Limits.Rate.PerSecond * float64(tasks); err != nil || together > given*1.000001 {
				t.Errorf("%s for %d tasks: %v, together %v a second, want %v", rate, tasks, err, together, given)
			}
			if rate == fmt.Sprintf("%d/h", tasks-1) {
				t.Errorf("%s for %d tasks is %v for each, want it refused", rate, tasks, c.Limits.Rate)
			}
		}
	}
}

func TestLoad_Flags_RefuseAnEmptyPart(t *testing.T) {
	flags := pflag.NewFlagSet("", pflag.ContinueOnError)
	AddFlags(flags, Sections()...)
	if err := flags.Parse([]string{"--part", ""}); err != nil {
		t.Fatal(err)
	}
	_, err := Load(LoadOptions{Flags: flags})
	if _, ok := errors.AsType[*Error](err); !ok || err.Error() != "--part: it is empty (write I/N, or auto; for an export that is not in parts, leave it out)" {
		t.Errorf("--part '' is %v, want an *Error that says what to do", err)
	}
}

func TestConfig_Recall_TakesThePartEvenWithASource(t *testing.T) {
	c, err := Load(LoadOptions{Environ: []string{"EXPORTER_SOURCE_PROJECT=true"}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Recall(Remembered{"run.part": "3/8@0123456789abcdef"}, "out"); err != nil {
		t.Fatal(err)
	}
	if want := (Part{Part: parts.Part{Index: 3, Count: 8}, Salt: "0123456789abcdef"}); c.Run.Part != want {
		t.Errorf("the part is %v, want %v", c.Run.Part, want)
	}
}

// What a part is in is one export, by whatever path it is named.
func TestInExport(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, dir := range []string{"out/parts/part=0001", "out/parts/before", "parts/plain"} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile("out/parts.json", []byte(`{"format":1,"count":2}`), 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, export string
		want         bool
	}{
		{"out/x.md", "out/parts/part=0001", true},
		{"out/parts/part=0000/x.md", "out/parts/part=0001", true},
		{"out/x.md", "out/parts/before", true},
		{"x.md", "out/parts/before", false},
		{"x.md", "parts/plain", false},
		{"parts/plain/x.md", "parts/plain", true},
		{"s3://bucket/out/x.md", "s3://bucket/out/parts/part=0001", true},
		{"s3://bucket/x.md", "s3://bucket/out/parts/part=0001", false},
	}
	// Not everybody may make links everywhere.
	if os.Symlink("out/parts/part=0001", "link") == nil && os.Symlink("out", "other") == nil {
		tests = append(tests, tests[0], tests[0])
		tests[len(tests)-2].export, tests[len(tests)-1].name = "link", "other/x.md"
	}
	for _, tt := range tests {
		if around, got := InExport(tt.name, tt.export); got != tt.want || got == (around == "") {
			t.Errorf("%q in %q: %q, %v, want %v", tt.name, tt.export, around, got, tt.want)
		}
	}
}
