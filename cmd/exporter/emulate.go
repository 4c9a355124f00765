package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"exporter/internal/config"
	"exporter/internal/emulator"
	"exporter/internal/emulator/sample"
	"exporter/internal/export"
)

// emulateOptions are the flags of emulate.
type emulateOptions struct {
	flags                         *pflag.FlagSet
	listen, corpus, key           string
	blobSize                      string
	syntheticFiles, syntheticEach int
	latency                       time.Duration
	seed                          uint64
	limit                         limitFlags
	quota                         quotaFlags
	throttle                      throttleFlags
	faults                        faultFlags
	storage                       storageFlags
}

func newEmulateCommand(a *app) *cobra.Command {
	c := &cobra.Command{
		Use:   "emulate",
		Short: "Serve a corpus as LlamaCloud would, on loopback",
		Long: `emulate serves the files, screenshots and figures of a recorded corpus on loopback, with the routes, filters, cursors and
errors of the API. Without --corpus it serves the sample of "exporter demo", or computes a corpus of any size.

It can limit the rate as real APIs do, tell what is left in the headers that they use, share the limit with another
client, throttle at random, serve blobs from a storage origin with links that expire, add latency, and inject faults: the
same seed injects the same ones. docs/emulator.md explains every flag.

Its first line on standard output is "listening on URL"; where there is a storage origin, the second is "storage on URL".`,
		Example: `  exporter emulate --corpus ./corpus --listen 127.0.0.1:8080 --key llx-test
  exporter emulate --synthetic-files 100 --synthetic-assets 100 --latency 50ms --rate 200/s --retry-after seconds
  exporter emulate --rate 20/m --quota-used 20 --quota-headers ietf
  exporter emulate --rate 100/s --throttle-share 0.01 --throttle-retry-after 1s
  exporter emulate --rate 100/s --rival 30/s --limit-kind sliding
  exporter emulate --storage --link-life 4s --storage-rate 50/s --storage-latency 20ms
  exporter emulate --faults status_503,cut,stall --fault-rate 0.3
  exporter emulate --faults status_429 --fault-rate 0.001 --fault-times -1 --fault-retry-after 60`,
		Args: cobra.NoArgs,
	}
	o := emulateOptions{flags: c.Flags()}
	c.RunE = func(c *cobra.Command, _ []string) error { return a.emulate(c.Context(), &o) }
	o.addFlags(c.Flags())
	return c
}

func (o *emulateOptions) addFlags(fs *pflag.FlagSet) {
	fs.SortFlags = false
	fs.StringVar(&o.listen, "listen", "127.0.0.1:0", "loopback `ADDRESS` to listen on; port 0 takes a free one")
	fs.StringVar(&o.key, "key", "", "the only API `KEY` that is accepted; any one where it is empty. It is no secret")
	fs.StringVar(&o.corpus, "corpus", "", "`FOLDER` of a recorded corpus; else the built-in sample")
	fs.IntVar(&o.syntheticFiles, "synthetic-files", 0, "serve a computed corpus with this `NUMBER` of files instead, in the directory \"synthetic\"")
	fs.IntVar(&o.syntheticEach, "synthetic-assets", 100, "`NUMBER` of assets of each computed file")
	fs.StringVar(&o.blobSize, "synthetic-size", "100KB", "`SIZE` of each computed blob")
	fs.Uint64Var(&o.seed, "seed", 1, "seed of faults, of random throttling and of computed blobs")
	fs.DurationVar(&o.latency, "latency", 0, "wait so long before every answer")
	o.limit.addFlags(fs, "")
	o.quota.addFlags(fs)
	o.throttle.addFlags(fs)
	o.faults.addFlags(fs)
	o.storage.addFlags(fs)
}

func (a *app) emulate(ctx context.Context, o *emulateOptions) (err error) {
	ctx, cancel := a.interruptible(ctx)
	defer cancel()
	options, err := o.options(time.Now)
	if err != nil {
		return err
	}
	var storage *loopbackServer
	if options.Storage != nil {
		if storage, err = listenLoopback("--storage-listen", o.storage.listen); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, storage.close()) }()
		options.Storage.Origin = storage.url
	}
	handler, err := emulator.New(options)
	if err != nil {
		return &export.UsageError{Err: err}
	}
	s, err := serveLoopback("--listen", o.listen, handler)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	text := fmt.Sprintf("listening on %s\n", s.url)
	if storage != nil {
		storage.serve(handler.Storage())
		text += fmt.Sprintf("storage on %s\n", storage.url)
	}
	if _, err := fmt.Fprint(a.stdout, text); err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}

// options are what the flags describe, but for the address of the storage origin. No log is kept, so that the emulator
// can run for long. now is asked when all else is done: that may take a while.
func (o *emulateOptions) options(now func() time.Time) (options emulator.Options, err error) {
	options = emulator.Options{Key: o.key, Latency: o.latency, Seed: o.seed, LogLimit: -1}
	if o.latency < 0 {
		return options, usagef("--latency %v: must not be negative", o.latency)
	}
	if options.Limit, err = o.limit.limit(o.flags); err != nil {
		return options, err
	}
	if options.Limit == nil && o.throttle.wait == 0 {
		if err = needs(o.flags, "--rate or --throttle-retry-after", "retry-after"); err != nil {
			return options, err
		}
	}
	if err = o.quota.complete(o.flags, options.Limit); err != nil {
		return options, err
	}
	if options.Throttle, err = o.throttle.throttle(o.flags, o.limit.retryAfter); err != nil {
		return options, err
	}
	if options.Faults, err = o.faults.faults(o.flags); err != nil {
		return options, err
	}
	if err = o.storage.complete(o.flags, &options); err != nil {
		return options, err
	}
	if options.Corpus, err = o.load(); err != nil {
		return options, err
	}
	start := now()
	if !o.flags.Changed("quota-age") {
		alignToClock(options.Limit, start)
	}
	if options.Storage != nil {
		alignToClock(options.Storage.Limit, start)
	}
	return options, nil
}

func (o *emulateOptions) load() (*emulator.Corpus, error) {
	switch {
	case o.syntheticFiles < 0 || o.syntheticEach < 0:
		return nil, usagef("--synthetic-files and --synthetic-assets must not be negative")
	case o.corpus != "" && o.syntheticFiles > 0:
		return nil, usagef("--corpus and --synthetic-files exclude each other")
	case o.syntheticFiles > 0:
		return o.compute()
	}
	if err := needs(o.flags, "--synthetic-files", "synthetic-assets", "synthetic-size"); err != nil {
		return nil, err
	}
	if o.corpus == "" {
		return emulator.LoadCorpus(sample.FS())
	}
	corpus, err := emulator.LoadCorpus(os.DirFS(o.corpus))
	if err != nil {
		return nil, usagef("--corpus %s: %w", o.corpus, err)
	}
	return corpus, nil
}

// compute is load for a computed corpus.
func (o *emulateOptions) compute() (*emulator.Corpus, error) {
	size, err := config.ParseSize(o.blobSize)
	if err != nil {
		return nil, usagef("--synthetic-size: %w", err)
	}
	return emulator.Synthetic(emulator.SyntheticOptions{
		Files: o.syntheticFiles, AssetsPerFile: o.syntheticEach, BlobSize: int(size), Seed: o.seed,
	}), nil
}
