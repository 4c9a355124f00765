package dataset

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"sync"
	"syscall"

	"exporter/internal/store"
	"exporter/internal/store/place"
	"exporter/pipeline"
)

const (
	reportName  = "dataset.json"
	leftOutName = "left-out.jsonl"
	// stateName is what a program that was killed goes on by.
	stateName = store.PrivatePrefix + "dataset-state.json"

	// mostReport is more than any report has.
	mostReport = 1 << 30
)

// checkOut refuses a directory that holds anything but a dataset of this command. One that is missing or empty is fine.
func checkOut(ctx context.Context, path string, want about) error {
	dir, err := place.Open(ctx, path, nil)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case errors.Is(err, syscall.ENOTDIR):
		return &UsageError{fmt.Errorf("%q is no directory: give another one", path)}
	case err != nil:
		return openError(path, err)
	}
	return errors.Join(checkOpenOut(ctx, dir, path, want), dir.Close())
}

// checkPlaces refuses to write into an export, where what is no part of it is taken for what is left over, and to keep what is found out in the
// dataset.
func (o *Options) checkPlaces() error {
	for _, export := range o.Exports {
		if place.IsWithin(o.Out, export) {
			return &UsageError{fmt.Errorf("%q is in the export %q: give a directory outside of it", o.Out, export)}
		}
	}
	if o.Cache == "" {
		return nil
	}
	for _, taken := range append([]string{o.Out}, o.Exports...) {
		if place.IsWithin(o.Cache, taken) {
			return &UsageError{fmt.Errorf("the cache %q is in %q: give a directory outside of it", o.Cache, taken)}
		}
	}
	return nil
}

func checkOpenOut(ctx context.Context, dir store.Reader, path string, want about) error {
	data, err := store.ReadBytes(ctx, dir, reportName, mostReport)
	if errors.Is(err, fs.ErrNotExist) {
		return checkEmpty(ctx, dir, path)
	}
	if err != nil {
		return err
	}
	var has about
	if err := json.Unmarshal(data, &has); err != nil {
		return &UsageError{fmt.Errorf("%q holds a %s that cannot be read (%w): give another directory", path, reportName, err)}
	}
	if !has.equals(&want) {
		return &UsageError{fmt.Errorf("%q holds a dataset of another command or of other exports (%s %s): give another directory, or remove it",
			path, "exporter dataset", strings.Join(has.Command, " "))}
	}
	return nil
}

// checkEmpty refuses a directory that holds anything but the lock of one who was killed before it wrote anything.
func checkEmpty(ctx context.Context, dir store.Reader, path string) error {
	for e, err := range dir.List(ctx, "") {
		if err != nil {
			return err
		}
		if !strings.HasPrefix(e.Key, store.PrivatePrefix) {
			return &UsageError{fmt.Errorf("%q is not empty, and holds no dataset (%q is there): give another directory", path, e.Key)}
		}
	}
	return nil
}

// state is what is done of a dataset. It is kept beside it and is no part of it.
type state struct {
	// Identity is that of the tables that the rest is made of.
	Identity string `json:"identity"`
	// Plan is the digest of what was chosen, and Units belong to it: a picture that was damaged and is whole by now, or other decoders, may
	// make another choice of the same tables.
	Plan string `json:"plan"`
	// Units are those that are done, by their names.
	Units map[string]*unitDone `json:"units"`
	// Report is there when everything is done.
	Report *Report `json:"report,omitempty"`

	mu sync.Mutex
}

// unitDone is what was written of a unit.
type unitDone struct {
	Pictures int64 `json:"pictures"`
	// Bytes are those of the pictures.
	Bytes int64 `json:"bytes"`
	// Files are the ones that hold them; nil where each picture is a file.
	Files []FileReport `json:"files,omitempty"`
	// Damaged are pictures that were left out.
	Damaged []LeftOut `json:"damaged,omitempty"`
}

// readState reads what is done, and forgets what was done of other tables.
func readState(ctx context.Context, r store.Reader, identity string) (*state, error) {
	s := &state{}
	data, err := store.ReadBytes(ctx, r, stateName, mostReport)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	// What cannot be read is made anew.
	if err != nil || json.Unmarshal(data, s) != nil || s.Identity != identity {
		s = &state{Identity: identity}
	}
	if s.Units == nil {
		s.Units = map[string]*unitDone{}
	}
	return s, nil
}

