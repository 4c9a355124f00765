package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"exporter/internal/config"
	"exporter/internal/export"
)

const allJobsFlag = "all-jobs"

// missingJob refuses a configuration with jobs of which none was chosen, where a command has to know its export: what is set for all of
// them is no job of its own.
func missingJob(c *cobra.Command, cfg *config.Config) error {
	exports, runs := c.Flags().Lookup("out") != nil, c.Flags().Lookup("directory") != nil
	isOther := c.Name() == "demo" || c.Name() == "show"
	if len(cfg.Jobs()) == 0 || cfg.Job() != "" || !exports || isOther || !runs && cfg.IsGiven("output.dir") {
		return nil
	}
	all := c.Flags().Lookup(allJobsFlag)
	if all != nil && all.Value.String() == "true" {
		return nil
	}
	remedy := "give --job NAME"
	switch {
	case all != nil:
		remedy += " or --all-jobs"
	case !isJobFlag(c, c.Flags().Lookup(jobFlag)):
		remedy = "set EXPORTER_JOB, or give --out"
	}
	return usagef("the TOML file has the jobs %s, and none is chosen (%s)", strings.Join(cfg.Jobs(), ", "), remedy)
}

// jobsError says that some jobs did not end well.
type jobsError struct {
	code int
	text string
}

func (e *jobsError) Error() string { return e.text }

// seriousness are the exit codes from the most serious on: what is broken, what a person has to see to, what goes on by itself.
func seriousness() []int {
	return []int{exitInternal, exitDamage, exitStorage, exitUsage, exitRefused, exitStopped, exitOwned, exitIncomplete, 0}
}

// runJobs runs all jobs of a file, one after the other. The exit code is the most serious one. An interrupt ends them all.
func (a *app) runJobs(c *cobra.Command, o export.Options, asJSON bool) error {
	configs, err := a.loadJobs(c)
	if err != nil {
		return err
	}
	worst, failed := 0, []string{}
	for i, cfg := range configs {
		job := o
		job.Config, job.Force = cfg, slices.Clone(o.Force)
		if !asJSON && !cfg.Log.Quiet {
			if _, err := io.WriteString(a.stdout, jobTitle(i, cfg.Job())); unlessUnread(err) != nil {
				return err
			}
		}
		err := a.export(c.Context(), job, asJSON)
		if err == nil {
			continue
		}
		code := a.explain(fmt.Errorf("job %s: %w", cfg.Job(), err))
		failed = append(failed, fmt.Sprintf("%s (%d)", cfg.Job(), code))
		if code == exitInterrupted {
			text := "interrupted in job " + cfg.Job()
			if left := jobNames(configs[i+1:]); len(left) > 0 {
				text += "; not begun: " + strings.Join(left, ", ")
			}
			return &jobsError{code, text}
		}
		if slices.Index(seriousness(), code) < slices.Index(seriousness(), worst) {
			worst = code
		}
	}
	if len(failed) > 0 {
		return &jobsError{worst, fmt.Sprintf("%d of %d jobs did not end well: %s", len(failed), len(configs), strings.Join(failed, ", "))}
	}
	return nil
}

// jobTitle is what stands above the summary of a job.
func jobTitle(i int, name string) string {
	title := fmt.Sprintf("job      %s\n", name)
	if i > 0 {
		title = "\n" + title
	}
	return title
}

func jobNames(configs []*config.Config) []string {
	var names []string
	for _, cfg := range configs {
		names = append(names, cfg.Job())
	}
	return names
}

// loadJobs loads the configurations of all jobs, so that what is wrong with one of them is known before the first begins.
func (a *app) loadJobs(c *cobra.Command) ([]*config.Config, error) {
	if job := c.Flags().Lookup(jobFlag); job.Changed {
		return nil, usagef("--all-jobs and --job %s: give one of them", job.Value)
	}
	common, err := a.loadConfig(c, "")
	if err != nil {
		return nil, err
	}
	if len(common.Jobs()) == 0 {
		return nil, usagef("--all-jobs: there are no jobs (they are sections of a TOML file, such as [job.invoices.source], which --config names)")
	}
	var configs []*config.Config
	for _, name := range common.Jobs() {
		cfg, err := a.loadConfig(c, name)
		if err != nil {
			return nil, err
		}
		for _, other := range configs {
			if shared := cfg.SharesPlace(other); shared != "" {
				return nil, usagef("%s: a flag or a variable counts for all jobs", shared)
			}
		}
		configs = append(configs, cfg)
	}
	return configs, nil
}
