package export

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"exporter/internal/config"
	"exporter/internal/parts"
	"exporter/internal/store"
	"exporter/internal/store/place"
)

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
