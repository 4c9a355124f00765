package export

import (
	"log/slog"
	"slices"
)

// ForceKind is something that a run refuses unless a person accepts it.
type ForceKind string

// What a person may accept.
const (
	// ForceSource goes on with less of the source than before, or with another API or sink.
	ForceSource ForceKind = "source"
	// ForceListing believes a listing that looks as if it were not complete.
	ForceListing ForceKind = "listing"
	// ForcePrune removes much at once.
	ForcePrune ForceKind = "prune"
)

// ForceKinds returns all that a person may accept.
func ForceKinds() []ForceKind { return []ForceKind{ForceSource, ForceListing, ForcePrune} }

// Acceptance is something that a run would have refused. Its JSON is part of run.json.
type Acceptance struct {
	Kind ForceKind `json:"kind"`
	What string    `json:"what"`
}

// acceptances are what a person accepts, and what was accepted so far. The zero value accepts nothing.
type acceptances struct {
	kinds []ForceKind
	log   *slog.Logger
	made  []Acceptance
}

// accept tells whether the person accepts what the run would otherwise refuse, such as "the listing has 3 of 200 files". If so,
// it says so in the log and keeps it for run.json, once. It is called by one goroutine.
func (a *acceptances) accept(kind ForceKind, what string) bool {
	if !a.accepts(kind) {
		return false
	}
	if made := (Acceptance{kind, what}); !slices.Contains(a.made, made) {
		a.log.Warn("accepted with --force", "kind", kind, "what", what)
		a.made = append(a.made, made)
	}
	return true
}

// accepts tells whether the person accepts what there may be of a kind.
func (a *acceptances) accepts(kind ForceKind) bool { return slices.Contains(a.kinds, kind) }
