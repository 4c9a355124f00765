package config

import (
	"io"
	"net/url"
	"time"

	"exporter/internal/secret"
	"exporter/pipeline"
)

// Config is the whole configuration. Load and Default make it; both leave every field valid.
type Config struct {
	API    API
	Source Source
	Assets Assets
	Limits Limits
	Output Output
	Run    Run
	Log    Log
	// Metrics and Ping say whom a run tells how it goes.
	Metrics Metrics
	Ping    Ping

	// variable returns what a variable of secrets holds. It is a function since nothing prints what one knows.
	variable func(name string) string
	// open opens files; nil is os.Open.
	open func(path string) (io.ReadCloser, error)
	// own has the texts of keys of commands by path, and ownKeys those keys.
	own     map[string][]string
	ownKeys []Own
	// jobs are those of the TOML file, and job is the name of the one that was chosen.
	jobs []*job
	job  string
	// origins tells by path where the value of a key came from; keys that have their default are not in it.
	origins map[string]origin
}

// API says where the API is and how long to wait for it.
type API struct {
	// BaseURL is never nil. It has a scheme (https or http) and a host in lower case, neither user, query nor fragment,
	// and no slash at its end. Its scheme is https unless the host is loopback or InsecureHTTP is set. Where there is a Region, it
	// is that region's.
	BaseURL *url.URL
	// Region is empty where BaseURL alone says where the API is.
	Region Region
	// InsecureHTTP allows plain http to hosts that are not loopback, which shows the API key to the network.
	InsecureHTTP bool
	// StorageHosts are where links of the API may lead although it is no public address; see PermitsStorage.
	StorageHosts []StorageHost
	// KeyFile is the path of a file that holds the API key, relative to the working directory; empty where ReadKey is to look
	// elsewhere.
	KeyFile string
	// CACert is the path of a file with certificates of authorities that vouch for servers, beside those of this machine; empty for none.
	CACert string
	// OrganizationID and ProjectID are sent with every request; empty for those of the API key.
	OrganizationID, ProjectID pipeline.ID
	// HeaderTimeout is the longest wait for an answer's headers; IdleTimeout the longest without a byte of its body.
	HeaderTimeout, IdleTimeout time.Duration
}

// Source says which files to export.
type Source struct {
	// Directories, Pipelines and Files are exported together; repeated ids are kept.
	Directories, Pipelines []Reference
	Files                  []pipeline.ID
	// Project asks for every file of the project.
	Project bool
	// Indexes are exported as well, and the pictures of parse jobs: ParseJobIDs, those of the batches BatchIDs, those of all batches of
	// Directories where Batches is set, and all of the project where ParseJobs is, of which JobsSince and JobStatus leave some.
	Indexes               []Reference
	ParseJobIDs, BatchIDs []pipeline.ID
	ParseJobs, Batches    bool
	JobsSince             time.Time
	JobStatus             string
	// DisplayName, DisplayNameContains, UniqueID and FileID leave only matching files; empty ones match all.
	DisplayName, DisplayNameContains, UniqueID string
	FileID                                     pipeline.ID
	// Include leaves files of which the display name is like one of some patterns, Exclude those of which it is like none. No job is left out,
	// and no file that is given by its id.
	Include, Exclude []Pattern
	// IncludeDeleted lists soft-deleted files too.
	IncludeDeleted bool
	// UpdatedAtOnOrAfter and UpdatedAtOnOrBefore are inclusive bounds in UTC; zero for none.
	UpdatedAtOnOrAfter, UpdatedAtOnOrBefore time.Time
}

// Assets says which assets of those files are wanted. It converts to pipeline.Filters.
type Assets struct {
	// Screenshots, Figures and Documents say which kinds to list; at least one of them is true.
	Screenshots, Figures, Documents bool
	// SkipNoise leaves out figures whose is_likely_noise is true.
	SkipNoise bool
	// MinConfidence, from 0 to 1, leaves out figures whose confidence is known and lower.
	MinConfidence float64
	// Categories leaves figures of these categories or labels; empty for all.
	Categories []string
	// Pages leaves out assets of other pages.
	Pages pipeline.Pages
}

// Limits bounds what a run asks of the API and of this machine.
type Limits struct {
	Rate Rate
	// Concurrency is the number of blobs in flight, from 1 to 1024.
	Concurrency int
	// Memory bounds what is in memory at once of blobs and listings; 0 is what fits. MaxBlobSize bounds a single blob, and is positive.
	Memory, MaxBlobSize Size
	// MaxPause is the longest pause that the API may ask for before the run stops.
	MaxPause time.Duration
	// MaxOutage is how long the API may be out of reach before the run stops.
	MaxOutage time.Duration
	// MaxAttempts is the number of times that a request is tried, from 1 to 20.
	MaxAttempts int
}

