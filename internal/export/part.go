package export

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"strings"
	"time"

	"exporter/internal/config"
	"exporter/internal/parts"
	"exporter/internal/store"
	"exporter/internal/store/place"
	"exporter/manifest"
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

// readPlan returns how the export at a place is divided; fs.ErrNotExist where it is not in parts.
func readPlan(ctx context.Context, at place.Place, o place.Options) (parts.Plan, error) {
	file := at.Join(parts.PlanName).String()
	if !at.IsBucket() {
		if info, err := os.Lstat(file); err == nil && !info.Mode().IsRegular() {
			return parts.Plan{}, usagef("%q is no file, and links are not followed there (copy the one that it stands for in its place)", file)
		}
	}
	text, err := place.ReadObject(ctx, file, parts.MaxPlan, o)
	if errors.Is(err, fs.ErrNotExist) {
		return parts.Plan{}, fs.ErrNotExist
	}
	if err != nil {
		return parts.Plan{}, openError(at.String(), err)
	}
	plan, err := parts.Decode(text)
	if err != nil {
		return parts.Plan{}, &UsageError{&parts.PlanError{File: file, Err: err}}
	}
	return plan, nil
}

// refuseParts refuses what concerns a plain export where there is one in parts.
func refuseParts(ctx context.Context, path string, o place.Options) error {
	at, err := place.Parse(path)
	if err != nil {
		return err
	}
	plan, err := readPlan(ctx, at, o)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if isPlain, err := hasPlain(ctx, path, o.Log); err != nil || isPlain {
		return cmp.Or(err, bothError(at))
	}
	return usagef("the export in %q is in %d parts (give --part I/%d, or the folder of one part, such as --out %q)",
		path, plan.Count, plan.Count, at.Join(parts.Path(0)))
}

// stayPlain refuses to begin a plain export where a task has put it in parts meanwhile. The note of the run is there already: a task that makes its plan
// after this has looked finds the note, waits until it says that the run goes on, and takes its plan back.
func (r *run) stayPlain(ctx context.Context, ledger *manifest.Ledger) error {
	if r.part != nil || ledger.Info() != nil {
		return nil
	}
	if err := refuseParts(ctx, r.Config.Output.Dir, r.placeOptions()); err != nil {
		return err
	}
	r.isPlain = true
	return storageError("write "+RunningName, r.note(ctx))
}

// takePart finds how the export is divided, and makes the plan where nobody has. An export that is not in parts is refused, and one of another number of
// parts.
func (r *run) takePart(ctx context.Context) error {
	if r.part == nil {
		return nil
	}
	ctx, cancel := Interruptible(ctx, r.Stop)
	defer cancel()
	plan, err := readPlan(ctx, r.part.whole, r.placeOptions())
	if errors.Is(err, fs.ErrNotExist) {
		if r.part.plan.Salt != "" {
			return usagef("%q is part %v of an export whose %s is not there (put it back into %q)", r.Config.Output.Dir, r.part.Part, parts.PlanName, r.part.whole)
		}
		if err := r.refusePlain(ctx); err != nil {
			return err
		}
		plan, err = r.makePlan(ctx)
	}
	if err == nil {
		err = r.checkPlan(plan)
	}
	if err == nil {
		err = r.refusePlain(ctx)
	}
	return err
}

// seePart is takePart of a plan, which changes nothing: where nobody has divided the export yet, the numbers are those of another division.
func (r *run) seePart(ctx context.Context) error {
	if r.part == nil {
		return nil
	}
	plan, err := readPlan(ctx, r.part.whole, r.placeOptions())
	if errors.Is(err, fs.ErrNotExist) {
		r.notes = append(r.notes, fmt.Sprintf("the export is not in parts yet: the first run says which files part %v has, about as many as here", r.part))
		plan, err = parts.New(r.part.Count), nil
	}
	if err == nil {
		err = r.checkPlan(plan)
	}
	if err == nil {
		err = r.refusePlain(ctx)
	}
	return err
}

// makePlan makes the plan of the export's parts, unless another task is faster, and returns the one that is there. Where a plain export was faster, it
// takes its own back.
func (r *run) makePlan(ctx context.Context) (parts.Plan, error) {
	plan, file := parts.New(r.part.Count), r.part.whole.Join(parts.PlanName).String()
	if r.Config.Output.SingleWriter {
		// The store may let two tasks both make it. So they make the same.
		plan = parts.Fixed(r.part.Count, r.part.whole.String())
	}
	err := place.CreateOnce(ctx, file, plan.Encode(), r.placeOptions())
	switch {
	case errors.Is(err, store.ErrExists):
	case err != nil:
		return parts.Plan{}, openError(r.part.whole.String(), err)
	default:
		if err := r.refusePlain(ctx); err != nil {
			if Is[*plainExportError](err) {
				// Whoever reads the plan before it is gone finds the plain export as well, and does not go on.
				err = errors.Join(err, place.Withdraw(context.WithoutCancel(ctx), file, plan.Encode(), r.placeOptions()))
			}
			return parts.Plan{}, err
		}
	}
	return readPlan(ctx, r.part.whole, r.placeOptions())
}

