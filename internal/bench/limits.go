package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

const (
	// limitsLength is the time that the requests of a run take at the limit.
	limitsLength = 60 * time.Second
	// mostOfClean is how much longer a run may take in which a hundredth of the answers is throttled for no reason.
	mostOfClean = 1.25
	// leastJain is the least of Jain's index of what several programs on one limit have got when the first of them ends.
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
		r, err := b.exportUnderLimit(ctx, c, "auto", slices.Concat(distant(), m.flags)...)
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

// distant are the flags of the latency of a distant API.
func distant() []string { return []string{"--latency", "100ms"} }

// limited are the flags of an emulator with a limit.
func limited() []string { return []string{"--rate", fmt.Sprintf("%d/s", limit)} }

// exportUnderLimit exports a corpus at a rate from an emulator with a limit and other flags.
func (b *bench) exportUnderLimit(ctx context.Context, c corpus, rate string, flags ...string) (*runReport, error) {
	e, err := b.startEmulator(ctx, c, slices.Concat(limited(), flags)...)
	if err != nil {
		return nil, err
	}
	defer e.stop()
	o := b.roomyExport(e.url, sinkArchive)
	o.rate = rate
	_, r, err := b.exportChecked(ctx, c, o)
	if err != nil {
		return nil, err
	}
	return r, removeExport(o)
}

// shares are what programs on one limit have got of it when the first of them ends: rates over whole runs say nothing, since
// programs that run one after the other have equal ones.
type shares struct {
	meters []*meter
	once   sync.Once
	got    []float64
}

// ended takes note that a program has ended.
func (s *shares) ended() { s.once.Do(s.note) }

// note takes note of what each has got.
func (s *shares) note() {
	for _, m := range s.meters {
		s.got = append(s.got, float64(m.passed.Load()))
	}
}

func (s *shares) close() error {
	var errs []error
	for _, m := range s.meters {
		errs = append(errs, m.close())
	}
	return errors.Join(errs...)
}

// measureRivals prints how several exports share a limit, until the first of them has ended.
func (b *bench) measureRivals(ctx context.Context, c corpus) (err error) {
	e, err := b.startEmulator(ctx, c, slices.Concat(limited(), distant())...)
	if err != nil {
		return err
	}
	defer e.stop()
	s := &shares{}
	defer func() { err = errors.Join(err, s.close()) }()
	for range rivals {
		m, err := startMeter(e.url)
		if err != nil {
			return err
		}
		s.meters = append(s.meters, m)
	}
	reports := make([]*runReport, rivals)
	group, ctx := errgroup.WithContext(ctx)
	for i := range reports {
		group.Go(func() (err error) {
			reports[i], err = b.exportAsRival(ctx, c, i, s)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	return b.printRivals(reports, s.got)
}

// exportAsRival exports a corpus by way of the rival's meter.
func (b *bench) exportAsRival(ctx context.Context, c corpus, i int, s *shares) (*runReport, error) {
	o := b.roomyExport(s.meters[i].url, sinkArchive)
	o.out, o.rate = fmt.Sprint(o.out, i), "auto"
	_, r, err := b.export(ctx, o)
	s.ended()
	if err != nil {
		return nil, err
	}
	if err := checkExport(c, o.out, o.sink, r); err != nil {
		return nil, fmt.Errorf("check what was stored: %w", err)
	}
	return r, removeExport(o)
}

// printRivals prints what several exports took, and what each had got when the first had ended.
func (b *bench) printRivals(reports []*runReport, got []float64) error {
	t := &table{}
	t.add("program", "requests", "throttled", "s", "got when the first ended")
	var longest, sent float64
	for i, r := range reports {
		t.add(fmt.Sprint(i+1), fmt.Sprint(r.Counts.Requests.Sent), fmt.Sprint(r.Counts.Requests.Throttled),
			fmt.Sprintf("%.1f", r.Seconds), fmt.Sprintf("%.0f", got[i]))
		longest, sent = max(longest, r.Seconds), sent+float64(r.Counts.Requests.Sent-r.Counts.Requests.Throttled)
	}
	fmt.Fprintf(b.out, "\n### %d programs on one limit of %d/s, begun together\n", rivals, limit)
	if err := t.write(b.out); err != nil {
		return err
	}
	index := jain(got)
	_, err := fmt.Fprintf(b.out, "- Jain's index of what each had got when the first ended %.2f; %s of the limit used until the last "+
		"had ended; at least %.1f is the target: %s\n", index, inPercent(sent/longest/limit), leastJain, verdict(index >= leastJain))
	return err
}
