package main

import (
	"slices"
	"strings"
	"testing"

	"exporter/internal/export"
)

func TestJoinForce(t *testing.T) {
	t.Parallel()
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

func TestForceValue_Set(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		values []string
		want   []export.ForceKind
	}{
		{nil, nil},
		{[]string{"source"}, []export.ForceKind{export.ForceSource}},
		{[]string{"listing, prune"}, []export.ForceKind{export.ForceListing, export.ForcePrune}},
		{[]string{"prune", "source"}, []export.ForceKind{export.ForcePrune, export.ForceSource}},
		{[]string{forceAll}, export.ForceKinds()},
	} {
		var v forceValue
		for _, text := range tt.values {
			if err := v.Set(text); err != nil {
				t.Fatal(err)
			}
		}
		if !slices.Equal(v, tt.want) {
			t.Errorf("--force %q: got %v, want %v", tt.values, v, tt.want)
		}
	}
	for _, text := range []string{"", "sources", "source,", "SOURCE"} {
		if err := new(forceValue).Set(text); err == nil {
			t.Errorf("--force=%q is taken", text)
		}
	}
}
