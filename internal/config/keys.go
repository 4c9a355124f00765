package config

import (
	"math"
	"slices"
	"strings"

	"exporter/pipeline"
)

// Section is a table of the TOML file.
type Section string

// The sections, by the path of their table.
const (
	SectionAPI     Section = "api"
	SectionSource  Section = "source"
	SectionAssets  Section = "assets"
	SectionLimits  Section = "limits"
	SectionOutput  Section = "output"
	SectionArchive Section = "output.archive"
	SectionRun     Section = "run"
	SectionLog     Section = "log"
	SectionMetrics Section = "metrics"
	SectionPing    Section = "ping"
)

// mostSample is the largest sample: what is known of its files is in memory until all have been listed.
const mostSample = 10_000

// Sections returns all sections in the order of the TOML file.
func Sections() []Section {
	return []Section{
		SectionAPI, SectionSource, SectionAssets, SectionLimits, SectionOutput, SectionArchive, SectionRun, SectionLog, SectionMetrics, SectionPing,
	}
}

// Type is the type that a key has in the TOML file.
type Type string

// The types of keys.
const (
	TypeString  Type = "string"
	TypeBool    Type = "boolean"
	TypeInteger Type = "integer"
	// TypeNumber is a float or an integer.
	TypeNumber Type = "number"
	// TypeList is an array of strings; in the environment and in a flag, its items are separated by commas.
	TypeList Type = "list of strings"
)

// Key describes one key, for help and documentation.
type Key struct {
	Section Section
	// Name is the key's name in its section.
	Name string
	// Flag is the name of its flag, without dashes. A flag of TypeList may be repeated.
	Flag string
	Type Type
	// Placeholder stands for the value in help; empty for booleans.
	Placeholder string
	// Default is the default as text; empty for an empty list.
	Default string
	// Help says what the key is for; Allowed which values it takes, and may be empty.
	Help, Allowed string
	// Choices are the values of a set, or some that mean more than others do; none where any value may be meant.
	Choices []string
	// Secret tells that the value is not to be shown.
	Secret bool
}

// Keys describes all keys in the order of the TOML file.
func Keys() []Key {
	var keys []Key
	for _, s := range settings(new(Config)) {
		keys = append(keys, s.key())
	}
	return keys
}

// Path returns the key with its section, such as "output.archive.level".
func (k Key) Path() string { return string(k.Section) + "." + k.Name }

// Env returns the name of the key's environment variable, such as EXPORTER_OUTPUT_ARCHIVE_LEVEL.
func (k Key) Env() string { return envPrefix + strings.ToUpper(strings.ReplaceAll(k.Path(), ".", "_")) }

// Usage returns the help and what is allowed, on one line.
func (k Key) Usage() string {
	if k.Allowed == "" || k.Type == TypeBool {
		return k.Help
	}
	return k.Help + " (" + k.Allowed + ")"
}

// setting is a row of the table of keys, bound to a field of a Config.
type setting struct {
	section                 Section
	name, flag, value, help string // value is the default
	field
}

func (s *setting) key() Key {
	return Key{
		Section: s.section, Name: s.name, Flag: s.flag, Type: s.typ, Placeholder: s.placeholder,
		Default: s.value, Help: s.help, Allowed: s.allowed, Choices: s.choices, Secret: s.isSecret,
	}
}

// settings is the table of all keys, in the order of the TOML file, bound to c.
func settings(c *Config) []setting {
	return slices.Concat(
		apiSettings(&c.API), sourceSettings(&c.Source), assetSettings(&c.Assets), limitSettings(&c.Limits),
		outputSettings(&c.Output), archiveSettings(&c.Output.Archive), runSettings(&c.Run), logSettings(&c.Log),
		metricsSettings(&c.Metrics), pingSettings(&c.Ping),
	)
}

