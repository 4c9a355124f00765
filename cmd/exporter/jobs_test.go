package main

import (
	"os"
	"strings"
	"testing"

	"exporter/internal/emulator"
	"exporter/internal/emulator/sample"
	"exporter/internal/testmain"
)

// jobsFile returns a TOML file with jobs: whole is complete, nothing is refused, and damaged cannot be read.
func jobsFile(jobs string) string {
	sources := map[string]string{
		"whole": "26dec090-b6dd-89e9-841f-18c3f644d9c0", "nothing": "no-such-directory", "damaged": "26dec090-b6dd-89e9-841f-18c3f644d9c0",
	}
	var b strings.Builder
	for name := range strings.FieldsSeq(jobs) {
		b.WriteString("[job." + name + "]\nsource.directories = [\"" + sources[name] + "\"]\noutput.dir = \"" + name + "\"\n")
	}
	return b.String()
}

// The exit code of several jobs is the most serious one, whatever their order is, and all of them are run.
func TestRunJobs_ExitCode_IsTheMostSerious(t *testing.T) {
	testmain.Long(t)
	t.Chdir(t.TempDir())
	_, url := startEmulator(t, emulator.Options{Corpus: loadCorpus(t, sample.FS())})
	if err := os.Mkdir("damaged", 0o700); err != nil {
		t.Fatal(err)
	}
	c := newCLI(t, url)
	c.mustRun("run", "--directory", "26dec090-b6dd-89e9-841f-18c3f644d9c0", "--out", "damaged")
	if err := os.WriteFile("damaged/manifest.parquet", []byte("no table"), 0o600); err != nil {
		t.Fatal(err)
	}
	for jobs, want := range map[string]struct {
		code int
		last string
	}{
		"whole":                 {0, ""},
		"nothing whole":         {exitRefused, "exporter: 1 of 2 jobs did not end well: nothing (4)\n"},
		"whole nothing damaged": {exitDamage, "exporter: 2 of 3 jobs did not end well: nothing (4), damaged (7)\n"},
		"damaged nothing whole": {exitDamage, "exporter: 2 of 3 jobs did not end well: damaged (7), nothing (4)\n"},
	} {
		if err := os.WriteFile("jobs.toml", []byte(jobsFile(jobs)), 0o600); err != nil {
			t.Fatal(err)
		}
		code, stdout, stderr := c.run("run", "--config", "jobs.toml", "--all-jobs", "--relist")
		if code != want.code || !strings.HasSuffix(stderr, want.last) || strings.Count(stdout, "job      ") != len(strings.Fields(jobs)) {
			t.Errorf("%s: exit %d, want %d and %q at the end\n%s%s", jobs, code, want.code, want.last, stdout, stderr)
		}
	}
}

// An interrupt ends the job that is under way, and no other begins.
func TestRunJobs_Interrupt_EndsThemAll(t *testing.T) {
	t.Chdir(t.TempDir())
	_, url := startEmulator(t, emulator.Options{Corpus: loadCorpus(t, sample.FS())})
	if err := os.WriteFile("jobs.toml", []byte(jobsFile("whole damaged nothing")), 0o600); err != nil {
		t.Fatal(err)
	}
	c := newCLI(t, url)
	close(c.stop)
	code, _, stderr := c.run("run", "--config", "jobs.toml", "--all-jobs")
	if code != exitInterrupted || !strings.HasSuffix(stderr, "exporter: interrupted in job whole; not begun: damaged, nothing\n") {
		t.Errorf("exit %d, want %d and which jobs were not begun\n%s", code, exitInterrupted, stderr)
	}
	if _, err := os.Stat("damaged"); err == nil {
		t.Error("another job was begun")
	}
}

// Every exit code of a run has its place.
func TestSeriousness_HasAllCodes(t *testing.T) {
	t.Parallel()
	codes := seriousness()
	for _, code := range []int{0, exitInternal, exitIncomplete, exitRefused, exitStopped, exitStorage, exitDamage, exitUsage, exitOwned} {
		n := 0
		for _, c := range codes {
			if c == code {
				n++
			}
		}
		if n != 1 {
			t.Errorf("code %d is there %d times, want once", code, n)
		}
	}
}
