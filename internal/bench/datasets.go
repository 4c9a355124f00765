package main

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// What a dataset may cost, against those who make the same of the same pictures: a share of their CPU time, or of their time.
const (
	mostOfDatasets     = 1.0 / 5
	mostOfShardWriter  = 1 / 1.7
	mostUnverified     = 1 / 2.6
	mostWallOfWriter   = 1.0 / 3
	mostArchiveOfLocal = 1.1
	leastOfTwoCores    = 1.7
	mostDatasetMemory  = 128 << 20
	datasetPictures    = 1_000_000
)

// peers are programs that make datasets.
//
//go:embed peers
var peers embed.FS

// dataset is a way to make one: what it takes is compared with what another way did.
type datasetWay struct {
	name string
	// command makes the dataset in a directory.
	command func(to string) []string
}

// measureDatasets prints what datasets cost, and what those of others do.
func (b *bench) measureDatasets(ctx context.Context) error {
	c := newCorpus(b.blobs, b.size)
	local, archive := filepath.Join(b.roomy, "local"), filepath.Join(b.roomy, "archive")
	for sink, out := range map[string]string{sinkLocal: local, sinkArchive: archive} {
		if err := b.exportTo(ctx, c, sink, out, b.exportChecked); err != nil {
			return err
		}
	}
	ways, err := b.datasetWays(local, archive)
	if err != nil {
		return err
	}
	took := map[string][]usage{}
	for round := range b.rounds {
		for i := range ways {
			way := ways[(i+round)%len(ways)]
			to := filepath.Join(b.roomy, "dataset")
			u, _, err := runProcess(ctx, way.command(to))
			if err := errors.Join(err, os.RemoveAll(to)); err != nil {
				return fmt.Errorf("%s: %w", way.name, err)
			}
			// The first round warms up.
			if round > 0 {
				took[way.name] = append(took[way.name], u)
			}
		}
		b.progress("datasets: round %d of %d", round+1, b.rounds)
	}
	if err := b.showDatasets(c, ways, took); err != nil {
		return err
	}
	if err := errors.Join(os.RemoveAll(local), os.RemoveAll(archive)); err != nil {
		return err
	}
	return b.measureDatasetMemory(ctx)
}

// exportTo exports a corpus to a directory.
func (b *bench) exportTo(ctx context.Context, c corpus, sink, out string,
	export func(context.Context, corpus, exportOptions) (usage, *runReport, error)) error {
	e, err := b.startEmulator(ctx, c)
	if err != nil {
		return err
	}
	defer e.stop()
	o := b.roomyExport(e.url, sink)
	o.out = out
	_, _, err = export(ctx, c, o)
	return err
}

// datasetWays returns exporter's ways, and those of others that are there.
func (b *bench) datasetWays(local, archive string) (ways []datasetWay, err error) {
	own := func(name, from, form string, flags ...string) {
		ways = append(ways, datasetWay{name, func(to string) []string {
			return append([]string{b.exporter, "dataset", from, to, "--format", form, "--no-progress"}, flags...)
		}})
	}
	for _, form := range []string{"parquet", "webdataset"} {
		own(form+", local", local, form)
		own(form+", local, unverified", local, form, "--no-verify")
		own(form+", archive", archive, form)
		if _, err := exec.LookPath("taskset"); err == nil {
			ways = append(ways, datasetWay{form + ", local, one core", func(to string) []string {
				return []string{"taskset", "-c", "0", b.exporter, "dataset", local, to, "--format", form, "--no-progress"}
			}})
		}
	}
	blobs := filepath.Join(local, "blobs")
	ways = append(ways, datasetWay{"tar", func(to string) []string { return []string{"tar", "-cf", to, "-C", blobs, "."} }})
	if b.python == "" {
		b.progress("datasets: -python names no interpreter that has the packages datasets and webdataset: nothing is compared with them")
		return ways, nil
	}
	for _, peer := range []string{"datasets", "webdataset"} {
		file, err := b.script(peer + "_peer.py")
		if err != nil {
			return nil, err
		}
		ways = append(ways, datasetWay{"python " + peer, func(to string) []string { return []string{b.python, file, blobs, to} }})
	}
	return ways, nil
}

