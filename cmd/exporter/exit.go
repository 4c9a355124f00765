package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"strings"

	"exporter/internal/config"
	"exporter/internal/dataset"
	"exporter/internal/export"
	"exporter/internal/llamacloud"
	"exporter/internal/store"
	"exporter/internal/store/bucket"
	"exporter/internal/view"
	"exporter/manifest"
	"exporter/pipeline"
	"exporter/sinks"
)

// Exit codes. They are part of the interface.
const (
	exitInternal    = 1
	exitIncomplete  = 3
	exitRefused     = 4
	exitStopped     = 5
	exitStorage     = 6
	exitDamage      = 7
	exitUsage       = 64
	exitOwned       = 75
	exitInterrupted = 130
)

func usagef(format string, args ...any) error {
	return &export.UsageError{Err: fmt.Errorf(format, args...)}
}

// errUnlisted says that a plan lacks the assets of some files.
var errUnlisted = errors.New("the assets of some files could not be listed")

// errListed says that a list lacks the files of some sources.
var errListed = errors.New("some sources could not be listed")

// note prints a line of what is odd to standard error, in the form of the log.
func (a *app) note(message string) error {
	if a.logFormat == config.LogJSON {
		newLogger(a.stderr, config.Log{Format: a.logFormat}).Warn(message)
		return nil
	}
	_, err := fmt.Fprintln(printableWriter{a.stderr}, "exporter: "+message)
	return err
}

// explanation is what an error means to the one who runs exporter.
type explanation struct {
	code int
	// hint says what to do next; it may be empty.
	hint string
}

// explain prints an error with its hint to standard error and returns the exit code.
func (a *app) explain(err error) int {
	if err == nil {
		return 0
	}
	e := explainError(err)
	message := messageOf(err)
	var stack string
	if p, ok := errors.AsType[*pipeline.PanicError](err); ok {
		stack = string(p.Stack)
	}
	a.complain(message, e, stack)
	if a.logFile != nil {
		logFailure(a.logFile.log, message, e, stack)
	}
	return e.code
}

// messageOf returns the text of an error as it may be shown.
func messageOf(err error) string {
	if e, ok := errors.AsType[*awaitedError](err); ok {
		// What could not be read is no fault.
		return e.Error()
	}
	if export.Is[*export.UsageError](err) {
		// It repeats arguments, of which one may be a key that somebody took to belong there.
		return config.RedactKeys(err.Error())
	}
	return err.Error()
}

// complain prints the last line of a command that failed, in the form of its log.
func (a *app) complain(message string, e explanation, stack string) {
	if a.logFormat == config.LogJSON {
		logFailure(newLogger(a.stderr, config.Log{Format: a.logFormat}), message, e, stack)
		return
	}
	if e.hint != "" {
		message += "; " + e.hint
	}
	// There may be a line for each of several errors.
	for line := range strings.SplitSeq(message, "\n") {
		fmt.Fprintln(printableWriter{a.stderr}, "exporter: "+line)
	}
	fmt.Fprint(a.stderr, stack)
}

func logFailure(log *slog.Logger, message string, e explanation, stack string) {
	attrs := []any{"exit_code", e.code}
	if e.hint != "" {
		attrs = append(attrs, "hint", e.hint)
	}
	if stack != "" {
		attrs = append(attrs, "stack", stack)
	}
	log.Error(message, attrs...)
}

