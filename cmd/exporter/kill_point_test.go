//go:build unix && !race

package main

import (
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"exporter/internal/durable"
	"exporter/internal/export"
	"exporter/internal/testmain"
)

// A part of each kind in the middle of a run, and the sixteenth, which makes a roll-up that takes its name.
const (
	thirdPart  = ".exporter/parts/00000003.assets.parquet"
	rolledUp   = ".exporter/parts/00000016.assets.parquet"
	assetParts = ".exporter/parts/*.assets.parquet"
	fileParts  = ".exporter/parts/*.files.parquet"
)

// killCases returns where the runs of an export are killed. Each case has a point for each of its runs but the last. What is the same for all
// sinks is tried with one or the other, unless all of it is asked for.
func killCases(sink string) (tried [][]point) {
	special := localCases
	if sink == "archive" {
		special = archiveCases
	}
	for i, points := range tableCases() {
		if (i+len(sink))%testmain.Apart(2) == 0 {
			tried = append(tried, points)
		}
	}
	return append(tried, special()...)
}

// tableCases are killCases of what is written beside blobs.
func tableCases() [][]point {
	cases := each(
		replaced(thirdPart), replaced(fileParts),
		// A roll-up.
		replaced(rolledUp, "rename "+rolledUp),
		[]point{
			{"remove .exporter/parts/00000001.assets.parquet"},
			{"remove .exporter/parts/00000008.assets.parquet"},
			{"remove .exporter/parts/00000015.assets.parquet"},
			{"remove " + fileParts},
		},
		// The end of a run.
		replaced("manifest.parquet"), []point{{"rename manifest.parquet", "remove " + assetParts}},
		replaced("files.parquet"), []point{{"rename files.parquet", "remove " + fileParts}},
		put("*Z-*.json", "runs/*.json"),
		replaced(export.ReportName),
	)
	// The run after a kill is killed while it tidies up.
	return append(cases,
		[]point{{"rename " + rolledUp, "rename " + rolledUp}, {"remove " + thirdPart}},
		[]point{{"rename manifest.parquet"}, {"remove " + assetParts}},
		[]point{{"rename files.parquet"}, {"remove " + fileParts}},
	)
}

func localCases() [][]point {
	const blob, pages = durable.TempDir + "/*.jpg", "blobs/*/*/page_screenshots"
	return each([]point{
		{"create " + blob},
		{"write " + blob},
		{"sync " + blob},
		{"mkdir " + pages},
		{"rename " + pages + "/0.jpg"},
		{"rename " + pages + "/1.jpg", "syncdir " + pages},
		{"rename " + pages + "/1.jpg", "syncdir ."},
	})
}

func archiveCases() [][]point {
	const (
		first        = "shards/shard-000000.tar.zst"
		firstPartial = first + ".partial"
		next         = "create shards/shard-000001.tar.zst.partial"
	)
	cases := each([]point{
		{"create " + firstPartial},
		{"write " + firstPartial},
		{"sync " + firstPartial},
		{"sync " + firstPartial, "syncdir shards"},
		{"sync " + firstPartial, "syncdir ."},
		{next},
		// What is written to a shard when the next one has been begun is its end.
		{next, "write " + firstPartial},
		{next, "write " + firstPartial, "sync " + firstPartial},
		{"rename " + first},
		{"rename " + first, "syncdir shards"},
	})
	// The run after a kill removes a shard without a committed row, and cuts back one that has some.
	return append(cases,
		[]point{{"write " + firstPartial}, {"remove " + firstPartial}},
		[]point{{"rename " + thirdPart, "write " + firstPartial}, {"truncate " + firstPartial}},
	)
}

// replaced returns a point for each step in which a file gets its bytes, the first time after what comes before.
func replaced(name string, before ...string) (points []point) {
	return put("*-"+path.Base(name), name, before...)
}

// put is replaced for a file with such a temporary name.
func put(temp, name string, before ...string) (points []point) {
	temp, steps := durable.TempDir+"/"+temp, point(before)
	for _, step := range []string{"create " + temp, "write " + temp, "sync " + temp, "rename " + name, "syncdir " + path.Dir(name)} {
		steps = append(slices.Clip(steps), step)
		points = append(points, steps)
	}
	return points
}

// each makes every point a case of its own.
func each(points ...[]point) (cases [][]point) {
	for _, p := range slices.Concat(points...) {
		cases = append(cases, []point{p})
	}
	return cases
}

// A run is killed at each step of a checkpoint, of a roll-up, of sealing and of its end. What is committed is there, and the
// next run makes the export what it would have been anyway.
func TestExport_KillAtPoint_LosesAtMostACheckpoint(t *testing.T) {
	testmain.Long(t)
	t.Parallel()
	for _, sink := range []string{"local", "archive"} {
		// Few assets for each checkpoint, and few files complete in each: there are more than sixteen parts of both kinds.
		s := exportSettings{sink: sink, files: 24, each: 4, rows: 2, workers: 2, checkpoint: time.Hour}
		want := s.undisturbed(t)
		for _, points := range killCases(sink) {
			name := sink
			for _, p := range points {
				name += "/" + strings.Join(p, ", ")
			}
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				e := newKilledExport(t, s)
				for _, p := range points {
					e.start(p).killAtPoint()
					if e.checkKilled() > 0 {
						newCLI(t, e.url).mustRun("verify", "--out", e.out)
					}
				}
				e.complete(want)
			})
		}
	}
}
