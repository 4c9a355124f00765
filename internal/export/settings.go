package export

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"strings"

	"exporter/internal/config"
	"exporter/internal/store"
	"exporter/internal/store/place"
	"exporter/manifest"
	"exporter/pipeline"
)

// recallSettings completes the configuration by what the export remembers, and says with what. It refuses one
// that names no source then, unless there are files that are given by their ids.
func (r *run) recallSettings(ctx context.Context) error {
	cfg, log := r.Config, r.Log
	remembered, err := readRemembered(ctx, cfg.Output.Dir, log)
	if err != nil {
		return err
	}
	recalled, err := cfg.Recall(remembered, cfg.Output.Dir)
	if err != nil {
		return err
	}
	if len(recalled) > 0 {
		var attrs []any
		for _, r := range recalled {
			attrs = append(attrs, r.Path, r.String())
		}
		log.Info("going on with the settings of the export", attrs...)
	}
	if err := r.knowPart(ctx, remembered); err != nil {
		return err
	}
	if len(r.Files) > 0 && !cfg.NamesSource() {
		return nil
	}
	if !cfg.NamesSource() {
		if r.part != nil {
			if err := r.refusePlain(ctx); err != nil {
				return err
			}
		}
		return noSource(ctx, cfg, len(remembered) > 0)
	}
	return cfg.ValidateSource()
}

// noSource says why there is nothing to export. Beside the first run of an export it is that run that is in the way: the export remembers nothing yet.
func noSource(ctx context.Context, cfg *config.Config, isExport bool) error {
	err := cfg.ValidateSource()
	if isExport {
		return usagef("the export in %q remembers no source: it was made of files that --files-from named (give --files-from, or say what to export, such as --project)",
			cfg.Output.Dir)
	}
	if owned, ownedErr := place.IsOwned(ctx, cfg.Output.Dir); ownedErr != nil || !owned {
		return err
	}
	if place.IsBucket(cfg.Output.Dir) {
		return openError(cfg.Output.Dir, store.ErrOwned)
	}
	// Who has it says the error of one that wants it, too.
	s, ownedErr := place.Own(ctx, cfg.Output.Dir, place.Options{})
	if ownedErr != nil {
		return openError(cfg.Output.Dir, ownedErr)
	}
	return errors.Join(err, s.Close())
}

// readRemembered returns the settings of the export at path; none where there is no export.
func readRemembered(ctx context.Context, path string, log *slog.Logger) (r config.Remembered, err error) {
	dir, err := place.OpenDamaged(ctx, path, log)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, openError(path, err)
	}
	defer func() { err = errors.Join(err, dir.Close()) }()
	if err := refuseLost(ctx, path, dir); err != nil {
		return nil, err
	}
	last, err := readLastRun(ctx, dir, log)
	if err != nil {
		return nil, err
	}
	r = config.Remembered{}
	for name, text := range last.Assets {
		r["assets."+name] = text
	}
	info := manifest.ReadInfo(ctx, dir)
	if info == nil {
		// Another program has written the tables anew.
		maps.Copy(r, last.Source)
		maps.Copy(r, last.Sink)
	} else {
		// A run that was killed has no report, and one of an earlier version says nothing of assets here.
		for _, text := range []string{info.Source, info.Sink, info.Assets} {
			var settings config.Remembered
			if json.Unmarshal([]byte(text), &settings) == nil {
				maps.Copy(r, settings)
			}
		}
	}
	return r, nil
}

// info is what the files of the export say of this run.
func (r *run) info() manifest.Info {
	return manifest.Info{
		Version: Version(), Source: canonicalJSON(r.Source), Sink: canonicalJSON(r.Config.SinkSettings()),
		Assets: canonicalJSON(r.Config.AssetSettings()),
	}
}

// checkSettings refuses to go on with an export that was made with more of the source, or with another API or sink, unless that
// is accepted.
func (r *run) checkSettings(before *manifest.Info) error {
	text, err := narrower(before, r.Source, r.Config.SinkSettings())
	if err != nil || text == "" || r.force.accept(ForceSource, text) {
		return err
	}
	return usagef("the export in %q was made with other settings: %s (give --force source to go on here, or export to another --out)",
		r.Config.Output.Dir, text)
}

// narrower says what of the settings of an export is not as it was; nothing where something was added to the source.
func narrower(before *manifest.Info, source, sink map[string]string) (string, error) {
	if before == nil {
		return "", nil
	}
	var differences []string
	for _, s := range []struct {
		before string
		now    map[string]string
	}{{before.Source, source}, {before.Sink, sink}} {
		// Another program that wrote the tables anew may have left out what they said of the run.
		if s.before == "" {
			continue
		}
		var before map[string]string
		if err := json.Unmarshal([]byte(s.before), &before); err != nil {
			return "", &pipeline.DamageError{Path: manifest.AssetsName, Err: fmt.Errorf("settings of the last run: %w", err)}
		}
		differences = append(differences, config.Narrower(before, s.now)...)
	}
	const most = 3
	if more := len(differences) - most; more > 0 {
		differences = append(differences[:most], fmt.Sprintf("%d settings more", more))
	}
	return strings.Join(differences, "; "), nil
}

// canonicalJSON encodes settings; a map of strings can always be encoded, and its keys come sorted.
func canonicalJSON(settings map[string]string) string {
	b, err := json.Marshal(settings)
	if err != nil {
		panic(err)
	}
	return string(b)
}
