package export

import (
	"context"
	"fmt"
	"slices"

	"exporter/internal/accepted"
	"exporter/internal/store"
	"exporter/pipeline"
)

// AcceptFailed says which of the failures of a run a person accepts: they do not count as such any more, as long as the same fails in the same
// way. The zero value accepts none.
type AcceptFailed struct {
	// Permanent accepts all that is to be expected to fail again, and that no outage and no throttling explains.
	Permanent bool
	// IDs accepts whatever fails of files and parse jobs, by their ids.
	IDs []string
	// Reset forgets first what was accepted before.
	Reset bool
}

// isZero tells whether nothing is accepted.
func (a *AcceptFailed) isZero() bool { return !a.Permanent && len(a.IDs) == 0 }

// accepts tells whether a failure is accepted.
func (a *AcceptFailed) accepts(f *accepted.Failure) bool {
	return a.Permanent && f.IsPermanent() || slices.ContainsFunc(a.IDs, f.IsOf)
}

// readAccepted reads what was accepted of the export. Where that cannot be understood, nothing was.
func (r *run) readAccepted(ctx context.Context, from store.Reader) error {
	set, err := accepted.Read(ctx, from)
	if Is[*pipeline.DamageError](err) {
		r.Log.Warn("what was accepted to fail cannot be read, and counts as failed", "error", err)
		err = nil
	}
	if err != nil {
		return storageError("read "+accepted.Name, err)
	}
	if r.AcceptFailed.Reset {
		set.DropIf(func(*accepted.Failure) bool { return true })
	}
	r.counter.accept(set, !r.AcceptFailed.isZero())
	return nil
}

// settleAccepted accepts what failed in this run, where it came to its end, and stores what is accepted.
func (r *run) settleAccepted(ctx context.Context, runErr error) error {
	set, failures := r.counter.unaccepted()
	if runErr == nil && !r.AcceptFailed.isZero() {
		if len(failures) > accepted.Most {
			return usagef("more than %d assets and files failed: that is no matter of each of them, and none was accepted", accepted.Most)
		}
		r.acceptFailures(set, failures)
	}
	return storageError("write "+accepted.Name, set.Write(ctx, r.store))
}

// acceptFailures accepts failures, and says what was not accepted.
func (r *run) acceptFailures(set *accepted.Set, failures []accepted.Failure) {
	transient, count := 0, 0
	used := map[string]bool{}
	for _, f := range failures {
		for _, id := range r.AcceptFailed.IDs {
			used[id] = used[id] || f.IsOf(id)
		}
		if !r.AcceptFailed.accepts(&f) {
			transient++
			continue
		}
		f.AcceptedAt = r.started.UTC()
		set.Add(f)
		r.counter.acceptFailure(&f)
		count++
	}
	r.Log.Info("accepted what failed", "failures", count, "not_accepted", transient)
	if transient > 0 && r.AcceptFailed.Permanent {
		r.notes = append(r.notes, fmt.Sprintf("%d failures were not accepted, as they may be gone the next time: --accept-failed ID accepts what fails of a file", transient))
	}
	for _, id := range r.AcceptFailed.IDs {
		if !used[id] {
			r.Log.Warn("nothing failed of it, so that nothing of it was accepted", "id", id)
		}
	}
}

// accept has the counter know what was accepted, and keep what fails.
func (r *counter) accept(set *accepted.Set, keeps bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.acceptedSet, r.keepsFailures, r.kept = set, keeps, nil
}

// unaccepted returns what was accepted, and what failed beside it, if that was kept. Nothing is counted any more.
func (r *counter) unaccepted() (*accepted.Set, []accepted.Failure) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.acceptedSet, r.kept
}

// isAccepted tells whether a failure was accepted. Others are kept where that is asked for.
func (r *counter) isAccepted(f accepted.Failure) bool {
	switch {
	case !r.acceptedSet.IsEmpty() && r.acceptedSet.Holds(&f):
		return true
	case r.keepsFailures && len(r.kept) <= accepted.Most:
		r.kept = append(r.kept, f)
	}
	return false
}

// wasAccepted tells whether a failure was accepted by an earlier run.
func (r *counter) wasAccepted(f accepted.Failure) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return !r.acceptedSet.IsEmpty() && r.acceptedSet.Holds(&f)
}

// acceptFailure counts a failure, which was counted as such, as one that is accepted.
func (r *counter) acceptFailure(f *accepted.Failure) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if f.Kind == "" {
		r.Files.Failed--
		r.Files.FailedAccepted++
	} else {
		r.Assets.Failed--
		r.Assets.FailedAccepted++
	}
	class := r.Errors[f.Class()]
	if class.Count--; class.Count == 0 {
		delete(r.Errors, f.Class())
	}
}
