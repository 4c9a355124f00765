package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"exporter/internal/export"
	"exporter/pipeline"
)

// The words that --accept-failed takes in place of ids; acceptPermanent is the value of a bare one.
const (
	acceptPermanent = "permanent"
	acceptNone      = "none"
)

// addAcceptFailed adds --accept-failed, which is a flag only: what stands in a file would be accepted every night.
func addAcceptFailed(fs *pflag.FlagSet, accept *export.AcceptFailed) {
	fs.Var((*acceptValue)(accept), "accept-failed", "accept what fails in this run and will fail again, such as what is refused with 404, so that it "+
		"does not count any more: the exit code is 0 again, and it is listed ever after; with `ID`s of files or parse jobs, whatever fails of these; "+
		"none takes back what was accepted")
	fs.Lookup("accept-failed").NoOptDefVal = acceptPermanent
}

// acceptValue is what --accept-failed accepts, as a pflag.Value.
type acceptValue export.AcceptFailed

// Set adds ids, separated by commas.
func (v *acceptValue) Set(text string) error {
	for word := range strings.SplitSeq(text, ",") {
		switch word = strings.TrimSpace(word); word {
		case acceptPermanent:
			v.Permanent = true
		case acceptNone:
			v.Reset = true
		default:
			if _, err := pipeline.ParseID(word); err != nil {
				return fmt.Errorf("%q: want ids of files or parse jobs, or nothing for all that will fail again, or %s: %w", word, acceptNone, err)
			}
			if !slices.Contains(v.IDs, word) {
				v.IDs = append(v.IDs, word)
			}
		}
	}
	if v.Reset && (v.Permanent || len(v.IDs) > 0) {
		return fmt.Errorf("%s takes back what was accepted: give it by itself", acceptNone)
	}
	return nil
}

// String returns nothing: by itself, --accept-failed accepts nothing.
func (v *acceptValue) String() string { return "" }

// Type returns what help shows for the value.
func (v *acceptValue) Type() string { return "ID" }
