package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
)

// leastVerify is the least speed of "exporter verify", by that of what sums up the same files on as many processors.
const leastVerify = 0.9

// verifyWay is a way to store blobs, and who reads them back as well: sum is a command of a shell that takes the files that are named, NUL
// between them, on its standard input.
type verifyWay struct {
	name, sink string
	flags      []string
	sum        string
}

// The commands of those who sum up files.
const (
	sumFiles      = "xargs -0 sha256sum"
	sumCompressed = "xargs -0 zstd -dcq | sha256sum"
)

// measureVerify prints what verifications of blobs of some sizes take.
func (b *bench) measureVerify(ctx context.Context) error {
	small := []string{"--compression", "none", "--frame-size", "1MiB", "--shard-size", "1MiB"}
	for _, m := range []struct {
		corpus
		verifyWay
	}{
		{corpus{1, b.scaled(1_000_000), tinyBlob}, verifyWay{"small shards, not compressed", sinkArchive, small, sumFiles}},
		{newCorpus(b.scaled(10_000), 20_000), verifyWay{"shards, not compressed", sinkArchive, []string{"--compression", "none", "--shard-size", "64MiB"}, sumFiles}},
		{newCorpus(b.scaled(10_000), 20_000), verifyWay{"shards, compressed", sinkArchive, []string{"--shard-size", "64MiB"}, sumCompressed}},
		{newCorpus(b.scaled(5_000), 100_000), verifyWay{"shards, compressed", sinkArchive, []string{"--shard-size", "64MiB"}, sumCompressed}},
		{newCorpus(b.scaled(10_000), 20_000), verifyWay{"files", sinkLocal, nil, sumFiles}},
		{newCorpus(b.scaled(5_000), 100_000), verifyWay{"files", sinkLocal, nil, sumFiles}},
	} {
		out := filepath.Join(b.roomy, "out")
		if err := b.exportTo(ctx, m.corpus, m.sink, out, func(ctx context.Context, _ corpus, o exportOptions) (usage, *runReport, error) {
			u, _, err := runProcess(ctx, append(b.exportCommand(o), m.verifyWay.flags...))
			return u, nil, err
		}); err != nil {
			return err
		}
		fmt.Fprintf(b.out, "\n### Verification: %v, %s\n\n", m.corpus, m.name)
		if err := errors.Join(b.showVerify(ctx, m.verifyWay, out), os.RemoveAll(out)); err != nil {
			return err
		}
	}
	return nil
}

// showVerify prints what verifications of an export take, in turns with the sums of the same files.
func (b *bench) showVerify(ctx context.Context, way verifyWay, out string) error {
	var files []string
	for _, folder := range []string{"blobs", "shards"} {
		err := filepath.WalkDir(filepath.Join(out, folder), func(name string, entry fs.DirEntry, err error) error {
			if err == nil && entry.Type().IsRegular() {
				files = append(files, name)
			}
			return err
		})
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	compares := true
	for _, name := range []string{"sh", "xargs", "sha256sum", "zstd"} {
		if _, err := exec.LookPath(name); err != nil && (name != "zstd" || way.sum == sumCompressed) {
			fmt.Fprintf(b.out, "- there is no %s to compare with\n", name)
			compares = false
		}
	}
	var verified, summed []usage
	for range b.rounds {
		u, _, err := runProcess(ctx, []string{b.exporter, "verify", out})
		if err != nil {
			return err
		}
		verified = append(verified, u)
		if !compares {
			continue
		}
		if u, err = b.sumAll(ctx, way.sum, files); err != nil {
			return err
		}
		summed = append(summed, u)
		b.progress("verify: %s s, %s: %s s", inSeconds(verified[len(verified)-1].wall), way.sum, inSeconds(u.wall))
	}
	wall, cpu := func(u usage) time.Duration { return u.wall }, func(u usage) time.Duration { return u.cpu }
	text := fmt.Sprintf("- `verify` of %d files, medians of %d: %s s, %s CPU s, %s MiB", len(files), b.rounds, inSeconds(medianOf(verified, wall)),
		inSeconds(medianOf(verified, cpu)), inMiB(medianOf(verified, func(u usage) int64 { return u.rss })))
	if !compares {
		_, err := fmt.Fprintln(b.out, text)
		return err
	}
	speed := ratio(medianOf(summed, wall), medianOf(verified, wall))
	_, err := fmt.Fprintf(b.out, "%s: %.2f × the speed of `%s` on %d processors, which takes %s s and %s CPU s; at least %.1f is the target: %s\n", text, speed,
		way.sum, runtime.NumCPU(), inSeconds(medianOf(summed, wall)), inSeconds(medianOf(summed, cpu)), leastVerify, verdict(speed >= leastVerify))
	return err
}

// sumAll returns what it takes to sum up files, with a process for each processor.
func (b *bench) sumAll(ctx context.Context, sum string, files []string) (all usage, err error) {
	var lists []string
	for some := range slices.Chunk(files, max(1, (len(files)+runtime.NumCPU()-1)/runtime.NumCPU())) {
		list := filepath.Join(b.temp, fmt.Sprintf("sum-%d.list", len(lists)))
		if err := os.WriteFile(list, []byte(strings.Join(some, "\x00")), 0o600); err != nil {
			return all, err
		}
		lists = append(lists, list)
	}
	took := make([]usage, len(lists))
	start := time.Now()
	g, summing := errgroup.WithContext(ctx)
	for i, list := range lists {
		g.Go(func() (err error) {
			took[i], _, err = runProcess(summing, []string{"sh", "-c", "{ " + sum + `; } < "$0" > /dev/null`, list})
			return err
		})
	}
	err = g.Wait()
	all.wall = time.Since(start)
	for _, u := range took {
		all.cpu += u.cpu
	}
	return all, err
}
