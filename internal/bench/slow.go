package main

import (
	"context"
	"fmt"
	"maps"
	"math"
	"os"
	"os/exec"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
)

const (
	// slowRate is the rate of a run that has next to nothing to do, slowLength how long it is watched after slowBegin.
	slowRate   = "20/m"
	slowBegin  = 20 * time.Second
	slowLength = 6 * time.Minute
	// mostSlow is the CPU time of an hour of it.
	mostSlow = time.Second
)

// measureSlow prints what an hour of a run at a low rate takes, by some minutes of it.
func (b *bench) measureSlow(ctx context.Context) error {
	if !canSeeCPU {
		_, err := fmt.Fprint(b.out, "\n### Slow: left out, as this system does not tell the CPU time of another process\n")
		return err
	}
	c := corpus{1000, 2, 100_000}
	e, err := b.startEmulator(ctx, c)
	if err != nil {
		return err
	}
	defer e.stop()
	begin, length := b.lasting(slowBegin), b.lasting(slowLength)
	t := &table{}
	t.add("at "+slowRate, "s watched", "CPU ms", "CPU s an hour")
	names, hours := slices.Sorted(maps.Keys(b.measured())), map[string]time.Duration{}
	spent := make([]time.Duration, len(names))
	// They run at once: what else the machine does concerns them alike.
	group, running := errgroup.WithContext(ctx)
	for i, name := range names {
		group.Go(func() (err error) {
			spent[i], err = b.watchSlow(running, b.measured()[name], e.url, begin, length)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	for i, name := range names {
		hours[name] = time.Duration(float64(spent[i]) * time.Hour.Seconds() / length.Seconds())
		t.add(name, fmt.Sprintf("%.1f", length.Seconds()), fmt.Sprintf("%.1f", 1000*spent[i].Seconds()), inSeconds(hours[name]))
	}
	fmt.Fprintf(b.out, "\n### Slow: a run at %s, nothing else to do, an hour by %v of it\n", slowRate, length)
	if err := t.write(b.out); err != nil {
		return err
	}
	_, err = fmt.Fprintf(b.out, "- an hour: %s CPU s; at most %s is the target: %s\n", inSeconds(hours[ownName]), inSeconds(mostSlow),
		verdict(hours[ownName] <= mostSlow))
	return err
}

// lasting returns a time by the factor of -scale, and a tenth of a second at least.
func (b *bench) lasting(d time.Duration) time.Duration {
	return max(time.Second/10, time.Duration(math.Round(float64(d)*b.scale)))
}

// watchSlow begins a run at the rate, and returns what it computes in the length that follows the beginning. Then it is killed.
func (b *bench) watchSlow(ctx context.Context, exporter, url string, begin, length time.Duration) (spent time.Duration, err error) {
	other := *b
	other.exporter = exporter
	o := other.roomyExport(url, sinkLocal)
	if o.out, err = os.MkdirTemp(b.roomy, "slow-"); err != nil {
		return 0, err
	}
	o.rate = slowRate
	command := other.exportCommand(o)
	run := exec.CommandContext(ctx, command[0], command[1:]...)
	run.Env = childEnvironment()
	if err := run.Start(); err != nil {
		return 0, fmt.Errorf("run %s: %w", exporter, err)
	}
	defer func() {
		_ = run.Process.Kill()
		// It was killed, which is what Wait would say.
		_ = run.Wait()
	}()
	var at [2]time.Duration
	for i, d := range []time.Duration{begin, length} {
		select {
		case <-time.After(d):
		case <-ctx.Done():
			return 0, ctx.Err()
		}
		if at[i], err = cpuSoFar(run.Process.Pid); err != nil {
			return 0, err
		}
	}
	return at[1] - at[0], nil
}
