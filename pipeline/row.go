package pipeline

import (
	"strings"
	"time"
)

// Status is what became of an asset or of a file. The values are those of the manifest's columns.
type Status string

const (
	// Stored, Skipped and Failed are the states of an asset.
	Stored  Status = "stored"
	Skipped Status = "skipped"
	Failed  Status = "failed"
	// Complete and Partial are, beside Skipped and Failed, the states of a file.
	Complete Status = "complete"
	Partial  Status = "partial"
)

// ClassDamaged is the class of the reason of a row whose stored blob was found damaged or missing, to be fetched again.
const ClassDamaged = "damaged"

// ClassOdd is the class of the Error of a complete file some fields of which were taken for null.
const ClassOdd = "odd"

// ErrorOlder is the Error of a complete file, or the beginning of it, where pictures are stored that were fetched under an older date
// than the file's, and that the run was not to fetch.
const ErrorOlder = "older: filters or --changed size kept pictures that are stored from being fetched under the newer date"

// Reasons for which an asset or a file is skipped.
const (
	ReasonNoise      = "noise"
	ReasonConfidence = "confidence"
	ReasonPage       = "page"
	ReasonCategory   = "category"
	ReasonNoFileID   = "no file_id"
	ReasonNoPicture  = "no picture"
	// ReasonNewerDate is why an asset is fetched again that has the size that is stored.
	ReasonNewerDate = "newer date"
	// ReasonPruned is that of an asset that vanished and whose blob is removed, or of an asset or file that could not be told
	// from others and is not listed any more; its row goes when the run ends.
	ReasonPruned = "pruned"
)

// Row is an asset's row of the manifest.
type Row struct {
	Asset
	// File is the asset's file. A ledger gives back its ID, DirectoryID, DisplayName and UpdatedAt alone: the row of the file has the
	// rest.
	File *File

	Status Status
	// Reason is one of the Reason constants where the asset was skipped, "class: message" where it failed, else empty.
	Reason string
	// Attempts is the number of requests that the asset cost.
	Attempts int
	// Content and Location describe the stored blob; FetchedAt is when it was complete. Meaningful where Status is Stored.
	Content   Content
	Location  Location
	FetchedAt time.Time
	// DeclaredType is that of the stored blob: see Blob.
	DeclaredType string
	Gone
}

// Gone says since when something is not listed upstream any more. All is zero while it is.
type Gone struct {
	// MissedAt is when one complete listing did not have it; it is listed again, or gone, when the next one has been read.
	MissedAt time.Time
	// VanishedAt is when the second complete listing in a row did not have it. ExpiredAt takes its place where the file's own
	// ExpiresAt had passed by then.
	VanishedAt, ExpiredAt time.Time
}

// isListed tells whether the last complete listing had it.
func (g Gone) isListed() bool { return g == Gone{} }

// IsGone tells whether it has vanished or expired.
func (g Gone) IsGone() bool { return !g.VanishedAt.IsZero() || !g.ExpiredAt.IsZero() }

// IsCounted tells whether it is among the listed assets that the row of a file counts: those of one that expired still are.
func (g Gone) IsCounted() bool { return g.VanishedAt.IsZero() && g.MissedAt.IsZero() }

// FileRow is a source file's row of files.parquet.
type FileRow struct {
	File
	Status Status
	// Error is "class: message" where the file's listings failed, the reason where it was skipped, and what of a complete file is
	// to be asked for again; else empty.
	Error string
	Counts
	// ListedAt is when the file's assets were listed first, AskedAt when they were last; zero where they are to be listed again
	// whatever else holds.
	ListedAt, AskedAt time.Time
	// Sources are all listings that have the file, sorted. The first of them is the one whose ids and names the row has, as
	// far as they are known. MissedIn are those of them that did not have it when they were listed completely last; nil while the
	// file is Missed, when it would be all.
	Sources, MissedIn []SourceKey
	// Decided is the digest of the filters that decided what becomes of the file's assets; empty where that is not known.
	Decided string
	Gone
}

// Counts sums up the assets of a file.
type Counts struct {
	// Screenshots, Figures and Documents count the listed assets of each kind; nil where that kind was not asked for or its listing
	// failed.
	Screenshots, Figures, Documents *int64
	// Pages counts the pages of which the text is recorded; nil where it was not asked for.
	Pages *int64
	// MissingPages counts the gaps in the page numbers of the screenshots; nil as Screenshots is.
	MissingPages *int64
	// Stored, Skipped and Failed count the listed assets by status; Bytes is the size of those stored.
	Stored, Skipped, Failed, Bytes int64
}

