package export

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"time"

	"exporter/internal/parts"
	"exporter/internal/store"
	"exporter/internal/store/place"
	"exporter/manifest"
	"exporter/pipeline"
)

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
	return usagef("the export in %q is in %d parts (give the folder of one part, such as %q, or to run and plan --part I/%d)",
		path, plan.Count, at.Join(parts.Path(0)), plan.Count)
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
