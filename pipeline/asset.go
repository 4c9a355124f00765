package pipeline

import (
	"cmp"
	"encoding/json"
	"time"
)

// Kind says which of the two sorts of picture an asset is. The values are those of the manifest's column.
type Kind string

const (
	Figure     Kind = "figure"
	Screenshot Kind = "screenshot"
)

// File is a source file as a listing gave it. Everything in it comes from the server and is untrusted.
type File struct {
	// ID is the file_id as listed, unchecked; empty when the listing gave none, as then there is nothing to export.
	ID string
	// DirectoryID, DirectoryFileID, PipelineID and ProjectID tell where the file was listed; each may be empty.
	DirectoryID, DirectoryFileID, PipelineID, ProjectID string
	// DisplayName and UniqueID are nil when the listing did not give them.
	DisplayName, UniqueID *string
	// Metadata is the JSON that the listing gave, compacted; nil when absent or null.
	Metadata json.RawMessage
	// CreatedAt, UpdatedAt and DeletedAt are zero when absent or null.
	CreatedAt, UpdatedAt, DeletedAt time.Time
	// ExpiresAt is when the file goes by itself upstream; zero when the listing did not say. Rows of assets do not keep it.
	ExpiresAt time.Time
	// Odd are the fields of the listing that had values which are not understood; no ledger keeps them.
	Odd []Oddity
}

// Oddity is a field of a listed item with a value that is not understood, and that counts as null.
type Oddity struct {
	Field string
	// Value is the beginning of what was sent.
	Value string
}

// Key identifies a file among the rows of files.parquet.
func (f *File) Key() FileKey {
	if f.ID != "" {
		return FileKey{FileID: f.ID}
	}
	return FileKey{DirectoryFileID: f.DirectoryFileID}
}

// FileKey is the key of a source file: its file_id, or where it has none the directory file's id.
type FileKey struct {
	FileID, DirectoryFileID string
}

// Compare orders keys as files.parquet is sorted.
func (k FileKey) Compare(o FileKey) int {
	return cmp.Or(cmp.Compare(k.FileID, o.FileID), cmp.Compare(k.DirectoryFileID, o.DirectoryFileID))
}

// Asset is one page screenshot or one figure as a listing gave it.
type Asset struct {
	// FileID is the file that was asked, whatever the listing repeats.
	FileID ID
	Kind   Kind
	// PageIndex is as listed: gaps and 1-based values occur.
	PageIndex int32
	// FigureName is as listed, hostile until proven otherwise; empty for screenshots (and for figures so named).
	FigureName string
	// ListedSize is the listed image_size or figure_size in bytes; nil when the listing did not give one.
	ListedSize *int64
	// Confidence and IsLikelyNoise are nil when absent or null, as they always are for screenshots.
	Confidence    *float64
	IsLikelyNoise *bool
	// Metadata is the JSON that the listing gave, compacted; nil when absent or null.
	Metadata json.RawMessage
	// Malformed says that the listing's item cannot be told from others; nil where it can. Then PageIndex is negative, and of no
	// other item of the listing.
	Malformed *Failure
	// Odd is as in File.
	Odd []Oddity
}

// Key returns the key of the asset's row.
func (a *Asset) Key() AssetKey {
	return AssetKey{FileID: a.FileID, Kind: a.Kind, PageIndex: a.PageIndex, FigureName: a.FigureName}
}

// ExpectedSize returns the listed size in bytes. A listed size of 0, the API's own example, counts as unknown, and so
// does a negative one.
func (a *Asset) ExpectedSize() (size int64, known bool) {
	if a.ListedSize == nil || *a.ListedSize <= 0 {
		return 0, false
	}
	return *a.ListedSize, true
}

// AssetKey is the key of a manifest row. Screenshots have an empty FigureName.
type AssetKey struct {
	FileID     ID
	Kind       Kind
	PageIndex  int32
	FigureName string
}

// Compare orders keys as manifest.parquet is sorted.
func (k AssetKey) Compare(o AssetKey) int {
	return cmp.Or(
		cmp.Compare(k.FileID, o.FileID),
		cmp.Compare(k.Kind, o.Kind),
		cmp.Compare(k.PageIndex, o.PageIndex),
		cmp.Compare(k.FigureName, o.FigureName),
	)
}
