package llamacloud

import (
	"time"

	"exporter/pipeline"
)

// directoryFile is a file as listed in the directory that was asked for.
func directoryFile(f *DirectoryFile, directory pipeline.ID) pipeline.File {
	id := f.FileID.Or("")
	if id == "" && isTyped(pipeline.ID(f.ID)) {
		// What an index attaches to it is asked for by the id that it has in its directory.
		id = f.ID
	}
	return pipeline.File{
		ID:              id,
		DirectoryID:     string(directory),
		DirectoryFileID: f.ID,
		ProjectID:       f.ProjectID,
		DisplayName:     f.DisplayName.Ptr(),
		UniqueID:        f.UniqueID.Ptr(),
		Metadata:        f.Metadata.Or(nil),
		CreatedAt:       at(f.CreatedAt),
		UpdatedAt:       at(f.UpdatedAt),
		DeletedAt:       at(f.DeletedAt),
	}
}

// pipelineFile is a file as listed in the pipeline that was asked for. Without a file_id, the pipeline's own id for it
// stands in for that of a directory file, as its row needs a key.
func pipelineFile(f *PipelineFile, id pipeline.ID) pipeline.File {
	file := pipeline.File{
		ID:          f.FileID.Or(""),
		PipelineID:  string(id),
		ProjectID:   f.ProjectID.Or(""),
		DisplayName: f.Name.Ptr(),
		UniqueID:    f.ExternalFileID.Ptr(),
		Metadata:    f.CustomMetadata.Or(nil),
		CreatedAt:   at(f.CreatedAt),
		UpdatedAt:   latest(at(f.UpdatedAt), at(f.LastModifiedAt)),
	}
	if file.ID == "" {
		file.DirectoryFileID = f.ID
	}
	return file
}

func projectFile(f *ProjectFile) pipeline.File {
	return pipeline.File{
		ID:          f.ID,
		ProjectID:   f.ProjectID,
		DisplayName: f.Name.Ptr(),
		UniqueID:    f.ExternalFileID.Ptr(),
		UpdatedAt:   at(f.LastModifiedAt),
		ExpiresAt:   at(f.ExpiresAt),
	}
}

func screenshotAsset(file pipeline.ID, s *PageScreenshot) *pipeline.Asset {
	return &pipeline.Asset{
		FileID:     file,
		Kind:       pipeline.Screenshot,
		Origin:     pipeline.OriginFile,
		PageIndex:  s.PageIndex,
		ListedSize: s.ImageSize.Ptr(),
		Metadata:   s.Metadata.Or(nil),
	}
}

func figureAsset(file pipeline.ID, f *PageFigure) *pipeline.Asset {
	return &pipeline.Asset{
		FileID:        file,
		Kind:          pipeline.Figure,
		Origin:        pipeline.OriginFile,
		PageIndex:     f.PageIndex,
		FigureName:    f.FigureName,
		ListedSize:    f.FigureSize.Ptr(),
		Confidence:    f.Confidence.Ptr(),
		IsLikelyNoise: f.IsLikelyNoise.Ptr(),
		Metadata:      f.Metadata.Or(nil),
	}
}

// at returns the time, or the zero time where it is absent or null.
func at(t Optional[Timestamp]) time.Time { return t.Or(Timestamp{}).Time }

// latest returns the later of two times, of which either may be zero.
func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