func apiSettings(a *API) []setting {
	return []setting{
		{SectionAPI, "base_url", "base-url", "https://api.cloud.llamaindex.ai",
			"the API's address, where it is none of a region", urlField(&a.BaseURL)},
		{SectionAPI, "region", "region", "",
			"the region of LlamaCloud, in place of base_url: na is https://api.cloud.llamaindex.ai, eu https://api.cloud.eu.llamaindex.ai",
			withChoices(regionField(&a.Region), string(RegionNorthAmerica), string(RegionEurope))},
		{SectionAPI, "insecure_http", "insecure-http", "false",
			"allow plain http to a host that is not loopback, which shows the API key to the network",
			boolField(&a.InsecureHTTP)},
		{SectionAPI, "allow_storage_hosts", "allow-storage-host", "",
			"let links of the API lead to this host, or into this network, although it is not public; may be repeated",
			storageHostsField(&a.StorageHosts)},
		{SectionAPI, "api_key_file", "api-key-file", "",
			"read the API key from this file; else it is that of LLAMA_CLOUD_API_KEY, of LLAMA_PARSE_API_KEY, or of the file " +
				"llama_cloud_api_key in $CREDENTIALS_DIRECTORY", pathField(&a.KeyFile, "FILE")},
		{SectionAPI, "ca_cert", "ca-cert", "",
			"trust the authorities whose certificates are in this PEM file, too, as those of the server or of a proxy",
			pathField(&a.CACert, "FILE")},
		{SectionAPI, "organization_id", "organization-id", "",
			"the organization; empty for the API key's own", idField(&a.OrganizationID)},
		{SectionAPI, "project_id", "project-id", "",
			"the project; empty for the API key's own", idField(&a.ProjectID)},
		{SectionAPI, "header_timeout", "header-timeout", "60s",
			"longest wait for the headers of an answer", durationField(&a.HeaderTimeout)},
		{SectionAPI, "idle_timeout", "idle-timeout", "30s",
			"longest wait for the next byte of a body", durationField(&a.IdleTimeout)},
	}
}

func sourceSettings(s *Source) []setting {
	return []setting{
		{SectionSource, "directories", "directory", "",
			"export the files of this directory, given by its id or its name; may be repeated", referencesField(&s.Directories)},
		{SectionSource, "pipelines", "pipeline", "",
			"export the files of this pipeline, given by its id or its name; may be repeated", referencesField(&s.Pipelines)},
		{SectionSource, "files", "file", "", "export this file; may be repeated", idsField(&s.Files)},
		{SectionSource, "project", "project", "false", "export every file of the project", boolField(&s.Project)},
		{SectionSource, "indexes", "index", "",
			"export the files of this index, given by its id or its name, with the pictures that it attached to them; may be repeated", referencesField(&s.Indexes)},
		{SectionSource, "parse_job_ids", "parse-job", "",
			"export the pictures and the text of this parse job; may be repeated", idsField(&s.ParseJobIDs)},
		{SectionSource, "parse_jobs", "parse-jobs", "false",
			"export the pictures and the text of every parse job of the project", boolField(&s.ParseJobs)},
		{SectionSource, "jobs_since", "jobs-since", "", "of all parse jobs only those created then or later", timeField(&s.JobsSince)},
		{SectionSource, "job_status", "job-status", "", "of all parse jobs only those of this status, such as COMPLETED", withChoices(textField(&s.JobStatus), jobStatuses()...)},
		{SectionSource, "batch_ids", "batch", "", "export the parse jobs of this batch; may be repeated", idsField(&s.BatchIDs)},
		{SectionSource, "batches", "batches", "false",
			"export the parse jobs of all batches of the directories, too", boolField(&s.Batches)},
		{SectionSource, "display_name", "display-name", "", "only files of this name", textField(&s.DisplayName)},
		{SectionSource, "display_name_contains", "display-name-contains", "",
			"only files whose name contains this", textField(&s.DisplayNameContains)},
		{SectionSource, "unique_id", "unique-id", "", "only the file of this unique_id", textField(&s.UniqueID)},
		{SectionSource, "file_id", "file-id", "", "only the file of this file_id", idField(&s.FileID)},
		{SectionSource, "include", "include", "",
			"only files whose name is like this pattern, such as *.pdf; may be repeated", patternsField(&s.Include)},
		{SectionSource, "exclude", "exclude", "",
			"no files whose name is like this pattern; may be repeated", patternsField(&s.Exclude)},
		{SectionSource, "include_deleted", "include-deleted", "false",
			"list soft-deleted files too", boolField(&s.IncludeDeleted)},
		{SectionSource, "updated_at_on_or_after", "updated-at-on-or-after", "",
			"only files updated then or later", timeField(&s.UpdatedAtOnOrAfter)},
		{SectionSource, "updated_at_on_or_before", "updated-at-on-or-before", "",
			"only files updated then or earlier", timeField(&s.UpdatedAtOnOrBefore)},
	}
}

