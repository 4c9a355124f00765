package main

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"
)

func newRandom() *rand.Rand { return rand.New(rand.NewPCG(1, 2)) }

func near(t *testing.T, what string, got, want float64) {
	t.Helper()
	if math.Abs(got-want) > 1e-6*math.Abs(want) {
		t.Errorf("%s is %v, want %v", what, got, want)
	}
}

func TestFleet_Run_SharesTheLimit(t *testing.T) {
	work := []float64{100, 200, 300}
	for name, c := range map[string]struct {
		fleet
		ends []float64
	}{
		"without a limit, each is as fast as it can be": {fleet{slots: 3, each: 10}, []float64{10, 20, 30}},
		// Three at 4 a second until the first is done at 25 s, two at 6 until the second is at 25 + 100/6, then one at 10.
		"what a task leaves goes to the others": {fleet{slots: 3, each: 10, limit: 12}, []float64{25, 25 + 100/6., 25 + 100/6. + 10}},
		"of a divided limit it goes to nobody":  {fleet{slots: 3, each: 10, limit: 12, isDivided: true}, []float64{25, 50, 75}},
		"others wait for a slot":                {fleet{slots: 1, each: 10}, []float64{10, 30, 60}},
	} {
		o := c.run(work, newRandom())
		if len(o.ends) != len(work) {
			t.Fatalf("%s: %d tasks ended, want %d", name, len(o.ends), len(work))
		}
		for i, want := range c.ends {
			near(t, name, o.ends[i], want)
		}
	}
}

func TestFleet_Run_KilledTasksMakeUpForWhatTheyLost(t *testing.T) {
	work := make([]float64, 200)
	total := 0.0
	for i := range work {
		work[i] = float64(1000 + i)
		total += work[i]
	}
	f := fleet{slots: 50, each: 10, life: 40, back: 5, commit: 8, uncommitted: 60}
	o := f.run(work, newRandom())
	if len(o.ends) != len(work) || o.kills < 100 {
		t.Fatalf("%d tasks ended and %d were killed, want %d and many", len(o.ends), o.kills, len(work))
	}
	if o.again <= 0 || o.again > float64(o.kills)*60 {
		t.Errorf("%v requests were made again after %d kills, want some, and 60 for each at most", o.again, o.kills)
	}
	// Each makes ten a second while it runs.
	near(t, "what was made while they ran", o.busy*10, total+o.again)
}

func TestWorkload_Divide_LosesNothing(t *testing.T) {
	w := workload{files: 50_000, pictures: 20, largest: 7}
	var files, pictures int64
	for _, s := range w.divide(8, newRandom()) {
		files, pictures = files+s.files, pictures+s.pictures
	}
	if files != 50_001 || pictures != 50_000*20+7 {
		t.Errorf("the shares have %d files and %d pictures", files, pictures)
	}
	w = workload{files: 50_000, pictures: 100, spread: 1}
	pictures = 0
	for _, s := range w.divide(8, newRandom()) {
		pictures += s.pictures
	}
	if mean := float64(pictures) / 50_000; mean < 97 || mean > 103 {
		t.Errorf("files have %v pictures on average, want 100", mean)
	}
}

func TestWrite_ASmallFleet(t *testing.T) {
	var to strings.Builder
	all := scenarios()[:3]
	for i := range all {
		all[i].files, all[i].tasks = 1000, 10
	}
	if err := write(&to, all, 1); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(to.String()), "\n")
	if len(lines) != 2+len(all) || !strings.Contains(lines[2], "| 10 | 0.1 | 0.000 |") {
		t.Errorf("the table is\n%s", to.String())
	}
}
