package dataset

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"

	"exporter/internal/store"
	"exporter/internal/store/place"
)

// Make makes a dataset, or goes on with one. Errors of the options, and of an Out that holds anything else, are *UsageError; pictures that were left
// out since they are damaged are ErrDamaged, when all else is done.
func Make(ctx context.Context, o Options) (report *Report, err error) {
	if err := o.complete(); err != nil {
		return nil, err
	}
	m := &maker{options: &o, splits: newSplitter(&o)}
	if m.exports, err = openExports(ctx, o.Exports, o.Log); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, m.exports.close()) }()
	if err := m.describe(ctx); err != nil {
		return nil, err
	}
	if err := checkOut(ctx, o.Out, m.about); err != nil {
		return nil, err
	}
	if err := o.checkPlaces(); err != nil {
		return nil, err
	}
	if !o.DryRun {
		if err := m.own(ctx); err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, m.out.Close()) }()
		if m.state.isDone(ctx, m.out, o.Form) {
			o.Log.Info("nothing has changed since the dataset was made", "out", o.Out)
			return m.state.Report, nil
		}
	}
	return m.run(ctx)
}

// maker makes one dataset.
type maker struct {
	options *Options
	exports exports
	splits  *splitter
	// about is what is recorded of the command and the exports, and identity that of all tables.
	about    about
	identity string
	// out is the dataset, and state what is done; nil for a dry run.
	out      store.Store
	state    *state
	progress progress
}

func (m *maker) candidates() *candidates {
	return &candidates{options: m.options, exports: m.exports, splits: m.splits}
}

// describe finds what tells one dataset from another.
func (m *maker) describe(ctx context.Context) error {
	m.about = about{Command: m.options.command()}
	all := sha256.New()
	for _, s := range m.exports {
		m.about.Exports = append(m.about.Exports, exportOf(s))
		id, err := s.table.Identity(ctx)
		if err != nil {
			return s.readError(err)
		}
		all.Write(id[:])
	}
	m.identity = hex.EncodeToString(all.Sum(nil))
	return nil
}

// own takes the lock of the dataset, and reads what is done of it.
func (m *maker) own(ctx context.Context) (err error) {
	open := m.options.Own
	if open == nil {
		open = place.Own
	}
	if m.out, err = open(ctx, m.options.Out, m.options.Place); err != nil {
		return openError(m.options.Out, err)
	}
	// Somebody may have written to it since it was looked at.
	err = checkOpenOut(ctx, m.out, m.options.Out, m.about)
	if err == nil {
		m.state, err = readState(ctx, m.out, m.identity)
	}
	if err != nil {
		return errors.Join(err, m.out.Close())
	}
	return nil
}

// openError says why a place could not be opened for writing.
func openError(path string, err error) error {
	if _, ok := errors.AsType[*place.Error](err); ok {
		return &UsageError{err}
	}
	if errors.Is(err, store.ErrOwned) {
		return fmt.Errorf("open %q: %w: %w", path, ErrBusy, err)
	}
	return fmt.Errorf("open %q: %w", path, err)
}

// run makes the dataset.
func (m *maker) run(ctx context.Context) (*Report, error) {
	m.progress.enter("choosing", 0, 0)
	defer m.options.Watch(m.progress.get)()
	chosen, err := m.choose(ctx)
	if err != nil {
		return nil, err
	}
	hasPages := slices.ContainsFunc(m.exports, func(s *export) bool { return s.hasPages })
	configs := chosen.plan(hasPages)
	report := newReport(m, chosen, configs)
	if m.options.DryRun {
		return report, nil
	}
	if err := m.begin(ctx, chosen.digest()); err != nil {
		return nil, err
	}
	if err := m.write(ctx, &writer{maker: m, chosen: chosen, configs: configs, report: report}); err != nil {
		return nil, err
	}
	if report.Damaged > 0 {
		return report, fmt.Errorf("%w: %d of them", ErrDamaged, report.Damaged)
	}
	return report, nil
}

// write writes what was chosen, and what describes it.
func (m *maker) write(ctx context.Context, w *writer) (err error) {
	if w.leftOut, err = m.out.Spool(); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.leftOut.Close()) }()
	if err := w.run(ctx); err != nil {
		return err
	}
	return m.finish(ctx, w)
}

// progress counts what is done.
type progress struct {
	stage                    atomic.Pointer[string]
	pictures, bytes, damaged atomic.Int64
	ofPictures, ofBytes      atomic.Int64
}

// enter begins a stage.
func (p *progress) enter(stage string, pictures, bytes int64) {
	p.stage.Store(&stage)
	p.pictures.Store(0)
	p.bytes.Store(0)
	p.ofPictures.Store(pictures)
	p.ofBytes.Store(bytes)
}

func (p *progress) get() Progress {
	stage := ""
	if s := p.stage.Load(); s != nil {
		stage = *s
	}
	return Progress{
		Stage: stage, Pictures: p.pictures.Load(), Bytes: p.bytes.Load(),
		TotalPictures: p.ofPictures.Load(), TotalBytes: p.ofBytes.Load(), Damaged: p.damaged.Load(),
	}
}
