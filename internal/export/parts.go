package export

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"sync"

	"exporter/internal/config"
	"exporter/internal/parts"
	"exporter/internal/store"
	"exporter/internal/store/place"
	"exporter/internal/whole"
	"exporter/manifest"
	"exporter/pipeline"
)

// PartState is how far a part of an export is.
type PartState string

const (
	// PartComplete is a part whose last run did all that was asked for, and PartIncomplete one whose last run did not, or was killed.
	PartComplete   PartState = "complete"
	PartIncomplete PartState = "incomplete"
	// PartRunning is a part that somebody owns now.
	PartRunning PartState = "running"
	// PartMissing is one of the parts of the plan of which there is no table.
	PartMissing PartState = "missing"
)

// Part is an export in a folder of an export in parts.
type Part struct {
	// Folder is the name of its folder in parts/.
	Folder string    `json:"folder"`
	State  PartState `json:"state"`
	// Why says why it is not complete; empty where it is.
	Why string `json:"why,omitempty"`
	// tables is its state as manifest.State has it; empty where it has no table.
	tables string
	// info is what its tables say of the run that made them.
	info manifest.Info
}

// surveyParts looks at all parts of an export.
func surveyParts(ctx context.Context, e *whole.Export) ([]Part, error) {
	folders := e.Folders()
	all := make([]Part, len(folders))
	for i, folder := range folders {
		all[i] = Part{Folder: folder, State: PartMissing, Why: "it has no table yet"}
	}
	var mu sync.Mutex
	err := e.Each(ctx, folders, func(ctx context.Context, i int, dir place.Branch) error {
		p := all[i]
		err := p.look(ctx, dir)
		mu.Lock()
		defer mu.Unlock()
		all[i] = p
		return err
	})
	return all, err
}

// PartsState tells the parts of the export at path from what they are after a commit, or the end of a run, of one. It is empty of an export that is not in
// parts, and of one in a bucket, where it would take some requests for each part.
func PartsState(ctx context.Context, path string) (state string, err error) {
	if place.IsBucket(path) {
		return "", nil
	}
	e, err := whole.OpenParts(ctx, path, nil)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", partsError(path, err)
	}
	defer func() { err = errors.Join(err, e.Close()) }()
	all, err := surveyParts(ctx, e)
	if Is[*pipeline.DamageError](err) {
		return err.Error(), nil
	}
	if err != nil {
		return "", partsError(path, err)
	}
	for i := range all {
		state += " " + string(all[i].State) + all[i].tables
	}
	return state, nil
}

// look finds out how a part is.
func (p *Part) look(ctx context.Context, dir place.Branch) (err error) {
	owned, err := dir.IsOwned(ctx)
	if err != nil {
		return err
	}
	// A run that commits from now on makes another state than what is said of it.
	if p.tables, err = manifest.State(ctx, dir); err != nil {
		return err
	}
	if info := manifest.ReadInfo(ctx, dir); info != nil {
		p.info = *info
	}
	switch {
	case owned:
		p.State, p.Why = PartRunning, "somebody has it open"
		if r := readRunning(ctx, dir); r != nil {
			p.Why = fmt.Sprintf("process %d on %s has it since %s", r.Process, r.Host, r.StartedAt.Format("2006-01-02T15:04:05Z07:00"))
		}
	case p.tables == "":
		return lostTables(ctx, dir)
	default:
		p.State, p.Why = PartComplete, ""
		if why := incomplete(ctx, dir); why != "" {
			p.State, p.Why = PartIncomplete, why
		}
	}
	return nil
}

// lostTables says that an export has no tables any more, where its last run says that there was something to have rows.
func lostTables(ctx context.Context, dir store.Reader) error {
	var last struct {
		Counts struct {
			Assets struct {
				Stored int64 `json:"stored"`
				Kept   int64 `json:"kept"`
			} `json:"assets"`
		} `json:"counts"`
	}
	b, err := store.ReadBytes(ctx, dir, ReportName, maxReport)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	// Of a report that cannot be understood nothing is known.
	if json.Unmarshal(b, &last) != nil || last.Counts.Assets.Stored+last.Counts.Assets.Kept == 0 {
		return nil
	}
	return &pipeline.DamageError{
		Path: manifest.AssetsName,
		Err:  fmt.Errorf("it is missing, and by %s %d assets were stored", ReportName, last.Counts.Assets.Stored+last.Counts.Assets.Kept),
	}
}

