package export

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"strings"

	"exporter/internal/accepted"
	"exporter/internal/store"
	"exporter/manifest"
	"exporter/pipeline"
)

// historyName is where earlier versions kept the reports of all runs, one a line.
const historyName = "runs.jsonl"

// forgotten stands in a report for a text that may name what is gone.
const forgotten = "(forgotten by exporter compact)"

// forgetTexts rewrites reports without texts that may be of upstream: what is gone is to be nowhere. It returns in how many there were some.
func forgetTexts(ctx context.Context, st store.Store) (changed int, err error) {
	names := []string{ReportName, historyName}
	for e, err := range st.List(ctx, HistoryPrefix) {
		if err != nil {
			return changed, err
		}
		if !e.Irregular && strings.HasSuffix(e.Key, ".json") {
			names = append(names, e.Key)
		}
	}
	for _, name := range names {
		before, err := store.ReadBytes(ctx, st, name, maxReport)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return changed, err
		}
		after, had, err := withoutTexts(name, before)
		if err != nil {
			return changed, err
		}
		if !had {
			continue
		}
		if err := store.PutBytes(ctx, st, name, after); err != nil {
			return changed, err
		}
		changed++
	}
	return changed, nil
}

// forgetAccepted forgets what was accepted to fail of files and jobs that are not there any more.
func forgetAccepted(ctx context.Context, st store.Store) (err error) {
	set, err := accepted.Read(ctx, st)
	if Is[*pipeline.DamageError](err) {
		return st.Remove(ctx, accepted.Name)
	}
	if err != nil || set.IsEmpty() {
		return err
	}
	snapshot, err := manifest.Glance(ctx, st)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, snapshot.Close()) }()
	set.DropIf(func(f *accepted.Failure) bool {
		file := pipeline.File{ID: f.FileID, JobID: f.JobID, DirectoryFileID: f.EntryID}
		state, lookErr := snapshot.File(ctx, file.Key())
		err = errors.Join(err, lookErr)
		return state == nil && lookErr == nil
	})
	return errors.Join(err, set.Write(ctx, st))
}

// withoutTexts returns what a file of reports is without them, and whether it had any. A line that cannot be read goes.
func withoutTexts(name string, before []byte) (after []byte, had bool, err error) {
	reports := [][]byte{before}
	indent := "  "
	if name == historyName {
		reports, indent = bytes.Split(bytes.TrimSuffix(before, []byte("\n")), []byte("\n")), ""
	}
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetIndent("", indent)
	for _, text := range reports {
		report := decodeReport(text)
		if report == nil {
			had = had || len(text) > 0
			continue
		}
		f := forgetting{keepSource: name == ReportName}
		f.report(report)
		had = had || f.had
		if err := encoder.Encode(report); err != nil {
			return nil, false, err
		}
	}
	return b.Bytes(), had, nil
}

// decodeReport returns what a report says, with numbers as they are spelled; nil where it cannot be read.
func decodeReport(text []byte) (report map[string]any) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	if decoder.Decode(&report) != nil {
		return nil
	}
	return report
}

// forgetting goes over one report. The source of the last one is what the next run compares its own with, and names nothing but what
// the tables name as the settings.
type forgetting struct{ keepSource, had bool }

func (f *forgetting) report(report map[string]any) {
	f.text(report, "error")
	if source, ok := report["source"].(map[string]any); ok && !f.keepSource {
		for _, key := range []string{"source.files", "source.file_id", "source.unique_id", "source.display_name", "source.display_name_contains",
			"source.include", "source.exclude"} {
			if text, _ := source[key].(string); text != "" {
				f.text(source, key)
			}
		}
	}
	for _, list := range []struct{ name, key string }{{"accepted", "what"}, {"incomplete_sources", "error"}, {"incomplete_sources", "source"}} {
		items, _ := report[list.name].([]any)
		for _, item := range items {
			if of, ok := item.(map[string]any); ok && !isPlace(of, list.key) {
				f.text(of, list.key)
			}
		}
	}
	counts, _ := report["counts"].(map[string]any)
	classes, _ := counts["errors"].(map[string]any)
	for _, class := range classes {
		if of, ok := class.(map[string]any); ok {
			f.text(of, "first")
		}
	}
}

// isPlace tells whether an item names a source that is no single file.
func isPlace(item map[string]any, key string) bool {
	text, _ := item[key].(string)
	return key == "source" && !strings.HasPrefix(text, "file:")
}

// text forgets a text, where there is one.
func (f *forgetting) text(of map[string]any, key string) {
	if text, ok := of[key]; ok && text != forgotten {
		of[key], f.had = forgotten, true
	}
}
