package inventory

import (
	"cmp"
	"context"
	"strings"

	"exporter/manifest"
	"exporter/pipeline"
)

// mostLooked is how many rows are looked at, at most, where some are to be found that begin with a text.
const mostLooked = 20_000

// Named is an id, or the name of an asset, with what it is the name of.
type Named struct{ ID, Name string }

// FileIDs returns the first few ids of files that begin with a text, with their display names; JobIDs those of parse jobs.
func (v *Inventory) FileIDs(ctx context.Context, prefix string, most int) ([]Named, error) {
	return v.ids(ctx, pipeline.FileKey{FileID: prefix}, prefix, func(k pipeline.FileKey) string { return k.FileID }, most)
}

// JobIDs is FileIDs of parse jobs.
func (v *Inventory) JobIDs(ctx context.Context, prefix string, most int) ([]Named, error) {
	// No id comes before a dash, and what has no job comes before all of them.
	return v.ids(ctx, pipeline.FileKey{JobID: cmp.Or(prefix, "-")}, prefix, func(k pipeline.FileKey) string { return k.JobID }, most)
}

// ids returns ids from a key on. Those that are not there upstream any more are among them.
func (v *Inventory) ids(ctx context.Context, from pipeline.FileKey, prefix string, id func(pipeline.FileKey) string, most int) (found []Named, err error) {
	c, looked := &v.ofFile, 0
	q := manifest.Query{From: &from, Columns: []int{c.jobID, c.fileID, c.entryID, c.name}}
	for r, err := range v.snapshot.QueryFiles(ctx, q) {
		if err != nil {
			return nil, err
		}
		text := id(v.fileKey(r))
		if looked++; looked > mostLooked || len(found) == most || text != "" && !strings.HasPrefix(text, prefix) {
			break
		}
		if text != "" {
			found = append(found, Named{text, r.Text(c.name)})
		}
	}
	return found, nil
}

// AssetsOf calls a function with the assets of a file, or of a parse job, until it returns false. They are as many as are looked at, at most.
func (v *Inventory) AssetsOf(ctx context.Context, id string, do func(*Asset) bool) error {
	owner, err := v.find(ctx, id, func(context.Context, *File) error { return nil })
	if err != nil {
		return err
	}
	looked := 0
	for r, err := range v.snapshot.QueryAssets(ctx, manifest.Query{Of: &owner, Columns: append(v.ofAsset.keys(), v.ofAsset.kind)}) {
		if err != nil {
			return err
		}
		if looked++; looked > mostLooked || !do(v.asset(r)) {
			break
		}
	}
	return nil
}
