package main

import (
	"math"
	"math/rand/v2"
	"time"

	"exporter/internal/config"
	"exporter/internal/export"
)

// scenario is an export that many tasks make into a bucket.
type scenario struct {
	name string
	workload
	fleet
	tasks int
	// size is how many bytes a picture has.
	size int64
	// isListedOnce says that the tasks read a list, in place of listing all files each.
	isListedOnce bool
	// sink is where blobs go.
	sink config.Sink
}

const (
	// pageSize is how many files a page of a listing has, and kinds how many listings of pictures each file has.
	pageSize, kinds = 1000, 2
	// mergeRow is how long a merge takes for a row, in seconds of CPU: go run ./internal/bench -parts.
	mergeRow = 5.2e-6
)

// Prices, in US dollars, of AWS in us-east-1 in November 2026: S3 Standard (https://aws.amazon.com/s3/pricing/), and a task of Fargate with
// one vCPU and 2 GB of memory (https://aws.amazon.com/fargate/pricing/). What is sent into S3 costs nothing.
const (
	dollarsOfPut  = 0.005 / 1000
	dollarsOfGet  = 0.0004 / 1000
	dollarsOfHour = 0.04048 + 2*0.004445
)

// result is what a scenario takes.
type result struct {
	// listing, pictures and blobs are requests to the API: for files, for what pictures they have, and for the pictures. again is how many of
	// them are made once more.
	listing, pictures, blobs, again float64
	kills                           int
	// mean and last are the hours until the tasks ended, and used which part of the limit was used until then.
	mean, last, used float64
	// puts, gets and lists are requests to the bucket. A log is listed once for each of its entries.
	puts, gets, lists int64
	dollars           float64
	// merge is how many hours of CPU it takes to merge the tables.
	merge float64
}

// run simulates a scenario.
func (s scenario) run(seed uint64) (result, error) {
	random := rand.New(rand.NewPCG(seed, 0))
	shares := s.divide(s.tasks, random)
	all := 0
	var r result
	for _, share := range shares {
		all += int(share.files)
		r.blobs += float64(share.pictures)
	}
	listing := float64((all + pageSize - 1) / pageSize)
	r.listing, r.pictures = listing*float64(s.tasks), float64(kinds*all)
	if s.isListedOnce {
		r.listing, listing = listing, 0
	}
	work := make([]float64, s.tasks)
	for i, share := range shares {
		work[i] = listing + float64(kinds*share.files+share.pictures)
	}
	cfg, err := s.config()
	if err != nil {
		return r, err
	}
	f := s.fleet
	f.commit, f.uncommitted = cfg.Output.Checkpoint.Seconds(), math.Inf(1)
	if s.sink == config.SinkArchive {
		// A commit ends a shard, and a shard that is full is committed.
		f.uncommitted = float64(cfg.Output.Archive.ShardSize) / float64(s.size)
	}
	o := f.run(work, random)
	r.again, r.kills = o.again, o.kills
	total := 0.0
	for _, end := range o.ends {
		total += end
	}
	r.mean, r.last = total/float64(len(o.ends))/3600, o.last()/3600
	if s.limit > 0 {
		r.used = (r.listing + r.pictures + r.blobs + r.again) / s.limit / o.last()
	}
	s.ask(&r, cfg, shares, o.busy/float64(s.tasks))
	r.dollars = float64(r.puts+r.lists)*dollarsOfPut + float64(r.gets)*dollarsOfGet + o.busy/3600*dollarsOfHour
	r.merge = r.blobs * mergeRow / 3600
	return r, nil
}

// config returns the configuration of a task.
func (s scenario) config() (*config.Config, error) {
	return config.Load(config.LoadOptions{Environ: []string{"EXPORTER_OUTPUT_DIR=s3://bucket/export", "EXPORTER_OUTPUT_SINK=" + string(s.sink)}})
}

// ask adds what the tasks ask of the bucket, each of which runs for so many seconds.
func (s scenario) ask(r *result, cfg *config.Config, shares []share, seconds float64) {
	for i, share := range shares {
		p := &export.PlanReport{Bytes: share.pictures * s.size, Seconds: new(export.Seconds(seconds * float64(time.Second)))}
		p.Assets.Fetch = share.pictures
		// One part probes the store for all.
		c := export.CostInBucket(cfg, p, i == 0, i == 0)
		r.puts, r.gets, r.lists = r.puts+c.Puts, r.gets+c.Gets, r.lists+c.Lists
	}
}
