package manifest

import (
	"encoding/json"

	"exporter/pipeline"
)

// fileRow is a row of files.parquet and of file parts. It repeats columns of assetRow, because the library reads the
// nulls of an embedded struct as pointers to zero.
type fileRow struct {
	FileID          string          `parquet:"file_id,optional"`
	DirectoryID     string          `parquet:"directory_id,optional,dict"`
	DirectoryFileID string          `parquet:"directory_file_id,optional"`
	PipelineID      string          `parquet:"pipeline_id,optional,dict"`
	ProjectID       string          `parquet:"project_id,optional,dict"`
	DisplayName     *string         `parquet:"display_name"`
	UniqueID        *string         `parquet:"unique_id"`
	FileMetadata    json.RawMessage `parquet:"file_metadata,string,optional"`
	FileCreatedAt   *int64          `parquet:"file_created_at,timestamp(microsecond)"`
	FileUpdatedAt   *int64          `parquet:"file_updated_at,timestamp(microsecond)"`
	FileDeletedAt   *int64          `parquet:"file_deleted_at,timestamp(microsecond)"`
	Status          string          `parquet:"status,dict"`
	Error           *string         `parquet:"error"`
	Screenshots     *int64          `parquet:"screenshots"`
	Figures         *int64          `parquet:"figures"`
	Stored          int64           `parquet:"stored"`
	Skipped         int64           `parquet:"skipped"`
	Failed          int64           `parquet:"failed"`
	Bytes           int64           `parquet:"bytes"`
	ListedAt        *int64          `parquet:"listed_at,timestamp(microsecond)"`
	VanishedAt      *int64          `parquet:"vanished_at,timestamp(microsecond)"`
	// Sources is a JSON array of strings: not all readers take lists.
	AskedAt      *int64 `parquet:"asked_at,timestamp(microsecond)"`
	MissedAt     *int64 `parquet:"missed_at,timestamp(microsecond)"`
	Sources      string `parquet:"sources,optional,dict"`
	ExpiresAt    *int64 `parquet:"expires_at,timestamp(microsecond)"`
	ExpiredAt    *int64 `parquet:"expired_at,timestamp(microsecond)"`
	MissingPages *int64 `parquet:"missing_pages"`
	// MissedSources is as Sources.
	MissedSources string `parquet:"missed_sources,optional,dict"`
	Decided       string `parquet:"filters_digest,optional,dict"`
	JobID         string `parquet:"job_id,optional"`
	Documents     *int64 `parquet:"documents"`
	Pages         *int64 `parquet:"pages"`
}

func (r *fileRow) key() pipeline.FileKey {
	file := pipeline.File{ID: r.FileID, JobID: r.JobID, DirectoryFileID: r.DirectoryFileID}
	return file.Key()
}

func fromFileRow(r *pipeline.FileRow) fileRow {
	return fileRow{
		FileID:          r.ID,
		DirectoryID:     r.DirectoryID,
		DirectoryFileID: r.DirectoryFileID,
		PipelineID:      r.PipelineID,
		ProjectID:       r.ProjectID,
		DisplayName:     r.DisplayName,
		UniqueID:        r.UniqueID,
		FileMetadata:    nonEmpty(r.Metadata),
		FileCreatedAt:   micros(r.CreatedAt),
		FileUpdatedAt:   micros(r.UpdatedAt),
		FileDeletedAt:   micros(r.DeletedAt),
		Status:          string(r.Status),
		Error:           nonZero(r.Error),
		Screenshots:     r.Screenshots,
		Figures:         r.Figures,
		Stored:          r.Stored,
		Skipped:         r.Skipped,
		Failed:          r.Failed,
		Bytes:           r.Bytes,
		ListedAt:        micros(r.ListedAt),
		VanishedAt:      micros(r.VanishedAt),
		AskedAt:         micros(r.AskedAt),
		MissedAt:        micros(r.MissedAt),
		Sources:         sourcesText(r.Sources),
		ExpiresAt:       micros(r.ExpiresAt),
		ExpiredAt:       micros(r.ExpiredAt),
		MissingPages:    r.MissingPages,
		MissedSources:   sourcesText(r.MissedIn),
		Decided:         r.Decided,
		JobID:           r.JobID,
		Documents:       r.Documents,
		Pages:           r.Pages,
	}
}

// fileRow is the inverse of fromFileRow. It has the sources parsed by parse.
func (r *fileRow) fileRow(parse func(string) []pipeline.SourceKey) *pipeline.FileRow {
	r.raise()
	return &pipeline.FileRow{
		File:     r.file(),
		Status:   pipeline.Status(r.Status),
		Error:    zeroIfNil(r.Error),
		Counts:   r.counts(),
		ListedAt: moment(r.ListedAt),
		AskedAt:  moment(r.AskedAt),
		Sources:  parse(r.Sources),
		MissedIn: parse(r.MissedSources),
		Decided:  r.Decided,
		Gone:     gone(r.MissedAt, r.VanishedAt, r.ExpiredAt),
	}
}

// file returns the file that the row is of.
func (r *fileRow) file() pipeline.File {
	return pipeline.File{
		ID:              r.FileID,
		JobID:           r.JobID,
		DirectoryID:     r.DirectoryID,
		DirectoryFileID: r.DirectoryFileID,
		PipelineID:      r.PipelineID,
		ProjectID:       r.ProjectID,
		DisplayName:     r.DisplayName,
		UniqueID:        r.UniqueID,
		Metadata:        nonEmpty(r.FileMetadata),
		CreatedAt:       moment(r.FileCreatedAt),
		UpdatedAt:       moment(r.FileUpdatedAt),
		DeletedAt:       moment(r.FileDeletedAt),
		ExpiresAt:       moment(r.ExpiresAt),
	}
}

// raise gives a row of schema 1 what it lacks: it names one place of the file, and says when its assets were listed last.
func (r *fileRow) raise() {
	if r.Sources != "" {
		return
	}
	file := r.file()
	r.Sources, r.AskedAt = sourcesText([]pipeline.SourceKey{file.Place()}), r.ListedAt
}

func (r *fileRow) counts() pipeline.Counts {
	return pipeline.Counts{
		Screenshots:  r.Screenshots,
		Figures:      r.Figures,
		Documents:    r.Documents,
		Pages:        r.Pages,
		MissingPages: r.MissingPages,
		Stored:       r.Stored,
		Skipped:      r.Skipped,
		Failed:       r.Failed,
		Bytes:        r.Bytes,
	}
}
