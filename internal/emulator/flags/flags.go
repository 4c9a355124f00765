// Package flags has the flags of an emulator: what its limit, its quota, its faults and its storage origin are called on a command
// line, which values they take, and which of them need each other. Errors name the flag and say what it wants.
package flags

import (
	"fmt"
	"os"
	"time"

	"github.com/spf13/pflag"

	"exporter/internal/emulator"
	"exporter/internal/emulator/sample"
)

// Flags are those of an emulator.
type Flags struct {
	flags                 *pflag.FlagSet
	corpus, key           string
	synthetic             syntheticFlags
	largePages            bool
	latency               time.Duration
	picturesAfter         time.Duration
	picturesAfterListings int
	seed                  uint64
	limit                 limitFlags
	quota                 quotaFlags
	throttle              throttleFlags
	faults                faultFlags
	storage               storageFlags
}

// Add adds the flags of an emulator. Those of the addresses that it listens on are not among them, but for that of the storage
// origin.
func Add(fs *pflag.FlagSet) *Flags {
	f := &Flags{flags: fs}
	fs.StringVar(&f.key, "key", "", "the only API `KEY` that is accepted; any one where it is empty. It is no secret")
	fs.StringVar(&f.corpus, "corpus", "", "`FOLDER` of a recorded corpus; else the built-in sample")
	f.synthetic.addFlags(fs)
	fs.Uint64Var(&f.seed, "seed", 1, "seed of faults, of random throttling and of computed blobs")
	fs.DurationVar(&f.latency, "latency", 0, "wait so long before every answer")
	fs.DurationVar(&f.picturesAfter, "pictures-after", 0, "screenshots, figures and attachments come so long after the start")
	fs.IntVar(&f.picturesAfterListings, "pictures-after-listings", 0,
		"the screenshots, the figures and the attachments of a file come when they were listed in vain this `NUMBER` of times; -1: never")
	fs.BoolVar(&f.largePages, "refuse-large-pages", false, "answer 422 to a page_size of more than 1000, in place of lowering it")
	f.limit.addFlags(fs, "")
	f.quota.addFlags(fs)
	f.throttle.addFlags(fs)
	f.faults.addFlags(fs)
	f.storage.addFlags(fs)
	return f
}

// StorageAddress returns the address that the storage origin is to listen on.
func (f *Flags) StorageAddress() string { return f.storage.listen }

// Options are what the flags describe, but for the address of the storage origin. No log is kept, so that the emulator
// can run for long. now is asked when all else is done: that may take a while.
func (f *Flags) Options(now func() time.Time) (options emulator.Options, err error) {
	options = emulator.Options{Key: f.key, Latency: f.latency, Seed: f.seed, RefuseLargePages: f.largePages, LogLimit: -1}
	if f.latency < 0 {
		return options, fmt.Errorf("--latency %v: must not be negative", f.latency)
	}
	if f.picturesAfter < 0 {
		return options, fmt.Errorf("--pictures-after %v: must not be negative", f.picturesAfter)
	}
	if f.picturesAfterListings < -1 {
		return options, fmt.Errorf("--pictures-after-listings %d: want 0 or more, or -1 for never", f.picturesAfterListings)
	}
	if options.Limit, err = f.limit.limit(f.flags); err != nil {
		return options, err
	}
	if options.Limit == nil && f.throttle.wait == 0 {
		if err = needs(f.flags, "--rate or --throttle-retry-after", "retry-after"); err != nil {
			return options, err
		}
	}
	if err = f.quota.complete(f.flags, options.Limit); err != nil {
		return options, err
	}
	if options.Throttle, err = f.throttle.throttle(f.flags, f.limit.retryAfter); err != nil {
		return options, err
	}
	if options.Faults, err = f.faults.faults(f.flags); err != nil {
		return options, err
	}
	if err = f.storage.complete(f.flags, &options); err != nil {
		return options, err
	}
	if options.Corpus, err = f.load(); err != nil {
		return options, err
	}
	start := now()
	options.PicturesAfter = emulator.Delay{Looks: f.picturesAfterListings, Until: start.Add(f.picturesAfter)}
	if !f.flags.Changed("quota-age") {
		alignToClock(options.Limit, start)
	}
	if options.Storage != nil {
		alignToClock(options.Storage.Limit, start)
	}
	return options, nil
}

func (f *Flags) load() (*emulator.Corpus, error) {
	computed, err := f.synthetic.options(f.flags, f.seed)
	switch {
	case err != nil:
		return nil, err
	case computed != nil && f.corpus != "":
		return nil, fmt.Errorf("--corpus and a computed corpus (--synthetic-files, --synthetic-jobs) exclude each other")
	case computed != nil:
		return emulator.Synthetic(*computed), nil
	case f.corpus == "":
		return emulator.LoadCorpus(sample.FS())
	}
	corpus, err := emulator.LoadCorpus(os.DirFS(f.corpus))
	if err != nil {
		return nil, fmt.Errorf("--corpus %s: %w", f.corpus, err)
	}
	return corpus, nil
}
