// Command bench measures how fast exporter is and what it needs, against the emulator.
//
//	go run ./internal/bench             exporter and its peers over the same blobs: large ones and small ones, over HTTP and HTTPS, in memory and on disk
//	go run ./internal/bench -start      what "exporter version" and a run with nothing to do take
//	go run ./internal/bench -slow       what an hour at 20 requests a minute takes, by some minutes of it
//	go run ./internal/bench -million    what a million blobs of 1 kB take
//	go run ./internal/bench -memory     the memory that more and more assets take
//	go run ./internal/bench -latency    how much of an API's latency is hidden
//	go run ./internal/bench -growth     what an asset costs among more and more of them, and what a run with nothing to do costs
//	go run ./internal/bench -rate       how well a given rate is kept
//	go run ./internal/bench -limits     what throttled answers, headers and rivals make of a run
//	go run ./internal/bench -files      what an export of many files takes, each night and once
//	go run ./internal/bench -verify     how fast blobs of some sizes are verified, beside sha256sum and zstd
//	go run ./internal/bench -nights     what a night of a few new pictures costs, and how many shards a year leaves
//	go run ./internal/bench -datasets   what training data costs, beside what Python packages take
//	go run ./internal/bench -buckets    what an export into a bucket takes, beside rclone
//	go run ./internal/bench -parts      what it takes to merge the tables of many parts
//	go run ./internal/bench -tasks      how tasks that make the parts of an export share a limit, and how fast they are without one
//	go run ./internal/bench -all        all of it
//
// Whatever is measured is a process of its own, and so is the emulator. Times mean little from one machine to the next, so
// what counts are ratios of medians within one run. A result that is not complete ends the program with an error; a target
// that is missed does not, since a machine may be busy with something else.
//
// Results are Markdown tables on standard output. Progress goes to standard error.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"slices"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// settings are the flags.
type settings struct {
	contestants, memory, latency, growth, rate, limits, files, nights, verification, datasets, buckets, parts, tasks, start, slow, million, all bool

	rounds, blobs, size, small, workers                                    int
	scale                                                                  float64
	tmpfs, disk, exporter, than, svg, python, img2dataset, node, versitygw string
}

func (s *settings) addFlags(fs *flag.FlagSet) {
	fs.BoolVar(&s.contestants, "contestants", false, "measure exporter and its peers; the default where nothing else is asked for")
	fs.BoolVar(&s.memory, "memory", false, "measure the peak of resident memory")
	fs.BoolVar(&s.latency, "latency", false, "measure how much latency is hidden")
	fs.BoolVar(&s.growth, "growth", false, "measure what an asset costs among more and more of them")
	fs.BoolVar(&s.rate, "rate", false, "measure how well a given rate is kept")
	fs.BoolVar(&s.limits, "limits", false, "measure what throttled answers, headers and rivals make of a run")
	fs.BoolVar(&s.files, "files", false, "measure exports of many files")
	fs.BoolVar(&s.nights, "nights", false, "measure what a night of a few new pictures costs, after more and more nights")
	fs.BoolVar(&s.verification, "verify", false, "measure how fast blobs of some sizes are verified")
	fs.BoolVar(&s.datasets, "datasets", false, "measure what making datasets costs")
	fs.BoolVar(&s.buckets, "buckets", false, "measure exports into a bucket of -versitygw")
	fs.BoolVar(&s.parts, "parts", false, "measure merges of many parts")
	fs.BoolVar(&s.tasks, "tasks", false, "measure tasks that make the parts of one export")
	fs.BoolVar(&s.start, "start", false, "measure what is over soon: version, and a run with nothing to do")
	fs.BoolVar(&s.slow, "slow", false, "measure a run at a low rate")
	fs.BoolVar(&s.million, "million", false, "measure a million small blobs")
	fs.BoolVar(&s.all, "all", false, "measure everything")
	fs.IntVar(&s.rounds, "rounds", 7, "rounds of contestants, of -verify, of -datasets and of -buckets; the first is not counted")
	fs.IntVar(&s.blobs, "blobs", 3000, "blobs of contestants, of -datasets and of -buckets")
	fs.IntVar(&s.size, "size", 100_000, "bytes of each blob of contestants, of -latency, of -nights, of -datasets and of -buckets")
	fs.IntVar(&s.small, "small", 10_000, "bytes of each blob of a second race of the contestants, over as many bytes")
	fs.IntVar(&s.workers, "workers", 32, "requests at once")
	fs.Float64Var(&s.scale, "scale", 1, "factor of the number of assets of -memory, -latency, -growth, -rate, -limits, -files, -nights, -verify, -datasets, -parts, -start and -million, and of the time of -slow; 0.01 makes a short trial")
	fs.StringVar(&s.tmpfs, "tmpfs", defaultDirectory("/dev/shm"), "`directory` on a memory file system; none where it is empty")
	fs.StringVar(&s.disk, "disk", defaultDirectory("/var/tmp"), "`directory` on a disk; none where it is empty")
	fs.StringVar(&s.svg, "svg", "", "draw -nights into this `file`; where they are not measured, -tasks")
	fs.StringVar(&s.python, "python", "", "`file` of a Python that has the packages of peers/requirements.txt, or some, to compare with")
	fs.StringVar(&s.img2dataset, "img2dataset", "", "`file` of a Python that has the package of peers/img2dataset.txt, which gets along with none of the others, to compare with")
	fs.StringVar(&s.node, "node", "", "`directory` where peers/package.json is installed, to compare with")
	fs.StringVar(&s.versitygw, "versitygw", "", "`file` of a versitygw, the store of -buckets")
	fs.StringVar(&s.than, "than", "", "`file` of another exporter, such as one of an earlier commit, to compare with in -contestants, -files, -million and -slow")
	fs.StringVar(&s.exporter, "exporter", "", "`file` of an exporter to measure; else one is built from this module")
}

