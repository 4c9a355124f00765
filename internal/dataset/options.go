package dataset

import (
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"slices"
	"strings"

	"exporter/internal/store/place"
	"exporter/internal/where"
	"exporter/pipeline"
)

// Forms returns the forms of datasets.
func Forms() []string { return slices.Clone(forms) }

// forms is never changed.
var forms = []string{FormParquet, FormWebDataset, FormImageFolder}

// The forms of datasets.
const (
	FormParquet     = "parquet"
	FormWebDataset  = "webdataset"
	FormImageFolder = "imagefolder"
)

// The texts of pages that a sample may have.
const (
	TextMarkdown = "markdown"
	TextPlain    = "text"
	TextNone     = "none"
)

// MaxShardSize is the most that the pictures of a shard may take, in bytes: readers of Parquet take a file as a whole.
const MaxShardSize = 500_000_000

// Options say which dataset to make. The zero value of what is not required means what its comment says.
type Options struct {
	// Exports are where the exports are, one at least, and Out is where the dataset is: directories, or what is below prefixes of buckets. Of
	// pictures that several exports have, that of the one that is named first is taken.
	Exports []string
	Out     string
	// Form is one of the forms, and required.
	Form string

	// Kinds are the kinds of pictures that are taken, screenshots and figures; nil for both.
	Kinds []pipeline.Kind
	// Where has to hold; nil for everything.
	Where *Where
	// NoNoise leaves out figures that are likely to be noise.
	NoNoise bool
	// MinWidth and MinHeight are the least pixels, and MinConfidence the least confidence of a figure that has one.
	MinWidth, MinHeight int
	MinConfidence       float64
	// AnyFormat takes pictures that Pillow does not open by itself, too.
	AnyFormat bool
	// Dedup leaves out pictures that have the bytes of one before.
	Dedup bool
	// Sample is how many pictures are taken, chosen by chance and Seed; 0 for all.
	Sample int
	// Decode leaves out pictures that cannot be decoded.
	Decode bool

	// Columns are the names of the columns beside the picture; nil for the default ones.
	Columns []string
	// Text is TextMarkdown, TextPlain or TextNone; empty for TextMarkdown.
	Text string
	// PHash adds the column phash. Near adds near_group: those pictures are in one whose hashes differ in so many bits at most; nil for
	// neither.
	PHash bool
	Near  *int

	// Split has the splits and their shares; nil for all in "train".
	Split []Share
	// Seed makes another split, and another sample.
	Seed string
	// SplitBy says what is never divided; empty for SplitByFile.
	SplitBy string
	// Splits gives the splits of some documents, by what SplitBy says; nil for none. Where Split is nil, all others are left out.
	Splits map[string]string

	// ShardSize is how many bytes of pictures a shard has at most, if it has more than one; 0 for MaxShardSize.
	ShardSize int64
	// NoVerify does not compare pictures with their SHA-256.
	NoVerify bool
	// Strict ends with the first damaged picture, which is left out otherwise.
	Strict bool
	// DryRun writes nothing.
	DryRun bool
	// Cache is the directory that keeps what is found out about pictures; empty for one in each export.
	Cache string
	// Workers is how many shards are written at a time; 0 for one for each processor.
	Workers int

	// Log and Watch are required. Watch shows how far the work is until stop is called.
	Log   *slog.Logger
	Watch func(progress func() Progress) (stop func())

	// Place says how the dataset is opened for writing, and the cache and the exports where what is found out is kept there.
	Place place.Options
	// Own is for tests: it opens the dataset for writing; nil for place.Own.
	Own place.Owner
}

// Progress is how far the work is. The totals are 0 as long as they are not known.
type Progress struct {
	// Stage is what is being done: "choosing", "decoding" or "writing".
	Stage                              string
	Pictures, Bytes                    int64
	TotalPictures, TotalBytes, Damaged int64
}

// UsageError is an error of the one who asks.
type UsageError struct{ Err error }

func (e *UsageError) Error() string { return e.Err.Error() }

func (e *UsageError) Unwrap() error { return e.Err }

// ErrDamaged says that pictures were left out since they are damaged.
var ErrDamaged = errors.New("damaged pictures were left out")

// ErrBusy says that another program has the dataset, or the cache, open for writing.
var ErrBusy = errors.New("another program writes there")

