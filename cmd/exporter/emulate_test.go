package main

import (
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"

	"exporter/internal/emulator/flags"
)

// docs/emulator.md has every flag of emulate in a table, and its examples are command lines that make sense.
func TestEmulate_Documentation(t *testing.T) {
	t.Parallel()
	doc, err := os.ReadFile("../../docs/emulator.md")
	if err != nil {
		t.Fatal(err)
	}
	newEmulateCommand(&app{}).Flags().VisitAll(func(f *pflag.Flag) {
		if !regexp.MustCompile("(?m)^(\\| )?`--" + f.Name + "[^-\\w]").Match(doc) {
			t.Errorf("docs/emulator.md does not explain --%s", f.Name)
		}
	})
	examples := 0
	for line := range strings.Lines(string(doc) + newEmulateCommand(&app{}).Example) {
		line, found := strings.CutPrefix(strings.TrimSpace(line), "exporter emulate ")
		if !found || strings.Contains(line, "--corpus") {
			continue
		}
		examples++
		fs := pflag.NewFlagSet("emulate", pflag.ContinueOnError)
		for _, name := range []string{"listen", "tls-cert", "tls-key"} {
			fs.String(name, "", "")
		}
		f := flags.Add(fs)
		if err := fs.Parse(strings.Fields(line)); err != nil {
			t.Errorf("%s: %v", line, err)
			continue
		}
		// Ten thousand files take a while to compute, and say nothing of the flags.
		for _, name := range []string{"synthetic-files", "synthetic-attachments"} {
			if fs.Changed(name) {
				if err := fs.Set(name, "1"); err != nil {
					t.Fatal(err)
				}
			}
		}
		if _, err := f.Options(time.Now); err != nil {
			t.Errorf("%s: %v", line, err)
		}
	}
	if examples < 20 {
		t.Errorf("%d examples were checked, want those of the page and of --help", examples)
	}
}