// defaultDirectory returns a directory where the system has it, or nothing.
func defaultDirectory(name string) string {
	if info, err := os.Stat(name); err != nil || !info.IsDir() {
		return ""
	}
	return name
}

func (s *settings) validate() error {
	// A smaller blob does not begin and end as a JPEG does, and the emulator raises it.
	const smallestBlob = 67
	switch {
	case s.rounds < 2:
		return fmt.Errorf("-rounds %d: want 2 at least, as the first is not counted", s.rounds)
	case s.blobs < 1 || s.workers < 1:
		return fmt.Errorf("-blobs %d, -workers %d: want 1 at least", s.blobs, s.workers)
	case s.size < smallestBlob || s.small < smallestBlob:
		return fmt.Errorf("-size %d, -small %d: want %d at least", s.size, s.small, smallestBlob)
	case s.scale <= 0 || s.scale > 100:
		return fmt.Errorf("-scale %g: want more than 0 and 100 at most", s.scale)
	case s.tmpfs == "" && s.disk == "":
		return errors.New("-tmpfs and -disk are empty: name a directory")
	}
	if s.all {
		s.contestants, s.memory, s.latency, s.growth, s.rate, s.limits = true, true, true, true, true, true
		s.files, s.nights, s.verification, s.datasets, s.buckets, s.parts, s.tasks = true, true, true, true, true, true, true
		s.start, s.slow, s.million = true, true, true
	}
	if !slices.Contains([]bool{s.memory, s.latency, s.growth, s.rate, s.limits, s.files, s.nights, s.verification, s.datasets, s.buckets, s.parts, s.tasks,
		s.start, s.slow, s.million}, true) {
		s.contestants = true
	}
	return nil
}

// run is main but for the process around it.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) (err error) {
	if len(args) > 0 && args[0] == fetchCommand {
		return runFetch(ctx, args[1:], stdout)
	}
	if len(args) > 0 && args[0] == putCommand {
		return runPut(ctx, args[1:])
	}
	if len(args) > 0 && args[0] == makePartsCommand {
		return runMakeParts(ctx, args[1:])
	}
	if len(args) > 0 && args[0] == compactCommand {
		return runCompact(ctx, args[1:])
	}
	var s settings
	fs := flag.NewFlagSet("bench", flag.ContinueOnError)
	fs.SetOutput(stderr)
	s.addFlags(fs)
	if err := fs.Parse(args); err != nil {
		return err
	}
	if fs.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q", fs.Arg(0))
	}
	if err := s.validate(); err != nil {
		return err
	}
	b, err := newBench(ctx, s, stdout, stderr)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.close()) }()
	return b.measure(ctx)
}

func (b *bench) measure(ctx context.Context) error {
	fmt.Fprintf(b.out, "%s/%s, %d CPUs, %s\n", runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), runtime.Version())
	for _, m := range []struct {
		name    string
		asked   bool
		measure func(context.Context) error
	}{
		{"contestants", b.contestants, b.measureContestants},
		{"memory", b.memory, b.measureMemory},
		{"latency", b.latency, b.measureLatency},
		{"growth", b.growth, b.measureGrowth},
		{"rate", b.rate, b.measureRate},
		{"limits", b.limits, b.measureLimits},
		{"files", b.files, b.measureFiles},
		{"nights", b.nights, b.measureNights},
		{"verification", b.verification, b.measureVerify},
		{"datasets", b.datasets, b.measureDatasets},
		{"buckets", b.buckets, b.measureBuckets},
		{"parts", b.parts, b.measureParts},
		{"tasks", b.tasks, b.measureTasks},
		{"start", b.start, b.measureStart},
		{"slow", b.slow, b.measureSlow},
		{"million", b.million, b.measureMillion},
	} {
		if !m.asked {
			continue
		}
		if err := m.measure(ctx); err != nil {
			return fmt.Errorf("measure %s: %w", m.name, err)
		}
	}
	return nil
}
