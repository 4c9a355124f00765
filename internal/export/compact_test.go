package export

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"exporter/internal/config"
	"exporter/internal/store"
	"exporter/internal/store/place"
	"exporter/internal/testmain"
	"exporter/internal/verify"
	"exporter/manifest"
	"exporter/pipeline"
)

// copyEarlier returns a copy of an export that an earlier version made.
func copyEarlier(t *testing.T, name string) string {
	t.Helper()
	out := filepath.Join(t.TempDir(), "out")
	if err := os.CopyFS(out, os.DirFS("../../cmd/exporter/testdata/exports/"+name)); err != nil {
		t.Fatal(err)
	}
	return out
}

func mustCompact(t *testing.T, out string) Compacted {
	t.Helper()
	cfg := config.Default()
	cfg.Output.Dir = out
	done, err := Compact(t.Context(), CompactOptions{Config: cfg, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return done
}

// Who has read the tables before a compaction finds a blob where it is afterwards.
func TestCat_CompactedMeanwhile_FindsTheBlob(t *testing.T) {
	out := copyEarlier(t, "schema1-archive")
	if _, err := Remove(t.Context(), out, Targets{Files: []string{"file-00000001"}}, place.Options{}); err != nil {
		t.Fatal(err)
	}
	rows, err := FirstStored(t.Context(), out, 1)
	if err != nil {
		t.Fatal(err)
	}
	times, compacted := 0, Compacted{}
	var got bytes.Buffer
	err = cat(t.Context(), &got, choiceOf(rows[0]), func() (*opened, error) {
		o, err := open(t.Context(), out, nil, manifest.Glance)
		if times++; times == 1 {
			compacted = mustCompact(t, out)
		}
		return o, err
	})
	if err != nil || int64(got.Len()) != rows[0].Content.Size || times != 2 || compacted.Repacked != 1 {
		t.Errorf("got %d bytes, %v, after %d openings and %+v, want %d after 2", got.Len(), err, times, compacted, rows[0].Content.Size)
	}
	if err := os.RemoveAll(filepath.Join(out, "shards")); err != nil {
		t.Fatal(err)
	}
	if err := Cat(t.Context(), &got, out, *choiceOf(rows[0]), nil); !Is[*pipeline.DamageError](err) {
		t.Errorf("got error %v, want a DamageError", err)
	}
}

// An export of an earlier version is raised, and its old tables go.
func TestCompact_EarlierVersion_IsRaised(t *testing.T) {
	testmain.Long(t)
	exports, err := filepath.Glob("../../cmd/exporter/testdata/exports/*")
	if err != nil || len(exports) == 0 {
		t.Fatalf("there are no exports: %v", err)
	}
	for _, e := range exports {
		name := filepath.Base(e)
		t.Run(name, func(t *testing.T) {
			out := copyEarlier(t, name)
			before, err := FirstStored(t.Context(), out, 1000)
			if err != nil {
				t.Fatal(err)
			}
			done := mustCompact(t, out)
			if isWhole := strings.HasPrefix(name, "schema1") && !strings.HasSuffix(name, "-killed"); isWhole != (len(done.Tables) == 2) {
				t.Errorf("tables %q were removed", done.Tables)
			}
			old, err := filepath.Glob(filepath.Join(out, "*.schema1.parquet"))
			if err != nil || len(old) > 0 {
				t.Errorf("%q are left, %v", old, err)
			}
			after, err := FirstStored(t.Context(), out, 1000)
			if err != nil || len(after) != len(before) {
				t.Errorf("%d rows, %v, want %d", len(after), err, len(before))
			}
			for _, row := range after {
				if err := Cat(t.Context(), new(bytes.Buffer), out, *choiceOf(row), nil); err != nil {
					t.Errorf("%v: %v", row.Key(), err)
				}
			}
		})
	}
}

// A compaction never works beside a run.
func TestCompact_OfAnOwnedExport_IsRefused(t *testing.T) {
	out := copyEarlier(t, "schema1-archive")
	run, err := store.OwnDir(out)
	if err != nil {
		t.Fatal(err)
	}
	defer run.Close()
	cfg := config.Default()
	cfg.Output.Dir = out
	if _, err := Compact(t.Context(), CompactOptions{Config: cfg, Log: slog.New(slog.DiscardHandler)}); !errors.Is(err, store.ErrOwned) {
		t.Errorf("got error %v, want %v", err, store.ErrOwned)
	}
}

// Where parts follow tables that are gone, only what the tables had is stored for certain, which nobody knows.
func TestCompact_OnlyLaterPartsAreThere_IsRefused(t *testing.T) {
	for _, dryRun := range []bool{true, false} {
		out := copyEarlier(t, "schema2-archive-killed")
		first, err := filepath.Glob(filepath.Join(out, ".exporter", "parts", "00000001.*"))
		if err != nil || len(first) != 2 {
			t.Fatalf("got parts %q, %v, want two", first, err)
		}
		for _, part := range first {
			if err := os.Remove(part); err != nil {
				t.Fatal(err)
			}
		}
		before, err := os.ReadDir(filepath.Join(out, "shards"))
		if err != nil {
			t.Fatal(err)
		}
		cfg := config.Default()
		cfg.Output.Dir = out
		_, err = Compact(t.Context(), CompactOptions{Config: cfg, DryRun: dryRun, Log: slog.New(slog.DiscardHandler)})
		if !Is[*pipeline.DamageError](err) {
			t.Errorf("got error %v, want a DamageError", err)
		}
		if after, err := os.ReadDir(filepath.Join(out, "shards")); err != nil || len(after) != len(before) || after[0].Name() != before[0].Name() {
			t.Errorf("got shards %v, %v, want %v", after, err, before)
		}
	}
}

// A dry run says how much will move.
func TestCompact_DryRun_CountsWhatMoves(t *testing.T) {
	out := copyEarlier(t, "schema1-archive")
	if _, err := Remove(t.Context(), out, Targets{Files: []string{"file-00000001"}}, place.Options{}); err != nil {
		t.Fatal(err)
	}
	cfg := config.Default()
	cfg.Output.Dir = out
	planned, err := Compact(t.Context(), CompactOptions{Config: cfg, DryRun: true, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	done := mustCompact(t, out)
	if done.Bytes == 0 || planned.Bytes != done.Bytes || planned.Members != done.Members || planned.Repacked != done.Repacked {
		t.Errorf("planned %+v, did %+v", planned.Result, done.Result)
	}
}

// What shards are worth repacking is told by their sizes alone.
func TestWorth_TellsWhatIsMuch(t *testing.T) {
	dir, err := store.OwnDir(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	const full = 100_000
	sizes := map[string]int64{"shards/shard-000000.tar.zst": full, "shards/shard-000001.tar.zst": full, "shards/shard-000002.tar.zst": full}
	for name, size := range sizes {
		if err := store.PutBytes(t.Context(), dir, name, make([]byte, size)); err != nil {
			t.Fatal(err)
		}
	}
	of := func(first, second int64) map[string]manifest.Occupied {
		return map[string]manifest.Occupied{
			"shards/shard-000000.tar.zst": {Members: 10, Bytes: first}, "shards/shard-000001.tar.zst": {Members: 10, Bytes: second},
			"shards/shard-000002.tar.zst": {Members: 10, Bytes: full},
		}
	}
	for _, tt := range []struct {
		occupied  map[string]manifest.Occupied
		shardSize int64
		want      Worth
	}{
		{of(full, full), full, Worth{}},
		{of(80_000, 75_000), full, Worth{}},
		{of(50_000, 75_000), full, Worth{Shards: 1, DeadBytes: full - 50_000 - 11*768}},
		{nil, full, Worth{Shards: 3, DeadBytes: 3 * (full - 768)}},
		// Three small shards are few.
		{of(full, full), 10 * full, Worth{}},
	} {
		got, err := worth(t.Context(), dir, tt.occupied, tt.shardSize)
		if err != nil {
			t.Fatal(err)
		}
		if got == nil {
			got = &Worth{}
		}
		if *got != tt.want {
			t.Errorf("got %+v, want %+v", *got, tt.want)
		}
	}
	for n := range 5 {
		name := "shards/shard-00001" + string(rune('0'+n)) + ".tar.zst"
		if err := store.PutBytes(t.Context(), dir, name, nil); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := worth(t.Context(), dir, of(full, full), 10*full); err != nil || got == nil || got.SmallShards != 8 {
		t.Errorf("got %+v, %v, want 8 small shards", got, err)
	}
}

// compactingWatcher compacts an export when its verification has read the tables, and may lose the new shard.
type compactingWatcher struct {
	Watcher
	t     *testing.T
	out   string
	loses bool
}

func (w compactingWatcher) Verification(func() verify.Counts) func() {
	if done := mustCompact(w.t, w.out); done.Repacked == 0 {
		w.t.Errorf("nothing was repacked: %+v", done)
	}
	if w.loses {
		if err := os.Remove(filepath.Join(w.out, "shards", "shard-000001.tar.zst")); err != nil {
			w.t.Fatal(err)
		}
	}
	return func() {}
}

// A verification that has read the tables before a compaction calls nothing missing that has moved, and all that is missing.
func TestVerify_CompactedMeanwhile_FindsWhatIsMissing(t *testing.T) {
	for _, loses := range []bool{false, true} {
		out := copyEarlier(t, "schema1-archive")
		if _, err := Remove(t.Context(), out, Targets{Files: []string{"file-00000001"}}, place.Options{}); err != nil {
			t.Fatal(err)
		}
		found := 0
		c, err := Verify(t.Context(), VerifyOptions{
			Path: out, Watcher: compactingWatcher{t: t, out: out, loses: loses}, Found: func(f verify.Finding) {
				if f.Err != nil {
					found++
				}
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		want := int64(0)
		if loses {
			want = c.Blobs
		}
		if c.Blobs == 0 || c.Lost != want || int64(found) != c.Lost+c.Damaged {
			t.Errorf("loses %t: %d findings, counted %+v", loses, found, c)
		}
	}
}
