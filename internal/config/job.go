package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"exporter/internal/store/place"
)

// jobTable is the table of the TOML file that has the jobs: job.invoices.source is the section source of the job invoices.
const jobTable = "job"

// job is a job of the TOML file: what it sets in place of what the file sets for all.
type job struct {
	name string
	// at is where the file names it first.
	at     origin
	values []assignment
}

// assignment is a value that a key is given.
type assignment struct {
	path  string
	from  origin
	items []item
}

// Jobs returns the names of the jobs that the TOML file has, in its order, and Job that of the one that this is the configuration of,
// or "".
func (c *Config) Jobs() []string {
	names := make([]string, len(c.jobs))
	for i, j := range c.jobs {
		names[i] = j.name
	}
	return names
}

// Job returns the name of the job that this is the configuration of, or "".
func (c *Config) Job() string { return c.job }

// checkJobName returns what is wrong with the name of a job, or "".
func checkJobName(name string) string {
	odd := func(r rune) bool { return !isBare(r) }
	if name == "" || len(name) > 64 || strings.ContainsFunc(name, odd) {
		return fmt.Sprintf("%s is no name of a job", quote(name))
	}
	return ""
}

// chooseJob applies what a job sets. Nothing is chosen by an empty name.
func (l *loader) chooseJob(name string, from origin, file string) error {
	if name == "" {
		return nil
	}
	i := slices.IndexFunc(l.config.jobs, func(j *job) bool { return j.name == name })
	if i < 0 {
		problem, names := fmt.Sprintf("there is no job %s", quote(name)), l.config.Jobs()
		switch near := closest(name, name, names); {
		case file == "":
			return from.fail("", "jobs are in a TOML file, and none is named", "give --config FILE, or set "+fileVariable)
		case near != "":
			return from.fail("", problem+" in "+printable(file), "did you mean "+near+"?")
		case len(names) == 0:
			return from.fail("", problem+" in "+printable(file), "a job is a section such as [job.invoices.source]")
		}
		return from.fail("", problem+" in "+printable(file), "there are "+strings.Join(names, ", "))
	}
	l.config.job = name
	for _, a := range l.config.jobs[i].values {
		if err := l.assign(l.byPath[a.path], a.from, a.items); err != nil {
			return err
		}
	}
	return nil
}

// dirPath, metricsFilePath and reportPath are the paths of the keys that name the export directory, the file with what a run measures, and its report.
const (
	dirPath         = "output.dir"
	metricsFilePath = "metrics.file"
	reportPath      = "run.report"
)

// checkJobPlaces refuses jobs that export to the same directory, or one below another's, as each would take what the other exported for what
// is gone or left over, or that name the same file for what they measure or for their report, as the last one would hide how the others went.
func (l *loader) checkJobPlaces() *Error {
	for i, j := range l.config.jobs {
		for _, other := range l.config.jobs[:i] {
			for _, path := range []string{dirPath, metricsFilePath, reportPath} {
				at, from := l.placeOf(j, path)
				otherAt, _ := l.placeOf(other, path)
				if shared := sharedPlace(path, jobPlace{other.name, otherAt}, jobPlace{j.name, at}); shared != "" {
					return from.fail(joinPath(append([]string{jobTable, j.name}, strings.Split(path, ".")...)), shared, "give each one of its own")
				}
			}
		}
	}
	return nil
}

// placeOf returns what a job has for a key, and where that is said.
func (l *loader) placeOf(j *job, path string) (at string, from origin) {
	at, from = l.byPath[path].get()[0], j.at
	for _, a := range j.values {
		if a.path == path {
			at, from = a.items[0].text, a.from
		}
	}
	return at, from
}

// jobPlace is a directory or a file that a job names.
type jobPlace struct{ job, path string }

// sharedPlace says what the places of two jobs share, or "". They are those of a key; an empty one is none.
func sharedPlace(key string, a, b jobPlace) string {
	// What is written to a file of its own, which others may be beside.
	what, isFile := map[string]string{metricsFilePath: "what they measure", reportPath: "their report"}[key]
	switch {
	case a.path == "" || b.path == "":
		return ""
	case isFile && place.Same(a.path, b.path):
		return fmt.Sprintf("the jobs %s and %s both write %s to %s", a.job, b.job, what, quote(b.path))
	case isFile:
		return ""
	case place.Same(a.path, b.path):
		return fmt.Sprintf("the jobs %s and %s both export to %s", a.job, b.job, quote(b.path))
	case place.IsWithin(a.path, b.path):
		a, b = b, a
	case !place.IsWithin(b.path, a.path):
		return ""
	}
	return fmt.Sprintf("the job %s exports to %s, which is in %s, the directory of the job %s", b.job, quote(b.path), quote(a.path), a.job)
}

// SharesPlace says which place this and another configuration share, that of another job, as jobs of one file may not; empty where there
// is none.
func (c *Config) SharesPlace(other *Config) string {
	return cmp.Or(
		sharedPlace(dirPath, jobPlace{other.job, other.Output.Dir}, jobPlace{c.job, c.Output.Dir}),
		sharedPlace(metricsFilePath, jobPlace{other.job, other.Metrics.File}, jobPlace{c.job, c.Metrics.File}),
		sharedPlace(reportPath, jobPlace{other.job, other.Run.Report}, jobPlace{c.job, c.Run.Report}),
	)
}
