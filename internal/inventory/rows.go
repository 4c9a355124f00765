package inventory

import (
	"exporter/internal/accepted"
	"exporter/manifest"
	"exporter/pipeline"
)

// fileColumns are numbers of columns of files.parquet.
type fileColumns struct {
	jobID, fileID, entryID, name, status, err, screenshots, figures, documents, missingPages int
	stored, skipped, failed, bytes, missed, vanished, expired                                int
}

// newFileColumns returns the numbers, and all of them.
func newFileColumns(t *table) (c fileColumns, all []int) {
	for name, number := range map[string]*int{
		"job_id": &c.jobID, "file_id": &c.fileID, "directory_file_id": &c.entryID, "display_name": &c.name, "status": &c.status, "error": &c.err,
		"screenshots": &c.screenshots, "figures": &c.figures, "documents": &c.documents, "missing_pages": &c.missingPages, "stored": &c.stored,
		"skipped": &c.skipped, "failed": &c.failed, "bytes": &c.bytes, "missed_at": &c.missed, "vanished_at": &c.vanished, "expired_at": &c.expired,
	} {
		*number = t.number(name)
		all = append(all, *number)
	}
	return c, all
}

// file returns the file of a row.
func (v *Inventory) file(r manifest.Record) *File {
	c := &v.ofFile
	f := &File{item: item{v.files, r}, FileID: r.Text(c.fileID), Error: r.Text(c.err)}
	f.State, f.Since = f.state(c.status, c.missed, c.vanished, c.expired)
	f.Key, f.Name = v.fileKey(r), f.textIn(c.name)
	f.Screenshots, f.Figures, f.Documents = f.intIn(c.screenshots), f.intIn(c.figures), f.intIn(c.documents)
	f.MissingPages = f.intIn(c.missingPages)
	if f.State == Failed && !v.accepted.IsEmpty() {
		if known := v.accepted.Find(accepted.FileKey(f.Key), f.Error); known != nil {
			f.AcceptedAt = known.AcceptedAt
		}
	}
	f.Stored, f.Skipped, f.Failed, f.Bytes = r.Int(c.stored), r.Int(c.skipped), r.Int(c.failed), r.Int(c.bytes)
	return f
}

// fileKey returns the key of a row of files.parquet.
func (v *Inventory) fileKey(r manifest.Record) pipeline.FileKey {
	c := &v.ofFile
	listed := pipeline.File{ID: r.Text(c.fileID), JobID: r.Text(c.jobID), DirectoryFileID: r.Text(c.entryID)}
	return listed.Key()
}

// assetKey returns the key of a row of manifest.parquet.
func (v *Inventory) assetKey(r manifest.Record) pipeline.AssetKey {
	c := &v.ofAsset
	return pipeline.AssetKey{
		FileID: pipeline.ID(r.Text(c.fileID)), JobID: pipeline.ID(r.Text(c.jobID)), Kind: pipeline.Kind(r.Text(c.kind)),
		PageIndex: int32(r.Int(c.page)), FigureName: r.Text(c.figure), Origin: pipeline.Origin(r.Text(c.origin)), UpstreamName: r.Text(c.upstream),
	}
}

// assetColumns are numbers of columns of manifest.parquet: those of summaries, those that name an asset and say what became of it, and those
// that only stored ones have.
type assetColumns struct {
	status, reason, kind, noise, updated, missed, vanished, expired                     int
	fileID, jobID, page, figure, origin, upstream, name, attempts, confidence, category int
	pageNumber                                                                          int
	size, width, height, mediaType                                                      int
}

// newAssetColumns returns the numbers.
func newAssetColumns(t *table) (c assetColumns) {
	for name, number := range map[string]*int{
		"status": &c.status, "reason": &c.reason, "kind": &c.kind, "is_likely_noise": &c.noise, "file_updated_at": &c.updated,
		"missed_at": &c.missed, "vanished_at": &c.vanished, "expired_at": &c.expired,
		"file_id": &c.fileID, "job_id": &c.jobID, "page_index": &c.page, "page_number": &c.pageNumber, "figure_name": &c.figure, "origin": &c.origin,
		"upstream_name": &c.upstream, "display_name": &c.name, "attempts": &c.attempts, "confidence": &c.confidence, "category": &c.category,
		"size": &c.size, "width": &c.width, "height": &c.height, "media_type": &c.mediaType,
	} {
		*number = t.number(name)
	}
	return c
}

// summed are the columns that a summary needs, content those that only stored assets have, and keys all others that are shown but the name of
// the file.
func (c *assetColumns) summed() []int {
	return []int{c.status, c.reason, c.kind, c.noise, c.updated, c.missed, c.vanished, c.expired, c.size}
}

func (c *assetColumns) content() []int { return []int{c.width, c.height, c.mediaType} }

func (c *assetColumns) keys() []int {
	return []int{c.fileID, c.jobID, c.page, c.figure, c.origin, c.upstream, c.attempts, c.confidence, c.category}
}

// key are those of the key.
func (c *assetColumns) key() []int {
	return []int{c.fileID, c.jobID, c.kind, c.page, c.figure, c.origin, c.upstream}
}

// asset returns the asset of a row.
func (v *Inventory) asset(r manifest.Record) *Asset {
	c := &v.ofAsset
	a := &Asset{
		item: item{v.assets, r}, Reason: r.Text(c.reason), Attempts: r.Int(c.attempts), Size: r.Int(c.size), Width: r.Int(c.width),
		Height: r.Int(c.height), MediaType: r.Text(c.mediaType), Category: r.Text(c.category), Key: v.assetKey(r), PageNumber: int32(r.Int(c.pageNumber)),
	}
	a.State, a.Since = a.state(c.status, c.missed, c.vanished, c.expired)
	a.Name = a.textIn(c.name)
	if a.State == Failed && !v.accepted.IsEmpty() {
		if known := v.accepted.Find(accepted.AssetKey(a.Key), a.Reason); known != nil {
			a.AcceptedAt = known.AcceptedAt
		}
	}
	if !r.IsNull(c.confidence) {
		a.Confidence = new(r.Float(c.confidence))
	}
	if !r.IsNull(c.noise) {
		a.IsLikelyNoise = new(r.Bool(c.noise))
	}
	return a
}