// Output says where the export goes.
type Output struct {
	// Dir is a place that place.Parse reads: the path of a directory, relative to the working directory, or the URL of a bucket.
	Dir string
	// Whole is where the export is that Dir is a part of; empty where it is none. EnterPart sets it, and no key does.
	Whole string
	Sink  Sink
	// Checkpoint is the longest time between two commits. By default it suits the place and the sink.
	Checkpoint time.Duration
	// Scratch is the folder for what grows before it is put into a bucket; empty for the system's temporary one.
	Scratch string
	// SingleWriter says that nobody else writes to the bucket.
	SingleWriter bool
	Archive      Archive
}

// Archive shapes the shards of the archive sink.
type Archive struct {
	Compression Compression
	Level       Level
	// ShardSize is the size of a shard's file from which on it is sealed, FrameSize that of the uncompressed bytes from which
	// on a zstd frame ends. Both are positive, and with CompressionZstd FrameSize is at most ShardSize. By default ShardSize suits the
	// place.
	ShardSize, FrameSize Size
	// SealAfter is how long a shard is filled at most before it is sealed and put into a bucket.
	SealAfter time.Duration
}

// Run says what a run goes by, and how far it goes. An export does not remember it.
type Run struct {
	// Since is SinceLast, or empty where everything is listed.
	Since Since
	// Limit is the most files that are listed, and Sample how many are chosen of those that are; 0 for all.
	Limit, Sample int
	// FilesFrom is the path of a list of ids, "-" for standard input: only these files are taken; empty for all.
	FilesFrom string
	// Settle is how old a file has to be for its pictures to be complete; it is positive.
	Settle  time.Duration
	Changed Changed
	// Relist asks for the assets of every file.
	Relist bool
	// Prune removes what vanished upstream, PruneExpired what upstream let expire.
	Prune, PruneExpired bool
	// Wait has parse jobs and batches waited for that are not done.
	Wait bool
	// Compact rewrites the export, when all is done, without what is dead in it.
	Compact bool
	// Part is which part of the export this run makes; zero where it makes all. An export remembers it, unlike the rest.
	Part Part
	// PartialOK has a run end with 0 in which some assets, files or sources failed.
	PartialOK bool
	// List is the place of a list of files that is read in place of the listings; empty for none.
	List string
	// Report is the path of a file that gets a report of the export at the end, in numbers and plots; empty for none.
	Report string
}

// Since names a listing.
type Since string

// SinceLast is the last complete listing.
const SinceLast Since = "last"

// Changed says by what a stored asset is taken for another one now.
type Changed string

// ChangedDate: a newer date, or another size. ChangedSize: another size.
const (
	ChangedDate Changed = "date"
	ChangedSize Changed = "size"
)

// Log says how much a command tells of what it does, and in which form.
type Log struct {
	Format LogFormat
	// Level is the least that is logged, with Verbose and Quiet as Threshold says.
	Level LogLevel
	// File is the file to which the log is appended; empty for standard error.
	File string
	// Verbose logs every request, checkpoint and failure. Quiet says only what is wrong. NoProgress shows no progress.
	Verbose, Quiet, NoProgress bool
}

// Metrics says where Prometheus finds what a run measures.
type Metrics struct {
	// File is a file of node_exporter's textfile collector, whose name ends in ".prom"; empty for none.
	File string
	// Listen is an address, a host and a port, where a run serves them; empty for none.
	Listen string
}

// Ping says which service that watches over jobs is told of a run.
type Ping struct {
	// URL is zero where there is none here: ReadPing looks into URLFile, too, which is the path of a file, or empty.
	URL     secret.Text
	URLFile string
}

// LogLevel names the least that is logged.
type LogLevel string

// The levels of a log, from the least to the most: what ends a command, what is wrong, what is news, every request, checkpoint and
// failure, and every file and asset.
const (
	LevelError LogLevel = "error"
	LevelWarn  LogLevel = "warn"
	LevelInfo  LogLevel = "info"
	LevelDebug LogLevel = "debug"
	LevelTrace LogLevel = "trace"
)

// LogFormat names the form of a log.
type LogFormat string

// The forms of a log: lines for people, or JSON lines.
const (
	LogText LogFormat = "text"
	LogJSON LogFormat = "json"
)

// Sink names a place for blobs.
type Sink string

// The sinks: a file for each blob, or tar shards.
const (
	SinkLocal   Sink = "local"
	SinkArchive Sink = "archive"
)

// Compression names how shards are compressed.
type Compression string

// The compressions of a shard.
const (
	CompressionZstd Compression = "zstd"
	CompressionNone Compression = "none"
)

// Level names how hard zstd tries.
type Level string

// The levels of compression, from the least work to the most.
const (
	LevelFastest Level = "fastest"
	LevelDefault Level = "default"
	LevelBetter  Level = "better"
	LevelBest    Level = "best"
)
