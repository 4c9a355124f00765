package pipeline

import (
	"context"
	"testing"
)

// readsCounted counts how often the rows of a file's assets are read.
type readsCounted struct {
	*fakeStore
	reads int
}

func (s *readsCounted) Assets(ctx context.Context, of Owner) ([]*Row, error) {
	s.reads++
	return s.fakeStore.Assets(ctx, of)
}

// A file with skipped assets costs nothing as long as the filters are the ones that decided; with others, its rows are read once, in a
// run that lists everything and in one that lists only what was updated.
func TestRun_SkippedAssets_AreReadOnceForOtherFilters(t *testing.T) {
	for what, incremental := range map[string]bool{"": false, "incremental": true} {
		t.Run(what, func(t *testing.T) {
			const files = 3
			source, store := testSource(files), newFakeStore(t)
			o := testOptions(source, store)
			o.Filters.SkipNoise = true
			mustRun(t, o)
			run := func(when string, wantReads int) {
				t.Helper()
				store.nextRun()
				counted := &readsCounted{fakeStore: store}
				source.stopped, source.listings, source.fetched = false, nil, nil
				o.Ledger, o.Incremental = counted, incremental
				if incremental {
					source.files = nil
				}
				mustRun(t, o)
				if counted.reads != wantReads || len(source.listings)+len(source.fetched) > 0 {
					t.Errorf("%s: rows were read %d times, %d listings and %d blobs were asked for; want %d, none and none", when,
						counted.reads, len(source.listings), len(source.fetched), wantReads)
				}
			}
			run("nothing to do", 0)
			// One figure in each file is noise, and its confidence is low as well: it stays skipped for the same reason.
			o.Filters.MinConfidence = 0.05
			run("other filters that decide alike", files)
			run("the same again", 0)
			for _, f := range store.files {
				// Earlier versions did not record what had decided.
				f.Decided = ""
			}
			run("an earlier version's export", files)
			run("and again", 0)
		})
	}
}

// Filters that would decide otherwise have the file asked for again.
func TestRun_SkippedAssets_OtherReason_IsDecidedAnew(t *testing.T) {
	source, store := testSource(1), newFakeStore(t)
	o := testOptions(source, store)
	o.Filters.SkipNoise = true
	mustRun(t, o)
	store.nextRun()
	source.stopped, source.listings = false, nil
	o.Filters.SkipNoise = false
	mustRun(t, o)
	if n := countRows(store, hasStatus(Skipped)); n != 0 || len(source.listings) == 0 {
		t.Errorf("%d assets are skipped after %d listings, want none", n, len(source.listings))
	}
}

func TestFilters_Digest_TellsFiltersApart(t *testing.T) {
	pages, err := ParsePages("1-3")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	all := []Filters{
		{Screenshots: true}, {Figures: true}, allAssets, {Screenshots: true, Figures: true, SkipNoise: true},
		{Screenshots: true, Figures: true, MinConfidence: 0.5}, {Screenshots: true, Figures: true, MinConfidence: 0.25},
		{Screenshots: true, Figures: true, Pages: pages}, {Screenshots: true, Figures: true, Categories: []string{"a"}},
		{Screenshots: true, Figures: true, Categories: []string{"a", "b"}}, {Screenshots: true, Figures: true, Categories: []string{`a" "b`}},
	}
	for i := range all {
		digest := all[i].Digest()
		if other, twice := seen[digest]; twice {
			t.Errorf("%+v and %+v have one digest", all[i], all[other])
		}
		seen[digest] = i
		if again := all[i].Digest(); again != digest {
			t.Errorf("%+v: got %s, then %s", all[i], digest, again)
		}
	}
}
