package main

import (
	"fmt"
	"runtime"
	"slices"
	"time"
)

func (s *standing) wall() time.Duration {
	return medianOf(s.samples, func(t sample) time.Duration { return t.wall })
}
func (s *standing) cpu() time.Duration {
	return medianOf(s.samples, func(t sample) time.Duration { return t.cpu })
}
func (s *standing) emulator() time.Duration {
	return medianOf(s.samples, func(t sample) time.Duration { return t.emulator })
}

// taken returns what a target looks at.
func (s *standing) taken(t target) time.Duration {
	if t.cpu {
		return s.cpu()
	}
	return s.wall()
}

// showStandings prints the table of a race, what limits it, and the targets.
func (b *bench) showStandings(r race, standings []*standing) error {
	named := map[string]*standing{}
	for _, s := range standings {
		if !s.missing {
			named[s.name] = s
		}
	}
	bound, curl := named[nameBound], named[nameCurl]
	t := &table{}
	t.add("contestant", "median s", "min..max s", "÷ bound", "÷ curl", "CPU s", "CPU µs an asset", "emulator's CPU s")
	for _, s := range standings {
		if s.missing {
			t.add(s.name, missing, "", "", "", "", "", "")
			continue
		}
		wall := collect(s.samples, func(t sample) time.Duration { return t.wall })
		emulated, ofCurl := "-", "-"
		if used := s.emulator(); used > 0 {
			emulated = inSeconds(used)
		}
		if curl != nil {
			ofCurl = fmt.Sprintf("%.2f", ratio(s.wall(), curl.wall()))
		}
		t.add(s.name, inSeconds(s.wall()), inSeconds(slices.Min(wall))+".."+inSeconds(slices.Max(wall)), fmt.Sprintf("%.2f", ratio(s.wall(), bound.wall())),
			ofCurl, inSeconds(s.cpu()), fmt.Sprintf("%.1f", 1e6*s.cpu().Seconds()/float64(r.blobs())), emulated)
	}
	if err := t.write(b.out); err != nil {
		return err
	}
	fmt.Fprintln(b.out, ceiling(bound, r.corpus))
	for _, t := range r.targets {
		of, against := named[t.contestant], named[t.against]
		if of == nil || against == nil {
			continue
		}
		what := "time"
		if t.cpu {
			what = "CPU"
		}
		share := ratio(of.taken(t), against.taken(t))
		fmt.Fprintf(b.out, "- %s of %s: %.2f × %s; at most %.2f is the target: %s\n", what, t.contestant, share, t.against, t.most, verdict(share <= t.most))
	}
	return nil
}

// ceiling says what the emulator can serve, and how much of the machine that takes.
func ceiling(bound *standing, c corpus) string {
	wall := bound.wall().Seconds()
	text := fmt.Sprintf("- the emulator's ceiling: %s reached %.0f requests and %.0f MB a second",
		bound.name, float64(c.blobs())/wall, float64(c.bytes())/wall/1e6)
	emulated := bound.emulator().Seconds()
	if emulated == 0 {
		return text
	}
	cpus := float64(runtime.NumCPU())
	return text + fmt.Sprintf("; of %.2f CPU seconds that passed, the emulator used %.0f %% and %s %.0f %%. "+
		"A contestant that computes nothing would take %.2f s at least, %.2f × %s",
		wall*cpus, 100*emulated/wall/cpus, bound.name, 100*bound.cpu().Seconds()/wall/cpus,
		emulated/cpus, emulated/cpus/wall, bound.name)
}
