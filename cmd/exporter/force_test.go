package main

import (
	"bytes"
	"slices"
	"strings"
	"testing"
)

func TestJoinForce(t *testing.T) {
	for args, want := range map[string]string{
		"run --force source --out x":               "run --force=source --out x",
		"run --force --out x":                      "run --force --out x",
		"run --out x --force":                      "run --out x --force",
		"run --force source,prune --force listing": "run --force=source,prune --force=listing",
		"run --force=source x":                     "run --force=source x",
		"run -- --force source":                    "run -- --force source",
		"run --forced source":                      "run --forced source",
		"":                                         "",
	} {
		if got := strings.Join(joinForce(strings.Fields(args)), " "); got != want {
			t.Errorf("joinForce(%q) = %q, want %q", args, got, want)
		}
	}
}

func TestForce_Accept_SaysWhatAndKeepsIt(t *testing.T) {
	for _, tt := range []struct {
		values []string
		want   []forceKind
	}{
		{nil, nil},
		{[]string{"source"}, []forceKind{forceSource}},
		{[]string{"listing, prune"}, []forceKind{forceListing, forcePrune}},
		{[]string{"prune", "source"}, []forceKind{forceSource, forcePrune}},
		{[]string{forceAll}, forceKinds()},
	} {
		var f force
		for _, v := range tt.values {
			if err := f.Set(v); err != nil {
				t.Fatal(err)
			}
		}
		var log bytes.Buffer
		for _, kind := range forceKinds() {
			if got, want := f.accept(kind, newLogger(&log, false, false), "what "+string(kind)), slices.Contains(tt.want, kind); got != want {
				t.Errorf("--force %q accepts %s: %t, want %t", tt.values, kind, got, want)
			}
		}
		for i, kind := range tt.want {
			if f.accepted[i] != (acceptance{kind, "what " + string(kind)}) || !strings.Contains(log.String(), "what "+string(kind)) {
				t.Errorf("--force %q: accepted %v, and the log is %s", tt.values, f.accepted, &log)
			}
		}
		if len(f.accepted) != len(tt.want) {
			t.Errorf("--force %q: accepted %v, want %v", tt.values, f.accepted, tt.want)
		}
	}
	for _, v := range []string{"", "sources", "source,", "SOURCE"} {
		if err := new(force).Set(v); err == nil {
			t.Errorf("--force=%q is taken", v)
		}
	}
}
