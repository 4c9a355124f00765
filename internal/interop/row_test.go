package interop

import (
	"cmp"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// asset is a row of manifest.parquet. Timestamps are microseconds since the epoch.
type asset struct {
	FileID                                           string
	JobID                                            *string
	Kind                                             string
	PageIndex                                        int32
	PageNumber                                       *int32
	FigureName                                       *string
	Origin                                           string
	UpstreamName                                     *string
	Status                                           string
	Reason, FileName, Shard, Member                  *string
	MemberOffset, FrameOffset, FrameSize, FrameStart *int64
	Size, ListedSize                                 *int64
	SHA256, MediaType, DeclaredType                  *string
	Width, Height, Orientation                       *int32
	Confidence                                       *float64
	IsLikelyNoise                                    *bool
	Category, Label                                  *string
	BBoxX, BBoxY, BBoxWidth, BBoxHeight              *float64
	Caption, Metadata, DirectoryID, DisplayName      *string
	FileUpdatedAt, AssetUpdatedAt, FetchedAt         *int64
	Attempts                                         int32
	MissedAt, VanishedAt, ExpiredAt                  *int64
}

// fields returns pointers to the fields in the order of the columns.
func (a *asset) fields() []any {
	return []any{
		&a.FileID, &a.JobID, &a.Kind, &a.PageIndex, &a.PageNumber, &a.FigureName, &a.Origin, &a.UpstreamName, &a.Status,
		&a.Reason, &a.FileName, &a.Shard, &a.Member, &a.MemberOffset, &a.FrameOffset, &a.FrameSize, &a.FrameStart, &a.Size,
		&a.ListedSize, &a.SHA256, &a.MediaType, &a.DeclaredType, &a.Width, &a.Height, &a.Orientation, &a.Confidence,
		&a.IsLikelyNoise, &a.Category, &a.Label, &a.BBoxX, &a.BBoxY, &a.BBoxWidth, &a.BBoxHeight, &a.Caption, &a.Metadata,
		&a.DirectoryID, &a.DisplayName, &a.FileUpdatedAt, &a.AssetUpdatedAt, &a.FetchedAt, &a.Attempts, &a.MissedAt,
		&a.VanishedAt, &a.ExpiredAt,
	}
}

// key is what identifies an asset.
type key struct {
	fileID, kind string
	page         int32
	name         string
}

func (a *asset) key() key {
	k := key{a.FileID, a.Kind, a.PageIndex, ""}
	if a.FigureName != nil {
		k.name = *a.FigureName
	}
	return k
}

func (k key) compare(l key) int {
	return cmp.Or(strings.Compare(k.fileID, l.fileID), strings.Compare(k.kind, l.kind),
		cmp.Compare(k.page, l.page), strings.Compare(k.name, l.name))
}

// route is the path, not escaped, at which the API has the blob.
func (k key) route() string {
	page := strconv.Itoa(int(k.page))
	if k.kind == "screenshot" {
		return "/api/v1/files/" + k.fileID + "/page_screenshots/" + page
	}
	return "/api/v1/files/" + k.fileID + "/page-figures/" + page + "/" + k.name
}

// escapedRoute is route as it stands in a URL.
func (k key) escapedRoute() string {
	return strings.TrimSuffix(k.route(), k.name) + url.PathEscape(k.name)
}

// file is a row of files.parquet. Timestamps are microseconds since the epoch.
type file struct {
	FileID                                              *string
	DirectoryID, DirectoryFileID, PipelineID, ProjectID *string
	DisplayName, UniqueID, FileMetadata                 *string
	FileCreatedAt, FileUpdatedAt, FileDeletedAt         *int64
	Status                                              string
	Error                                               *string
	Screenshots, Figures                                *int64
	Stored, Skipped, Failed, Bytes                      int64
	ListedAt, VanishedAt, AskedAt, MissedAt             *int64
	Sources                                             *string
	ExpiresAt, ExpiredAt, MissingPages                  *int64
	MissedSources, FiltersDigest, JobID                 *string
	Documents, Pages                                    *int64
}

// fields returns pointers to the fields in the order of the columns.
func (f *file) fields() []any {
	return []any{
		&f.FileID, &f.DirectoryID, &f.DirectoryFileID, &f.PipelineID, &f.ProjectID, &f.DisplayName, &f.UniqueID,
		&f.FileMetadata, &f.FileCreatedAt, &f.FileUpdatedAt, &f.FileDeletedAt, &f.Status, &f.Error, &f.Screenshots,
		&f.Figures, &f.Stored, &f.Skipped, &f.Failed, &f.Bytes, &f.ListedAt, &f.VanishedAt, &f.AskedAt,
		&f.MissedAt, &f.Sources, &f.ExpiresAt, &f.ExpiredAt, &f.MissingPages, &f.MissedSources,
		&f.FiltersDigest, &f.JobID, &f.Documents, &f.Pages,
	}
}

// fileOf returns the row of the file that has the id. There must be one.
func fileOf(files []file, id string) *file {
	return &files[slices.IndexFunc(files, func(f file) bool { return f.FileID != nil && *f.FileID == id })]
}

// compare is the order of files.parquet: nulls first.
func (f *file) compare(g *file) int {
	return cmp.Or(compareNullable(f.JobID, g.JobID), compareNullable(f.FileID, g.FileID), compareNullable(f.DirectoryFileID, g.DirectoryFileID))
}

func compareNullable(a, b *string) int {
	switch {
	case a == nil && b == nil:
		return 0
	case a == nil:
		return -1
	case b == nil:
		return 1
	}
	return strings.Compare(*a, *b)
}
