package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"exporter/internal/export"
)

// forceAll is the value of a bare --force.
const forceAll = "all"

// addForce adds --force, which is a flag only: what stands in a file is accepted every night.
func addForce(fs *pflag.FlagSet, kinds *[]export.ForceKind) {
	fs.Var((*forceValue)(kinds), "force", "do what would be refused: go on with less of the source or another API or sink, believe a listing that lost "+
		"much, prune much (`KIND`: source, listing or prune; without one, whatever would be refused)")
	fs.Lookup("force").NoOptDefVal = forceAll
}

// forceValue is what --force accepts, as a pflag.Value.
type forceValue []export.ForceKind

// Set adds kinds, separated by commas.
func (v *forceValue) Set(text string) error {
	if text == forceAll {
		*v = export.ForceKinds()
		return nil
	}
	for name := range strings.SplitSeq(text, ",") {
		kind := export.ForceKind(strings.TrimSpace(name))
		if !slices.Contains(export.ForceKinds(), kind) {
			return fmt.Errorf("%q is nothing to accept: want source, listing or prune, or nothing for whatever the run would refuse", name)
		}
		*v = append(*v, kind)
	}
	return nil
}

// String returns nothing: by itself, --force accepts nothing.
func (v *forceValue) String() string { return "" }

// Type returns what help shows for the value.
func (v *forceValue) Type() string { return "KIND" }

// joinForce joins --force, and --accept-failed, with the word behind it: a flag of which the value may be left out takes it with "=" only,
// as package pflag has it, and no command that has one of them has arguments.
func joinForce(args []string) []string {
	var joined []string
	for i := 0; i < len(args); i++ {
		arg := args[i]
		if arg == "--" {
			return append(joined, args[i:]...)
		}
		if next := i + 1; (arg == "--force" || arg == "--accept-failed") && next < len(args) && args[next] != "" && !strings.HasPrefix(args[next], "-") {
			arg += "=" + args[next]
			i = next
		}
		joined = append(joined, arg)
	}
	return joined
}
