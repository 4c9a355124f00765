package interop

import (
	"encoding/hex"
	"testing"
	"time"

	"exporter/internal/store"
	"exporter/manifest"
	"exporter/pipeline"
)

// ownAssets returns what the program's own reader makes of the export: rows of assets, sorted, parts of the commit log included.
func (e *export) ownAssets(t *testing.T) (rows []asset) {
	t.Helper()
	dir, err := store.OpenDir(e.out)
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	snapshot, err := manifest.OpenSnapshot(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	defer snapshot.Close()
	for row, err := range snapshot.Rows(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		rows = append(rows, ownAsset(row))
	}
	return rows
}

// ownAsset returns what the columns of an asset have to be.
func ownAsset(r *pipeline.Row) asset {
	a := asset{
		FileID: string(r.FileID), Kind: string(r.Kind), PageIndex: r.PageIndex, Origin: "file", Status: string(r.Status),
		Reason: nonZero(r.Reason), ListedSize: r.ListedSize, DeclaredType: nonZero(r.DeclaredType), Confidence: r.Confidence,
		IsLikelyNoise: r.IsLikelyNoise, Metadata: nonZero(string(r.Metadata)), DirectoryID: nonZero(r.File.DirectoryID),
		DisplayName: r.File.DisplayName, FileUpdatedAt: unixMicro(r.File.UpdatedAt), FetchedAt: unixMicro(r.FetchedAt),
		Attempts: int32(r.Attempts), MissedAt: unixMicro(r.MissedAt), VanishedAt: unixMicro(r.VanishedAt),
		ExpiredAt: unixMicro(r.ExpiredAt),
	}
	if r.Kind == pipeline.Figure {
		a.FigureName = &r.FigureName
	}
	if r.Status != pipeline.Stored {
		return a
	}
	c, at := r.Content, r.Location.Shard
	a.Size, a.SHA256, a.MediaType = &c.Size, new(hex.EncodeToString(c.SHA256[:])), &c.MediaType
	a.Width, a.Height = nonZero(c.Width), nonZero(c.Height)
	if at == nil {
		a.FileName = &r.Location.Path
		return a
	}
	a.Shard, a.Member, a.MemberOffset = &r.Location.Path, &at.Member, &at.Offset
	if f := at.Frame; f != nil {
		a.FrameOffset, a.FrameSize, a.FrameStart = &f.Offset, &f.Size, &f.Start
	}
	return a
}

func nonZero[T comparable](v T) *T {
	if v == *new(T) {
		return nil
	}
	return &v
}

func unixMicro(at time.Time) *int64 {
	if at.IsZero() {
		return nil
	}
	return new(at.UnixMicro())
}