// isDone tells whether everything is there, and nothing is damaged that may be sound now. Pictures that are files are counted; where some are
// missing, all are to be placed again.
func (s *state) isDone(ctx context.Context, r store.Reader, form string) bool {
	if s.Report == nil || s.Report.Damaged > 0 {
		return false
	}
	names := []string{reportName, CardName, CroissantName}
	if s.Report.isListed() {
		names = append(names, leftOutName)
	}
	for _, name := range names {
		if _, err := sizeOf(ctx, r, name); err != nil {
			return false
		}
	}
	for _, config := range s.Report.Configs {
		for _, split := range config.Splits {
			if !areThere(ctx, r, split.Files) {
				return false
			}
			if form == FormImageFolder && countBelow(ctx, r, config.Name+"/"+split.Name+"/") < split.Pictures+int64(len(split.Files)) {
				s.Units = map[string]*unitDone{}
				return false
			}
		}
	}
	return true
}

// countBelow counts objects; of those that cannot be listed it counts none.
func countBelow(ctx context.Context, r store.Reader, prefix string) (count int64) {
	for _, err := range r.List(ctx, prefix) {
		if err != nil {
			return 0
		}
		count++
	}
	return count
}

// areThere tells whether files are there.
func areThere(ctx context.Context, r store.Reader, files []FileReport) bool {
	for _, f := range files {
		if size, err := sizeOf(ctx, r, f.Path); err != nil || size != f.Bytes {
			return false
		}
	}
	return true
}

func sizeOf(ctx context.Context, r store.Reader, key string) (int64, error) {
	o, err := r.Open(ctx, key)
	if err != nil {
		return 0, err
	}
	return o.Size(), o.Close()
}

// find returns what was done of a unit; nil where it is to be done.
func (s *state) find(ctx context.Context, r store.Reader, name string) *unitDone {
	s.mu.Lock()
	u := s.Units[name]
	s.mu.Unlock()
	if u == nil || len(u.Damaged) > 0 || !areThere(ctx, r, u.Files) {
		return nil
	}
	return u
}

// add records a unit that is done.
func (s *state) add(ctx context.Context, out store.Store, name string, u *unitDone) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.Units[name] = u
	return s.put(ctx, out)
}

func (s *state) put(ctx context.Context, out store.Store) error {
	data, err := json.Marshal(s)
	if err != nil {
		return err
	}
	return store.PutBytes(ctx, out, stateName, data)
}

// begin says that the dataset is under way: what describes it as a whole does not hold until it is done. What was made of other tables, or by
// another choice, goes.
func (m *maker) begin(ctx context.Context, plan string) error {
	if err := m.putReport(ctx, &Report{about: m.about}); err != nil {
		return err
	}
	if m.state.Plan != plan {
		m.state.Plan, m.state.Units = plan, map[string]*unitDone{}
	}
	m.state.Report = nil
	if err := m.state.put(ctx, m.out); err != nil {
		return err
	}
	if err := m.out.Remove(ctx, CardName, CroissantName, leftOutName); err != nil || len(m.state.Units) > 0 {
		return err
	}
	return m.removeAll(ctx)
}

// removeAll removes all pictures.
func (m *maker) removeAll(ctx context.Context) error {
	const atOnce = 1000
	for _, kind := range []pipeline.Kind{pipeline.Figure, pipeline.Screenshot} {
		var keys []string
		for e, err := range m.out.List(ctx, configName(kind)+"/") {
			if err != nil {
				return err
			}
			if keys = append(keys, e.Key); len(keys) < atOnce {
				continue
			}
			if err := m.out.Remove(ctx, keys...); err != nil {
				return err
			}
			keys = keys[:0]
		}
		if err := m.out.Remove(ctx, keys...); err != nil {
			return err
		}
	}
	return nil
}

func (m *maker) putReport(ctx context.Context, r *Report) error {
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return store.PutBytes(ctx, m.out, reportName, append(data, '\n'))
}

// finish writes what describes the dataset as a whole.
func (m *maker) finish(ctx context.Context, w *writer) error {
	if size := w.leftOut.Size(); size > 0 {
		if err := m.out.Put(ctx, leftOutName, w.leftOut, size); err != nil {
			return err
		}
	}
	summary := w.summary()
	for name, describe := range map[string]func(*Summary) ([]byte, error){CardName: Card, CroissantName: Croissant} {
		data, err := describe(summary)
		if err == nil {
			err = store.PutBytes(ctx, m.out, name, data)
		}
		if err != nil {
			return err
		}
	}
	m.state.Report = w.report
	if err := m.putReport(ctx, w.report); err != nil {
		return err
	}
	return m.state.put(ctx, m.out)
}
