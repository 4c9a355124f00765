package dataset

import (
	"encoding/hex"
	"fmt"
	"time"

	"exporter/internal/where"
	"exporter/pipeline"
)

// Type is the type of a column: one of those that conditions know.
type Type where.Type

// The types of columns. A Timestamp is in microseconds since 1970, UTC.
const (
	String    = Type(where.String)
	Int32     = Type(where.Int32)
	Int64     = Type(where.Int64)
	Float64   = Type(where.Float64)
	Bool      = Type(where.Bool)
	Timestamp = Type(where.Timestamp)
)

// Value is what a column has for a sample.
type Value = where.Value

// Column is a column beside the picture. Any value of it may be null.
type Column struct {
	Name string
	Type Type
	// Doc says what it means, in one line, for cards.
	Doc string
	// IsDefault tells whether it is there unless others are asked for.
	IsDefault bool
	// Of returns the value for a sample.
	Of func(*Sample) Value
}

// Columns are all columns there may be beside the picture and its objects, in the order in which they are written.
func Columns() []*Column { return columns }

// columns is never changed.
var columns = []*Column{
	{"file_id", String, "the file that the picture was taken from", true, func(s *Sample) Value { return text(string(s.Row.FileID)) }},
	{"job_id", String, "the parse job that the picture was taken from", true, func(s *Sample) Value { return text(string(s.Row.JobID)) }},
	{"kind", String, "screenshot, of a whole page, or figure", true, func(s *Sample) Value { return text(string(s.Row.Kind)) }},
	{"page_index", Int32, "the page, as listed; -1 where it is on none", true, func(s *Sample) Value { return integer(int64(s.Row.PageIndex)) }},
	{"page_number", Int32, "the page, counted from 1, where that is known", true, func(s *Sample) Value { return pointer(s.Row.Detail().PageNumber) }},
	{"figure_name", String, "the name of a figure, as listed", true, func(s *Sample) Value {
		if s.Row.Kind != pipeline.Figure {
			return Value{}
		}
		return Value{Valid: true, Text: s.Row.FigureName}
	}},
	{"origin", String, "file, attachment or parse: where the picture was listed", true, func(s *Sample) Value { return text(string(s.Row.Origin)) }},
	{"upstream_name", String, "the name of an attachment, or of a parse job's picture, as listed", true, func(s *Sample) Value {
		return text(s.Row.Detail().UpstreamName)
	}},
	{"display_name", String, "the name of the file", true, func(s *Sample) Value {
		if s.Row.File == nil {
			return Value{}
		}
		return textOf(s.Row.File.DisplayName)
	}},
	{"directory_id", String, "the directory of the file", true, func(s *Sample) Value {
		if s.Row.File == nil {
			return Value{}
		}
		return text(s.Row.File.DirectoryID)
	}},
	{"unique_id", String, "the unique_id of the file in its directory", false, func(s *Sample) Value {
		if s.File == nil {
			return Value{}
		}
		return textOf(s.File.UniqueID)
	}},
	{"sha256", String, "of the picture's bytes, in hexadecimal digits", true, func(s *Sample) Value {
		return text(hex.EncodeToString(s.Row.Content.SHA256[:]))
	}},
	{"size", Int64, "of the picture in bytes", true, func(s *Sample) Value { return integer(s.Row.Content.Size) }},
	{"media_type", String, "of the picture, by its bytes", true, func(s *Sample) Value { return text(s.Row.Content.MediaType) }},
	{"width", Int32, "in pixels, as the picture is stored", true, func(s *Sample) Value { return positive(s.Row.Content.Width) }},
	{"height", Int32, "in pixels, as the picture is stored", true, func(s *Sample) Value { return positive(s.Row.Content.Height) }},
	{"orientation", Int32, "EXIF's, 1 to 8: how the picture is to be turned when it is shown", true, func(s *Sample) Value {
		return positive(s.Row.Content.Orientation)
	}},
	{"confidence", Float64, "that the figure is one, as listed", true, func(s *Sample) Value {
		if s.Row.Confidence == nil {
			return Value{}
		}
		return Value{Valid: true, Float: *s.Row.Confidence}
	}},
	{"is_likely_noise", Bool, "whether the figure is likely to be noise, as listed", true, func(s *Sample) Value {
		if s.Row.IsLikelyNoise == nil {
			return Value{}
		}
		return Value{Valid: true, Bool: *s.Row.IsLikelyNoise}
	}},
	{"category", String, "what the picture is, by the layout of its page", true, func(s *Sample) Value { return text(s.Row.Detail().Category) }},
	{"label", String, "what the picture is, more closely", true, func(s *Sample) Value { return text(s.Row.Detail().Label) }},
	{"bbox_x", Float64, "left edge on the page, in the units of the API", true, box(func(b *pipeline.Box) float64 { return b.X })},
	{"bbox_y", Float64, "upper edge on the page, in the units of the API", true, box(func(b *pipeline.Box) float64 { return b.Y })},
	{"bbox_width", Float64, "width on the page, in the units of the API", true, box(func(b *pipeline.Box) float64 { return b.Width })},
	{"bbox_height", Float64, "height on the page, in the units of the API", true, box(func(b *pipeline.Box) float64 { return b.Height })},
	{"caption", String, "what is written about the picture on its page", true, func(s *Sample) Value { return textOf(s.Row.Detail().Caption) }},
	{"metadata", String, "the picture's metadata, as JSON", true, func(s *Sample) Value { return text(string(s.Row.Metadata)) }},
	{"text", String, "the text of the page", true, func(s *Sample) Value { return textOf(s.Text) }},
	{"phash", String, "perceptual hash, equal to imagehash.phash, 16 hexadecimal digits", true, func(s *Sample) Value {
		if s.PHash == nil {
			return Value{}
		}
		return text(fmt.Sprintf("%016x", *s.PHash))
	}},
	{"near_group", Int64, "the same for pictures that look alike", true, func(s *Sample) Value { return pointer(s.NearGroup) }},
	{"listed_size", Int64, "the size that was listed, in bytes", false, func(s *Sample) Value { return pointer(s.Row.ListedSize) }},
	{"declared_type", String, "the media type that the API declared", false, func(s *Sample) Value { return text(s.Row.DeclaredType) }},
	{"attempts", Int32, "how many requests the picture cost", false, func(s *Sample) Value { return integer(int64(s.Row.Attempts)) }},
	{"file_updated_at", Timestamp, "the date of the file under which the picture was fetched", false, func(s *Sample) Value {
		if s.Row.File == nil {
			return Value{}
		}
		return moment(s.Row.File.UpdatedAt)
	}},
	{"asset_updated_at", Timestamp, "the date of the picture", false, func(s *Sample) Value { return moment(s.Row.Detail().UpdatedAt) }},
	{"fetched_at", Timestamp, "when the picture was fetched", false, func(s *Sample) Value { return moment(s.Row.FetchedAt) }},
	{"vanished_at", Timestamp, "when upstream did not have the picture any more", false, func(s *Sample) Value { return moment(s.Row.VanishedAt) }},
	{"expired_at", Timestamp, "when the picture expired upstream", false, func(s *Sample) Value { return moment(s.Row.ExpiredAt) }},
}

// findColumn returns the column that has a name; nil where there is none.
func findColumn(name string) *Column {
	for _, c := range columns {
		if c.Name == name {
			return c
		}
	}
	return nil
}

// text is null where it is empty.
func text(s string) Value { return Value{Valid: s != "", Text: s} }

func textOf(s *string) Value {
	if s == nil {
		return Value{}
	}
	return Value{Valid: true, Text: *s}
}

func integer(i int64) Value { return Value{Valid: true, Int: i} }

func positive(i int32) Value { return Value{Valid: i > 0, Int: int64(i)} }

func pointer[T int32 | int64](i *T) Value {
	if i == nil {
		return Value{}
	}
	return integer(int64(*i))
}

func moment(t time.Time) Value {
	if t.IsZero() {
		return Value{}
	}
	return integer(t.UnixMicro())
}

func box(of func(*pipeline.Box) float64) func(*Sample) Value {
	return func(s *Sample) Value {
		b := s.Row.Detail().Box
		if b == nil {
			return Value{}
		}
		return Value{Valid: true, Float: of(b)}
	}
}
