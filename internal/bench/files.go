package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"time"
)

// Targets of exports of many files.
const (
	// mostIdleShare is the most CPU time of a run with nothing to do, as a share of that of the exporter that -than names.
	mostIdleShare = 0.25
	// mostPruneGrowth is how often the time of removing a blob among few may fit into that of one among ten times as many.
	mostPruneGrowth = 1.2
	// mostLookUp and mostLookUpMemory bound one "exporter cat".
	mostLookUp       = 30 * time.Millisecond
	mostLookUpMemory = 64 << 20
	// mostMetadataMemory is the target for the peak of resident memory of a run over much metadata.
	mostMetadataMemory = 160 << 20
)

// tinyBlob is the size in bytes of blobs that are there to be counted.
const tinyBlob = 100

// measureFiles measures exports of many files, of many skipped assets, of one file with many figures, and of much metadata.
func (b *bench) measureFiles(ctx context.Context) error {
	for _, measure := range []func(context.Context) error{b.measureMany, b.measureSkips, b.measurePrune, b.measureBig, b.measureMetadata} {
		if err := measure(ctx); err != nil {
			return err
		}
	}
	return nil
}

// measured are the exporters that are measured, and what they are called: this one, and the one that -than names.
func (b *bench) measured() map[string]string {
	exporters := map[string]string{ownName: b.exporter}
	if b.than != "" {
		exporters[thanName] = b.than
	}
	return exporters
}

// turn is a run of a scenario.
type turn struct {
	name string
	args []string
}

// turns runs a scenario with each exporter, against an emulator with some flags, and returns what each of its runs took.
func (b *bench) turns(
	ctx context.Context, title string, c corpus, runs []turn, after func(out string) error, flags ...string,
) (map[string][]usage, error) {
	took := map[string][]usage{}
	e, err := b.startEmulator(ctx, c, flags...)
	if err != nil {
		return nil, err
	}
	defer e.stop()
	for _, name := range slices.Sorted(maps.Keys(b.measured())) {
		o := b.roomyExport(e.url, sinkArchive)
		for _, n := range runs {
			other := *b
			other.exporter = b.measured()[name]
			u, _, err := runProcess(ctx, append(other.exportCommand(o), n.args...))
			if err != nil {
				return nil, err
			}
			took[name] = append(took[name], u)
			b.progress("%s, %s, %s: %s CPU s, %s s, %s MiB", title, name, n.name, inSeconds(u.cpu), inSeconds(u.wall), inMiB(u.rss))
		}
		if name == ownName && after != nil {
			if err := after(o.out); err != nil {
				return nil, err
			}
		}
		if err := removeExport(o); err != nil {
			return nil, err
		}
	}
	return took, b.showTurns(title, runs, took)
}

func (b *bench) showTurns(title string, runs []turn, took map[string][]usage) error {
	t := &table{}
	t.add("run", "CPU s", "s", "peak MiB", "CPU s of -than", "peak MiB of -than", "CPU ÷ that")
	for i, n := range runs {
		u := took[ownName][i]
		row := []string{n.name, inSeconds(u.cpu), inSeconds(u.wall), inMiB(u.rss), "", "", ""}
		if than := took[thanName]; than != nil {
			row[4], row[5], row[6] = inSeconds(than[i].cpu), inMiB(than[i].rss), fmt.Sprintf("%.2f", u.cpu.Seconds()/than[i].cpu.Seconds())
		}
		t.add(row...)
	}
	fmt.Fprintf(b.out, "\n### %s\n", title)
	return t.write(b.out)
}

// measureMany prints what an export of many files takes, one asset each, and one look-up in it.
func (b *bench) measureMany(ctx context.Context) error {
	c := corpus{b.scaled(1_000_000), 1, tinyBlob}
	runs := []turn{{name: "first"}, {name: "second"}, {"with --prune", []string{"--prune"}}}
	took, err := b.turns(ctx, fmt.Sprintf("Files: %d of one asset", c.files), c, runs, func(out string) error { return b.lookUp(ctx, out, c.files/2, 0) })
	if err != nil {
		return err
	}
	b.showPeak(took, mostMemory)
	return b.showIdleShare(took, 1)
}

// showPeak compares the peak of what runs took with its target.
func (b *bench) showPeak(took map[string][]usage, most int64) {
	highest := slices.MaxFunc(took[ownName], func(a, b usage) int { return int(a.rss - b.rss) }).rss
	fmt.Fprintf(b.out, "- %s MiB at most; less than %s MiB is the target: %s\n", inMiB(highest), inMiB(most), verdict(highest < most))
}

// measureMetadata prints what long metadata takes, of files and of assets.
func (b *bench) measureMetadata(ctx context.Context) error {
	for _, m := range []struct {
		corpus
		file, asset string
	}{
		{corpus{16, b.scaled(500), smallBlob}, "1MB", "0"},
		{corpus{b.few(500), 20, smallBlob}, "20KB", "20KB"},
	} {
		title := fmt.Sprintf("Metadata: %d files of %d assets, %s a file, %s an asset", m.files, m.assetsPerFile, m.file, m.asset)
		took, err := b.turns(ctx, title, m.corpus, []turn{{name: "first"}, {name: "second"}}, nil,
			"--synthetic-metadata", m.file, "--synthetic-asset-metadata", m.asset)
		if err != nil {
			return err
		}
		b.showPeak(took, mostMetadataMemory)
	}
	return nil
}

