package dataset

import (
	"slices"
	"time"
)

// The names of configurations.
const (
	ConfigPages   = "pages"
	ConfigFigures = "figures"
)

// Summary is what a dataset is, as its card and its Croissant document tell. It has nothing that differs between two runs of one command on
// the same exports.
type Summary struct {
	// Title says what the pictures are of; empty for no more than that they are of documents. It may come from upstream.
	Title string
	// Form is one of the forms.
	Form string
	// Configs are the configurations that have pictures, pages before figures.
	Configs []Config
	// LeftOut counts the pictures that are not in the dataset, by the reason.
	LeftOut map[string]int64
	// Settings are the options of the command that made it, and their values, which may come from anywhere.
	Settings []Setting
	// Newest is the newest date of the files; zero where there is none.
	Newest time.Time
}

// Config is a configuration: a kind of pictures with the columns that these have.
type Config struct {
	// Name is one of the names of configurations.
	Name   string
	Schema *Schema
	Splits []SplitSummary
	// Digest is another one where any file of the configuration is; empty where it is not known.
	Digest string
}

// SplitSummary is what a split of a configuration has.
type SplitSummary struct {
	Name string
	// Examples counts the pictures, and Bytes is their size.
	Examples, Bytes int64
	// Files are those of the split, in the order of their paths: shards with what lies beside them, or metadata.parquet. Pictures that are files
	// of their own are not among them.
	Files []FileSummary
}

// FileSummary is a file of a dataset.
type FileSummary struct {
	// Path is relative to the dataset, and separated by '/'.
	Path string
	// Bytes is the size of the file, and SHA256 its sum in hexadecimal digits.
	Bytes  int64
	SHA256 string
	// Rows counts its samples; 0 of what has none.
	Rows int64
}

// Setting is an option of the command that made a dataset.
type Setting struct{ Name, Value string }

// totals sum up splits.
type totals struct {
	// examples counts pictures, which have so many bytes; stored is the size of all files.
	examples, bytes, stored int64
	files                   int64
}

// totals sums up a configuration.
func (s *Summary) totals(c *Config) (t totals) {
	for i := range c.Splits {
		t.add(s.totalsOf(&c.Splits[i]))
	}
	return t
}

// totalsOf sums up a split.
func (s *Summary) totalsOf(split *SplitSummary) totals {
	t := totals{examples: split.Examples, bytes: split.Bytes, files: int64(len(split.Files))}
	for _, f := range split.Files {
		t.stored += f.Bytes
	}
	if s.Form == FormImageFolder {
		t.stored += split.Bytes
		t.files += split.Examples
	}
	return t
}

func (t *totals) add(o totals) {
	t.examples += o.examples
	t.bytes += o.bytes
	t.stored += o.stored
	t.files += o.files
}

// filled returns the configurations that have pictures, with the splits that have some.
func (s *Summary) filled() (configs []Config) {
	for _, c := range s.Configs {
		c.Splits = slices.DeleteFunc(slices.Clone(c.Splits), func(split SplitSummary) bool { return split.Examples == 0 })
		if len(c.Splits) > 0 {
			configs = append(configs, c)
		}
	}
	return configs
}

// pattern is that of the files of a split that readers are to open.
func (s *Summary) pattern(config, split string) string {
	folder := config + "/" + split + "/"
	switch s.Form {
	case FormParquet:
		return folder + "*.parquet"
	case FormWebDataset:
		return folder + "*.tar"
	}
	return folder + "**"
}
