package manifest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"

	"exporter/internal/store"
)

// metaMerged is the key of the key-value metadata of tables that were merged of those of parts. Its value is a Merged, in JSON.
const metaMerged = "exporter.merged"

// Merged says of what tables were merged.
type Merged struct {
	// Count is how many parts the export has, by its plan.
	Count int `json:"count"`
	// Parts are the states, as State returns them, of the exports that were merged, by the names of their folders.
	Parts map[string]string `json:"parts"`
	// HasPages says that there is a table of pages beside the others.
	HasPages bool `json:"pages,omitempty"`
}

// IsTorn tells whether tables are not those of one merge: one was killed between them, or some are missing.
func (m *Merged) IsTorn() bool { return m.Count == 0 }

// Equal tells whether two are of the same exports in the same states.
func (m *Merged) Equal(o *Merged) bool { return m.Count == o.Count && maps.Equal(m.Parts, o.Parts) }

// String returns the value of the key.
func (m *Merged) String() string {
	text, err := json.Marshal(m)
	if err != nil {
		panic(err) // A number and texts can always be encoded.
	}
	return string(text)
}

// ReadMerged returns what the tables of an export in r were merged of; nil where there are none, or they are those of a run. Where they are of several
// merges, as a merge that was killed leaves them, or one that a merge makes is missing, what it returns is torn.
func ReadMerged(ctx context.Context, r store.Reader) (*Merged, error) {
	found := map[string]*Merged{}
	isMerged := false
	for _, name := range []string{AssetsName, FilesName, PagesName} {
		m, err := readMerged(ctx, r, name)
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return nil, err
		default:
			found[name] = m
			isMerged = isMerged || m != nil
		}
	}
	if !isMerged {
		return nil, nil
	}
	first := found[AssetsName]
	if first == nil {
		return &Merged{}, nil
	}
	wanted := []string{FilesName}
	if _, hasPages := found[PagesName]; first.HasPages || hasPages {
		wanted = append(wanted, PagesName)
	}
	for _, name := range wanted {
		if m := found[name]; m == nil || !m.Equal(first) || m.HasPages != first.HasPages {
			return &Merged{}, nil
		}
	}
	return first, nil
}

// readMerged returns what a table says of the merge that it came of; nil where it came of none.
func readMerged(ctx context.Context, r store.Reader, name string) (m *Merged, err error) {
	o, err := r.Open(ctx, name)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, o.Close()) }()
	damaged := (&table{name: name}).damaged
	if _, err := readChecksums(o, o.Size()); err != nil && !errors.Is(err, errNoChecksums) {
		return nil, damaged(err)
	}
	pairs, err := readPairs(o)
	if err != nil {
		return nil, damaged(err)
	}
	for _, p := range pairs {
		if p.Key != metaMerged {
			continue
		}
		m = &Merged{}
		if err := json.Unmarshal([]byte(p.Value), m); err != nil {
			return nil, damaged(fmt.Errorf("%s: %w", metaMerged, err))
		}
	}
	return m, nil
}

// TableRows counts the rows of the tables of an export.
type TableRows struct{ Files, Pages, Assets int64 }

// CheckTables reads the tables of the export in r, those of the commit log aside, compares them with their checksums, and counts their rows. What is not
// as it was written is a *pipeline.DamageError; a table that is missing has no rows.
func CheckTables(ctx context.Context, r store.Reader) (rows TableRows, err error) {
	for _, kind := range []struct {
		series series
		rows   *int64
	}{{fileSeries(r), &rows.Files}, {pageSeries(r), &rows.Pages}, {assetSeries(r), &rows.Assets}} {
		t, err := kind.series.load(ctx, openTable, kind.series.name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return rows, err
		}
		*kind.rows = t.parquet.NumRows()
		if err := t.close(); err != nil {
			return rows, err
		}
	}
	return rows, nil
}
