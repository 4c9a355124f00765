package export

import (
	"bytes"
	"log/slog"
	"slices"
	"strings"
	"testing"
)

func TestAcceptances_Accept_SaysWhatAndKeepsIt(t *testing.T) {
	for _, kinds := range [][]ForceKind{nil, {ForceSource}, {ForceListing, ForcePrune}, ForceKinds()} {
		var log bytes.Buffer
		a := acceptances{kinds: kinds, log: slog.New(slog.NewTextHandler(&log, nil))}
		var want []Acceptance
		for _, kind := range ForceKinds() {
			what := "what " + string(kind)
			if slices.Contains(kinds, kind) {
				want = append(want, Acceptance{kind, what})
			}
			for range 2 {
				if got, want := a.accept(kind, what), slices.Contains(kinds, kind); got != want {
					t.Errorf("%q accept %s: %t, want %t", kinds, kind, got, want)
				}
			}
		}
		if !slices.Equal(a.made, want) {
			t.Errorf("%q: accepted %v, want %v", kinds, a.made, want)
		}
		if got := strings.Count(log.String(), "accepted with --force"); got != len(want) {
			t.Errorf("%q: %d lines are logged, want %d:\n%s", kinds, got, len(want), &log)
		}
	}
}
