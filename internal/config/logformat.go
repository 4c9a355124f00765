package config

import (
	"strings"

	"github.com/pelletier/go-toml/v2"
)

const logFormatFlag = "--log-format"

// GuessLogFormat returns the form of the log that a command line asks for, or else the environment, before anything of it is understood.
// A file of configuration may say otherwise.
func GuessLogFormat(args, environ []string) LogFormat { return guessLogFormat(LogText, args, environ) }

// guessLogFormat does so where something that counts less says already what it is.
func guessLogFormat(format LogFormat, args, environ []string) LogFormat {
	for _, entry := range environ {
		if value, ok := strings.CutPrefix(entry, logFormatVariable()+"="); ok && value != "" {
			format = LogFormat(value)
		}
	}
	for i, arg := range args {
		if arg == "--" {
			break
		}
		if value, ok := strings.CutPrefix(arg, logFormatFlag+"="); ok {
			format = LogFormat(value)
		}
		if arg == logFormatFlag && i+1 < len(args) {
			format = LogFormat(args[i+1])
		}
	}
	if format != LogJSON {
		return LogText
	}
	return format
}

func logFormatVariable() string { return Key{Section: SectionLog, Name: "format"}.Env() }

// tellLogFormat tells the form of the log: as it was loaded, or, where something is wrong, as the file, the environment and the flags say
// as far as they can be read.
func (l *loader) tellLogFormat(o LoadOptions, env map[string]string, failed bool) {
	if o.LogFormat == nil {
		return
	}
	if !failed {
		o.LogFormat(l.config.Log.Format)
		return
	}
	var document struct{ Log struct{ Format LogFormat } }
	if path, _ := o.file(env); path != "" {
		if data, err := o.read(path); err != nil || toml.Unmarshal(data, &document) != nil {
			document.Log.Format = LogText
		}
	}
	var args []string
	if o.Flags != nil {
		if f := o.Flags.Lookup(strings.TrimPrefix(logFormatFlag, "--")); f != nil && f.Changed {
			args = []string{logFormatFlag, f.Value.String()}
		}
	}
	o.LogFormat(guessLogFormat(document.Log.Format, args, o.Environ))
}
