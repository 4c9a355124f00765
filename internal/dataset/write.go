package dataset

import (
	"context"
	"encoding/json"
	"fmt"

	"golang.org/x/sync/errgroup"

	"exporter/internal/store"
)

// writer writes what was chosen.
type writer struct {
	*maker
	chosen  *choice
	configs []*config
	report  *Report
	// leftOut has the lines of pictures that were left out.
	leftOut store.Spool
	// units are those of which dealing has begun.
	units []*unit
}

// unit is the samples of a shard.
type unit struct {
	config *config
	split  *splitPlan
	number int
	// samples are those that are to be written; nil where that is done. first is the number of the first of them among those that may be taken.
	samples []*candidate
	numbers []int32
	done    *unitDone
}

// folder is where the pictures of the unit are, relative to the dataset.
func (u *unit) folder() string { return configName(u.config.kind) + "/" + u.split.name }

// name is that of the shard without its extension.
func (u *unit) name() string {
	return fmt.Sprintf("%s/%05d-of-%05d", u.folder(), u.number, u.split.shards)
}

// run writes everything that is not there yet.
func (w *writer) run(ctx context.Context) error {
	w.progress.enter("writing", w.report.Pictures, w.report.Bytes)
	if err := w.writeUnits(ctx); err != nil {
		return err
	}
	return w.conclude(ctx)
}

// writeUnits writes the units, several at a time.
func (w *writer) writeUnits(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	units := make(chan *unit)
	group.Go(func() error {
		defer close(units)
		return w.deal(ctx, units)
	})
	for range w.options.Workers {
		group.Go(func() error {
			u := newUnitWriter(w)
			defer u.close()
			for unit := range units {
				if err := u.write(ctx, unit); err != nil {
					return fmt.Errorf("write %s: %w", unit.name(), err)
				}
			}
			return context.Cause(ctx)
		})
	}
	return group.Wait()
}

// deal reads all rows once more, and sends the units that are to be written.
func (w *writer) deal(ctx context.Context, units chan<- *unit) error {
	dealers := newDealers(w.options, len(w.configs), len(w.splits.names))
	open := make([][]*unit, len(w.configs))
	for i := range open {
		open[i] = make([]*unit, len(w.splits.names))
	}
	lines := json.NewEncoder(w.leftOut)
	number := -1
	for s, err := range w.candidates().all(ctx) {
		if err != nil {
			return err
		}
		if s.reason != "" {
			if s.reason == ReasonExport {
				if err := lines.Encode(leftOut(s.Row, s.reason, nil)); err != nil {
					return err
				}
			}
			continue
		}
		number++
		f := w.chosen.fates.at(number)
		if !f.taken() {
			if reason := listed[f.reason]; reason != ReasonSample {
				if err := lines.Encode(leftOut(s.Row, reason, w.chosen.problem(&s.Sample))); err != nil {
					return err
				}
			}
			continue
		}
		shard := dealers[f.kind][f.split].deal(s.Row.Content.Size)
		u := &open[f.kind][f.split]
		if *u == nil || (*u).number != shard {
			if err := w.send(ctx, units, *u); err != nil {
				return err
			}
			*u = w.newUnit(ctx, int(f.kind), int(f.split), shard)
		}
		if (*u).done == nil {
			(*u).samples = append((*u).samples, s)
			(*u).numbers = append((*u).numbers, int32(number))
		}
	}
	for _, ofKind := range open {
		for _, u := range ofKind {
			if err := w.send(ctx, units, u); err != nil {
				return err
			}
		}
	}
	return nil
}

// newUnit begins a unit.
func (w *writer) newUnit(ctx context.Context, kind, split, number int) *unit {
	u := &unit{config: w.configs[kind], split: w.configs[kind].splits[split], number: number}
	u.done = w.state.find(ctx, w.out, u.name())
	w.units = append(w.units, u)
	return u
}

// send sends a unit, if there is one, unless it is done.
func (w *writer) send(ctx context.Context, units chan<- *unit, u *unit) error {
	if u == nil {
		return nil
	}
	if u.done != nil {
		w.progress.pictures.Add(u.done.Pictures)
		w.progress.bytes.Add(u.done.Bytes)
		return nil
	}
	select {
	case units <- u:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// conclude reports what was written, in the order of the units, and writes what is told of pictures that are files.
func (w *writer) conclude(ctx context.Context) error {
	r := w.report
	r.Pictures, r.Bytes = 0, 0
	for i := range r.Configs {
		for j := range r.Configs[i].Splits {
			s := &r.Configs[i].Splits[j]
			s.Pictures, s.Bytes = 0, 0
		}
	}
	lines := json.NewEncoder(w.leftOut)
	for _, config := range w.configs {
		for _, split := range config.splits {
			for _, u := range w.units {
				if u.config != config || u.split != split {
					continue
				}
				s := r.split(configName(config.kind), split.name)
				s.Pictures += u.done.Pictures
				s.Bytes += u.done.Bytes
				s.Files = append(s.Files, u.done.Files...)
				for _, l := range u.done.Damaged {
					r.Damaged++
					if err := lines.Encode(l); err != nil {
						return err
					}
				}
				r.Pictures += u.done.Pictures
				r.Bytes += u.done.Bytes
			}
		}
	}
	if r.Damaged > 0 {
		r.LeftOut[ReasonDamaged] = r.Damaged
	}
	if w.options.Form == FormImageFolder {
		return w.describeFolders(ctx)
	}
	return nil
}
