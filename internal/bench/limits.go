package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
)

const (
	// limitsLength is the time that the requests of a run take at the limit.
	limitsLength = 60 * time.Second
	// mostOfClean is how much longer a run may take in which a hundredth of the answers is throttled for no reason.
	mostOfClean = 1.25
	// leastJain is the least of Jain's index of the rates of several programs on one limit: 1 where all are alike.
	leastJain = 0.8
	// rivals is how many programs there are.
	rivals = 3
)

// measureLimits prints what becomes of runs with auto where the limit of the API is not all that throttles: each beside the same
// run without.
func (b *bench) measureLimits(ctx context.Context) error {
	c := newCorpus(b.scaled(int(limit*limitsLength.Seconds())), smallBlob)
	t := &table{}
	t.add("limit of 100/s, 100 ms, auto", "requests", "throttled", "s", "of the first")
	var clean float64
	reached := true
	for _, m := range []struct {
		name  string
		flags []string
		// most is the longest time as a multiple of the first, and throttled whether any request may be.
		most      float64
		throttled bool
	}{
		{"nothing else", nil, 1, true},
		{"1 % throttled at random", []string{"--throttle-share", "0.01"}, mostOfClean, true},
		{"1 % throttled at random, Retry-After: 1", []string{"--throttle-share", "0.01", "--throttle-retry-after", "1s"}, mostOfClean, true},
		{"headers that announce the quota", []string{"--quota-headers", "ietf"}, mostOfClean, false},
		{"the quota used up before", []string{"--quota-used", fmt.Sprint(limit), "--retry-after", "seconds"}, mostOfClean, true},
	} {
		r, err := b.exportUnderLimit(ctx, c, m.flags)
		if err != nil {
			return err
		}
		if clean == 0 {
			clean = r.Seconds
		}
		t.add(m.name, fmt.Sprint(r.Counts.Requests.Sent), fmt.Sprint(r.Counts.Requests.Throttled),
			fmt.Sprintf("%.1f", r.Seconds), fmt.Sprintf("%.2f", r.Seconds/clean))
		b.progress("limits, %s: %.1f s", m.name, r.Seconds)
		reached = reached && r.Seconds <= m.most*clean && (m.throttled || r.Counts.Requests.Throttled == 0)
	}
	fmt.Fprintf(b.out, "\n### Limits\n")
	if err := t.write(b.out); err != nil {
		return err
	}
	if _, err := fmt.Fprintf(b.out, "- at most %.2f times the first, and nothing throttled with headers, is the target: %s\n",
		mostOfClean, verdict(reached)); err != nil {
		return err
	}
	return b.measureRivals(ctx, c)
}

// underLimit are the flags of an emulator with a limit, and the latency of a distant API.
func underLimit() []string {
	return []string{"--rate", fmt.Sprintf("%d/s", limit), "--latency", "100ms"}
}

func (b *bench) exportUnderLimit(ctx context.Context, c corpus, flags []string) (*runReport, error) {
	e, err := b.startEmulator(ctx, c, slices.Concat(underLimit(), flags)...)
	if err != nil {
		return nil, err
	}
	defer e.stop()
	o := b.roomyExport(e.url, sinkArchive)
	o.rate = "auto"
	_, r, err := b.exportChecked(ctx, c, o)
	if err != nil {
		return nil, err
	}
	return r, removeExport(o)
}

// measureRivals prints how several exports share a limit, while all of them run.
func (b *bench) measureRivals(ctx context.Context, c corpus) error {
	e, err := b.startEmulator(ctx, c, underLimit()...)
	if err != nil {
		return err
	}
	defer e.stop()
	reports := make([]*runReport, rivals)
	group, ctx := errgroup.WithContext(ctx)
	for i := range reports {
		group.Go(func() (err error) {
			o := b.roomyExport(e.url, sinkArchive)
			o.out, o.rate = fmt.Sprint(o.out, i), "auto"
			if _, reports[i], err = b.exportChecked(ctx, c, o); err != nil {
				return err
			}
			return removeExport(o)
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	t := &table{}
	t.add("program", "requests", "throttled", "s", "a second")
	var sum, squares, longest, sent float64
	for i, r := range reports {
		perSecond := float64(r.Counts.Requests.Sent) / r.Seconds
		t.add(fmt.Sprint(i+1), fmt.Sprint(r.Counts.Requests.Sent), fmt.Sprint(r.Counts.Requests.Throttled),
			fmt.Sprintf("%.1f", r.Seconds), fmt.Sprintf("%.1f", perSecond))
		sum, squares = sum+perSecond, squares+perSecond*perSecond
		longest, sent = max(longest, r.Seconds), sent+float64(r.Counts.Requests.Sent-r.Counts.Requests.Throttled)
	}
	jain := sum * sum / (rivals * squares)
	fmt.Fprintf(b.out, "\n### %d programs on one limit of %d/s, begun together\n\nThe rate is that over a run, and the first to end leaves its share to the others.\n",
		rivals, limit)
	if err := t.write(b.out); err != nil {
		return err
	}
	_, err = fmt.Fprintf(b.out, "- Jain's index %.2f; %s of the limit used until the last had ended; at least %.1f is the target: %s\n",
		jain, inPercent(sent/longest/limit), leastJain, verdict(jain >= leastJain))
	return err
}
