package config

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
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

// dirPath is the path of the key that names the export directory.
const dirPath = "output.dir"

// checkJobDirs refuses jobs that name the same directory: each would take what the other exported for what is gone.
func (l *loader) checkJobDirs() *Error {
	type place struct {
		dir  string
		from origin
	}
	places := make([]place, len(l.config.jobs))
	for i, j := range l.config.jobs {
		places[i] = place{l.config.Output.Dir, j.at}
		for _, a := range j.values {
			if a.path == dirPath {
				places[i] = place{a.items[0].text, a.from}
			}
		}
		for k, other := range places[:i] {
			if SameDir(places[i].dir, other.dir) {
				problem := fmt.Sprintf("the jobs %s and %s both export to %s", l.config.jobs[k].name, j.name, quote(places[i].dir))
				return places[i].from.fail(joinPath([]string{jobTable, j.name, "output", "dir"}), problem, "give each a directory of its own")
			}
		}
	}
	return nil
}

// SameDir tells whether two paths are those of one directory, which need not exist.
func SameDir(a, b string) bool {
	if filepath.Clean(a) == filepath.Clean(b) {
		return true
	}
	absoluteA, errA := filepath.Abs(a)
	absoluteB, errB := filepath.Abs(b)
	if errA == nil && errB == nil && absoluteA == absoluteB {
		return true
	}
	infoA, errA := os.Stat(a)
	infoB, errB := os.Stat(b)
	return errA == nil && errB == nil && os.SameFile(infoA, infoB)
}
