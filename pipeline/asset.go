package pipeline

import (
	"cmp"
	"encoding/json"
	"reflect"
	"time"
)

// Kind says what an asset is. The values are those of the manifest's column.
type Kind string

const (
	// Document is the file itself, as it was uploaded.
	Document   Kind = "document"
	Figure     Kind = "figure"
	Screenshot Kind = "screenshot"
)

// Origin says where an asset comes from. The values are those of the manifest's column.
type Origin string

const (
	// OriginFile is what the routes of a file have: its page screenshots, its figures, and its content.
	OriginFile Origin = "file"
	// OriginAttachment are the attachments that an index makes of a file.
	OriginAttachment Origin = "attachment"
	// OriginParse are the results of a parse job.
	OriginParse Origin = "parse"
)

// File is a source file as a listing gave it, or one parse job. Everything in it comes from the server and is untrusted.
type File struct {
	// ID is the file_id as listed, unchecked; empty when the listing gave none, as then there is nothing to export unless it is a
	// job.
	ID string
	// JobID is set where it is not the file itself that is exported, but what a parse job made of one.
	JobID string
	// DirectoryID, DirectoryFileID, PipelineID and ProjectID tell where the file was listed; each may be empty.
	DirectoryID, DirectoryFileID, PipelineID, ProjectID string
	// DisplayName and UniqueID are nil when the listing did not give them.
	DisplayName, UniqueID *string
	// Metadata is the JSON that the listing gave, compacted; nil when absent or null.
	Metadata json.RawMessage
	// CreatedAt, UpdatedAt and DeletedAt are zero when absent or null.
	CreatedAt, UpdatedAt, DeletedAt time.Time
	// ExpiresAt is when the file goes by itself upstream; zero when the listing did not say. In rows of files it is also when the file goes
	// with what holds it. Rows of assets do not keep it.
	ExpiresAt time.Time
	// Idle is why nothing can be asked for, as with a job that failed upstream; empty otherwise. Withdrawn is why nothing of what is asked for
	// by its id is left upstream; nil where something is. No ledger keeps either.
	Idle      string
	Withdrawn error
	// Elsewhere says that the file is of another part of the export, which another run makes: it is passed over, and of all else only what its Key is
	// made of need be there. No ledger keeps it.
	Elsewhere bool
	// Odd are the fields of the listing that had values which are not understood; no ledger keeps them.
	Odd []Oddity
}

// IsJob tells whether it is a parse job.
func (f *File) IsJob() bool { return f.JobID != "" }

// Oddity is a field of a listed item with a value that is not understood, and that counts as null.
type Oddity struct {
	Field string
	// Value is the beginning of what was sent.
	Value string
}

// Key identifies a file among the rows of files.parquet.
func (f *File) Key() FileKey {
	switch {
	case f.JobID != "":
		return FileKey{JobID: f.JobID}
	case f.ID != "":
		return FileKey{FileID: f.ID}
	}
	return FileKey{DirectoryFileID: f.DirectoryFileID}
}

// FileKey is the key of a source file: its file_id, or where it has none the directory file's id; that of a parse job is its id. All
// else is empty.
type FileKey struct {
	JobID, FileID, DirectoryFileID string
}

// Compare orders keys as files.parquet is sorted.
func (k FileKey) Compare(o FileKey) int {
	return cmp.Or(
		cmp.Compare(k.JobID, o.JobID), cmp.Compare(k.FileID, o.FileID), cmp.Compare(k.DirectoryFileID, o.DirectoryFileID))
}

// IsJob tells whether the key is that of a parse job.
func (k FileKey) IsJob() bool { return k.JobID != "" }

// Owner returns what the assets of the file have in common.
func (f *File) Owner() Owner { return Owner{ID(f.ID), ID(f.JobID)} }

// checkedOwner is Owner, with an error where one of the ids is not to be asked for.
func (f *File) checkedOwner() (Owner, error) {
	for _, id := range []string{f.ID, f.JobID} {
		if id == "" && f.Owner() != (Owner{}) {
			continue
		}
		if _, err := ParseID(id); err != nil {
			return Owner{}, err
		}
	}
	return f.Owner(), nil
}

// Owner is what all assets have in common that are listed together: their file, their parse job, or both.
type Owner struct{ FileID, JobID ID }

