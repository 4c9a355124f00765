package inventory

import (
	"encoding/json"
	"math"
	"strconv"
	"time"

	"exporter/manifest"
	"exporter/pipeline"
)

// State is what became of a file or an asset: its status, or that it is not there upstream any more.
type State string

// The states beside those of pipeline.Status.
const (
	// Missed was not in the last complete listing; Vanished in two of them; Expired went by its own time.
	Missed   State = "missed"
	Vanished State = "vanished"
	Expired  State = "expired"
)

// File is a file, or a parse job, of an export.
type File struct {
	item
	// Key has its ids, and FileID is that of a job's file, where it is known.
	Key    pipeline.FileKey
	FileID string
	// Name is its display_name; nil where it has none.
	Name *string
	// State is what became of it, since when it is gone, and Error why it is not complete.
	State State
	Since time.Time
	Error string
	// Screenshots, Figures, Documents and MissingPages are nil where they are not known. Gaps are the pages that are missing between others, where they
	// were asked for.
	Screenshots, Figures, Documents, MissingPages *int64
	Gaps                                          []Gap
	Stored, Skipped, Failed, Bytes                int64
	// AcceptedAt is when a person accepted that its listing fails; zero where nobody did.
	AcceptedAt time.Time
}

// Gap is some pages that are missing, one after the other, by their page_index.
type Gap struct {
	First int32 `json:"first"`
	Last  int32 `json:"last"`
}

// HasPictures tells whether any is listed of it; it counts as such where that is not known.
func (f *File) HasPictures() bool {
	known, pictures := false, int64(0)
	for _, count := range []*int64{f.Screenshots, f.Figures} {
		if count != nil {
			known, pictures = true, pictures+*count
		}
	}
	return !known || pictures > 0
}

// Asset is an asset of an export.
type Asset struct {
	item
	// Key is that of its row, and Name the display_name of its file; nil where that has none, or was listed before.
	Key   pipeline.AssetKey
	Name  *string
	State State
	Since time.Time
	// Reason is why it was skipped, or failed; Attempts is how many requests it cost.
	Reason   string
	Attempts int64
	// Size, Width and Height are 0, and MediaType is empty, where nothing is stored.
	Size, Width, Height int64
	MediaType           string
	// Confidence and IsLikelyNoise are nil where they were not listed.
	Confidence    *float64
	IsLikelyNoise *bool
	Category      string
	// PageNumber is the number of its page, from 1 on; 0 where the API did not say it.
	PageNumber int32
	// AcceptedAt is when a person accepted that it fails; zero where nobody did.
	AcceptedAt time.Time
}

// item is a row and its table.
type item struct {
	table  *table
	record manifest.Record
}

// AppendJSON appends the row as members of a JSON object: every column that was read and has a value, by its name.
func (i item) AppendJSON(b []byte) []byte {
	for n, c := range i.table.columns {
		if i.record.IsNull(n) {
			continue
		}
		if len(b) > 0 && b[len(b)-1] != '{' {
			b = append(b, ',')
		}
		b = append(strconv.AppendQuote(b, c.Name), ':')
		switch c.Type {
		case manifest.TypeText:
			b = appendText(b, c.Name, i.record.Text(n))
		case manifest.TypeFloat:
			b = appendFloat(b, i.record.Float(n))
		case manifest.TypeBool:
			b = strconv.AppendBool(b, i.record.Bool(n))
		case manifest.TypeTime:
			b = time.UnixMicro(i.record.Int(n)).UTC().AppendFormat(append(b, '"'), time.RFC3339Nano)
			b = append(b, '"')
		default:
			b = strconv.AppendInt(b, i.record.Int(n), 10)
		}
	}
	return b
}

// appendText appends a text. Columns of JSON are what they are.
func appendText(b []byte, column, text string) []byte {
	switch column {
	case "metadata", "file_metadata", "sources", "missed_sources":
		if json.Valid([]byte(text)) {
			return append(b, text...)
		}
	}
	// A text can always be encoded.
	quoted, _ := json.Marshal(text)
	return append(b, quoted...)
}

// appendFloat appends a number; null for one that JSON does not have.
func appendFloat(b []byte, f float64) []byte {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return append(b, "null"...)
	}
	return strconv.AppendFloat(b, f, 'g', -1, 64)
}

// Text returns what a column of texts has, of those that were read; empty where it is null. Time returns what a column of times has; the zero time for
// null.
func (i item) Text(column string) string    { return i.record.Text(i.table.number(column)) }
func (i item) Time(column string) time.Time { return i.timeIn(i.table.number(column)) }

// textIn returns what a column of texts has; nil for null.
func (i item) textIn(column int) *string {
	if i.record.IsNull(column) {
		return nil
	}
	return new(i.record.Text(column))
}

func (i item) intIn(column int) *int64 {
	if i.record.IsNull(column) {
		return nil
	}
	return new(i.record.Int(column))
}

func (i item) timeIn(column int) time.Time {
	if i.record.IsNull(column) {
		return time.Time{}
	}
	return time.UnixMicro(i.record.Int(column)).UTC()
}

// state returns the state of a row, and since when it is gone.
func (i item) state(status, missed, vanished, expired int) (State, time.Time) {
	for _, gone := range []struct {
		column int
		state  State
	}{{expired, Expired}, {vanished, Vanished}, {missed, Missed}} {
		if at := i.timeIn(gone.column); !at.IsZero() {
			return gone.state, at
		}
	}
	for _, s := range [...]State{Stored, Complete, Skipped, Failed, Partial} {
		if i.record.Is(status, string(s)) {
			return s, time.Time{}
		}
	}
	return State(i.record.Text(status)), time.Time{}
}

// Failed and its like are the states that are those of rows.
const (
	Stored   = State(pipeline.Stored)
	Skipped  = State(pipeline.Skipped)
	Failed   = State(pipeline.Failed)
	Complete = State(pipeline.Complete)
	Partial  = State(pipeline.Partial)
)
