package report

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"slices"
	"strings"
	"time"

	"exporter/internal/inventory"
	"exporter/internal/store"
	"exporter/pipeline"
)

// Export is what a report is of.
type Export struct {
	*inventory.Inventory
	// Name is what it is called, for people.
	Name string
	// Store has the reports of its runs.
	Store store.Reader
	// Runs is the prefix of their names.
	Runs string
	// Made is when the report is made.
	Made time.Time
	// Notes are sentences on what the export lacks as it is now.
	Notes []string
}

const (
	// confidenceBins is into how many parts confidences from 0 to 1 are divided, and sizeBins how many powers of two there are.
	confidenceBins, sizeBins = 20, 40
	// mostRuns is how many runs are told of, the last ones.
	mostRuns = 200
	// mostReport is how many bytes a report of a run has at most.
	mostReport = 4 << 20
	// samples is how many reasons are told of each class of failures.
	samples = 3
)

// figures is what is counted.
type figures struct {
	export *Export
	// byKind are sums of assets by kind, in all and by state.
	byKind map[string]*kindFigures
	// types and skipped are sums by media type and by reason; failed are those of assets and failedFiles those of files by class of reason.
	types, skipped      map[string]*sum
	failed, failedFiles map[string]*failure
	// confidence counts figures by confidence: likely noise, those of which that is not known, and others. noConfidence have none.
	confidence   [confidenceBins]struct{ noise, unknown, other int64 }
	noConfidence int64
	// days counts stored assets by the day on which they were fetched.
	days map[string]*sum
	// files counts files by state, missingPages the pages that they lack between others.
	files        map[inventory.State]int64
	missingPages int64
	copies       copies
	// runs are those of the last runs whose reports can be read; unread is how many cannot.
	runs   []run
	unread int
}

type kindFigures struct {
	states map[inventory.State]int64
	stored sum
	// sizes and sides count stored pictures by powers of two: of their bytes, and of the pixels of their longer side.
	sizes, sides [sizeBins]int64
}

// sum is how many there are, and their bytes.
type sum struct{ count, bytes int64 }

func (s *sum) add(bytes int64) {
	s.count++
	s.bytes += bytes
}

type failure struct {
	// accepted are those of them that a person has accepted.
	count, accepted int64
	reasons         []string
}

// run is what a report looks at of a run's report.
type run struct {
	StartedAt time.Time `json:"started_at"`
	Seconds   float64   `json:"seconds"`
	ExitCode  int       `json:"exit_code"`
	Counts    struct {
		Assets struct {
			Stored      int64 `json:"stored"`
			StoredBytes int64 `json:"stored_bytes"`
			Kept        int64 `json:"kept"`
			Failed      int64 `json:"failed"`
		} `json:"assets"`
		Requests struct {
			Sent      int64 `json:"sent"`
			Throttled int64 `json:"throttled"`
		} `json:"requests"`
	} `json:"counts"`
}

// collect counts all that there is.
func collect(ctx context.Context, e *Export) (*figures, error) {
	f := &figures{
		export: e, byKind: map[string]*kindFigures{}, types: map[string]*sum{}, skipped: map[string]*sum{}, failed: map[string]*failure{}, failedFiles: map[string]*failure{}, days: map[string]*sum{},
		files: map[inventory.State]int64{}, copies: newCopies(mostSeen),
	}
	columns := []string{
		"status", "reason", "size", "sha256", "media_type", "width", "height", "confidence", "is_likely_noise", "fetched_at", "missed_at", "vanished_at", "expired_at",
	}
	for a, err := range e.Assets(ctx, inventory.Choice{Columns: columns}) {
		if err != nil {
			return nil, err
		}
		f.add(a)
	}
	for file, err := range e.Files(ctx, inventory.Choice{Columns: []string{"status", "error", "missing_pages", "missed_at", "vanished_at", "expired_at"}}) {
		if err != nil {
			return nil, err
		}
		f.files[file.State]++
		if file.State == inventory.Failed {
			fail(f.failedFiles, file.Error, file.AcceptedAt)
		}
		if file.MissingPages != nil {
			f.missingPages += *file.MissingPages
		}
	}
	return f, f.readRuns(ctx)
}