func assetSettings(a *Assets) []setting {
	return []setting{
		{SectionAssets, "screenshots", "screenshots", "true",
			"list page screenshots; --screenshots=false leaves them out", boolField(&a.Screenshots)},
		{SectionAssets, "figures", "figures", "true", "list figures; --figures=false leaves them out", boolField(&a.Figures)},
		{SectionAssets, "documents", "documents", "false", "list the files themselves, too, as they were uploaded", boolField(&a.Documents)},
		{SectionAssets, "skip_noise", "skip-noise", "false",
			"leave out figures with is_likely_noise", boolField(&a.SkipNoise)},
		{SectionAssets, "min_confidence", "min-confidence", "0",
			"leave out figures of lower confidence", fractionField(&a.MinConfidence)},
		{SectionAssets, "categories", "category", "",
			"only figures of this category or label, as parse jobs tell it; none stands for those of neither; may be repeated",
			withChoices(textsField(&a.Categories), "embedded", "layout", pipeline.CategoryNone)},
		{SectionAssets, "pages", "pages", "", "only these page indexes, as listed", pagesField(&a.Pages)},
	}
}

func limitSettings(l *Limits) []setting {
	return []setting{
		{SectionLimits, "rate", "rate", "auto",
			"highest rate of requests; auto finds the limit of the API, and stays just under it", withChoices(rateField(&l.Rate), "auto", "unlimited")},
		{SectionLimits, "concurrency", "concurrency", "32", "blobs in flight at once", intField(&l.Concurrency, 1, 1024)},
		{SectionLimits, "memory", "memory", "auto",
			"bytes of blobs and listings in memory at once; auto is 256MiB, or half of what the container has beyond 64MiB",
			withChoices(memoryField(&l.Memory), "auto")},
		{SectionLimits, "max_blob_size", "max-blob-size", "256MiB",
			"a larger blob fails", sizeField(&l.MaxBlobSize)},
		{SectionLimits, "max_pause", "max-pause", "15m",
			"stop, resumable, when the API asks for a longer pause", durationField(&l.MaxPause)},
		{SectionLimits, "max_outage", "max-outage", "2m",
			"stop, resumable, when the API cannot be reached for so long", durationField(&l.MaxOutage)},
		{SectionLimits, "max_attempts", "max-attempts", "6",
			"tries of a request before it counts as failed", intField(&l.MaxAttempts, 1, 20)},
	}
}

func outputSettings(o *Output) []setting {
	return []setting{
		{SectionOutput, "dir", "out", "export", "the export: a directory, or s3://BUCKET/PREFIX", placeField(&o.Dir)},
		{SectionOutput, "sink", "sink", "local",
			"local writes a file for each blob, archive writes tar shards", choiceField(&o.Sink, SinkLocal, SinkArchive)},
		{SectionOutput, "checkpoint", "checkpoint", "5s",
			"longest time between commits; if none is given, 1m while fewer than 64 rows wait, in a bucket 1m, and with shards there that of seal_after", durationField(&o.Checkpoint)},
		{SectionOutput, "scratch", "scratch", "",
			"the folder for what grows before it is put into a bucket; empty for the system's temporary one", pathField(&o.Scratch, "DIR")},
		{SectionOutput, "single_writer", "single-writer", "false",
			"you know that nobody else writes to this export in a bucket: take a store that does not keep writers apart", boolField(&o.SingleWriter)},
	}
}

func archiveSettings(a *Archive) []setting {
	return []setting{
		{SectionArchive, "compression", "compression", "zstd",
			"how shards are compressed", choiceField(&a.Compression, CompressionZstd, CompressionNone)},
		{SectionArchive, "level", "level", "fastest", "how hard zstd tries",
			choiceField(&a.Level, LevelFastest, LevelDefault, LevelBetter, LevelBest)},
		{SectionArchive, "shard_size", "shard-size", "1GiB",
			"a shard is sealed at this size; in a bucket it is 256MiB, if none is given", sizeField(&a.ShardSize)},
		{SectionArchive, "frame_size", "frame-size", "4MiB",
			"a shard's independent zstd frames are about this long", sizeField(&a.FrameSize)},
		{SectionArchive, "seal_after", "seal-after", "15m",
			"in a bucket, a shard is sealed after so long, however small it is: a run that is killed loses no more", durationField(&a.SealAfter)},
	}
}

