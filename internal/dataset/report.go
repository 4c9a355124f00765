package dataset

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"exporter/pipeline"
)

// about tells one dataset from another.
type about struct {
	// Command are the options that decide what the dataset is, as flags, each in one form and in one order.
	Command []string `json:"command"`
	// Exports say what the exports are of, in the order in which they are named.
	Exports []exportReport `json:"exports"`
}

// equals tells whether both are of the same dataset, however they are spelled.
func (a *about) equals(b *about) bool {
	first, err := json.Marshal(a)
	second, err2 := json.Marshal(b)
	return err == nil && err2 == nil && bytes.Equal(first, second)
}

// exportReport says what an export is of: that is the same for both sinks, and wherever it lies.
type exportReport struct {
	Source json.RawMessage `json:"source"`
}

func exportOf(s *export) exportReport {
	source := s.table.Info().Source
	if source == "" {
		source = "null"
	}
	return exportReport{json.RawMessage(source)}
}

// Report is dataset.json: what a dataset is, and what was left out. It is the same wherever and whenever the dataset is made.
type Report struct {
	about
	// Complete tells whether the dataset is as it is to be.
	Complete bool `json:"complete"`
	// Pictures and Bytes are those of all configurations; Bytes are those of the pictures.
	Pictures int64 `json:"pictures"`
	Bytes    int64 `json:"bytes"`
	// Configs are the configurations that have pictures.
	Configs []ConfigReport `json:"configs"`
	// LeftOut counts the stored pictures of the kinds that were asked for and are no part of the dataset, by reason. Those of which left-out.jsonl
	// has a line each are not told apart here.
	LeftOut map[Reason]int64 `json:"left_out"`
	// Damaged counts those of ReasonDamaged.
	Damaged int64 `json:"damaged"`
}

// isListed tells whether any picture was left out of which there is a line.
func (r *Report) isListed() bool {
	for _, reason := range []Reason{ReasonExport, ReasonDuplicate, ReasonLeak, ReasonUndecodable, ReasonDamaged} {
		if r.LeftOut[reason] > 0 {
			return true
		}
	}
	return false
}

// ConfigReport is a configuration: the pictures of one kind.
type ConfigReport struct {
	Name   string        `json:"name"`
	Kind   pipeline.Kind `json:"kind"`
	Splits []SplitReport `json:"splits"`
}

// SplitReport is a split of a configuration.
type SplitReport struct {
	Name     string `json:"name"`
	Pictures int64  `json:"pictures"`
	Bytes    int64  `json:"bytes"`
	// Files are those that hold the pictures, in order; nil where each picture is a file.
	Files []FileReport `json:"files,omitempty"`
}

// FileReport is a file that holds pictures, or what is told of them.
type FileReport struct {
	Path     string `json:"path"`
	Pictures int64  `json:"pictures"`
	Bytes    int64  `json:"bytes"`
	// XXH64 is the XXH64 of its bytes, in 16 hexadecimal digits: it tells contents apart, and costs next to nothing.
	XXH64 string `json:"xxh64"`
}

// digest is another one where the files of any split are others.
func (c *ConfigReport) digest() string {
	all := sha256.New()
	for _, split := range c.Splits {
		for _, f := range split.Files {
			fmt.Fprintf(all, "%s %d %s\n", f.Path, f.Bytes, f.XXH64)
		}
	}
	return hex.EncodeToString(all.Sum(nil)[:16])
}

// LeftOut is a line of left-out.jsonl: a picture that was left out.
type LeftOut struct {
	Reason       Reason          `json:"reason"`
	Error        string          `json:"error,omitempty"`
	FileID       pipeline.ID     `json:"file_id,omitempty"`
	JobID        pipeline.ID     `json:"job_id,omitempty"`
	Kind         pipeline.Kind   `json:"kind"`
	Origin       pipeline.Origin `json:"origin"`
	PageIndex    int32           `json:"page_index"`
	FigureName   string          `json:"figure_name,omitempty"`
	UpstreamName string          `json:"upstream_name,omitempty"`
	SHA256       string          `json:"sha256"`
}