// Compare orders owners as manifest.parquet is sorted.
func (o Owner) Compare(other Owner) int {
	return cmp.Or(cmp.Compare(o.FileID, other.FileID), cmp.Compare(o.JobID, other.JobID))
}

// Asset is one page screenshot, one figure or one document as a listing gave it.
type Asset struct {
	// FileID is the file that was asked, and JobID the parse job, whatever the listing repeats. Either may be empty.
	FileID, JobID ID
	Kind          Kind
	Origin        Origin
	// PageIndex is as listed: gaps and 1-based values occur. It is NoPage where there is none.
	PageIndex int32
	// FigureName is as listed, hostile until proven otherwise; empty for other kinds (and for figures so named).
	FigureName string
	// ListedSize is the listed image_size or figure_size in bytes; nil when the listing did not give one.
	ListedSize *int64
	// Confidence and IsLikelyNoise are nil when absent or null, as they always are for screenshots.
	Confidence    *float64
	IsLikelyNoise *bool
	// Metadata is the JSON that the listing gave, compacted; nil when absent or null.
	Metadata json.RawMessage
	// Details is what else is known of it; nil for most assets, as there may be millions. See Detail.
	Details *Details
}

// Details is what attachments, the results of parse jobs and documents have beside what all assets have.
type Details struct {
	// UpstreamName is the name by which attachments and results of jobs are listed, as hostile as a FigureName; else empty.
	UpstreamName string
	// PageNumber counts from 1; nil where it is not known.
	PageNumber *int32
	// Category and Label say what the picture is by the layout of its page; empty where that is not known.
	Category, Label string
	// Box is the place of the picture on its page, and Caption what is written about it; nil where they are not known.
	Box     *Box
	Caption *string
	// UpdatedAt is the asset's own date; zero where it has none.
	UpdatedAt time.Time
	// NoPicture says that it is listed beside pictures and is none, so that it is not fetched.
	NoPicture bool
	// Malformed says that the listing's item cannot be told from others; nil where it can. Then PageIndex is negative, and of no
	// other item of the listing.
	Malformed *Failure
	// Handle is what a Source needs to fetch it, and Odd is as in File. No ledger keeps these, NoPicture and Malformed.
	Handle any
	Odd    []Oddity
}

// Detail returns the details of the asset, of which there may be none.
func (a *Asset) Detail() Details {
	if a.Details == nil {
		return Details{}
	}
	return *a.Details
}

// Ref returns the details; nil where there are none.
func (d Details) Ref() *Details {
	if reflect.ValueOf(d).IsZero() {
		return nil
	}
	return &d
}

// NoPage is the PageIndex of what is on no page.
const NoPage = -1

// Box is a rectangle on a page, in the units of the API.
type Box struct{ X, Y, Width, Height float64 }

// Key returns the key of the asset's row.
func (a *Asset) Key() AssetKey {
	return AssetKey{
		FileID: a.FileID, JobID: a.JobID, Kind: a.Kind, PageIndex: a.PageIndex, FigureName: a.FigureName,
		Origin: a.Origin, UpstreamName: a.Detail().UpstreamName,
	}
}

// ExpectedSize returns the listed size in bytes. A listed size of 0, the API's own example, counts as unknown, and so
// does a negative one.
func (a *Asset) ExpectedSize() (size int64, known bool) {
	if a.ListedSize == nil || *a.ListedSize <= 0 {
		return 0, false
	}
	return *a.ListedSize, true
}

// AssetKey is the key of a manifest row. Only figures have a FigureName.
type AssetKey struct {
	FileID, JobID ID
	Kind          Kind
	PageIndex     int32
	FigureName    string
	Origin        Origin
	UpstreamName  string
}

// Owner returns that of the asset.
func (k AssetKey) Owner() Owner { return Owner{k.FileID, k.JobID} }

// Compare orders keys as manifest.parquet is sorted.
func (k AssetKey) Compare(o AssetKey) int {
	return cmp.Or(
		cmp.Compare(k.FileID, o.FileID),
		cmp.Compare(k.JobID, o.JobID),
		cmp.Compare(k.Kind, o.Kind),
		cmp.Compare(k.PageIndex, o.PageIndex),
		cmp.Compare(k.FigureName, o.FigureName),
		cmp.Compare(k.Origin, o.Origin),
		cmp.Compare(k.UpstreamName, o.UpstreamName),
	)
}
