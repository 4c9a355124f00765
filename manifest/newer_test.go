package manifest

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"

	"exporter/internal/store/storetest"
)

// A table of a later version is refused by its name, wherever it is, and stays as it is.
func TestOpen_LaterSchema_IsRefusedByName(t *testing.T) {
	assets, files := assetSeries(nil), fileSeries(nil)
	for _, name := range []string{AssetsName, FilesName, assets.partName(7), files.partName(7)} {
		st := storetest.NewMemory(nil)
		writeExport(t, st)
		content := encode(t, nil, parquet.KeyValueMetadata(metaSchema, "99"))
		writeFile(t, st, name, content)
		l, err := Open(t.Context(), st, testInfo)
		if !errors.Is(err, ErrSchema) || !strings.Contains(err.Error(), name) {
			t.Errorf("got error %v, want %v of %s", err, ErrSchema, name)
		}
		if l != nil {
			l.Close()
		}
		if got := readFile(t, st, name); !bytes.Equal(got, content) {
			t.Errorf("%s was written over", name)
		}
	}
}

// A version that does not know a column takes its table for damaged, unless it does not know the schema either.
func TestSchema_IsRaised_WithEveryColumn(t *testing.T) {
	want := map[string][2]int{"2": {44, 28}, "2.1": {44, 29}, "2.2": {44, 32}}[Schema]
	got := [2]int{len(assetSeries(nil).schema.Columns()), len(fileSeries(nil).schema.Columns())}
	if got != want {
		t.Errorf("schema %s has %d columns, want %d: a change of the columns needs another schema", Schema, got, want)
	}
}
