package main

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"github.com/spf13/pflag"
)

// forceKind is something that a run refuses unless a person accepts it.
type forceKind string

// What a person may accept.
const (
	// forceSource goes on with less of the source than before, or with another API or sink.
	forceSource forceKind = "source"
	// forceListing believes a listing that looks as if it were not complete.
	forceListing forceKind = "listing"
	// forcePrune removes much at once.
	forcePrune forceKind = "prune"
)

func forceKinds() []forceKind { return []forceKind{forceSource, forceListing, forcePrune} }

// force is what --force accepts: some kinds, or whatever the run would refuse. It is a flag only: what stands in a file is
// accepted every night. It implements pflag.Value; the zero value accepts nothing.
type force struct {
	kinds []forceKind
	// accepted is what was accepted so far. Its JSON is part of run.json.
	accepted []acceptance
}

// acceptance is something that a run would have refused.
type acceptance struct {
	Kind forceKind `json:"kind"`
	What string    `json:"what"`
}

// addFlag adds --force.
func (f *force) addFlag(fs *pflag.FlagSet) {
	fs.Var(f, "force", "do what would be refused: go on with less of the source or another API or sink, believe a listing that lost "+
		"much, prune much (`KIND`: source, listing or prune; without one, whatever would be refused)")
	fs.Lookup("force").NoOptDefVal = forceAll
}

// accept tells whether the person accepts what the run would otherwise refuse, such as "the listing has 3 of 200 files". If so,
// it says so in the log and keeps it for run.json, once. It is called by one goroutine.
func (f *force) accept(kind forceKind, log *slog.Logger, what string) bool {
	if !f.accepts(kind) {
		return false
	}
	if a := (acceptance{kind, what}); !slices.Contains(f.accepted, a) {
		log.Warn("accepted with --force", "kind", kind, "what", what)
		f.accepted = append(f.accepted, a)
	}
	return true
}

// accepts tells whether the person accepts what there may be of a kind.
func (f *force) accepts(kind forceKind) bool { return slices.Contains(f.kinds, kind) }

// forceAll is the value of a bare --force.
const forceAll = "all"

// Set adds kinds, separated by commas.
func (f *force) Set(text string) error {
	if text == forceAll {
		f.kinds = forceKinds()
		return nil
	}
	for name := range strings.SplitSeq(text, ",") {
		kind := forceKind(strings.TrimSpace(name))
		if !slices.Contains(forceKinds(), kind) {
			return fmt.Errorf("%q is nothing to accept: want source, listing or prune, or nothing for whatever the run would refuse", name)
		}
		f.kinds = append(f.kinds, kind)
	}
	return nil
}

// String returns the kinds.
func (f *force) String() string {
	names := make([]string, len(f.kinds))
	for i, kind := range f.kinds {
		names[i] = string(kind)
	}
	return strings.Join(names, ",")
}

// Type returns what help shows for the value.
func (f *force) Type() string { return "KIND" }

// joinForce joins --force with the word behind it: a flag of which the value may be left out takes it with "=" only, as package
// pflag has it, and no command that has --force has arguments.
func joinForce(args []string) []string {
	var joined []string
	for i := 0; i < len(args); i++ {
		arg := args[i]
		if arg == "--" {
			return append(joined, args[i:]...)
		}
		if next := i + 1; arg == "--force" && next < len(args) && args[next] != "" && !strings.HasPrefix(args[next], "-") {
			arg += "=" + args[next]
			i = next
		}
		joined = append(joined, arg)
	}
	return joined
}
