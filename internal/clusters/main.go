package main

import (
	"bufio"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"exporter/internal/config"
)

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "clusters:", err)
		os.Exit(1)
	}
}

func run(args []string, to io.Writer) error {
	fs := flag.NewFlagSet("clusters", flag.ContinueOnError)
	seed := fs.Uint64("seed", 1, "decides what is random")
	if err := fs.Parse(args); err != nil {
		return err
	}
	if fs.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q", fs.Arg(0))
	}
	return write(to, scenarios(), *seed)
}

// restart is how long it takes until a task that was killed goes on, in seconds: a minute of the engine, and what a newcomer waits for the log of
// an export in a bucket.
const restart = 60 + 150

// scenarios are a hundred million pictures in a million files, exported by a thousand tasks; each changes one thing.
func scenarios() []scenario {
	even := scenario{
		name:         "files of 100 pictures each, no limit",
		workload:     workload{files: 1_000_000, pictures: 100},
		fleet:        fleet{slots: 1000, each: 320},
		tasks:        1000,
		size:         100_000,
		isListedOnce: true,
		sink:         config.SinkArchive,
	}
	with := func(name string, base scenario, change func(*scenario)) scenario {
		base.name = name
		change(&base)
		return base
	}
	uneven := with("uneven files (spread 1)", even, func(s *scenario) { s.spread = 1 })
	limited := with("uneven, 5,000 requests a second for all, `auto`", uneven, func(s *scenario) { s.limit = 5000 })
	return []scenario{
		even,
		with("each task lists for itself", even, func(s *scenario) { s.isListedOnce = false }),
		with("a file for each picture, not a shard", even, func(s *scenario) { s.sink = config.SinkLocal }),
		uneven,
		with("uneven, and one file of a million pictures", uneven, func(s *scenario) { s.largest = 1_000_000 }),
		with("uneven, 100 tasks at a time", uneven, func(s *scenario) { s.slots = 100 }),
		with("uneven, 100 parts, 100 tasks at a time", uneven, func(s *scenario) { s.tasks, s.slots = 100, 100 }),
		limited,
		with("the same, each task killed once an hour", limited, func(s *scenario) { s.life, s.back = 3600, restart }),
		with("the same without kills, the limit as a given rate", limited, func(s *scenario) { s.isDivided = true }),
		with("the same as a given rate, 100 parts", limited, func(s *scenario) { s.isDivided, s.tasks, s.slots = true, 100, 100 }),
	}
}

// write runs scenarios, and writes what they take as Markdown.
func write(to io.Writer, all []scenario, seed uint64) error {
	w := bufio.NewWriter(to)
	fmt.Fprintln(w, "| | tasks | requests to the API, millions | of them listings of files | hours: mean, last | limit used | killed | PUT, entries of logs, GET, millions | US$ | merge, hours of CPU |")
	fmt.Fprintln(w, "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
	for _, s := range all {
		r, err := s.run(seed)
		if err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		used := "–"
		if s.limit > 0 {
			used = fmt.Sprintf("%.0f %%", 100*r.used)
		}
		fmt.Fprintf(w, "| %s | %d | %.1f | %.3f | %.2f, %.2f | %s | %d | %.2f, %.2f, %.2f | %.0f | %.2f |\n", s.name, s.tasks,
			(r.listing+r.pictures+r.blobs+r.again)/1e6, r.listing/1e6, r.mean, r.last, used, r.kills,
			float64(r.puts)/1e6, float64(r.lists)/1e6, float64(r.gets)/1e6, r.dollars, r.merge)
	}
	return w.Flush()
}
