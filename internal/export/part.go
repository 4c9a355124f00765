package export

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"exporter/internal/config"
	"exporter/internal/parts"
	"exporter/internal/store/place"
	"exporter/pipeline"
)

// partPath is the path of the key that says which part a run makes.
const partPath = "run.part"

// part is which part of which export a run makes; nil for a plain export.
type part struct {
	parts.Part
	// whole is the place of the export in parts, and plan how it is divided.
	whole place.Place
	plan  parts.Plan
}

// takes tells whether a file is of the part.
func (p *part) takes(key pipeline.FileKey) bool { return p.plan.Of(key) == p.Index }

// enterPart finds out whether the run makes a part of an export. An export that is in parts, and of which none is given, is refused.
func (r *run) enterPart(ctx context.Context) error {
	cfg := r.Config
	if err := r.refuseFolderOfParts(ctx, cmp.Or(cfg.Output.Whole, cfg.Output.Dir)); err != nil {
		return err
	}
	if err := cfg.EnterPart(); err != nil {
		return err
	}
	given := cfg.Run.Part
	if given.IsZero() {
		at, err := place.Parse(cfg.Output.Dir)
		if err != nil {
			return err
		}
		if whole, index, isPart := config.WholeOf(at); isPart {
			r.part = &part{Part: parts.Part{Index: index}, whole: whole}
			return nil
		}
		return refuseParts(ctx, cfg.Output.Dir, r.placeOptions())
	}
	if given.Engine != "" {
		r.Log.Info("the part is as the environment says", "part", given.Part.String(), "engine", given.Engine)
	}
	whole, err := place.Parse(cfg.Output.Whole)
	r.part = &part{Part: given.Part, whole: whole}
	return err
}

// refuseFolderOfParts refuses the folder in which another export has its parts.
func (r *run) refuseFolderOfParts(ctx context.Context, path string) error {
	at, err := place.Parse(path)
	if err != nil {
		return err
	}
	whole, names, ok := at.Outer(1)
	if !ok || names[0] != parts.Dir {
		return nil
	}
	plan, err := readPlan(ctx, whole, r.placeOptions())
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return usagef("%q is where the export %q has its parts (give --out %q --part I/%d)", path, whole, whole, plan.Count)
}

// knowPart completes what is known of the part by what its export remembers, and checks that it is the one. What the run may send is its share.
func (r *run) knowPart(ctx context.Context, remembered config.Remembered) error {
	cfg, given := r.Config, r.Config.Run.Part
	before := remembered[partPath]
	switch {
	case r.part == nil && given.IsZero():
		return nil
	case r.part == nil:
		return usagef("the export in %q is part %v of another, and is not where that has its parts (move it back to %s there, or export to another --out)",
			cfg.Output.Dir, given.Part, parts.Path(given.Index))
	case given.IsZero():
		return r.plainInParts(ctx)
	}
	if was, _, _ := strings.Cut(before, "@"); was != "" && was != given.Part.String() {
		return r.otherPart(was)
	}
	if r.part.Count == 0 && r.part.Index != given.Index {
		return usagef("the export in %q is part %v, and has the folder of part %d (move it back to %s)",
			cfg.Output.Dir, given.Part, r.part.Index, parts.Path(given.Index))
	}
	r.part.Part = given.Part
	salt := given.Salt
	if salt == "" {
		_, salt, _ = strings.Cut(before, "@")
	}
	r.part.plan = parts.Plan{Count: given.Count, Salt: salt}
	return r.shareRate()
}

// otherPart refuses a part in whose folder there is another one, or one of another division.
func (r *run) otherPart(was string) error {
	dir, given := r.Config.Output.Dir, r.Config.Run.Part.Part
	if there, err := parts.ParsePart(was); err == nil && there.Count == given.Count {
		return usagef("%q holds part %v, not part %v (move it to %s of the export that it is a part of, or away where that has it already)",
			dir, there, given, parts.Path(there.Index))
	}
	return usagef("the export in %q is part %s, not %v (%s)", dir, was, given, otherCount(r.part.whole))
}

// plainInParts says what to do with a folder that has the name of a part, and holds no export that knows of it. Where no export is around it that is in
// parts, it is one like any other.
func (r *run) plainInParts(ctx context.Context) error {
	if _, err := readPlan(ctx, r.part.whole, r.placeOptions()); errors.Is(err, fs.ErrNotExist) {
		r.part = nil
		return refuseParts(ctx, r.Config.Output.Dir, r.placeOptions())
	}
	return usagef("%q is the folder of part %d of the export %q (give --out %q --part %d/N with the number of parts)",
		r.Config.Output.Dir, r.part.Index, r.part.whole, r.part.whole, r.part.Index)
}

// otherCount says what to do where an export has another number of parts.
func otherCount(whole place.Place) string {
	return fmt.Sprintf("an export keeps its number of parts: give that, export to another --out, or move %s and the folder %s away and begin anew",
		whole.Join(parts.PlanName), whole.Join(parts.Dir))
}

// shareRate divides the rate that was given by the number of parts.
func (r *run) shareRate() error {
	limits := &r.Config.Limits
	given := limits.Rate
	if err := r.Config.ShareRate(r.part.Count); err != nil {
		return err
	}
	if limits.Rate != given {
		r.Log.Info("the rate is shared by the parts", "rate", given.String(), "parts", r.part.Count, "rate_of_this_part", RateText(limits.Rate.PerSecond))
	}
	return nil
}

// placeOptions says how the places beside the export are opened.
func (r *run) placeOptions() place.Options { return PlaceOptions(r.Config, r.Log) }

// sourceSettings are those of the configuration that identify the source, and the part.
func (r *run) sourceSettings() map[string]string {
	settings := r.Config.SourceSettings()
	if r.part != nil {
		settings[partPath] = r.Config.Run.Part.String()
	}
	return settings
}
