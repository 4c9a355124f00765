package main

import (
	"cmp"
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

// showStandings prints the table of a place, what limits it, and the targets.
func (b *bench) showStandings(p place, c corpus, standings []*standing) error {
	bound := standings[slices.IndexFunc(standings, func(s *standing) bool { return s.name == nameBound })]
	fastest := fastestPeer(standings)
	t := &table{}
	t.add("contestant", "median s", "min..max s", "÷ bound", "÷ fastest peer", "CPU s", "emulator's CPU s")
	for _, s := range standings {
		if s.missing {
			t.add(s.name, "missing", "", "", "", "", "")
			continue
		}
		wall := collect(s.samples, func(t sample) time.Duration { return t.wall })
		emulated := "-"
		if used := s.emulator(); used > 0 {
			emulated = inSeconds(used)
		}
		t.add(s.name, inSeconds(s.wall()), inSeconds(slices.Min(wall))+".."+inSeconds(slices.Max(wall)),
			fmt.Sprintf("%.2f", ratio(s.wall(), bound.wall())), fmt.Sprintf("%.2f", ratio(s.wall(), fastest.wall())),
			inSeconds(s.cpu()), emulated)
	}
	if err := t.write(b.out); err != nil {
		return err
	}
	fmt.Fprintln(b.out, ceiling(bound, c))
	for _, target := range p.targets {
		i := slices.IndexFunc(standings, func(s *standing) bool { return s.name == target.contestant })
		against, name := bound, nameBound
		if target.peer {
			against, name = fastest, "the fastest peer, "+fastest.name
		}
		reached := ratio(standings[i].wall(), against.wall())
		fmt.Fprintf(b.out, "- %s: %.2f × %s; at most %.1f is the target: %s\n",
			target.contestant, reached, name, target.most, verdict(reached <= target.most))
	}
	return nil
}

// fastestPeer returns the peer with the lowest median. There is one, as the loop in Go cannot be missing.
func fastestPeer(standings []*standing) *standing {
	var peers []*standing
	for _, s := range standings {
		if s.peer && !s.missing {
			peers = append(peers, s)
		}
	}
	return slices.MinFunc(peers, func(a, b *standing) int { return cmp.Compare(a.wall(), b.wall()) })
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
