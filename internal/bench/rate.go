package main

import (
	"context"
	"fmt"
	"time"
)

// The rate that is given, the limit of the emulator, and the target.
const (
	givenRate  = 95
	limit      = 100
	rateLength = 20 * time.Second
	// leastUsed is the least share of the given rate.
	leastUsed = 0.98
)

// measureRate prints how much of a given rate is used, and how often an API that allows a little more says no.
func (b *bench) measureRate(ctx context.Context) error {
	c := newCorpus(b.scaled(int(givenRate*rateLength.Seconds())), smallBlob)
	t := &table{}
	t.add("limit", "requests", "s", "a second", "share of the rate", "throttled")
	reached := true
	for _, kind := range []string{"fixed", "sliding"} {
		r, err := b.exportUnderLimit(ctx, c, fmt.Sprintf("%d/s", givenRate), "--limit-kind", kind)
		if err != nil {
			return err
		}
		requests := r.Counts.Requests
		perSecond := float64(requests.Sent) / r.Seconds
		t.add(fmt.Sprintf("%d/s, %s windows", limit, kind), fmt.Sprint(requests.Sent), fmt.Sprintf("%.2f", r.Seconds),
			fmt.Sprintf("%.1f", perSecond), inPercent(perSecond/givenRate), fmt.Sprint(requests.Throttled))
		b.progress("rate, %s windows: %.1f requests a second, %d throttled", kind, perSecond, requests.Throttled)
		reached = reached && perSecond >= leastUsed*givenRate && requests.Throttled == 0
	}
	fmt.Fprintf(b.out, "\n### Rate of %d/s kept, %d workers\n\nTime is that of the run, which begins and ends with other things than requests.\n",
		givenRate, b.workers)
	if err := t.write(b.out); err != nil {
		return err
	}
	_, err := fmt.Fprintf(b.out, "- at least %s of the rate, and nothing throttled, is the target: %s\n", inPercent(leastUsed), verdict(reached))
	return err
}
