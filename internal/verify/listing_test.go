package verify

import (
	"fmt"
	"slices"
	"testing"

	"exporter/internal/store"
	"exporter/pipeline"
	"exporter/sinks"
)

// Rows come in the order of ids, and folders in that of their names, which is not the same: Abc is in Abc~…, behind Abcd~…, and a
// in a/, behind a-b/.
func TestVerification_FoldersInAnotherOrder_AreCompared(t *testing.T) {
	e := newExport(t, local, true)
	sink := sinks.NewLocal(e.store)
	paths := map[pipeline.ID]string{}
	for n, id := range []pipeline.ID{"Abc", "Abcd", "a", "a-b", "a.b", "zz"} {
		row, blob := e.asset(n, 0)
		row.FileID = id
		location, err := sink.Put(t.Context(), &row.Asset, blob, nil)
		must(t, err)
		row.Location, paths[id] = *location, location.Path
		e.add([]*pipeline.Row{row}, nil)
	}
	must(t, syncSink(t.Context(), sink))
	var orphans []string
	for _, folder := range []string{"0", "Abc", "Abz", "a", "a-a", "file-00", "zz", "zzz"} {
		name := fmt.Sprintf("blobs/%s/9.jpg", folder)
		must(t, store.PutBytes(t.Context(), e.store, name, nil))
		orphans = append(orphans, name+" ")
	}
	slices.Sort(orphans)
	for _, mode := range []func(*Verification){quick, func(*Verification) {}} {
		got := e.verify(mode)
		if !got.clean() || !slices.Equal(got.orphans, orphans) {
			t.Errorf("got lost %v, damaged %q, orphans %q, want %q", got.lost, got.damaged, got.orphans, orphans)
		}
	}
	must(t, e.store.Remove(t.Context(), paths["a-b"]))
	if got := e.verify(quick); len(got.lost) != 1 {
		t.Errorf("got lost %v, want one blob", got.lost)
	}
}
