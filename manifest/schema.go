package manifest

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/parquet-go/parquet-go"

	"exporter/pipeline"
)

// Schema is the version of the columns that are written. Those of schema1 and schema11 are read as well, see layout.go, and so are those
// of schema2 and schema21, which lack laterColumns and are taken for the same.
const (
	Schema   = "2.2"
	schema21 = "2.1"
	schema2  = "2"
	schema11 = "1.1"
	schema1  = "1"
)

// assetRow is a row of manifest.parquet and of asset parts. Timestamps are microseconds since the epoch, UTC. Columns that a
// source has nothing for are null.
type assetRow struct {
	FileID         string          `parquet:"file_id,optional,dict"`
	JobID          string          `parquet:"job_id,optional,dict"`
	Kind           string          `parquet:"kind,dict"`
	PageIndex      int32           `parquet:"page_index"`
	PageNumber     *int32          `parquet:"page_number"`
	FigureName     *string         `parquet:"figure_name"`
	Origin         string          `parquet:"origin,dict"`
	UpstreamName   *string         `parquet:"upstream_name"`
	Status         string          `parquet:"status,dict"`
	Reason         *string         `parquet:"reason"`
	FileName       *string         `parquet:"file_name"`
	Shard          *string         `parquet:"shard,dict"`
	Member         *string         `parquet:"member"`
	MemberOffset   *int64          `parquet:"member_offset"`
	FrameOffset    *int64          `parquet:"frame_offset"`
	FrameSize      *int64          `parquet:"frame_size"`
	FrameStart     *int64          `parquet:"frame_start"`
	Size           *int64          `parquet:"size"`
	ListedSize     *int64          `parquet:"listed_size"`
	SHA256         *string         `parquet:"sha256"`
	MediaType      *string         `parquet:"media_type,dict"`
	DeclaredType   *string         `parquet:"declared_type,dict"`
	Width          *int32          `parquet:"width"`
	Height         *int32          `parquet:"height"`
	Orientation    *int32          `parquet:"orientation"`
	Confidence     *float64        `parquet:"confidence"`
	IsLikelyNoise  *bool           `parquet:"is_likely_noise"`
	Category       *string         `parquet:"category,dict"`
	Label          *string         `parquet:"label,dict"`
	BBoxX          *float64        `parquet:"bbox_x"`
	BBoxY          *float64        `parquet:"bbox_y"`
	BBoxWidth      *float64        `parquet:"bbox_width"`
	BBoxHeight     *float64        `parquet:"bbox_height"`
	Caption        *string         `parquet:"caption"`
	Metadata       json.RawMessage `parquet:"metadata,string,optional"`
	DirectoryID    string          `parquet:"directory_id,optional,dict"`
	DisplayName    *string         `parquet:"display_name,dict"`
	FileUpdatedAt  *int64          `parquet:"file_updated_at,timestamp(microsecond)"`
	AssetUpdatedAt *int64          `parquet:"asset_updated_at,timestamp(microsecond)"`
	FetchedAt      *int64          `parquet:"fetched_at,timestamp(microsecond)"`
	Attempts       int32           `parquet:"attempts"`
	MissedAt       *int64          `parquet:"missed_at,timestamp(microsecond)"`
	VanishedAt     *int64          `parquet:"vanished_at,timestamp(microsecond)"`
	ExpiredAt      *int64          `parquet:"expired_at,timestamp(microsecond)"`
}

// laterColumns are those of files.parquet that schema 2 or 2.1 does not have: they are null in tables that lack them.
var laterColumns = []string{"filters_digest", "job_id", "documents", "pages"}

// schemaOf returns the Parquet schema of a row type.
func schemaOf[T any]() *parquet.Schema {
	return parquet.NewSchema("exporter", parquet.SchemaOf(new(T)))
}

// HasColumn tells whether a table of an export has a column of that name.
func HasColumn(name string) bool {
	_, ofAssets := schemaOf[assetRow]().Lookup(name)
	_, ofFiles := schemaOf[fileRow]().Lookup(name)
	_, ofPages := schemaOf[pageRow]().Lookup(name)
	return ofAssets || ofFiles || ofPages
}

// columnOf returns the number of a column.
func columnOf(schema *parquet.Schema, name string) int {
	column, _ := schema.Lookup(name)
	return column.ColumnIndex
}

func (r *assetRow) key() pipeline.AssetKey {
	return pipeline.AssetKey{
		FileID: pipeline.ID(r.FileID), JobID: pipeline.ID(r.JobID), Kind: pipeline.Kind(r.Kind), PageIndex: r.PageIndex,
		FigureName: zeroIfNil(r.FigureName), Origin: pipeline.Origin(r.Origin), UpstreamName: zeroIfNil(r.UpstreamName),
	}
}

