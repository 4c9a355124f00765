package main

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// Targets of growth.
const (
	// mostGrowth is how often the cost of an asset among few may fit into that of one among many.
	mostGrowth = 1.1
	// mostIdle is the CPU time of a run that has nothing to do.
	mostIdle = 5 * time.Second
)

// growthRounds is how often all sizes are measured in turn.
const growthRounds = 3

// growthSize is a number of assets, and how often it is measured in a round.
type growthSize struct {
	assets, times int
	samples       []growthSample
}

// growthSample is an export, and the same run again, which has nothing to do.
type growthSample struct {
	first, again usage
	// requests are those of the second run.
	requests int
}

// measureGrowth prints what an asset costs among more and more of them, and what a second run costs. Small exports are
// over soon and so are measured more often.
func (b *bench) measureGrowth(ctx context.Context) error {
	sizes := []*growthSize{{assets: 10_000, times: 5}, {assets: 100_000, times: 2}, {assets: 1_000_000, times: 1}}
	for round := range growthRounds {
		for _, size := range sizes {
			for range size.times {
				s, err := b.growOnce(ctx, newCorpus(b.scaled(size.assets), smallBlob))
				if err != nil {
					return err
				}
				size.samples = append(size.samples, s)
				b.progress("growth, %d assets, round %d of %d: %s CPU s, again: %s CPU s",
					b.scaled(size.assets), round+1, growthRounds, inSeconds(s.first.cpu), inSeconds(s.again.cpu))
			}
		}
	}
	if err := b.showGrowth(sizes); err != nil {
		return err
	}
	return b.showIdle(sizes)
}

// growOnce exports a corpus twice.
func (b *bench) growOnce(ctx context.Context, c corpus) (growthSample, error) {
	var s growthSample
	e, err := b.startEmulator(ctx, c)
	if err != nil {
		return s, err
	}
	defer e.stop()
	o := b.roomyExport(e.url, sinkArchive)
	if s.first, _, err = b.exportChecked(ctx, c, o); err != nil {
		return s, err
	}
	var r *runReport
	if s.again, r, err = b.export(ctx, o); err != nil {
		return s, err
	}
	if a := r.Counts.Assets; r.ExitCode != 0 || a.Planned != 0 || a.Kept != c.blobs() {
		return s, fmt.Errorf("the second run, with exit code %d, fetched %d assets and kept %d of %d", r.ExitCode, a.Planned, a.Kept, c.blobs())
	}
	s.requests = r.Counts.Requests.Sent
	return s, removeExport(o)
}

func (b *bench) showGrowth(sizes []*growthSize) error {
	cpu := func(s growthSample) time.Duration { return s.first.cpu }
	wall := func(s growthSample) time.Duration { return s.first.wall }
	micros := func(s *growthSize, d time.Duration) float64 { return 1e6 * d.Seconds() / float64(b.scaled(s.assets)) }
	perAsset := func(s *growthSize, of func(growthSample) time.Duration) float64 {
		return micros(s, medianOf(s.samples, of))
	}
	t := &table{}
	t.add("assets", "exports", "CPU µs an asset", "min..max", "÷ that of the fewest", "µs an asset", "÷ that of the fewest", "peak MiB")
	fewest := sizes[0]
	var growth float64
	for _, s := range sizes {
		growth = perAsset(s, cpu) / perAsset(fewest, cpu)
		all := collect(s.samples, cpu)
		t.add(fmt.Sprint(b.scaled(s.assets)), fmt.Sprint(len(s.samples)), fmt.Sprintf("%.1f", perAsset(s, cpu)),
			fmt.Sprintf("%.1f..%.1f", micros(s, slices.Min(all)), micros(s, slices.Max(all))), fmt.Sprintf("%.2f", growth),
			fmt.Sprintf("%.1f", perAsset(s, wall)), fmt.Sprintf("%.2f", perAsset(s, wall)/perAsset(fewest, wall)),
			inMiB(medianOf(s.samples, func(s growthSample) int64 { return s.first.rss })))
	}
	fmt.Fprintf(b.out, "\n### Growth: assets of %d bytes, archive, %d workers, medians\n", smallBlob, b.workers)
	if err := t.write(b.out); err != nil {
		return err
	}
	_, err := fmt.Fprintf(b.out, "- CPU time of an asset among the most: %.2f × that among the fewest; at most %.1f is the target: %s\n",
		growth, mostGrowth, verdict(growth <= mostGrowth))
	return err
}

func (b *bench) showIdle(sizes []*growthSize) error {
	t := &table{}
	t.add("assets", "exports", "requests", "CPU s", "s", "peak MiB")
	var highest time.Duration
	for _, s := range sizes {
		cpu := medianOf(s.samples, func(s growthSample) time.Duration { return s.again.cpu })
		highest = max(highest, cpu)
		t.add(fmt.Sprint(b.scaled(s.assets)), fmt.Sprint(len(s.samples)), fmt.Sprint(s.samples[0].requests), inSeconds(cpu),
			inSeconds(medianOf(s.samples, func(s growthSample) time.Duration { return s.again.wall })),
			inMiB(medianOf(s.samples, func(s growthSample) int64 { return s.again.rss })))
	}
	fmt.Fprintf(b.out, "\n### Nothing to do: the same run again, medians; no blob was asked for\n")
	if err := t.write(b.out); err != nil {
		return err
	}
	_, err := fmt.Fprintf(b.out, "- %s CPU s at most; less than %.0f is the target: %s\n",
		inSeconds(highest), mostIdle.Seconds(), verdict(highest < mostIdle))
	return err
}