// checkPlan refuses a plan that is not the one by which this part was made, and keeps it otherwise.
func (r *run) checkPlan(plan parts.Plan) error {
	if plan.Count != r.part.Count {
		return usagef("the export in %q has %d parts, not %d (%s)", r.part.whole, plan.Count, r.part.Count, otherCount(r.part.whole))
	}
	if salt := r.part.plan.Salt; salt != "" && salt != plan.Salt {
		return usagef("%q was made by another %s than the one in %q (put the one with the salt %s back)",
			r.Config.Output.Dir, parts.PlanName, r.part.whole, salt)
	}
	r.part.plan = plan
	r.Config.Run.Part = config.Part{Part: r.part.Part, Salt: plan.Salt}
	return nil
}

const (
	// decisionWait is how long a task waits for a plain run that has begun to see that the export is in parts, or to go on; decisionPoll is the time
	// between two looks.
	decisionWait, decisionPoll = 30 * time.Second, 100 * time.Millisecond
)

// plainExportError is a *UsageError: where an export in parts is to be made, there is a plain one that stays, or a run that makes one.
type plainExportError struct{ error }

func (e *plainExportError) Unwrap() error { return e.error }

// refusePlain refuses a place with a plain export: one with tables that no merge has made, or of which the first run is under way. It waits for a run
// that has not looked yet whether the export is in parts: where it is, that one ends by itself. An error of type *plainExportError says that the plain
// export stays.
func (r *run) refusePlain(ctx context.Context) error {
	path := r.part.whole.String()
	for began := time.Now(); ; {
		// A run removes its note when its tables are there.
		running, isStale, err := RunningIn(ctx, path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		isPlain, err := hasPlain(ctx, path, r.Log)
		switch {
		case err != nil:
			return err
		case isPlain && r.part.plan.Salt != "":
			return bothError(r.part.whole)
		case isPlain:
			return &plainExportError{plainError(r.part.whole, "holds an export that is not in parts")}
		case running == nil || isStale:
			return nil
		}
		const what = "has a run under way that makes an export which is not in parts"
		if running.IsPlain {
			return &plainExportError{plainError(r.part.whole, what)}
		}
		if time.Since(began) > decisionWait {
			return plainError(r.part.whole, what)
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(decisionPoll):
		}
	}
}

// hasPlain tells whether there are tables at a place that no merge has made.
func hasPlain(ctx context.Context, path string, log *slog.Logger) (isPlain bool, err error) {
	there, err := place.Open(ctx, path, log)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, openError(path, err)
	}
	defer func() { err = errors.Join(err, there.Close()) }()
	if manifest.ReadInfo(ctx, there) == nil {
		return false, nil
	}
	merged, err := manifest.ReadMerged(ctx, there)
	return merged == nil, err
}

// plainError says what to do where parts are to be beside a plain export.
func plainError(whole place.Place, what string) error {
	return usagef("%q %s (export the parts to another --out; docs/clusters.md says how one that is there is moved)", whole, what)
}

// bothError says what to do with a plain export that has a parts.json beside it.
func bothError(whole place.Place) error {
	return usagef("%q holds an export that is not in parts, and a %s (move the plain export to %s/before, as docs/clusters.md says, or remove %s where %s has nothing)",
		whole, parts.PlanName, parts.Dir, parts.PlanName, parts.Dir)
}

// refuseLost refuses what is read as a plain export, and was in parts: its parts.json is gone.
func refuseLost(ctx context.Context, path string, from store.Reader) error {
	merged, err := manifest.ReadMerged(ctx, from)
	if Is[*pipeline.DamageError](err) {
		// Who needs the tables says what is damaged.
		merged, err = nil, nil
	}
	isLost := merged != nil
	if err == nil && !isLost {
		isLost, err = hasNumberedPart(ctx, path)
	}
	if err != nil {
		return storageError("read the export "+path, err)
	}
	if !isLost {
		return nil
	}
	return usagef("%q has the parts of an export, but its %s is gone (put it back: {\"format\":1,\"count\":N,\"salt\":\"S\"}, where run.json of each part has N and S "+
		"in run.part, as in I/N@S)", path, parts.PlanName)
}

// hasNumberedPart tells whether the folder of a numbered part is there.
func hasNumberedPart(ctx context.Context, path string) (has bool, err error) {
	tree, err := place.OpenTree(ctx, path, nil)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, tree.Close()) }()
	return tree.HasFolder(ctx, parts.Dir, parts.NamePrefix)
}

// sourceSettings are those of the configuration that identify the source, and the part.
func (r *run) sourceSettings() map[string]string {
	settings := r.Config.SourceSettings()
	if r.part != nil {
		settings[partPath] = r.Config.Run.Part.String()
	}
	return settings
}

// partSource is a Source that tells files of other parts from those of one.
type partSource struct {
	pipeline.Source
	takes func(pipeline.FileKey) bool
}

// Listings implements pipeline.Source. Nothing is asked for that names a single file or job of another part.
func (s partSource) Listings(ctx context.Context) []pipeline.Listing {
	var all []pipeline.Listing
	for _, l := range s.Source.Listings(ctx) {
		if key, ok := l.Key.Single(); ok && !s.takes(key) {
			continue
		}
		files := l.Files
		l.Files = func(yield func(pipeline.File, error) bool) {
			for file, err := range files {
				_, isMalformed := errors.AsType[*pipeline.Failure](err)
				if (err == nil || isMalformed) && !s.takes(file.Key()) {
					file.Elsewhere = true
				}
				if !yield(file, err) {
					return
				}
			}
		}
		all = append(all, l)
	}
	return all
}