func (r *assetRow) owner() pipeline.Owner {
	return pipeline.Owner{FileID: pipeline.ID(r.FileID), JobID: pipeline.ID(r.JobID)}
}

// wantedAsset returns a row that has a key and nothing else.
func wantedAsset(key pipeline.AssetKey) *assetRow {
	return &assetRow{
		FileID: string(key.FileID), JobID: string(key.JobID), Kind: string(key.Kind), PageIndex: key.PageIndex,
		FigureName: nonZero(key.FigureName), Origin: string(key.Origin), UpstreamName: nonZero(key.UpstreamName),
	}
}

// wantedOwner returns a row that has an owner and nothing else.
func wantedOwner(o pipeline.Owner) *assetRow {
	return &assetRow{FileID: string(o.FileID), JobID: string(o.JobID)}
}

// keyOf returns the key of the file, or the job, that an owner of assets is.
func keyOf(o pipeline.Owner) pipeline.FileKey {
	file := pipeline.File{ID: string(o.FileID), JobID: string(o.JobID)}
	return file.Key()
}

// assetKeys and fileKeys are the columns of the keys of rows, in the order in which they are compared.
var (
	assetKeys = [...]string{"file_id", "job_id", "kind", "page_index", "figure_name", "origin", "upstream_name"}
	fileKeys  = [...]string{"job_id", "file_id", "directory_file_id"}
)

// Every row that was written has a status.
func (r *assetRow) isLost() bool { return r.Status == "" }

func fromRow(r *pipeline.Row) assetRow {
	f, d := r.File, r.Detail()
	row := assetRow{
		FileID:         string(r.FileID),
		JobID:          string(r.JobID),
		Kind:           string(r.Kind),
		PageIndex:      r.PageIndex,
		PageNumber:     d.PageNumber,
		Origin:         string(r.Origin),
		UpstreamName:   nonZero(d.UpstreamName),
		Category:       nonZero(d.Category),
		Label:          nonZero(d.Label),
		Caption:        d.Caption,
		AssetUpdatedAt: micros(d.UpdatedAt),
		Status:         string(r.Status),
		Reason:         nonZero(r.Reason),
		ListedSize:     r.ListedSize,
		Confidence:     r.Confidence,
		IsLikelyNoise:  r.IsLikelyNoise,
		Metadata:       nonEmpty(r.Metadata),
		DirectoryID:    f.DirectoryID,
		DisplayName:    f.DisplayName,
		FileUpdatedAt:  micros(f.UpdatedAt),
		Attempts:       int32(r.Attempts),
		VanishedAt:     micros(r.VanishedAt),
		DeclaredType:   nonZero(r.DeclaredType),
		MissedAt:       micros(r.MissedAt),
		ExpiredAt:      micros(r.ExpiredAt),
	}
	if r.Kind == pipeline.Figure {
		row.FigureName = &r.FigureName
	}
	if b := d.Box; b != nil {
		row.BBoxX, row.BBoxY, row.BBoxWidth, row.BBoxHeight = &b.X, &b.Y, &b.Width, &b.Height
	}
	if r.Status == pipeline.Stored {
		row.setContent(r)
	}
	return row
}

// setContent fills the columns that only stored assets have.
func (r *assetRow) setContent(from *pipeline.Row) {
	c, at := &from.Content, from.Location.Shard
	r.Size = &c.Size
	sum := hex.EncodeToString(c.SHA256[:])
	r.SHA256 = &sum
	r.MediaType = &c.MediaType
	r.Width, r.Height, r.Orientation = nonZero(c.Width), nonZero(c.Height), nonZero(c.Orientation)
	r.FetchedAt = micros(from.FetchedAt)
	if at == nil {
		r.FileName = &from.Location.Path
		return
	}
	r.Shard, r.Member, r.MemberOffset = &from.Location.Path, &at.Member, &at.Offset
	if at.Frame != nil {
		r.FrameOffset, r.FrameSize, r.FrameStart = &at.Frame.Offset, &at.Frame.Size, &at.Frame.Start
	}
}