func leftOut(row *pipeline.Row, reason Reason, err error) LeftOut {
	l := LeftOut{
		Reason: reason, Origin: row.Origin, FileID: row.FileID, JobID: row.JobID, Kind: row.Kind, PageIndex: row.PageIndex, FigureName: row.FigureName,
		UpstreamName: row.Detail().UpstreamName, SHA256: hex.EncodeToString(row.Content.SHA256[:]),
	}
	if err != nil {
		l.Error = err.Error()
	}
	return l
}

// newReport reports what is to be written.
func newReport(m *maker, c *choice, configs []*config) *Report {
	r := &Report{about: m.about, Complete: true, LeftOut: c.left, Configs: []ConfigReport{}}
	for _, config := range configs {
		made := ConfigReport{Name: configName(config.kind), Kind: config.kind}
		for _, split := range config.splits {
			if split.pictures > 0 {
				made.Splits = append(made.Splits, SplitReport{Name: split.name, Pictures: split.pictures, Bytes: split.bytes})
				r.Pictures += split.pictures
				r.Bytes += split.bytes
			}
		}
		if made.Splits != nil {
			r.Configs = append(r.Configs, made)
		}
	}
	return r
}

// split returns the report of a split; nil where nothing was to be written to it.
func (r *Report) split(config, split string) *SplitReport {
	for i := range r.Configs {
		if r.Configs[i].Name != config {
			continue
		}
		for j := range r.Configs[i].Splits {
			if s := &r.Configs[i].Splits[j]; s.Name == split {
				return s
			}
		}
	}
	return nil
}

// command returns the flags that decide what the dataset is, without those that are as they are by default.
func (o *Options) command() (flags []string) {
	add := func(isGiven bool, format string, args ...any) {
		if isGiven {
			flags = append(flags, fmt.Sprintf("--"+format, args...))
		}
	}
	add(true, "format %s", o.Form)
	if len(o.Kinds) == 1 {
		add(true, "kind %s", o.Kinds[0])
	}
	add(o.Where != nil, "where %s", o.Where)
	add(o.NoNoise, "no-noise")
	add(o.MinWidth > 0 || o.MinHeight > 0, "min-size %dx%d", o.MinWidth, o.MinHeight)
	add(o.MinConfidence > 0, "min-confidence %v", o.MinConfidence)
	add(o.AnyFormat, "any-format")
	add(o.Dedup, "dedup sha256")
	add(o.Sample > 0, "sample %d", o.Sample)
	add(o.Decode, "decode")
	add(o.Columns != nil, "columns %s", strings.Join(o.Columns, ","))
	add(o.Text != TextMarkdown, "text %s", o.Text)
	add(o.PHash, "phash")
	if o.Near != nil {
		add(true, "near %d", *o.Near)
	}
	if o.Split != nil {
		var shares []string
		for _, s := range o.Split {
			shares = append(shares, s.Name+"="+strconv.FormatFloat(s.Part, 'g', -1, 64))
		}
		add(true, "split %s", strings.Join(shares, ","))
	}
	add(o.Seed != "", "seed %s", o.Seed)
	add(o.SplitBy != SplitByFile, "split-by %s", o.SplitBy)
	if o.Splits != nil {
		all := sha256.New()
		for _, key := range slices.Sorted(maps.Keys(o.Splits)) {
			fmt.Fprintf(all, "%q %s\n", key, o.Splits[key])
		}
		add(true, "split-file sha256:%x", all.Sum(nil))
	}
	// What was not compared is not taken for what was.
	add(o.NoVerify, "no-verify")
	add(o.ShardSize != MaxShardSize, "shard-size %d", o.ShardSize)
	return flags
}
