package simulate

import (
	"runtime"
	"slices"
	"sync"
)

// Case is a line of the table. Judge runs it with a seed.
type Case struct {
	Name  string
	Judge func(seed uint64) Verdict
}

// Verdict is what a case came to.
type Verdict struct {
	OK bool
	// Figure is that which decides, as far as one does; More is for people.
	Figure float64
	More   string
	// Given is true if a rate was given, and Over if it was passed.
	Given, Over bool
}

// Group is the cases of one question.
type Group struct {
	Name  string
	About string
	Cases []Case
	// Least is how many should pass with the worst of twenty seeds; 0 is for what is only reported.
	Least int
}

// GroupResult is a group with how many of its cases pass. Failed are the lines of those that don't.
type GroupResult struct {
	Name, About           string
	Passed, Cases, Target int
	Failed                []Line
}

// Line is the worst verdict of a case.
type Line struct {
	Name string
	Verdict
}

// Groups returns the table's groups. That a given rate is never passed is no group: every case is asked.
func Groups() []Group {
	slow := rivals(0.1)
	return []Group{
		{"a", "a limit nobody knows: 90 % used, at most 1 % or three in twenty windows throttled", fresh(), 180},
		{"b", "noise, round trips from 50 ms: 80 % of what obeying leaves", noises(0.05, 0.1), 120},
		{"b5", "noise, a round trip of 5 ms: half of what obeying leaves", noises(0.005), 63},
		{"c", "a quota that was partly used: 90 % of a greedy oracle", quotas(), 740},
		{"d", "a limit that becomes four times as much, or a quarter: 90 % used after two minutes", changes(), 210},
		{"e", "rivals on windows of a second: Jain's index 0.8, 90 % used", rivals(0.005).seconds, 48},
		{"e60", "rivals on windows of a minute: the same after sixty windows", rivals(0.005).minutes, 20},
		{"e100", "rivals, a round trip of 100 ms", append(slow.seconds, slow.minutes...), 0},
		{"f", "requests that are always throttled: the others lose one pause each at most", poisonings(), 36},
		{"h", "one request a second, and one stray throttled answer: nobody is late, the rate stays", strays(), 24},
		{"i", "an hour in which nothing is asked for: afterwards as before", sleeps(), 24},
	}
}

// Table runs all groups, each case with the seeds from 1 on, the worst of which decides. The last group, g, is of all
// cases with a given rate: it was passed in no window.
func Table(seeds int) []GroupResult { return run(Groups(), seeds) }

// Some is Table for the groups of these names.
func Some(seeds int, names ...string) []GroupResult {
	groups := slices.DeleteFunc(Groups(), func(g Group) bool { return !slices.Contains(names, g.Name) })
	return run(groups, seeds)
}

func run(groups []Group, seeds int) []GroupResult {
	given := GroupResult{Name: "g", About: "a given rate: passed in no window, ever"}
	var all []GroupResult
	for _, g := range groups {
		r := GroupResult{Name: g.Name, About: g.About, Cases: len(g.Cases), Target: g.Least}
		for _, l := range judge(g.Cases, seeds) {
			if l.OK {
				r.Passed++
			} else {
				r.Failed = append(r.Failed, l)
			}
			if !l.Given {
				continue
			}
			given.Cases++
			if l.Over {
				given.Failed = append(given.Failed, l)
			} else {
				given.Passed++
			}
		}
		all = append(all, r)
	}
	given.Target = given.Cases
	return append(all, given)
}

// judge returns the worst verdict of each case.
func judge(cases []Case, seeds int) []Line {
	lines := make([]Line, len(cases))
	next := make(chan int)
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for i := range next {
				lines[i] = worst(cases[i], seeds)
			}
		})
	}
	for i := range cases {
		next <- i
	}
	close(next)
	wg.Wait()
	return lines
}

func worst(c Case, seeds int) Line {
	l := Line{c.Name, c.Judge(1)}
	for seed := 2; seed <= seeds; seed++ {
		v := c.Judge(uint64(seed))
		over := l.Over || v.Over
		if !v.OK && l.OK || v.OK == l.OK && v.Figure < l.Figure {
			l.Verdict = v
		}
		l.Over = over
	}
	return l
}