// incomplete says why an export that nobody owns is not complete; nothing where it is.
func incomplete(ctx context.Context, dir store.Reader) string {
	if readRunning(ctx, dir) != nil {
		return "its last run did not come to its end"
	}
	b, err := store.ReadBytes(ctx, dir, ReportName, maxReport)
	if errors.Is(err, fs.ErrNotExist) {
		return "no run of it has ended"
	}
	var last struct {
		ExitCode int    `json:"exit_code"`
		Trial    string `json:"trial"`
	}
	if err == nil {
		err = json.Unmarshal(b, &last)
	}
	switch {
	case err != nil:
		return "its " + ReportName + " cannot be read"
	case last.ExitCode != 0:
		return fmt.Sprintf("its last run ended with exit code %d", last.ExitCode)
	case last.Trial != "":
		return fmt.Sprintf("its last run took some of the files alone (--%.40s)", last.Trial)
	}
	return ""
}

// sourceOf returns the settings of the source of a part, and apart from them which part it is.
func (p *Part) sourceOf() (source map[string]string, part string, err error) {
	if p.info.Source == "" {
		return nil, "", nil
	}
	if err := json.Unmarshal([]byte(p.info.Source), &source); err != nil {
		return nil, "", &manifest.PartError{
			Folder: p.Folder, Err: &pipeline.DamageError{Path: manifest.AssetsName, Err: fmt.Errorf("settings of the last run: %w", err)},
		}
	}
	part = source[partPath]
	delete(source, partPath)
	return source, part, nil
}

// checkPlace refuses a part that says that it is another one than its folder does, or of another division.
func (p *Part) checkPlace(part string, plan parts.Plan) error {
	index, isNumbered := parts.ParseName(p.Folder)
	should := config.Part{Part: parts.Part{Index: index, Count: plan.Count}, Salt: plan.Salt}
	if !isNumbered || part == "" || part == should.String() {
		return nil
	}
	return usagef("%s/%s says that it is part %s, and by its folder and %s it is %s (move what does not belong there away)",
		parts.Dir, p.Folder, part, parts.PlanName, should)
}

// commonInfo returns what the tables of all parts say of the runs that made them. It refuses parts of other sources, and such as say that they are
// others than their folders do.
func commonInfo(all []Part, plan parts.Plan) (manifest.Info, error) {
	common := manifest.Info{Version: Version()}
	var first *Part
	var source map[string]string
	for i := range all {
		p := &all[i]
		now, part, err := p.sourceOf()
		if err != nil {
			return common, err
		}
		if now == nil {
			continue
		}
		if err := p.checkPlace(part, plan); err != nil {
			return common, err
		}
		if first == nil {
			first, source = p, now
			common.Source, common.Sink, common.Assets = canonicalJSON(now), p.info.Sink, p.info.Assets
			continue
		}
		if text := otherSource(source, now); text != "" {
			return common, usagef("%s/%s is of another source than %s/%s: %s (run the parts with one configuration, or move what does not belong there away)",
				parts.Dir, p.Folder, parts.Dir, first.Folder, text)
		}
		// How parts are stored, and what of the assets they have, may differ.
		if p.info.Sink != common.Sink {
			common.Sink = ""
		}
		if p.info.Assets != common.Assets {
			common.Assets = ""
		}
	}
	return common, nil
}

// otherSource says in which settings two sources differ; nothing where they are the same.
func otherSource(one, other map[string]string) string {
	if maps.Equal(one, other) {
		return ""
	}
	differences := config.Narrower(one, other)
	for _, text := range config.Narrower(other, one) {
		// A setting of one value differs alike from either side.
		path, _, _ := strings.Cut(text, " ")
		isKnown := func(known string) bool { return strings.HasPrefix(known, path+" is ") }
		if !slices.ContainsFunc(differences, isKnown) {
			differences = append(differences, "the other's "+text)
		}
	}
	return strings.Join(differences, "; ")
}