// add adds an asset's row. Assets that are not listed any more do not count.
func (c *Counts) add(row *Row) {
	switch {
	case !row.IsCounted():
	case row.Status == Stored:
		c.Stored++
		c.Bytes += row.Content.Size
	case row.Status == Skipped:
		c.Skipped++
	case row.Status == Failed:
		c.Failed++
	}
}

// clear makes the counts by status those of no asset.
func (c *Counts) clear() { c.Stored, c.Skipped, c.Failed, c.Bytes = 0, 0, 0, 0 }

// of returns how many assets of a kind are listed.
func (c *Counts) of(kind Kind) *int64 {
	switch kind {
	case Screenshot:
		return c.Screenshots
	case Document:
		return c.Documents
	}
	return c.Figures
}

// FileState is what a ledger keeps of a FileRow for the next run.
type FileState struct {
	Status Status
	// FileID is the file_id of a job's file; empty where it is not known, and for what is no job.
	FileID string
	// Screenshots to Skipped are those of Counts.
	Screenshots, Figures, Documents, Pages, MissingPages *int64
	Stored, Skipped                                      int64
	// UpdatedAt is the file's updated_at: the newest of all its places. ExpiresAt, ListedAt, AskedAt, Sources and MissedIn are those
	// of FileRow.
	UpdatedAt, ExpiresAt, ListedAt, AskedAt time.Time
	Sources, MissedIn                       []SourceKey
	// NamesHash is that of File.
	NamesHash uint64
	// Missed tells whether the last complete listing did not have the file; Gone whether it vanished or expired. HasError tells
	// whether Error is not empty.
	Missed, Gone, HasError bool
	// Decided is that of FileRow.
	Decided string
}

// KnownFile is what a ledger has of a file.
type KnownFile struct {
	Key FileKey
	FileState
	// Row returns the row.
	Row func() (*FileRow, error)
}

// State returns what a ledger keeps of the row.
func (f *FileRow) State() *FileState {
	state := &FileState{
		Status: f.Status, Screenshots: f.Screenshots, Figures: f.Figures, Documents: f.Documents, Pages: f.Pages, MissingPages: f.MissingPages,
		Stored: f.Stored, Skipped: f.Skipped, UpdatedAt: f.UpdatedAt.Truncate(time.Microsecond), ExpiresAt: f.ExpiresAt,
		ListedAt: f.ListedAt, AskedAt: f.AskedAt, Sources: f.Sources, MissedIn: f.MissedIn,
		NamesHash: f.File.NamesHash(), Missed: !f.MissedAt.IsZero(), Gone: f.IsGone(), HasError: f.Error != "",
		Decided: f.Decided,
	}
	if f.JobID != "" {
		state.FileID = f.ID
	}
	return state
}

// of returns how many assets of a kind are listed.
func (s *FileState) of(kind Kind) *int64 {
	c := Counts{Screenshots: s.Screenshots, Figures: s.Figures, Documents: s.Documents}
	return c.of(kind)
}

// isWithoutKind tells whether the file is complete without a kind that was asked for, and refused as if it were not offered.
func (f *FileRow) isWithoutKind() bool {
	return f.Status == Complete && strings.TrimPrefix(f.Error, ErrorOlder) != "" && !f.AskedAt.IsZero()
}

// mayBeWithoutKind tells whether isWithoutKind may hold for the row.
func (s *FileState) mayBeWithoutKind() bool {
	return s.Status == Complete && s.HasError && !s.AskedAt.IsZero()
}

// isOlder tells whether the file is complete with pictures that were fetched under an older date.
func (f *FileRow) isOlder() bool {
	return f.Status == Complete && strings.HasPrefix(f.Error, ErrorOlder)
}

// missedIn returns the listings of Sources that did not have the file when they were listed completely last.
func (s *FileState) missedIn() []SourceKey {
	if s.Missed {
		return s.Sources
	}
	return s.MissedIn
}

func (f *FileRow) missedIn() []SourceKey {
	if !f.MissedAt.IsZero() {
		return f.Sources
	}
	return f.MissedIn
}

// Location says where a sink put a blob.
type Location struct {
	// Path is the blob's file, or its shard's, relative to the export directory and separated by '/'.
	Path string
	// Shard describes the blob's place inside a shard; nil where the blob is a file of its own.
	Shard *ShardLocation
}

// ShardLocation is a blob's place inside a tar shard. All numbers are bytes.
type ShardLocation struct {
	Member string
	// Offset is the place of the blob's first byte in the uncompressed shard.
	Offset int64
	// Frame is the zstd frame that holds the blob; nil where the shard is not compressed.
	Frame *Frame
}

// Frame is an independent zstd frame of a shard. All numbers are bytes.
type Frame struct {
	// Offset and Size place the compressed frame in the shard's file.
	Offset, Size int64
	// Start is the place of the frame's first byte in the uncompressed shard.
	Start int64
}