func runSettings(r *Run) []setting {
	return []setting{
		{SectionRun, "since", "since", "",
			"list only files updated since the last complete listing, less an hour", withChoices(sinceField(&r.Since), string(SinceLast))},
		{SectionRun, "limit", "limit", "0",
			"list no more than so many files, for a trial; 0 for all", intField(&r.Limit, 0, math.MaxInt32)},
		{SectionRun, "sample", "sample", "0",
			"take only so many of the listed files, for a trial: always the same, whichever order they come in; 0 for all",
			intField(&r.Sample, 0, mostSample)},
		{SectionRun, "files_from", "files-from", "",
			"take only the files of which the ids are in this file, one a line; - is standard input", pathField(&r.FilesFrom, "FILE")},
		{SectionRun, "settle", "settle", "24h",
			"a file is asked for late pictures until it was this old when it was asked last; one that lacks a kind is for ever, more and more seldom",
			durationField(&r.Settle)},
		{SectionRun, "changed", "changed", "date",
			"what is stored is fetched again for a newer date and another listed size, or, where one is listed, for the size only",
			choiceField(&r.Changed, ChangedDate, ChangedSize)},
		{SectionRun, "relist", "relist", "false", "ask for the assets of every file, and keep what is stored", boolField(&r.Relist)},
		{SectionRun, "prune", "prune", "false",
			"remove what two complete listings in a row do not have: rows, and blobs of the local sink", boolField(&r.Prune)},
		{SectionRun, "prune_expired", "prune-expired", "false",
			"remove what went by its own time to expire", boolField(&r.PruneExpired)},
		{SectionRun, "wait", "wait", "false", "wait for parse jobs and batches that are not done", boolField(&r.Wait)},
		{SectionRun, "compact", "compact", "false",
			"when all is done, repack shards of which something is dead or that are small, and remove what no row names, as exporter compact does",
			boolField(&r.Compact)},
		{SectionRun, "part", "part", "",
			"be task I of N, counted from 0, each of which exports its share of the files to a folder of its own in parts/ of --out; auto asks the environment",
			withChoices(partField(&r.Part), partAuto)},
		{SectionRun, "partial_ok", "partial-ok", "false",
			"end with 0 in place of 3 where some assets, files or sources failed, for engines that know no third end", boolField(&r.PartialOK)},
		{SectionRun, "list", "list", "",
			"take the files from the list that exporter plan --write-list wrote, in place of listing them: a file, or s3://BUCKET/NAME", filePlaceField(&r.List, checkPlace)},
		{SectionRun, "report", "report", "",
			"at the end, write what exporter report tells of the export to this file: HTML, or Markdown where it ends in .md", filePlaceField(&r.Report, checkReportPlace)},
	}
}

func logSettings(l *Log) []setting {
	return []setting{
		{SectionLog, "format", "log-format", "text",
			"form of the log on standard error", choiceField(&l.Format, LogText, LogJSON)},
		{SectionLog, "level", "log-level", "info",
			"the least that is logged: debug has every request, checkpoint and failure, trace every file and asset, too",
			choiceField(&l.Level, LevelError, LevelWarn, LevelInfo, LevelDebug, LevelTrace)},
		{SectionLog, "file", "log-file", "", "append the log to this file, in place of standard error", pathField(&l.File, "FILE")},
		{SectionLog, "verbose", "verbose", "false", "log as with level debug at least; -vv as with trace", boolField(&l.Verbose)},
		{SectionLog, "quiet", "quiet", "false",
			"say only what is wrong: log as with level warn, show no progress, print no summary of what is complete", boolField(&l.Quiet)},
		{SectionLog, "no_progress", "no-progress", "false", "show no progress", boolField(&l.NoProgress)},
	}
}

func metricsSettings(m *Metrics) []setting {
	return []setting{
		{SectionMetrics, "file", "metrics-file", "",
			"write what a run measures to this file for node_exporter's textfile collector, every 15 seconds and at the end", promFileField(&m.File)},
		{SectionMetrics, "listen", "metrics-listen", "",
			"serve what a run measures at http://ADDRESS/metrics while it is under way; without a host, on loopback", addressField(&m.Listen)},
	}
}

func pingSettings(p *Ping) []setting {
	return []setting{
		{SectionPing, "url", "ping", "",
			"tell healthchecks.io, a service like it or Uptime Kuma at this secret URL how a run begins and ends", pingURLField(&p.URL)},
		{SectionPing, "url_file", "ping-url-file", "", "read that URL from this file, so that the process list does not show it",
			pathField(&p.URLFile, "FILE")},
	}
}
