package config

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"exporter/internal/loopback"
	"exporter/internal/parts"
	"exporter/internal/secret"
	"exporter/internal/store/place"
)

// ValidateSource refuses a Config that selects no file at all, or narrows what it does not select. It is apart from Load because not all commands export.
func (c *Config) ValidateSource() error {
	if !c.NamesSource() {
		return &Error{Problem: "nothing to export: give --directory ID, --pipeline ID, --index ID, --file ID, --project, " +
			"--parse-job ID, --parse-jobs or --batch ID"}
	}
	if c.Run.Limit > 0 && c.Run.Sample > 0 {
		return c.fail("a limit is of the first files that are listed, and a sample of all of them", "give one of --limit and --sample",
			"run.sample", "run.limit")
	}
	if c.Source.Batches && len(c.Source.Directories) == 0 {
		return c.fail("batches are those of directories, and none is given", "give --directory ID, or --batch ID", "source.batches")
	}
	if !c.Source.ParseJobs && (!c.Source.JobsSince.IsZero() || c.Source.JobStatus != "") {
		return c.fail("it narrows the parse jobs of the project, which are not asked for", "give --parse-jobs",
			"source.jobs_since", "source.job_status")
	}
	statuses := jobStatuses()
	if s := c.Source.JobStatus; s != "" && !slices.Contains(statuses, s) {
		return c.fail(fmt.Sprintf("%q is no status of a parse job", s), "give one of "+strings.Join(statuses, ", "), "source.job_status")
	}
	return nil
}

// jobStatuses are those that the API knows.
func jobStatuses() []string {
	return []string{"PENDING", "RUNNING", "COMPLETED", "FAILED", "CANCELLED"}
}

// NamesSource tells whether it says what to export.
func (c *Config) NamesSource() bool {
	s := &c.Source
	return s.Project || s.ParseJobs ||
		len(s.Directories)+len(s.Pipelines)+len(s.Indexes)+len(s.Files)+len(s.ParseJobIDs)+len(s.BatchIDs) > 0
}

// validate checks what concerns more than one key.
func (c *Config) validate() error {
	if c.Log.Verbose && c.Log.Quiet {
		return c.fail("nothing is verbose and quiet at once", "leave one of them out", "log.quiet", "log.verbose")
	}
	if u := c.API.BaseURL; u.Scheme == "http" && !c.API.InsecureHTTP && !loopback.IsHost(u.Hostname()) {
		problem := fmt.Sprintf("plain http would show the API key to the network between here and %q", u.Hostname())
		return c.fail(problem, "use https, or give --insecure-http", "api.base_url")
	}
	if s := &c.Source; !s.UpdatedAtOnOrBefore.IsZero() && s.UpdatedAtOnOrAfter.After(s.UpdatedAtOnOrBefore) {
		return c.fail("updated_at_on_or_after is later than updated_at_on_or_before", "exchange them",
			"source.updated_at_on_or_after", "source.updated_at_on_or_before")
	}
	if !c.Assets.Screenshots && !c.Assets.Figures && !c.Assets.Documents {
		return c.fail("neither screenshots nor figures are wanted", "leave one of them on, or give --documents",
			"assets.figures", "assets.screenshots")
	}
	if a := &c.Output.Archive; a.Compression == CompressionZstd && a.ShardSize < a.FrameSize {
		problem := fmt.Sprintf("shard_size %v is less than frame_size %v", a.ShardSize, a.FrameSize)
		return c.fail(problem, "raise shard_size or lower frame_size",
			"output.archive.shard_size", "output.archive.frame_size")
	}
	if !c.Ping.URL.IsZero() && c.Ping.URLFile != "" {
		return c.fail("the URL of the ping is given, and a file that has it", "give one of them", "ping.url_file", "ping.url")
	}
	return nil
}

// fail returns an Error about the first of the keys that does not have its default.
func (c *Config) fail(problem, remedy string, paths ...string) *Error {
	for _, path := range paths {
		if from, ok := c.origins[path]; ok {
			return from.fail(path, problem, remedy)
		}
	}
	return &Error{Key: paths[0], Problem: problem, Remedy: remedy}
}

