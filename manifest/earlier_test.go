package manifest

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"exporter/internal/store"
	"exporter/internal/store/storetest"
)

// copySchema1 puts the tables of a finished export of schema 1 into a store.
func copySchema1(t *testing.T, st store.Store) {
	t.Helper()
	for _, name := range []string{AssetsName, FilesName} {
		content, err := os.ReadFile(filepath.Join("testdata", "schema1", name))
		if err == nil {
			err = store.PutBytes(t.Context(), st, name, content)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// Before a table of schema 1 is replaced, its copy is there.
func TestLedger_Schema1_IsKeptBeforeItIsReplaced(t *testing.T) {
	for _, kept := range []string{"manifest.schema1.parquet", "files.schema1.parquet"} {
		no := errors.New("no")
		st := storetest.NewMemory(nil)
		copySchema1(t, st)
		before, err := store.ReadBytes(t.Context(), st, AssetsName, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		st.FailWith(func(o storetest.Operation) error {
			if o.Key == kept {
				return no
			}
			return nil
		})
		if err := openLedger(t, st).Compact(t.Context()); !errors.Is(err, no) {
			t.Fatalf("got error %v, want %v", err, no)
		}
		st.FailWith(nil)
		s := openSnapshotOf(t, st)
		for _, table := range slices.Concat(s.assets.tables(), s.files.tables()) {
			if earlierName(table.name) == kept && table.meta.schema == Schema {
				t.Errorf("%s was replaced, and is not kept", table.name)
			}
		}
		if err := openLedger(t, st).Compact(t.Context()); err != nil {
			t.Fatal(err)
		}
		after, err := store.ReadBytes(t.Context(), st, "manifest.schema1.parquet", 1<<20)
		if err != nil || string(after) != string(before) {
			t.Errorf("%d bytes of schema 1 are kept, %v, want the %d that there were", len(after), err, len(before))
		}
	}
}

// A run that has nothing to record raises tables of schema 1 all the same.
func TestLedger_Schema1_IsRaisedWithNothingToDo(t *testing.T) {
	st := storetest.NewMemory(nil)
	copySchema1(t, st)
	l, err := Open(t.Context(), st, *openSnapshotOf(t, st).Info())
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Compact(t.Context()); err != nil {
		t.Fatal(err)
	}
	if versions := schemasOf(t, openSnapshotOf(t, st)); !slices.Equal(versions, []string{Schema, Schema}) {
		t.Errorf("schemas after a run with nothing to do: %q, want %s", versions, Schema)
	}
}
