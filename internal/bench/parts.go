package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

const (
	// mergedParts is how many parts -parts merges, and mergedRows how many rows of assets these have.
	mergedParts, mergedRows = 1000, 10_000_000
	// mostMergeCPU is the target for the CPU time of a merge of parts, by that of a run's own merge of as many rows.
	mostMergeCPU = 1.3
)

// measureParts prints what it takes to merge the tables of many parts, and those of one export with as many rows.
func (b *bench) measureParts(ctx context.Context) error {
	dir := b.disk
	if dir == "" {
		dir = b.roomy
	}
	rows := b.scaled(mergedRows)
	t := &table{}
	t.add("merge", "rows", "CPU s", "s", "peak MiB", "tables, MiB")
	one, many := filepath.Join(dir, "one"), filepath.Join(dir, "parts")
	files := strconv.Itoa(rows / assetsOfFile)
	own, err := b.measureMerge(ctx, one, []string{b.self, compactCommand, one}, "-files", files)
	if err != nil {
		return err
	}
	count := min(mergedParts, rows/assetsOfFile)
	merged, err := b.measureMerge(ctx, many, []string{b.exporter, "merge", many, "--json"}, "-files", files, "-parts", strconv.Itoa(count))
	if err != nil {
		return err
	}
	// The peak of the first is that of this program, which does not bound its heap as exporter does.
	t.add("of a run", fmt.Sprint(rows), inSeconds(own.cpu), inSeconds(own.wall), "", inMiB(own.tables))
	t.add(fmt.Sprintf("of %d parts", count), fmt.Sprint(rows), inSeconds(merged.cpu), inSeconds(merged.wall), inMiB(merged.rss), inMiB(merged.tables))
	fmt.Fprintf(b.out, "\n### Parts: %d with %d rows\n", count, rows)
	if err := t.write(b.out); err != nil {
		return err
	}
	share := merged.cpu.Seconds() / own.cpu.Seconds()
	fmt.Fprintf(b.out, "- CPU time of the merge of parts ÷ that of a run: %.2f; at most %.1f is the target: %s\n", share, mostMergeCPU, verdict(share <= mostMergeCPU))
	if merged.rss > 0 {
		fmt.Fprintf(b.out, "- %s MiB at most; less than %s MiB is the target: %s\n", inMiB(merged.rss), inMiB(mostMemory), verdict(merged.rss < mostMemory))
	}
	return nil
}

// mergeUsage is what a merge took, and the size of its tables.
type mergeUsage struct {
	usage
	tables int64
}

// measureMerge makes tables, merges them by a command, and removes them.
func (b *bench) measureMerge(ctx context.Context, out string, command []string, make ...string) (m mergeUsage, err error) {
	if _, _, err := runProcess(ctx, append([]string{b.self, makePartsCommand, "-out", out}, make...)); err != nil {
		return m, err
	}
	var stdout string
	if m.usage, stdout, err = runProcess(ctx, command); err != nil {
		return m, err
	}
	b.progress("%s: %s CPU s, %s s, %s MiB", strings.Join(command[1:], " "), inSeconds(m.cpu), inSeconds(m.wall), inMiB(m.rss))
	if stdout != "" {
		lines := strings.Split(strings.TrimSpace(stdout), "\n")
		var summary struct{ Assets int64 }
		if err := json.Unmarshal([]byte(lines[len(lines)-1]), &summary); err != nil {
			return m, err
		}
		if want := int64(b.scaled(mergedRows)); summary.Assets != want {
			return m, fmt.Errorf("%d assets were merged, want %d", summary.Assets, want)
		}
	}
	for _, name := range []string{"manifest.parquet", "files.parquet"} {
		info, err := os.Stat(filepath.Join(out, name))
		if err != nil {
			return m, err
		}
		m.tables += info.Size()
	}
	return m, os.RemoveAll(out)
}
