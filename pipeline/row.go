package pipeline

import "time"

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

// ReasonReplacing is the reason of a row whose stored blob was being replaced when the run was killed.
const ReasonReplacing = "replacing: the run ended while a stored blob was being replaced"

// ClassDamaged is the class of the reason of a row whose stored blob was found damaged or missing, to be fetched again.
const ClassDamaged = "damaged"

// ClassOdd is the class of the Error of a complete file some fields of which were taken for null.
const ClassOdd = "odd"

// Reasons for which an asset or a file is skipped.
const (
	ReasonNoise      = "noise"
	ReasonConfidence = "confidence"
	ReasonPage       = "page"
	ReasonNoFileID   = "no file_id"
	// ReasonPruned is that of an asset that vanished and whose blob is removed, or of an asset or file that could not be told
	// from others and is not listed any more; its row goes when the run ends.
	ReasonPruned = "pruned"
)

// Row is an asset's row of the manifest.
type Row struct {
	Asset
	// File is where the asset was listed first.
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
	// VanishedAt is when the asset was first found missing upstream; zero while it is listed.
	VanishedAt time.Time
}

// FileRow is a source file's row of files.parquet.
type FileRow struct {
	File
	Status Status
	// Error is "class: message" where the file's listings failed, the reason where it was skipped, and what of a complete file is
	// to be asked for again; else empty.
	Error string
	Counts
	// ListedAt is when the file's assets were listed.
	ListedAt time.Time
	// VanishedAt is when the file was first found missing upstream; zero while it is listed.
	VanishedAt time.Time
}

// Counts sums up the assets of a file.
type Counts struct {
	// Screenshots and Figures count the listed assets of each kind; nil where that kind was not asked for or its listing
	// failed.
	Screenshots, Figures *int64
	// Stored, Skipped and Failed count the listed assets by status; Bytes is the size of those stored.
	Stored, Skipped, Failed, Bytes int64
}

// FileState is what a ledger keeps of a FileRow for the next run.
type FileState struct {
	Status Status
	Counts
	// UpdatedAt is the file's updated_at as it was listed.
	UpdatedAt  time.Time
	VanishedAt time.Time
	// AskAgain tells that something of the file could not be read or was refused, though it is complete.
	AskAgain bool
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
