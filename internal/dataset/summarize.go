package dataset

import "strings"

// summary describes the dataset as cards do.
func (w *writer) summary() *Summary {
	s := &Summary{Form: w.options.Form, LeftOut: map[string]int64{}, Newest: w.chosen.newest}
	for reason, count := range w.report.LeftOut {
		s.LeftOut[string(reason)] = count
	}
	for _, flag := range w.report.Command {
		name, value, _ := strings.Cut(flag, " ")
		s.Settings = append(s.Settings, Setting{name, value})
	}
	for _, config := range w.configs {
		s.Configs = append(s.Configs, w.summarize(config))
	}
	return s
}

// summarize describes a configuration.
func (w *writer) summarize(config *config) Config {
	made := Config{Name: configName(config.kind), Schema: config.schema}
	for _, split := range config.splits {
		r := w.report.split(made.Name, split.name)
		if r == nil {
			continue
		}
		part := SplitSummary{Name: split.name, Examples: r.Pictures, Bytes: r.Bytes}
		for _, f := range r.Files {
			part.Files = append(part.Files, FileSummary{Path: f.Path, Bytes: f.Bytes, Rows: f.Pictures})
		}
		made.Splits = append(made.Splits, part)
	}
	for _, r := range w.report.Configs {
		if r.Name == made.Name {
			made.Digest = r.digest()
		}
	}
	return made
}
