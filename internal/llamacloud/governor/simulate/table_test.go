package simulate_test

import (
	"testing"

	"exporter/internal/llamacloud/governor/simulate"
	"exporter/internal/testmain"
)

// least is the share of a group's cases that must pass. Compilers that fuse multiplication and addition take other
// turns in a case or two, so that it lies below what is measured.
var least = map[string]float64{
	"a": 0.88, "b": 0.9, "b5": 0.8, "c": 0.94, "d": 0.88, "e": 0.6, "e60": 0.2, "e100": 0.2, "f": 0.85, "h": 1, "i": 0.75,
}

func TestTable_SomeCases(t *testing.T) {
	testmain.Long(t)
	for _, g := range simulate.Groups() {
		t.Run(g.Name, func(t *testing.T) {
			t.Parallel()
			cases, passed := 0, 0
			for i := 0; i < len(g.Cases); i += every {
				c := g.Cases[i]
				v := c.Judge(1)
				if v.Over {
					t.Errorf("%s: the given rate was passed", c.Name)
				}
				cases++
				if v.OK {
					passed++
				} else {
					t.Logf("%s: %.3f, %s", c.Name, v.Figure, v.More)
				}
			}
			if want := least[g.Name] * float64(cases); judged && (want == 0 || float64(passed) < want) {
				t.Errorf("%d of %d cases pass, want %.1f at least", passed, cases, want)
			}
		})
	}
}

func TestGroups_CasesHaveNamesOfTheirOwn(t *testing.T) {
	for _, g := range simulate.Groups() {
		seen := map[string]bool{}
		for _, c := range g.Cases {
			if seen[c.Name] {
				t.Errorf("group %s: two cases are called %q", g.Name, c.Name)
			}
			seen[c.Name] = true
		}
		if len(g.Cases) < g.Least {
			t.Errorf("group %s has %d cases, and %d should pass", g.Name, len(g.Cases), g.Least)
		}
	}
}

func TestRun_SameSeedSameResult(t *testing.T) {
	c := simulate.Groups()[0].Cases[0]
	if a, b := c.Judge(7), c.Judge(7); a != b {
		t.Errorf("got %+v, then %+v", a, b)
	}
}