// CheckPlaces refuses files in the export directory that are no part of an export: what a run writes of itself, which readers and compaction would find there,
// and secrets, which go wherever the export is copied to. The error is an *Error.
func (c *Config) CheckPlaces() error {
	for _, file := range []struct{ path, name string }{
		{metricsFilePath, c.Metrics.File}, {"log.file", c.Log.File}, {"ping.url_file", c.Ping.URLFile}, {"api.api_key_file", c.API.KeyFile},
		{reportPath, c.Run.Report},
	} {
		if file.name == "" {
			continue
		}
		if around, ok := InExport(file.name, c.Output.Dir); ok {
			return c.fail(fmt.Sprintf("%s is in the export directory %s, and no part of an export", quote(file.name), quote(around)),
				"name a file outside of it", file.path)
		}
	}
	return nil
}

// InExport tells whether a place, or the path of a file, is in an export, or in the one of which that is a part, and returns which of them.
func InExport(name, export string) (around string, ok bool) {
	for _, around := range []string{export, wholeAround(export)} {
		if around != "" && place.IsWithin(name, around) {
			return around, true
		}
	}
	return "", false
}

// wholeAround returns the export in parts that has another one in it: a numbered part, or, in a directory, one that was moved there. It is empty where
// there is none.
func wholeAround(export string) string {
	at, err := place.Parse(place.Real(export))
	if err != nil {
		return ""
	}
	if whole, _, ok := WholeOf(at); ok {
		return whole.String()
	}
	whole, names, ok := at.Outer(parts.Levels)
	if !ok || whole.IsBucket() || names[0] != parts.Dir {
		return ""
	}
	if _, err := os.Stat(whole.Join(parts.PlanName).String()); err != nil {
		return ""
	}
	return whole.String()
}

// SourceSettings returns, by path of key, the values that identify the source of a run: where the API is, whose data it
// is asked for, and the whole section source. The values are canonical: two runs have the same source exactly when
// their maps are equal. Which assets are wanted is not among them, as the next run may ask for more or for fewer.
func (c *Config) SourceSettings() map[string]string {
	return c.texts(identifiesSource)
}

func identifiesSource(k Key) bool {
	switch k.Path() {
	case apiPath, "api.organization_id", "api.project_id":
		return true
	}
	// What narrows the parse jobs of a project may be another date every day: no job is missing for it.
	return k.Section == SectionSource && k.Path() != "source.jobs_since" && k.Path() != "source.job_status"
}

// SinkSettings returns, by path of key, the values that identify the sink of a run in the way of SourceSettings: the
// sink, and for SinkArchive the compression. Levels and sizes may change from one shard to the next.
func (c *Config) SinkSettings() map[string]string {
	return c.texts(func(k Key) bool {
		return identifiesSink(k) && (k.Section != SectionArchive || c.Output.Sink == SinkArchive)
	})
}

func identifiesSink(k Key) bool {
	return k.Path() == "output.sink" || k.Path() == "output.archive.compression"
}

// AssetSettings returns, by path of key, which assets are wanted, in the way of SourceSettings.
func (c *Config) AssetSettings() map[string]string {
	return c.texts(func(k Key) bool { return k.Section == SectionAssets })
}

// Settings returns, by path of key, what is not as it is by default, in the way of SourceSettings.
func (c *Config) Settings() map[string]string {
	defaults := Default().texts(func(Key) bool { return true })
	settings := c.texts(func(Key) bool { return true })
	maps.DeleteFunc(settings, func(path, text string) bool { return text == defaults[path] })
	for _, k := range Keys() {
		if _, isSet := settings[k.Path()]; isSet && k.Secret {
			settings[k.Path()] = secret.Redacted
		}
	}
	return settings
}

// texts returns the values of the wanted keys by path.
func (c *Config) texts(wanted func(Key) bool) map[string]string {
	texts := map[string]string{}
	for _, s := range settings(c) {
		if k := s.key(); wanted(k) {
			texts[k.Path()] = s.text()
		}
	}
	return texts
}

// text returns the value, that of a list sorted and without repeated items.
func (s *setting) text() string {
	items := s.get()
	slices.Sort(items)
	return strings.Join(slices.Compact(items), ",")
}
