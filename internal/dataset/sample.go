package dataset

import (
	"exporter/pipeline"
)

// Sample is a stored picture, and what is told of it.
type Sample struct {
	// Row is that of the export's manifest, and File that of its file or parse job, or nil where nothing needs it.
	Row  *pipeline.Row
	File *pipeline.FileRow
	// Text is that of the picture's page; nil where there is none, or where it is not wanted.
	Text *string
	// Objects are what lies on the page of a screenshot, sorted by the keys of their rows.
	Objects []Object
	// Name is the path of the picture within its configuration: of plain file names, '/' between them, unique, and with the extension of its
	// media type. It is the same for both sinks.
	Name string
	// PHash is the perceptual hash, and NearGroup the number of the group of near duplicates; nil where they are not known or not wanted.
	PHash     *uint64
	NearGroup *int64

	// from is the number of the export.
	from int
}

// Object is a picture on a page, as detectors are trained with.
type Object struct {
	// Box is x, y, width and height in pixels of the screenshot as it is stored, from its upper left corner, and lies within it.
	Box [4]float64
	// Category, Label and UpstreamName are empty, Caption and Confidence nil, where they are not known.
	Category, Label, UpstreamName string
	Caption                       *string
	Confidence                    *float64
}