// add counts an asset.
func (f *figures) add(a *inventory.Asset) {
	kind := f.byKind[string(a.Key.Kind)]
	if kind == nil {
		kind = &kindFigures{states: map[inventory.State]int64{}}
		f.byKind[string(a.Key.Kind)] = kind
	}
	kind.states[a.State]++
	switch a.State {
	case inventory.Skipped:
		of(f.skipped, a.Reason).add(0)
	case inventory.Failed:
		fail(f.failed, a.Reason, a.AcceptedAt)
	}
	if a.Key.Kind == pipeline.Figure {
		f.addConfidence(a)
	}
	if a.MediaType == "" {
		return
	}
	kind.stored.add(a.Size)
	of(f.types, a.MediaType).add(a.Size)
	of(f.days, a.Time("fetched_at").Format(time.DateOnly)).add(a.Size)
	kind.sizes[power(a.Size)]++
	if side := max(a.Width, a.Height); side > 0 {
		kind.sides[power(side)]++
	}
	f.copies.add(a.Text("sha256"), a.Size)
}

// fail counts a failure, which was accepted at some time, or never.
func fail(failures map[string]*failure, reason string, accepted time.Time) {
	class := inventory.Class(reason)
	known := failures[class]
	if known == nil {
		known = &failure{}
		failures[class] = known
	}
	if !accepted.IsZero() {
		known.accepted++
	}
	if known.count++; len(known.reasons) < samples && !slices.Contains(known.reasons, reason) {
		known.reasons = append(known.reasons, reason)
	}
}

func (f *figures) addConfidence(a *inventory.Asset) {
	if a.Confidence == nil {
		f.noConfidence++
		return
	}
	// What is not a number is in the first.
	bin := &f.confidence[0]
	if c := *a.Confidence; c > 0 {
		bin = &f.confidence[min(confidenceBins-1, int(min(c, 1)*confidenceBins))]
	}
	switch {
	case a.IsLikelyNoise == nil:
		bin.unknown++
	case *a.IsLikelyNoise:
		bin.noise++
	default:
		bin.other++
	}
}

func of(sums map[string]*sum, name string) *sum {
	s := sums[name]
	if s == nil {
		s = &sum{}
		sums[name] = s
	}
	return s
}

// power returns the exponent of the greatest power of two that is not above n.
func power(n int64) int { return min(sizeBins-1, max(0, bits.Len64(uint64(max(n, 1)))-1)) }

// readRuns reads the reports of the last runs, oldest first. One that cannot be read is counted alone, as nothing else depends on it.
func (f *figures) readRuns(ctx context.Context) error {
	var names []string
	for entry, err := range f.export.Store.List(ctx, f.export.Runs) {
		if err != nil {
			return err
		}
		if strings.HasSuffix(entry.Key, ".json") {
			names = append(names, entry.Key)
		}
	}
	// A name begins with the moment at which the run did.
	slices.Sort(names)
	for _, name := range names[max(0, len(names)-mostRuns):] {
		r, err := readRun(ctx, f.export.Store, name)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil {
			f.unread++
			continue
		}
		f.runs = append(f.runs, r)
	}
	return nil
}

func readRun(ctx context.Context, from store.Reader, name string) (r run, err error) {
	o, err := from.Open(ctx, name)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, o.Close()) }()
	text, err := io.ReadAll(io.NewSectionReader(o, 0, min(o.Size(), mostReport)))
	if err != nil {
		return r, err
	}
	if err := json.Unmarshal(text, &r); err != nil {
		return r, err
	}
	a, q := &r.Counts.Assets, &r.Counts.Requests
	for _, n := range []int64{a.Stored, a.StoredBytes, a.Kept, a.Failed, q.Sent, q.Throttled} {
		if n < 0 || n > mostCounted {
			return r, fmt.Errorf("%s: %d is no count", name, n)
		}
	}
	return r, nil
}

// mostCounted is what a run counts at most, and far more than it can.
const mostCounted = 1 << 56
