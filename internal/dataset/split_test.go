package dataset

import (
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"exporter/internal/testmain"
	"exporter/pipeline"
)

// splitsOf returns the splits that have pictures of each file, of both kinds.
func splitsOf(t *testing.T, out string) map[string][]string {
	t.Helper()
	splits := map[string]map[string]bool{}
	folders, err := filepath.Glob(filepath.Join(out, "*", "*"))
	must(t, err)
	for _, folder := range folders {
		if info, err := os.Stat(folder); err != nil || !info.IsDir() {
			continue
		}
		relative, err := filepath.Rel(out, folder)
		must(t, err)
		for _, row := range readShards(t, out, relative) {
			if splits[row.FileID] == nil {
				splits[row.FileID] = map[string]bool{}
			}
			splits[row.FileID][filepath.Base(folder)] = true
		}
	}
	all := map[string][]string{}
	for file, in := range splits {
		all[file] = slices.Sorted(maps.Keys(in))
	}
	return all
}

func TestMake_ExportGrows_NoDocumentMoves(t *testing.T) {
	testmain.Long(t)
	o := Options{Split: []Share{{"train", 0.6}, {"validation", 0.2}, {"test", 0.2}}, Seed: "7"}
	e := newTestExport(t, local).add(testFiles(0, 40))
	_, made, err := makeDataset(t, o, e)
	must(t, err)
	before := splitsOf(t, made.Out)
	// Half as many again come, some of them among those that are there.
	e.add(append(testFiles(100, 10), testFiles(60, 10)...))
	o.Out = made.Out
	_, _, err = makeDataset(t, o, e)
	must(t, err)
	after := splitsOf(t, made.Out)
	if len(before) != 40 || len(after) != 60 {
		t.Fatalf("%d and %d files, want 40 and 60", len(before), len(after))
	}
	counts := map[string]int{}
	for file, splits := range before {
		if len(splits) != 1 || !slices.Equal(splits, after[file]) {
			t.Errorf("%s was in %q, and is in %q, want the same one", file, splits, after[file])
		}
		counts[splits[0]]++
	}
	if counts["train"] < 15 || counts["validation"] == 0 || counts["test"] == 0 {
		t.Errorf("the splits have %v of 40 files, want about 24, 8 and 8", counts)
	}
}

func TestMake_SameBytes_AreInOneSplit(t *testing.T) {
	var rows []*pipeline.Row
	for file := range 60 {
		// Each two or three files share a page.
		id := fmt.Sprintf("file-%03d", file)
		rows = append(rows, stored(id, pipeline.Screenshot, 0, drawn(file%25, 12, 12)), stored(id, pipeline.Screenshot, 1, drawn(1000+file, 12, 12)))
	}
	e := newTestExport(t, local).add(rows)
	report, o, err := makeDataset(t, Options{Split: []Share{{"test", 0.3}, {"train", 0.4}, {"val_2", 0.3}}}, e)
	must(t, err)
	in := map[string]string{}
	pictures := 0
	for _, split := range []string{"train", "test", "val_2"} {
		for _, row := range readShards(t, o.Out, "pages/"+split) {
			pictures++
			if other := in[row.SHA256]; other != "" && other != split {
				t.Errorf("%s is in %s and %s", row.SHA256, other, split)
			}
			in[row.SHA256] = split
		}
	}
	leaks := report.LeftOut[ReasonLeak]
	if leaks == 0 || pictures+int(leaks) != len(rows) {
		t.Errorf("%d pictures and %d left out, want %d together, and some of these", pictures, leaks, len(rows))
	}
	// What train could have, it has.
	s := newSplitter(&o)
	for _, row := range rows {
		if split := s.names[s.of(&Sample{Row: row})]; split == "train" && in[fmt.Sprintf("%x", row.Content.SHA256)] != "train" {
			t.Errorf("%v is of train, and its bytes are in %q", row.Key(), in[fmt.Sprintf("%x", row.Content.SHA256)])
		}
	}
	if lines := leftOutLines(t, o.Out); len(lines) != int(leaks) || lines[0].Reason != ReasonLeak {
		t.Errorf("%d lines in %s, want %d", len(lines), leftOutName, leaks)
	}
}