// row is the inverse of fromRow. What it is given comes from a file that may be damaged.
func (r *assetRow) row() (*pipeline.Row, error) {
	row := &pipeline.Row{
		Asset: pipeline.Asset{
			FileID:        pipeline.ID(r.FileID),
			JobID:         pipeline.ID(r.JobID),
			Kind:          pipeline.Kind(r.Kind),
			Origin:        pipeline.Origin(r.Origin),
			PageIndex:     r.PageIndex,
			FigureName:    zeroIfNil(r.FigureName),
			Details:       r.details().Ref(),
			ListedSize:    r.ListedSize,
			Confidence:    r.Confidence,
			IsLikelyNoise: r.IsLikelyNoise,
			Metadata:      nonEmpty(r.Metadata),
		},
		File: &pipeline.File{
			ID:          r.FileID,
			JobID:       r.JobID,
			DirectoryID: r.DirectoryID,
			DisplayName: r.DisplayName,
			UpdatedAt:   moment(r.FileUpdatedAt),
		},
		Status:       pipeline.Status(r.Status),
		Reason:       zeroIfNil(r.Reason),
		Attempts:     int(r.Attempts),
		FetchedAt:    moment(r.FetchedAt),
		DeclaredType: zeroIfNil(r.DeclaredType),
		Gone:         gone(r.MissedAt, r.VanishedAt, r.ExpiredAt),
	}
	if row.Status != pipeline.Stored {
		return row, nil
	}
	return row, r.fillContent(row)
}

// fillContent fills a row with what says where its blob is and what it holds.
func (r *assetRow) fillContent(row *pipeline.Row) error {
	if err := r.content(row); err != nil {
		return fmt.Errorf("row of file %q, %s of page %d: %w", r.FileID, r.Kind, r.PageIndex, err)
	}
	return nil
}

func (r *assetRow) details() pipeline.Details {
	return pipeline.Details{
		UpstreamName: zeroIfNil(r.UpstreamName), PageNumber: r.PageNumber, Category: zeroIfNil(r.Category), Label: zeroIfNil(r.Label), Box: r.box(), Caption: r.Caption,
		UpdatedAt: moment(r.AssetUpdatedAt),
	}
}

// box returns the place of the picture; nil where any number of it is missing.
func (r *assetRow) box() *pipeline.Box {
	if r.BBoxX == nil || r.BBoxY == nil || r.BBoxWidth == nil || r.BBoxHeight == nil {
		return nil
	}
	return &pipeline.Box{X: *r.BBoxX, Y: *r.BBoxY, Width: *r.BBoxWidth, Height: *r.BBoxHeight}
}

func (r *assetRow) content(row *pipeline.Row) error {
	if r.Size == nil || r.SHA256 == nil || r.MediaType == nil || (r.FileName == nil) == (r.Shard == nil) {
		return errors.New("it is stored, but has no size, sha256 or media_type, or not one of file_name and shard")
	}
	sum, err := hex.DecodeString(*r.SHA256)
	if err != nil || len(sum) != len(row.Content.SHA256) {
		return fmt.Errorf("sha256 is %q, want 64 hex digits", *r.SHA256)
	}
	copy(row.Content.SHA256[:], sum)
	row.Content.Size, row.Content.MediaType = *r.Size, *r.MediaType
	row.Content.Width, row.Content.Height, row.Content.Orientation = zeroIfNil(r.Width), zeroIfNil(r.Height), zeroIfNil(r.Orientation)
	if r.FileName != nil {
		row.Location.Path = *r.FileName
		return nil
	}
	if r.Member == nil || r.MemberOffset == nil {
		return errors.New("it is in a shard, but has no member or member_offset")
	}
	row.Location.Path, row.Location.Shard = *r.Shard, &pipeline.ShardLocation{Member: *r.Member, Offset: *r.MemberOffset}
	if r.FrameOffset == nil {
		return nil
	}
	if r.FrameSize == nil || r.FrameStart == nil {
		return errors.New("it has a frame_offset, but no frame_size or frame_start")
	}
	row.Location.Shard.Frame = &pipeline.Frame{Offset: *r.FrameOffset, Size: *r.FrameSize, Start: *r.FrameStart}
	return nil
}

func gone(missedAt, vanishedAt, expiredAt *int64) pipeline.Gone {
	return pipeline.Gone{MissedAt: moment(missedAt), VanishedAt: moment(vanishedAt), ExpiredAt: moment(expiredAt)}
}

func nonEmpty(document json.RawMessage) json.RawMessage {
	if len(document) == 0 || string(document) == "null" {
		return nil
	}
	return document
}

func nonZero[T comparable](v T) *T {
	if v == *new(T) {
		return nil
	}
	return &v
}

func zeroIfNil[T any](p *T) T {
	if p == nil {
		return *new(T)
	}
	return *p
}

func micros(t time.Time) *int64 {
	if t.IsZero() {
		return nil
	}
	return new(t.UnixMicro())
}

func moment(us *int64) time.Time {
	if us == nil {
		return time.Time{}
	}
	return time.UnixMicro(*us).UTC()
}
