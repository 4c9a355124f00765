package main

import (
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"
)

// parseEmulate parses the flags of emulate.
func parseEmulate(line string) (*emulateOptions, error) {
	o := &emulateOptions{flags: pflag.NewFlagSet("emulate", pflag.ContinueOnError)}
	o.addFlags(o.flags)
	return o, o.flags.Parse(strings.Fields(line))
}

// docs/emulator.md has every flag of emulate in a table, and its examples are command lines that make sense.
func TestEmulate_Documentation(t *testing.T) {
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
		o, err := parseEmulate(line)
		if err != nil {
			t.Errorf("%s: %v", line, err)
			continue
		}
		// Ten thousand files take a while to compute, and say nothing of the flags.
		o.syntheticFiles = min(o.syntheticFiles, 1)
		if _, err := o.options(time.Now); err != nil {
			t.Errorf("%s: %v", line, err)
		}
	}
	if examples < 20 {
		t.Errorf("%d examples were checked, want those of the page and of --help", examples)
	}
}