// complete checks the options and sets what is left open.
func (o *Options) complete() error {
	fail := func(format string, args ...any) error { return &UsageError{fmt.Errorf(format, args...)} }
	switch {
	case len(o.Exports) == 0:
		return fail("no export is named")
	case o.Out == "":
		return fail("the name of the directory for the dataset is empty")
	case !slices.Contains(forms, o.Form):
		return fail("format %q: want %s", o.Form, oneOf(forms))
	case o.ShardSize < 0 || o.ShardSize > MaxShardSize:
		return fail("shard size %d: want 1 to %d bytes", o.ShardSize, MaxShardSize)
	case o.Sample < 0:
		return fail("sample %d: want at least 1", o.Sample)
	case o.MinWidth < 0 || o.MinHeight < 0:
		return fail("least size %dx%d: want at least 1 pixel", o.MinWidth, o.MinHeight)
	case !(o.MinConfidence >= 0 && o.MinConfidence <= 1):
		return fail("least confidence %v: want 0 to 1", o.MinConfidence)
	case o.Near != nil && (*o.Near < 0 || *o.Near > MaxNear):
		return fail("near %d: want 0 to %d bits", *o.Near, MaxNear)
	}
	for _, kind := range o.Kinds {
		if configName(kind) == "" {
			return fail("kind %q: want %s or %s", kind, pipeline.Screenshot, pipeline.Figure)
		}
	}
	if len(o.Kinds) == 0 {
		o.Kinds = []pipeline.Kind{pipeline.Screenshot, pipeline.Figure}
	}
	if o.Text == "" {
		o.Text = TextMarkdown
	}
	if texts := []string{TextMarkdown, TextPlain, TextNone}; !slices.Contains(texts, o.Text) {
		return fail("text %q: want %s", o.Text, oneOf(texts))
	}
	if o.SplitBy == "" {
		o.SplitBy = SplitByFile
	}
	if !slices.Contains(splitKeys, o.SplitBy) {
		return fail("split by %q: want %s", o.SplitBy, oneOf(splitKeys))
	}
	if o.ShardSize == 0 {
		o.ShardSize = MaxShardSize
	}
	if o.Workers == 0 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	if err := o.checkColumns(); err != nil {
		return &UsageError{err}
	}
	if err := checkShares(o.Split); err != nil {
		return &UsageError{err}
	}
	if err := checkNames(newSplitter(o).names); err != nil {
		return &UsageError{err}
	}
	return nil
}

// checkColumns checks the names of the columns, which are in one order then, and that where asks for nothing that is not known yet.
func (o *Options) checkColumns() error {
	if o.Columns != nil && len(o.Columns) == 0 {
		return errors.New("no column is named: give one at least")
	}
	for _, name := range o.Columns {
		switch {
		case findColumn(name) == nil:
			return where.UnknownColumn(columnNames(), name)
		case name == "phash" && !o.PHash && o.Near == nil:
			return fmt.Errorf("column %q is made by --phash: give that, too", name)
		case name == "near_group" && o.Near == nil:
			return fmt.Errorf("column %q is made by --near: give that, too", name)
		case name == "text" && o.Text == TextNone:
			return fmt.Errorf("column %q is not read: give --text %s or --text %s", name, TextMarkdown, TextPlain)
		}
	}
	if o.Columns != nil {
		var ordered []string
		for _, c := range columns {
			if slices.Contains(o.Columns, c.Name) {
				ordered = append(ordered, c.Name)
			}
		}
		o.Columns = ordered
	}
	if o.Where == nil {
		return nil
	}
	for _, c := range o.Where.Columns() {
		switch c.Name {
		case "phash", "near_group":
			return fmt.Errorf("column %q is made of the pictures that are chosen: nothing can be chosen by it", c.Name)
		case "text":
			if o.Text == TextNone {
				return fmt.Errorf("column %q is not read: give --text %s or --text %s", c.Name, TextMarkdown, TextPlain)
			}
		}
	}
	return nil
}

// oneOf lists what may be chosen.
func oneOf(names []string) string {
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " or " + names[last]
}

// configName returns the name of the configuration that has the pictures of a kind; "" where there is none.
func configName(kind pipeline.Kind) string {
	switch kind {
	case pipeline.Screenshot:
		return "pages"
	case pipeline.Figure:
		return "figures"
	}
	return ""
}

// columnsOf returns the columns that samples of a kind have. hasPages tells whether there are texts of pages.
func (o *Options) columnsOf(kind pipeline.Kind, hasPages bool) (wanted []*Column) {
	for _, c := range columns {
		isWanted := c.IsDefault
		switch c.Name {
		case "text":
			isWanted = hasPages && o.Text != TextNone && kind == pipeline.Screenshot
		case "phash":
			isWanted = o.PHash || o.Near != nil && o.Columns == nil
		case "near_group":
			isWanted = o.Near != nil
		}
		// What another flag adds is added to those that are named.
		if isNamed := slices.Contains(o.Columns, c.Name); o.Columns != nil && c.Name != "phash" && c.Name != "near_group" || isNamed {
			isWanted = isNamed
		}
		if isWanted {
			wanted = append(wanted, c)
		}
	}
	return wanted
}

// needs tells whether any of the columns, or what else is given, uses one.
func (o *Options) needs(name string) bool {
	return slices.Contains(o.Columns, name) || o.Where != nil && slices.ContainsFunc(o.Where.Columns(), func(c *Column) bool { return c.Name == name })
}