// explainError is the one table of errors. The first line that matches counts.
func explainError(err error) explanation {
	switch {
	case export.Is[*jobsError](err):
		e, _ := errors.AsType[*jobsError](err)
		return explanation{e.code, ""}
	case errors.Is(err, export.ErrAbandoned):
		return explanation{exitInterrupted, ""}
	case errors.Is(err, export.ErrStoppedAtOnce), errors.Is(err, context.Canceled):
		return explanation{exitInterrupted, "what was committed is kept, and the same command goes on"}
	case errors.Is(err, pipeline.ErrInterrupted):
		return explanation{exitInterrupted, "what was fetched is kept, and the same command goes on"}
	case export.Is[*export.UsageError](err), export.Is[*config.Error](err), export.Is[*dataset.UsageError](err):
		return explanation{exitUsage, ""}
	case export.Is[*pipeline.PanicError](err):
		return explanation{exitInternal, "this is a bug; what was committed is safe, and the same command goes on"}
	case errors.Is(err, manifest.ErrSchema):
		return explanation{exitUsage, "use that version, or export to another --out"}
	case errors.Is(err, sinks.ErrOtherCompression):
		return explanation{exitUsage, "change output.archive.compression or --out"}
	case errors.Is(err, llamacloud.ErrUnauthorized):
		return explanation{exitRefused, keyHint(err)}
	case export.Is[*export.PartsDamageError](err):
		e, _ := errors.AsType[*export.PartsDamageError](err)
		return explanation{exitDamage, e.Hint()}
	case export.Is[*damagedPartError](err):
		e, _ := errors.AsType[*damagedPartError](err)
		return explanation{exitDamage, fmt.Sprintf("left-out.jsonl names them, and the log their paths: exporter run --repair with --out of the part in %q that a path begins "+
			"with fetches them again; exporter merge brings the tables up to date, and then the same command takes them", e.whole)}
	case errors.Is(err, dataset.ErrDamaged):
		return explanation{exitDamage, "left-out.jsonl names them; exporter run --repair fetches them again, and then the same command takes them"}
	case export.Is[*bucket.DamageError](err):
		return explanation{exitDamage, "exporter run --repair with the same --out begins the log anew with what is left of it, and fetches what is lost"}
	case export.Is[*pipeline.DamageError](err):
		return explanation{exitDamage, "exporter verify says what is lost, and exporter run --repair fetches it again"}
	case errors.Is(err, export.ErrDamaged):
		return explanation{exitDamage, "exporter run --repair with the same --out fetches it again"}
	case errors.Is(err, dataset.ErrBusy), errors.Is(err, view.ErrBusy):
		return explanation{exitOwned, "wait for it to end, or give another directory"}
	case errors.Is(err, store.ErrOwned):
		return explanation{exitOwned, "wait for it to end, or export to another --out"}
	case export.Is[*bucket.LiarError](err):
		return explanation{exitUsage, liarHint(err)}
	case errors.Is(err, store.ErrDangling):
		return explanation{exitStorage, "mount what it leads to, or remove the link"}
	case errors.Is(err, store.ErrNotRegular):
		return explanation{exitStorage, "remove what is there: links are not followed"}
	case export.IsFull(err), export.Is[*pipeline.StorageError](err), export.Is[*bucket.Error](err):
		return explanation{exitStorage, find(storageHints(), err)}
	case export.Is[*export.NameError](err):
		return explanation{exitRefused, ""}
	case export.Is[*pipeline.DoubtError](err):
		return explanation{exitStopped, "what is listed was exported, and nothing counts as vanished; the same command goes on when the listing " +
			"is whole again; if it is meant to be so, give --force listing once"}
	case export.Is[*export.PruneError](err):
		return explanation{exitStopped, "check what vanished (vanished_at in files.parquet), and give --force prune if it is meant"}
	case errors.Is(err, errOddFiles), errors.Is(err, errOddSources):
		return explanation{exitIncomplete, ""}
	case export.Is[*export.UnlistedError](err):
		return explanation{exitIncomplete, "run.json has the reasons; the others are exported, nothing of these counts as vanished, and the " +
			"same command tries them again"}
	case export.Is[*export.MergedPartlyError](err):
		return explanation{exitIncomplete, "what they have committed is merged; when their tasks have ended, the same command merges the rest"}
	case errors.Is(err, errUnlisted):
		return explanation{exitIncomplete, "what they have is not part of the plan"}
	case errors.Is(err, errListed):
		return explanation{exitIncomplete, "the list says so, and runs that take it export the others; write it again for these"}
	case errors.Is(err, export.ErrIncomplete):
		return explanation{exitIncomplete, "they are in the manifest with the reason, and the same command tries them again"}
	case export.Is[*pipeline.HopelessError](err), export.Is[*pipeline.SourceError](err), export.Is[*pipeline.SourcesError](err):
		return explainRefusal(err)
	case export.Is[*llamacloud.PauseError](err):
		return explanation{exitStopped, "the same command goes on"}
	case export.Is[*llamacloud.OutageError](err):
		return explanation{exitStopped, outageHint(err)}
	case export.Is[*llamacloud.ListingError](err), export.Is[*llamacloud.RequestError](err), export.Is[*llamacloud.APIError](err):
		return explainRefusal(err)
	case export.Is[*fs.PathError](err):
		return explanation{exitStorage, find(storageHints(), err)}
	}
	return explanation{exitInternal, ""}
}

// allFinal tells whether everything, with several sources each of them, was refused until somebody does something about it.
func allFinal(err error) bool {
	if all, ok := errors.AsType[*pipeline.SourcesError](err); ok {
		for _, one := range all.Errs {
			if !allFinal(one) {
				return false
			}
		}
		return true
	}
	return llamacloud.IsRefusal(err)
}
