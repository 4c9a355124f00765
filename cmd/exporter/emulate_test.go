package main

import (
	"os"
	"strings"
	"testing"

	"github.com/spf13/pflag"
)

// docs/emulator.md has every flag of emulate in a table, and its examples are command lines that make sense.
func TestEmulate_Documentation(t *testing.T) {
	doc, err := os.ReadFile("../../docs/emulator.md")
	if err != nil {
		t.Fatal(err)
	}
	newEmulateCommand(&app{}).Flags().VisitAll(func(f *pflag.Flag) {
		if !strings.Contains(string(doc), "\n| `--"+f.Name) && !strings.Contains(string(doc), "\n`--"+f.Name) {
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
		o, fs := emulateOptions{}, pflag.NewFlagSet("emulate", pflag.ContinueOnError)
		o.flags = fs
		o.addFlags(fs)
		if err := fs.Parse(strings.Fields(line)); err != nil {
			t.Errorf("%s: %v", line, err)
			continue
		}
		// Ten thousand files take a while to compute, and say nothing of the flags.
		o.syntheticFiles = min(o.syntheticFiles, 1)
		if _, err := o.options(); err != nil {
			t.Errorf("%s: %v", line, err)
		}
	}
	if examples < 20 {
		t.Errorf("%d examples were checked, want those of the page and of --help", examples)
	}
}
