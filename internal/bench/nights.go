package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// A year of nights: each finds so many new pictures.
const (
	nights, picturesANight = 365, 20
	// nightShard is the size of a full shard: a year fills about fourteen.
	nightShard = 50 << 20
	// mostNight is how often what the first nights cost may fit into what the last ones do.
	mostNight = 1.1
	// someNights is how many nights the medians are of.
	someNights = 30
	// earlyNight is the night with which the last one is compared.
	earlyNight = 16
)

// night is what a run of one night took, and what there was when it had ended. Written counts bytes that the process wrote, to files
// and to the network.
type night struct {
	usage
	written, shardBytes int64
	shards              int
}

// measureNights prints what a night of a few new pictures costs, after more and more nights, and how many shards a year leaves.
func (b *bench) measureNights(ctx context.Context) error {
	o := b.roomyExport("", sinkArchive)
	address, err := freeAddress()
	if err != nil {
		return err
	}
	o.url = "http://" + address
	all, count := []night{}, max(2, int(math.Round(nights*b.scale)))
	turns := []*sameNight{{number: min(earlyNight, count/2)}, {number: count}}
	for len(all) < count {
		if err := b.keepNight(o.out, turns, len(all)+1); err != nil {
			return err
		}
		one, err := b.spendNight(ctx, corpus{len(all) + 1, picturesANight, b.size}, address, o)
		if err != nil {
			return fmt.Errorf("night %d: %w", len(all)+1, err)
		}
		all = append(all, one)
		if len(all)%someNights == 0 {
			b.progress("nights: %d, %s CPU s, %s MiB written, %d shards", len(all), inSeconds(one.cpu), inMiB(one.written), one.shards)
		}
	}
	if err := b.takeTurns(ctx, turns, min(someNights, count/2), address, o); err != nil {
		return err
	}
	if err := b.showNights(all, turns); err != nil {
		return err
	}
	if b.svg != "" {
		if err := drawNights(b.svg, all); err != nil {
			return err
		}
	}
	return removeExport(o)
}

// freeAddress returns an address that every emulator of a year can listen on: an export knows its API by that.
func freeAddress() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return listener.Addr().String(), listener.Close()
}

// spendNight runs exporter once, when all pictures of a corpus but the last ones are stored.
func (b *bench) spendNight(ctx context.Context, c corpus, address string, o exportOptions) (n night, err error) {
	e, err := b.startEmulator(ctx, c, "--listen", address)
	if err != nil {
		return n, err
	}
	defer e.stop()
	command := append(b.exportCommand(o), "--shard-size", fmt.Sprint(nightShard))
	if n.usage, n.written, err = runCounted(ctx, command); err != nil {
		return n, err
	}
	r, err := readReport(o.out)
	if err != nil {
		return n, err
	}
	if a := r.Counts.Assets; r.ExitCode != 0 || a.Stored != picturesANight {
		return n, fmt.Errorf("exit code %d, %d pictures were stored, want %d", r.ExitCode, a.Stored, picturesANight)
	}
	n.shards, n.shardBytes, err = countFiles(filepath.Join(o.out, "shards"))
	return n, err
}

// showNights prints the first and the last nights, and some between.
func (b *bench) showNights(all []night, turns []*sameNight) error {
	some := min(someNights, len(all)/2)
	first, last := all[:some], all[len(all)-some:]
	cpu := func(n night) time.Duration { return n.cpu }
	written := func(n night) int64 { return n.written }
	t := &table{}
	t.add("nights", "CPU s", "min..max", "MiB written", "min..max", "shards")
	for at := 0; at+some <= len(all); at += max(some, (len(all)-some)/4) {
		group := all[at : at+some]
		cpus, bytes := collect(group, cpu), collect(group, written)
		t.add(fmt.Sprintf("%d to %d", at+1, at+some), inSeconds(median(cpus)),
			inSeconds(slices.Min(cpus))+".."+inSeconds(slices.Max(cpus)), inMiB(median(bytes)),
			inMiB(slices.Min(bytes))+".."+inMiB(slices.Max(bytes)), fmt.Sprint(group[some-1].shards))
	}
	fmt.Fprintf(b.out, "\n### Nights: %d with %d new pictures of %d bytes each, archive, shards of %s MiB, medians of %d nights\n",
		len(all), picturesANight, b.size, inMiB(nightShard), some)
	if err := t.write(b.out); err != nil {
		return err
	}
	end := all[len(all)-1]
	ask := 1 + int(end.shardBytes/nightShard)
	early, late := turns[0], turns[1]
	byCPU := ratio(medianOf(late.again, cpu), medianOf(early.again, cpu))
	byBytes := float64(medianOf(last, written)) / float64(max(1, medianOf(first, written)))
	_, err := fmt.Fprintf(b.out, "- CPU time of night %d: %.2f × that of night %d, medians of %d in turns, %.1f and %.1f ms; at most %.1f is the target: %s\n"+
		"- bytes written in the last nights: %.2f × those of the first; at most %.1f is the target: %s\n"+
		"- %d shards for %s MiB; at most %d is the target: %s\n",
		late.number, byCPU, early.number, len(late.again), inMilliseconds(medianOf(late.again, cpu)), inMilliseconds(medianOf(early.again, cpu)),
		mostNight, verdict(byCPU <= mostNight), byBytes, mostNight, verdict(byBytes <= mostNight),
		end.shards, inMiB(end.shardBytes), ask+1, verdict(end.shards <= ask+1))
	return err
}

// drawNights draws nights as SVG, into a file.
func drawNights(name string, all []night) (err error) {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return writeNights(f, all)
}
