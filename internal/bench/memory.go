package main

import (
	"context"
	"fmt"
)

// smallBlob is the size in bytes of blobs where their number is what matters.
const smallBlob = 2000

// mostMemory is the target for the peak of resident memory, in bytes, of any number of small assets.
const mostMemory = 128 << 20

// measureMemory prints the peak of resident memory for more and more assets, in both sinks.
func (b *bench) measureMemory(ctx context.Context) error {
	t := &table{}
	t.add(fmt.Sprintf("assets of %d bytes", smallBlob), "local, MiB", "archive, MiB")
	var highest int64
	for _, assets := range []int{2_000, 20_000, 200_000} {
		c := newCorpus(b.scaled(assets), smallBlob)
		row := []string{fmt.Sprint(c.blobs())}
		for _, sink := range []string{sinkLocal, sinkArchive} {
			u, err := b.exportOnce(ctx, c, sink)
			if err != nil {
				return err
			}
			b.progress("memory, %d assets, %s: %s MiB", c.blobs(), sink, inMiB(u.rss))
			row = append(row, inMiB(u.rss))
			highest = max(highest, u.rss)
		}
		t.add(row...)
	}
	fmt.Fprintf(b.out, "\n### Peak of resident memory, %d workers\n", b.workers)
	if err := t.write(b.out); err != nil {
		return err
	}
	if highest > 0 {
		fmt.Fprintf(b.out, "- %s MiB at most; less than %s MiB is the target: %s\n",
			inMiB(highest), inMiB(mostMemory), verdict(highest < mostMemory))
	}
	return nil
}

// exportOnce exports a corpus and removes the export.
func (b *bench) exportOnce(ctx context.Context, c corpus, sink string) (usage, error) {
	e, err := b.startEmulator(ctx, c)
	if err != nil {
		return usage{}, err
	}
	defer e.stop()
	o := b.roomyExport(e.url, sink)
	u, _, err := b.exportChecked(ctx, c, o)
	if err != nil {
		return u, err
	}
	return u, removeExport(o)
}
