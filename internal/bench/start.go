package main

import (
	"context"
	"fmt"
	"time"
)

// Targets of what is over soon.
const (
	mostVersion     = 20 * time.Millisecond
	mostNothingToDo = 50 * time.Millisecond
	// startTimes is how often each is measured in a round.
	startTimes       = 3
	nothingToDoFiles = 1000
)

// measureStart prints what "exporter version" takes, and a run with nothing to do.
func (b *bench) measureStart(ctx context.Context) error {
	c := corpus{b.scaled(nothingToDoFiles), 1, tinyBlob}
	e, err := b.startEmulator(ctx, c)
	if err != nil {
		return err
	}
	defer e.stop()
	o := b.roomyExport(e.url, sinkLocal)
	if _, _, err := b.exportChecked(ctx, c, o); err != nil {
		return err
	}
	run := fmt.Sprintf("run, nothing to do on %d files", c.files)
	commands := []turn{{"version", []string{b.exporter, "version"}}, {run, b.exportCommand(o)}}
	took := map[string][]usage{}
	times := startTimes * b.rounds
	for range times {
		for _, command := range commands {
			u, _, err := runProcess(ctx, command.args)
			if err != nil {
				return err
			}
			took[command.name] = append(took[command.name], u)
		}
	}
	t := &table{}
	t.add("exporter", "median ms", "CPU ms", "peak MiB")
	wall, cpu := map[string]time.Duration{}, map[string]time.Duration{}
	inMillis := func(d time.Duration) string { return fmt.Sprintf("%.1f", 1000*d.Seconds()) }
	for _, command := range commands {
		n, all := command.name, took[command.name]
		wall[n] = medianOf(all, func(u usage) time.Duration { return u.wall })
		cpu[n] = medianOf(all, func(u usage) time.Duration { return u.cpu })
		t.add(n, inMillis(wall[n]), inMillis(cpu[n]), inMiB(medianOf(all, func(u usage) int64 { return u.rss })))
	}
	fmt.Fprintf(b.out, "\n### Start: medians of %d\n", times)
	if err := t.write(b.out); err != nil {
		return err
	}
	fmt.Fprintf(b.out, "- version: %s ms; at most %s is the target: %s\n", inMillis(wall["version"]), inMillis(mostVersion), verdict(wall["version"] <= mostVersion))
	fmt.Fprintf(b.out, "- CPU of a run with nothing to do: %s ms; at most %s is the target: %s\n", inMillis(cpu[run]), inMillis(mostNothingToDo),
		verdict(cpu[run] <= mostNothingToDo))
	return removeExport(o)
}