// showDatasets prints a table of what was taken, and the ratios that have targets.
func (b *bench) showDatasets(c corpus, ways []datasetWay, took map[string][]usage) error {
	fmt.Fprintf(b.out, "\n### Datasets of %s\n", c)
	t := &table{}
	t.add("who", "median s", "CPU s", "peak MiB")
	wall, cpu := map[string]time.Duration{}, map[string]time.Duration{}
	for _, way := range ways {
		var walls, cpus []time.Duration
		peak := int64(0)
		for _, u := range took[way.name] {
			walls, cpus, peak = append(walls, u.wall), append(cpus, u.cpu), max(peak, u.rss)
		}
		wall[way.name], cpu[way.name] = median(walls), median(cpus)
		t.add(way.name, inSeconds(wall[way.name]), inSeconds(cpu[way.name]), inMiB(peak))
	}
	if err := t.write(b.out); err != nil {
		return err
	}
	most := func(what string, of map[string]time.Duration, way, peer string, target float64) {
		if of[way] == 0 || of[peer] == 0 {
			return
		}
		ratio := of[way].Seconds() / of[peer].Seconds()
		fmt.Fprintf(b.out, "- %s of %s ÷ %s: %.2f; at most %.2f is the target: %s\n", what, way, peer, ratio, target, verdict(ratio <= target))
	}
	most("CPU", cpu, "parquet, local", "python datasets", mostOfDatasets)
	most("CPU", cpu, "webdataset, local", "python webdataset", mostOfShardWriter)
	most("CPU", cpu, "webdataset, local, unverified", "python webdataset", mostUnverified)
	most("time", wall, "webdataset, local", "python webdataset", mostWallOfWriter)
	for _, form := range []string{"parquet", "webdataset"} {
		most("CPU", cpu, form+", archive", form+", local", mostArchiveOfLocal)
		most("time", wall, form+", archive", form+", local", mostArchiveOfLocal)
		most("time", wall, form+", local", form+", local, one core", 1/leastOfTwoCores)
	}
	return nil
}

// measureDatasetMemory prints what a dataset of very many pictures takes.
func (b *bench) measureDatasetMemory(ctx context.Context) error {
	out, to := filepath.Join(b.roomy, "local"), filepath.Join(b.roomy, "dataset")
	c := newCorpus(b.scaled(datasetPictures), tinyBlob)
	// Blobs of a few bytes shrink, so that the size of shards tells nothing.
	unchecked := func(ctx context.Context, _ corpus, o exportOptions) (usage, *runReport, error) {
		return b.export(ctx, o)
	}
	if err := b.exportTo(ctx, c, sinkArchive, out, unchecked); err != nil {
		return err
	}
	t := &table{}
	t.add("dataset of "+c.String(), "s", "CPU s", "peak MiB", "target")
	for _, way := range []struct {
		name      string
		isBounded bool
		flags     []string
	}{
		{"parquet", true, []string{"--format", "parquet"}},
		{"parquet, three splits", true, []string{"--format", "parquet", "--split", "train=0.8,val=0.1,test=0.1"}},
		{"webdataset, three splits", true, []string{"--format", "webdataset", "--split", "train=0.8,val=0.1,test=0.1"}},
		{"parquet, dedup", false, []string{"--format", "parquet", "--dedup", "sha256"}},
	} {
		u, _, err := runProcess(ctx, append([]string{b.exporter, "dataset", out, to, "--no-progress"}, way.flags...))
		if err := errors.Join(err, os.RemoveAll(to)); err != nil {
			return fmt.Errorf("%s: %w", way.name, err)
		}
		target := "none"
		if way.isBounded {
			target = "128: " + verdict(u.rss < mostDatasetMemory)
		}
		t.add(way.name, inSeconds(u.wall), inSeconds(u.cpu), inMiB(u.rss), target)
		b.progress("datasets: %s: %s MiB", way.name, inMiB(u.rss))
	}
	return errors.Join(t.write(b.out), os.RemoveAll(out))
}
