package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// What the latency is hidden with, and the target.
const (
	latency        = 50 * time.Millisecond
	latencyWorkers = 64
	// latencyLength is how long the requests take where the latency alone takes time.
	latencyLength = 10 * time.Second
	latencyRounds = 3
	// leastHidden is the least share of the requests a second that are possible.
	leastHidden = 0.95
)

// hidden is a contestant, and how long it took to make its requests.
type hidden struct {
	name string
	// sink is empty for the loop in Go.
	sink     string
	requests int
	times    []time.Duration
}

func (h *hidden) perSecond() float64 { return float64(h.requests) / median(h.times).Seconds() }

// measureLatency prints how many requests a second there are where the API takes its time: there cannot be more than one
// for each worker in the time of the latency.
func (b *bench) measureLatency(ctx context.Context) error {
	possible := latencyWorkers / latency.Seconds()
	c := newCorpus(b.scaled(int(possible*latencyLength.Seconds())), b.size)
	e, err := b.startEmulator(ctx, c, "--latency", latency.String())
	if err != nil {
		return err
	}
	defer e.stop()
	contestants := []*hidden{{name: nameBound}, {name: nameLocal, sink: sinkLocal}, {name: nameArchive, sink: sinkArchive}}
	for round := range latencyRounds {
		for _, h := range contestants {
			if err := b.hide(ctx, c, e.url, h); err != nil {
				return fmt.Errorf("%s: %w", h.name, err)
			}
			b.progress("latency, round %d of %d: %s s, %s", round+1, latencyRounds, inSeconds(h.times[round]), h.name)
		}
	}
	t := &table{}
	t.add("contestant", "requests", "median s", "requests a second", "share of the possible")
	for _, h := range contestants {
		t.add(h.name, fmt.Sprint(h.requests), inSeconds(median(h.times)), fmt.Sprintf("%.0f", h.perSecond()),
			inPercent(h.perSecond()/possible))
	}
	fmt.Fprintf(b.out, "\n### Latency of %v hidden: %v, %d workers, medians of %d rounds\n\n", latency, c, latencyWorkers, latencyRounds)
	fmt.Fprintf(b.out, "%.0f requests a second are possible. Time is from the start of the process to its end.\n", possible)
	if err := t.write(b.out); err != nil {
		return err
	}
	for _, h := range contestants[1:] {
		share := h.perSecond() / possible
		fmt.Fprintf(b.out, "- %s: %s; at least %s is the target: %s\n", h.name, inPercent(share), inPercent(leastHidden),
			verdict(share >= leastHidden))
	}
	return nil
}

// hide lets a contestant fetch the corpus once.
func (b *bench) hide(ctx context.Context, c corpus, url string, h *hidden) error {
	if h.sink == "" {
		took, err := b.fetchOnce(ctx, c, url, latencyWorkers)
		h.requests, h.times = c.blobs(), append(h.times, took)
		return err
	}
	o := b.roomyExport(url, h.sink)
	o.workers = latencyWorkers
	u, r, err := b.exportChecked(ctx, c, o)
	if err != nil {
		return err
	}
	h.requests, h.times = r.Counts.Requests.Sent, append(h.times, u.wall)
	return removeExport(o)
}

// fetchOnce lets the loop in Go fetch a corpus and throw it away.
func (b *bench) fetchOnce(ctx context.Context, c corpus, url string, workers int) (time.Duration, error) {
	list := filepath.Join(b.temp, "latency.list")
	if err := os.WriteFile(list, []byte(plainList(c.urls(url))), 0o644); err != nil {
		return 0, fmt.Errorf("write the list: %w", err)
	}
	u, stdout, err := runProcess(ctx, []string{b.self, fetchCommand, "-list", list, "-workers", strconv.Itoa(workers)})
	if err != nil {
		return 0, err
	}
	return u.wall, checkDiscarded(c, stdout)
}
