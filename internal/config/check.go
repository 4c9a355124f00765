package config

import (
	"errors"
	"slices"
	"strings"
)

// Problems are all that is wrong with a file.
type Problems []error

func (p Problems) Error() string {
	texts := make([]string, len(p))
	for i, err := range p {
		texts[i] = err.Error()
	}
	return strings.Join(texts, "\n")
}

// Unwrap returns them, for errors.Is.
func (p Problems) Unwrap() []error { return p }

// Check returns all that is wrong with a TOML file by itself, without environment and flags: in the order of the file, and then what
// concerns more than one key. Of a file that is no TOML it is the first thing only.
func Check(o LoadOptions) []error {
	o.Environ, o.Flags, o.Job = nil, nil, ""
	l := newLoader(o.Own...)
	if _, err := l.loadFile(o, nil); err != nil {
		// The file is an argument, and the message names it.
		if e, ok := errors.AsType[*Error](err); ok {
			e.Origin = ""
		}
		return []error{err}
	}
	problems := l.problems
	if len(problems) > 0 {
		return problems
	}
	jobs := l.config.Jobs()
	if len(jobs) == 0 {
		jobs = []string{""}
	}
	for _, job := range jobs {
		o.Job = job
		c, err := Load(o)
		if err == nil && c.NamesSource() {
			err = c.ValidateSource()
		}
		known := func(other error) bool { return err.Error() == other.Error() }
		if err != nil && !slices.ContainsFunc(problems, known) {
			problems = append(problems, err)
		}
	}
	return problems
}

// ofJob adds the name of a job to the path of the key that an error is about.
func ofJob(name string, err error) error {
	e, ok := errors.AsType[*Error](err)
	if name == "" || !ok || e.Key == "" {
		return err
	}
	named := *e
	named.Key = joinPath([]string{jobTable, name}) + "." + e.Key
	return &named
}
