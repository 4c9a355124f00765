package config

import (
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/spf13/pflag"

	"exporter/internal/secret"
	"exporter/internal/store/place"
)

// LoadOptions says what Load reads.
type LoadOptions struct {
	// File is the path of the TOML file, as --config gives it. Where it is empty, EXPORTER_CONFIG names the file; where
	// that is empty too, no file is read. There is no place where a file is looked for by itself: what a cron job does
	// must not change with its working directory.
	File string
	// Environ holds "NAME=value" entries, as os.Environ returns them. Variables with an empty value count as not set.
	Environ []string
	// Flags has been parsed after AddFlags; only flags that were set count. It may be nil.
	Flags *pflag.FlagSet
	// Job chooses a job of the file, as --job does. Where it is empty, EXPORTER_JOB does.
	Job string
	// Own are the keys of commands.
	Own []Own
	// ReadFile reads the TOML file; os.ReadFile where it is nil.
	ReadFile func(path string) ([]byte, error)
	// Open opens the files that other keys name, such as that of the API key; os.Open where it is nil.
	Open func(path string) (io.ReadCloser, error)
	// LogFormat is told the form of the log, also where something else is wrong, so that even that is said in it; it may be nil.
	LogFormat func(LogFormat)
}

// Default returns the configuration that is in force when nobody says anything.
func Default() *Config { return newLoader().config }

// Load returns the configuration that the options describe. It does not read the API key's file, see ReadKey, and does
// not ask for a source, see ValidateSource. Its errors are of type *Error.
func Load(o LoadOptions) (c *Config, err error) {
	l := newLoader(o.Own...)
	var env map[string]string
	defer func() { l.tellLogFormat(o, env, err != nil) }()
	env, err = l.parseEnviron(o.Environ)
	if err != nil {
		return nil, err
	}
	file, err := l.loadFile(o, env)
	if err != nil {
		return nil, err
	}
	if len(l.problems) > 0 {
		return nil, l.problems[0]
	}
	name, from := o.Job, origin{"--job", true}
	if name == "" {
		name, from = env[jobVariable], origin{jobVariable, true}
	}
	if err := l.chooseJob(name, from, file); err != nil {
		return nil, err
	}
	if err := l.loadEnv(env); err != nil {
		return nil, err
	}
	if err := l.loadFlags(o.Flags); err != nil {
		return nil, err
	}
	l.config.open = o.Open
	l.config.variable = func(name string) string { return env[name] }
	if err := l.config.settle(); err != nil {
		return nil, err
	}
	return l.config, nil
}

// settle completes what follows from other keys, and checks what concerns more than one.
func (c *Config) settle() error {
	if err := c.settleRegion(); err != nil {
		return err
	}
	c.suitPlace()
	return c.validate()
}

const (
	// bucketCheckpoint is how often blobs are committed in a bucket, where each commit is a request, and bucketShardSize the size of a shard
	// there: one that could not be put as a whole is put again.
	bucketCheckpoint = time.Minute
	bucketShardSize  = 256 << 20
)

// suitPlace gives keys that no layer gives what suits a bucket, if the export is in one.
func (c *Config) suitPlace() {
	o := &c.Output
	if !place.IsBucket(o.Dir) {
		return
	}
	if !c.IsGiven("output.checkpoint") {
		o.Checkpoint = bucketCheckpoint
		if o.Sink == SinkArchive {
			o.Checkpoint = o.Archive.SealAfter
		}
	}
	if !c.IsGiven("output.archive.shard_size") {
		o.Archive.ShardSize = bucketShardSize
	}
}

// loader fills a Config, one layer after the other.
type loader struct {
	config   *Config
	settings []setting
	byPath   map[string]*setting
	// problems are what is wrong with the TOML file, in its order.
	problems []error
}

// keys describes all keys, those of commands included.
func (l *loader) keys() []Key {
	keys := make([]Key, len(l.settings))
	for i := range l.settings {
		keys[i] = l.settings[i].key()
	}
	return keys
}

// sections returns the names of all sections, those of commands included.
func (l *loader) sections() []string {
	var names []string
	for _, k := range l.keys() {
		if !slices.Contains(names, string(k.Section)) {
			names = append(names, string(k.Section))
		}
	}
	return names
}

// item is a value, or an item of a list, with the place that it came from.
type item struct {
	text string
	from origin
}

// newLoader returns a loader whose Config holds the defaults.
func newLoader(own ...Own) *loader {
	c := &Config{origins: map[string]origin{}, own: map[string][]string{}, ownKeys: own, variable: func(string) string { return "" }}
	l := &loader{config: c, settings: settings(c), byPath: map[string]*setting{}}
	common := len(l.settings)
	for _, o := range own {
		l.settings = append(l.settings, ownSetting(c, o))
	}
	for i := range l.settings {
		s := &l.settings[i]
		l.byPath[s.key().Path()] = s
		if s.typ == TypeList || i >= common {
			continue
		}
		if err := s.add(s.value); err != nil {
			panic(fmt.Sprintf("default of %s: %v", s.key().Path(), err))
		}
	}
	return l
}

// assign gives a key its value, of which only a list has other than one item.
func (l *loader) assign(s *setting, from origin, items []item) error {
	path := s.key().Path()
	s.clear()
	for _, it := range items {
		if err := s.take(path, it); err != nil {
			return err
		}
	}
	l.config.origins[path] = from
	return nil
}

func (s *setting) take(path string, it item) error {
	switch {
	case holdsKey(it.text):
		return it.from.fail(path, "this looks like an API key, which does not belong here", keyRemedy)
	case !utf8.ValidString(it.text) && s.isSecret:
		return it.from.fail(path, "the value is not valid UTF-8", s.allowed)
	case !utf8.ValidString(it.text):
		return it.from.fail(path, quote(it.text)+" is not valid UTF-8", s.allowed)
	}
	err := s.add(it.text)
	if err == nil {
		return nil
	}
	remedy := s.allowed
	if h, ok := errors.AsType[*hinted](err); ok {
		remedy = h.remedy
	}
	failure := it.from.fail(path, err.Error(), remedy)
	failure.Err = err
	return failure
}

// keyPattern is what an API key of LlamaCloud looks like. It is never changed.
var keyPattern = regexp.MustCompile(`llx-[0-9A-Za-z_-]{8,}`)

// holdsKey tells whether text holds what looks like an API key, so that it must not be printed.
func holdsKey(text string) bool { return keyPattern.MatchString(text) }

// RedactKeys returns text, such as a message about a command line, without what looks like an API key.
func RedactKeys(text string) string { return keyPattern.ReplaceAllString(text, secret.Redacted) }

// loadFile reads the TOML file, if one was named, and returns its name. What is wrong in it goes to problems.
func (l *loader) loadFile(o LoadOptions, env map[string]string) (file string, err error) {
	path, from := o.file(env)
	if path == "" {
		return "", nil
	}
	data, err := o.read(path)
	if err != nil {
		return "", &Error{
			Origin: from, Problem: "cannot read the TOML file: " + err.Error(),
			Remedy: "name a file that exists and can be read", Err: err,
		}
	}
	l.loadTOML(path, data)
	return path, nil
}

// file returns the path of the TOML file, and what names it; empty where none is to be read.
func (o *LoadOptions) file(env map[string]string) (path, from string) {
	if o.File != "" {
		return o.File, "--config"
	}
	return env[fileVariable], fileVariable
}

func (o *LoadOptions) read(path string) ([]byte, error) {
	if o.ReadFile != nil {
		return o.ReadFile(path)
	}
	return os.ReadFile(path)
}
