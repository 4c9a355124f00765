package main

import (
	"context"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"exporter/internal/config"
	"exporter/internal/emulator"
	"exporter/internal/emulator/sample"
)

// emulateOptions are the flags of emulate.
type emulateOptions struct {
	listen, corpus, key           string
	blobSize                      string
	rate, limitKind, retryAfter   string
	latency                       time.Duration
	faults                        []string
	faultRate                     float64
	faultTimes                    int
	seed                          uint64
	syntheticFiles, syntheticEach int
}

func newEmulateCommand(a *app) *cobra.Command {
	var o emulateOptions
	c := &cobra.Command{
		Use:   "emulate",
		Short: "Serve a corpus as LlamaCloud would, on loopback",
		Long: `emulate serves the files, screenshots and figures of a recorded corpus on loopback, with the routes, filters, cursors and
errors of the API. Without --corpus it serves the sample of "exporter demo", or computes a corpus of any size.
It can limit the rate, add latency, and inject faults: the same seed injects the same ones.`,
		Example: `  exporter emulate --corpus ./corpus --listen 127.0.0.1:8080 --key llx-test
  exporter emulate --synthetic-files 100 --synthetic-assets 100 --latency 50ms --rate 200/s --retry-after seconds
  exporter emulate --faults status_503,cut,stall --fault-rate 0.3`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return a.emulate(c.Context(), &o) },
	}
	o.addFlags(c.Flags())
	return c
}

func (o *emulateOptions) addFlags(fs *pflag.FlagSet) {
	fs.StringVar(&o.listen, "listen", "127.0.0.1:0", "loopback `ADDRESS` to listen on; port 0 takes a free one")
	fs.StringVar(&o.corpus, "corpus", "", "`FOLDER` of a recorded corpus; else the built-in sample")
	fs.StringVar(&o.key, "key", "", "the only API `KEY` that is accepted; any one where it is empty. It is no secret")
	fs.IntVar(&o.syntheticFiles, "synthetic-files", 0, "serve a computed corpus with this `NUMBER` of files instead, in the directory \"synthetic\"")
	fs.IntVar(&o.syntheticEach, "synthetic-assets", 100, "`NUMBER` of assets of each computed file")
	fs.StringVar(&o.blobSize, "synthetic-size", "100KB", "`SIZE` of each computed blob")
	fs.StringVar(&o.rate, "rate", "unlimited", "most requests let through, as in 20/m, 100/s or 1000/h")
	fs.StringVar(&o.limitKind, "limit-kind", "fixed", "`KIND` of the limit that --rate sets: fixed or sliding windows, or a bucket of tokens")
	fs.StringVar(&o.retryAfter, "retry-after", "", "`STYLE` of the header of throttled answers (seconds, date or ms); none where it is empty")
	fs.DurationVar(&o.latency, "latency", 0, "wait so long before every answer")
	fs.StringSliceVar(&o.faults, "faults", nil, "`KINDS` of faults to inject into blobs: "+faultKinds())
	fs.Float64Var(&o.faultRate, "fault-rate", 0.1, "`SHARE` of the blobs that are faulty, from 0 to 1")
	fs.IntVar(&o.faultTimes, "fault-times", 1, "how often a faulty blob fails before it succeeds; -1 for ever")
	fs.Uint64Var(&o.seed, "seed", 1, "seed of faults and of computed blobs")
}

func faultKinds() string {
	var kinds []string
	for _, k := range emulator.FaultKinds() {
		kinds = append(kinds, string(k))
	}
	return strings.Join(kinds, ", ")
}

func (a *app) emulate(ctx context.Context, o *emulateOptions) error {
	ctx, cancel := a.interruptible(ctx)
	defer cancel()
	handler, err := o.server()
	if err != nil {
		return err
	}
	s, err := serveLoopback("--listen", o.listen, handler)
	if err != nil {
		return err
	}
	defer s.close()
	if _, err := fmt.Fprintf(a.stdout, "listening on %s\n", s.url); err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}

// server builds the emulator that the flags describe. It keeps no log, so that it can run for long.
func (o *emulateOptions) server() (*emulator.Server, error) {
	corpus, err := o.load()
	if err != nil {
		return nil, err
	}
	options := emulator.Options{Corpus: corpus, Key: o.key, Latency: o.latency, Seed: o.seed, LogLimit: -1}
	if options.Limit, err = o.limit(); err != nil {
		return nil, err
	}
	if len(o.faults) > 0 {
		options.Faults = emulator.Faults{Rate: o.faultRate, Times: o.faultTimes}
		for _, kind := range o.faults {
			options.Faults.Kinds = append(options.Faults.Kinds, emulator.FaultKind(kind))
		}
	}
	s, err := emulator.New(options)
	if err != nil {
		return nil, &usageError{err}
	}
	return s, nil
}

func (o *emulateOptions) load() (*emulator.Corpus, error) {
	switch {
	case o.syntheticFiles < 0 || o.syntheticEach < 0:
		return nil, usagef("--synthetic-files and --synthetic-assets must not be negative")
	case o.corpus != "" && o.syntheticFiles > 0:
		return nil, usagef("--corpus and --synthetic-files exclude each other")
	case o.syntheticFiles > 0:
		size, err := config.ParseSize(o.blobSize)
		if err != nil {
			return nil, usagef("--synthetic-size: %w", err)
		}
		return emulator.Synthetic(emulator.SyntheticOptions{
			Files: o.syntheticFiles, AssetsPerFile: o.syntheticEach, BlobSize: int(size), Seed: o.seed,
		}), nil
	case o.corpus == "":
		return emulator.LoadCorpus(sample.FS())
	}
	corpus, err := emulator.LoadCorpus(os.DirFS(o.corpus))
	if err != nil {
		return nil, usagef("--corpus %s: %w", o.corpus, err)
	}
	return corpus, nil
}

// limit turns the rate into a window: as many requests as are whole in a second, a minute or longer.
func (o *emulateOptions) limit() (*emulator.RateLimit, error) {
	rate, err := config.ParseRate(o.rate)
	if err != nil {
		return nil, usagef("--rate: %w", err)
	}
	style := emulator.RetryAfterStyle(o.retryAfter)
	known := []emulator.RetryAfterStyle{
		emulator.RetryAfterNone, emulator.RetryAfterSeconds, emulator.RetryAfterDate, emulator.RetryAfterMillis,
	}
	kind := emulator.LimitKind(o.limitKind)
	switch {
	case !slices.Contains(known, style):
		return nil, usagef("--retry-after %q: want seconds, date or ms", o.retryAfter)
	case !slices.Contains(emulator.LimitKinds(), kind):
		return nil, usagef("--limit-kind %q: want fixed, sliding or bucket", o.limitKind)
	case rate.Auto:
		return nil, usagef("--rate auto: the emulator needs a number, such as 100/s, or unlimited")
	case rate.PerSecond == 0:
		return nil, nil
	}
	for _, window := range []time.Duration{time.Second, time.Minute, time.Hour} {
		if n := rate.PerSecond * window.Seconds(); n >= 1 && math.Abs(n-math.Round(n)) < 1e-6 {
			return &emulator.RateLimit{Kind: kind, Requests: int(math.Round(n)), Window: window, RetryAfter: style}, nil
		}
	}
	return nil, usagef("--rate %s: want a whole number of requests in a second, a minute or an hour", o.rate)
}