// measureSkips prints what a run with nothing to do takes where every file has a skipped asset.
func (b *bench) measureSkips(ctx context.Context) error {
	c := corpus{b.scaled(20_000), 20, tinyBlob}
	skips := []string{"--skip-noise"}
	runs := []turn{{"first", skips}, {"second", skips}}
	took, err := b.turns(ctx, fmt.Sprintf("Skipped assets: %d files of %d assets, --skip-noise", c.files, c.assetsPerFile), c, runs, nil)
	if err != nil {
		return err
	}
	return b.showIdleShare(took, 1)
}

// showIdleShare compares a run with nothing to do with that of the other exporter, where there is one.
func (b *bench) showIdleShare(took map[string][]usage, run int) error {
	if took[thanName] == nil {
		return nil
	}
	share := took[ownName][run].cpu.Seconds() / took[thanName][run].cpu.Seconds()
	_, err := fmt.Fprintf(b.out, "- Nothing to do: %.2f × the CPU time of -than; at most %.2f is the target: %s\n", share, mostIdleShare,
		verdict(share <= mostIdleShare))
	return err
}

// lookUp prints what one "exporter cat" takes.
func (b *bench) lookUp(ctx context.Context, out string, file, page int) error {
	command := []string{b.exporter, "cat", "--out", out, fmt.Sprintf("file-%08d", file), strconv.Itoa(page)}
	var all []usage
	for range 5 {
		u, _, err := runProcess(ctx, command)
		if err != nil {
			return err
		}
		all = append(all, u)
	}
	wall, rss := medianOf(all, func(u usage) time.Duration { return u.wall }), medianOf(all, func(u usage) int64 { return u.rss })
	_, err := fmt.Fprintf(b.out, "\n- One blob with `cat`: %.0f ms, %s MiB; %.0f ms and %s MiB are the target: %s\n", 1000*wall.Seconds(), inMiB(rss),
		1000*mostLookUp.Seconds(), inMiB(mostLookUpMemory), verdict(wall <= mostLookUp && rss <= mostLookUpMemory))
	return err
}

// measureBig prints what one file with many pages and figures takes, one look-up among them, and its verification.
func (b *bench) measureBig(ctx context.Context) error {
	c := corpus{1, b.scaled(1_000_000), tinyBlob}
	// A member of a shard that is not compressed has 1 KiB: there are a thousand in each.
	first := turn{"first", []string{"--compression", "none", "--frame-size", "1MiB", "--shard-size", "1MiB"}}
	after := func(out string) error {
		if err := b.lookUp(ctx, out, 0, c.assetsPerFile/4); err != nil {
			return err
		}
		return b.showVerify(ctx, verifyWay{sum: sumFiles}, out)
	}
	_, err := b.turns(ctx, fmt.Sprintf("One file of %d assets", c.assetsPerFile), c, []turn{first, {"second", first.args}}, after)
	return err
}

// measurePrune prints what it takes to remove many blobs that are files of their own, and ten times as many.
func (b *bench) measurePrune(ctx context.Context) error {
	t := &table{}
	t.add("blobs removed", "s", "µs a blob", "peak MiB")
	var perBlob []float64
	for _, blobs := range []int{b.scaled(20_000), b.scaled(200_000)} {
		u, err := b.pruneOnce(ctx, blobs)
		if err != nil {
			return err
		}
		b.progress("prune, %d blobs: %s s", blobs, inSeconds(u.wall))
		perBlob = append(perBlob, 1e6*u.wall.Seconds()/float64(blobs))
		t.add(fmt.Sprint(blobs), inSeconds(u.wall), fmt.Sprintf("%.1f", perBlob[len(perBlob)-1]), inMiB(u.rss))
	}
	fmt.Fprintf(b.out, "\n### Prune: files of one blob, local sink\n")
	if err := t.write(b.out); err != nil {
		return err
	}
	growth := perBlob[1] / perBlob[0]
	_, err := fmt.Fprintf(b.out, "- A blob among the most: %.2f × that among the fewest; at most %.1f is the target: %s\n", growth, mostPruneGrowth,
		verdict(growth <= mostPruneGrowth))
	return err
}

// pruneOnce exports files of one blob each, has all but one vanish, and returns what it takes to remove them.
func (b *bench) pruneOnce(ctx context.Context, blobs int) (u usage, err error) {
	address, err := freeAddress()
	if err != nil {
		return u, err
	}
	o := b.roomyExport("http://"+address, sinkLocal)
	defer func() { err = errors.Join(err, removeExport(o)) }()
	accepts := []string{"--force", "listing"}
	for _, n := range []struct {
		files int
		args  []string
	}{{blobs + 1, nil}, {1, accepts}, {1, append(accepts, "--prune", "--force", "prune")}} {
		e, err := b.startEmulator(ctx, corpus{n.files, 1, tinyBlob}, "--listen", address)
		if err != nil {
			return u, err
		}
		u, _, err = runProcess(ctx, append(b.exportCommand(o), n.args...))
		e.stop()
		if err != nil {
			return u, err
		}
	}
	left, err := filepath.Glob(filepath.Join(o.out, "blobs", "*", "*"))
	if err == nil && len(left) != 1 {
		err = fmt.Errorf("%d folders of blobs are left, want 1", len(left))
	}
	return u, err
}