func TestParseSplit_Shares(t *testing.T) {
	for _, tt := range []struct {
		text string
		want []Share
		// wrong is part of the error.
		wrong string
	}{
		{"train=0.9,val=0.05,test=0.05", []Share{{"train", 0.9}, {"validation", 0.05}, {"test", 0.05}}, ""},
		{"train=1", []Share{{"train", 1}}, ""},
		{"a=0.1, b=0.2 ,c=0.3,d=0.4", []Share{{"a", 0.1}, {"b", 0.2}, {"c", 0.3}, {"d", 0.4}}, ""},
		{"train=0.9", nil, "add to 0.9"},
		{"train=0.5,test=0.6", nil, "add to 1.1"},
		{"train=0.5,train=0.5", nil, "given twice"},
		{"val=0.5,validation=0.5", nil, "given twice"},
		{"train=NaN", nil, "0 to 1"},
		{"train=2,test=-1", nil, "0 to 1"},
		{"train", nil, "NAME=SHARE"},
		{"train=much", nil, "no number"},
		{"../x=1", nil, "letters, digits and _"},
		{"", nil, "NAME=SHARE"},
	} {
		got, err := ParseSplit(tt.text)
		switch {
		case tt.wrong != "":
			if err == nil || !strings.Contains(err.Error(), tt.wrong) {
				t.Errorf("ParseSplit(%q): error %v, want one with %q", tt.text, err, tt.wrong)
			}
		case err != nil || !cmp.Equal(got, tt.want):
			t.Errorf("ParseSplit(%q) = %v, %v, want %v", tt.text, got, err, tt.want)
		}
	}
}

func TestReadSplits_Lines(t *testing.T) {
	got, err := ReadSplits(strings.NewReader("\ufeff# ids\n\nfile-1,train\nfile-2\tval\na, b ,test\r\n"))
	must(t, err)
	if diff := cmp.Diff(map[string]string{"file-1": "train", "file-2": "validation", "a, b": "test"}, got); diff != "" {
		t.Errorf("splits (-want +got):\n%s", diff)
	}
	for text, want := range map[string]string{
		"file-1": "line 1", "a,train\nb,al l": "line 2", "a,train\na,test": `line 2: "a" is in "test", and in "train" above`,
	} {
		if _, err := ReadSplits(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("ReadSplits(%q): error %v, want one with %q", text, err, want)
		}
	}
}

// The part of documents that a split gets is its share, and each key says what is never divided.
func TestSplitter_Of_SharesAndKeys(t *testing.T) {
	o := &Options{Split: []Share{{"train", 0.7}, {"test", 0.3}}, SplitBy: SplitByFile}
	s := newSplitter(o)
	const count = 10_000
	inTest := 0
	for i := range count {
		inTest += s.of(&Sample{Row: stored(fmt.Sprint("file-", i), pipeline.Screenshot, 0, nil)})
	}
	if share := float64(inTest) / count; math.Abs(share-0.3) > 0.02 {
		t.Errorf("test has %.3f of the documents, want about 0.3", share)
	}
	unique := "unique"
	for by, want := range map[string]string{
		SplitByFile: "file-1", SplitByDirectory: "dir-1", SplitByDisplayName: "display file-1", SplitByUniqueID: "unique",
	} {
		s.by = by
		sample := &Sample{Row: stored("file-1", pipeline.Screenshot, 0, nil), File: &pipeline.FileRow{File: pipeline.File{UniqueID: &unique}}}
		if got := s.key(sample); got != want {
			t.Errorf("by %s: key %q, want %q", by, got, want)
		}
	}
	s.by = SplitByUniqueID
	if got := s.key(&Sample{Row: stored("file-1", pipeline.Screenshot, 0, nil)}); got != "file-1" {
		t.Errorf("without a unique_id: key %q, want the file's", got)
	}
}

// Every split of every kind has a shard under way, whose rows are in memory.
func TestNewDealers_ManySplits_HaveSmallerShards(t *testing.T) {
	for splits, want := range map[int]int{1: maxShardRows, 3: 2_000, 10: 600, maxSplits: leastShardRows} {
		d := newDealers(&Options{ShardSize: MaxShardSize}, 2, splits)[1][splits-1]
		rows := 0
		for ; d.deal(1) == 0; rows++ {
		}
		if rows != want || rows*2*splits > max(openRows, 2*splits*leastShardRows) {
			t.Errorf("%d splits: shards of %d rows, want %d", splits, rows, want)
		}
	}
}

// What no form takes is left out, whatever the tables say of it.
func TestCandidates_Judge_HugePicture(t *testing.T) {
	o := &Options{SplitBy: SplitByFile}
	c := &candidates{options: o, splits: newSplitter(o)}
	for size, want := range map[int64]Reason{largestPicture: "", largestPicture + 1: ReasonLarge, math.MaxInt64: ReasonLarge} {
		row := stored("file-1", pipeline.Screenshot, 0, drawn(1, 4, 4), func(r *pipeline.Row) { r.Content.Size = size })
		if got := c.judge(&candidate{Sample: Sample{Row: row}, split: -1}); got != want {
			t.Errorf("%d bytes: got %q, want %q", size, got, want)
		}
	}
}
