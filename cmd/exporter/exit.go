package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"syscall"

	"exporter/internal/config"
	"exporter/internal/durable"
	"exporter/internal/llamacloud"
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
	exitInterrupted = 130
)

// usageError is a command line that makes no sense.
type usageError struct{ error }

func (e *usageError) Unwrap() error { return e.error }

func usagef(format string, args ...any) error { return &usageError{fmt.Errorf(format, args...)} }

// errIncomplete says that a run finished, but not everything could be fetched.
var errIncomplete = errors.New("some assets or files failed")

// errUnlisted says that a plan lacks the assets of some files.
var errUnlisted = errors.New("the assets of some files could not be listed")

// explanation is what an error means to the one who runs exporter.
type explanation struct {
	code int
	// hint says what to do next; it may be empty.
	hint string
}

// neededFlag returns the flag without which the same command does not go on; empty where it does by itself.
func neededFlag(err error) string {
	switch {
	case is[*pipeline.DoubtError](err):
		return "--force listing"
	case is[*pruneError](err):
		return "--force prune"
	}
	return ""
}

// explain prints an error with its hint to standard error and returns the exit code.
func (a *app) explain(err error) int {
	if err == nil {
		return 0
	}
	e := explainError(err)
	text := "exporter: " + err.Error()
	if e.hint != "" {
		text += "; " + e.hint
	}
	if is[*usageError](err) {
		// It repeats arguments, of which one may be a key that somebody took to belong there.
		text = config.RedactKeys(text)
	}
	fmt.Fprintln(printableWriter{a.stderr}, text)
	if p, ok := errors.AsType[*pipeline.PanicError](err); ok {
		fmt.Fprintf(a.stderr, "%s", p.Stack)
	}
	return e.code
}

// explainError is the one table of errors. The first line that matches counts.
func explainError(err error) explanation {
	switch {
	case errors.Is(err, pipeline.ErrInterrupted), errors.Is(err, context.Canceled):
		return explanation{exitInterrupted, "what was fetched is kept, and the same command goes on"}
	case is[*usageError](err), is[*config.Error](err):
		return explanation{exitUsage, ""}
	case is[*pipeline.PanicError](err):
		return explanation{exitInternal, "this is a bug; what was committed is safe, and the same command goes on"}
	case errors.Is(err, manifest.ErrSchema):
		return explanation{exitUsage, "use that version, or export to another --out"}
	case errors.Is(err, sinks.ErrOtherCompression):
		return explanation{exitUsage, "change output.archive.compression or --out"}
	case errors.Is(err, llamacloud.ErrUnauthorized):
		return explanation{exitRefused, "check the key in LLAMA_CLOUD_API_KEY or api.api_key_file, and that it is one for this base_url"}
	case is[*pipeline.DamageError](err):
		return explanation{exitDamage, "exporter verify says what is lost, and exporter run --repair fetches it again"}
	case errors.Is(err, errDamaged):
		return explanation{exitDamage, "exporter run --repair, with the settings of the last run, fetches it again"}
	case errors.Is(err, durable.ErrLocked):
		return explanation{exitStorage, "wait for it to end, or export to another --out"}
	case errors.Is(err, durable.ErrNotRegular):
		return explanation{exitStorage, "remove what is there: links are not followed"}
	case errors.Is(err, syscall.ENOSPC):
		return explanation{exitStorage, "make room, then the same command goes on"}
	case errors.Is(err, syscall.EFBIG):
		return explanation{exitStorage, "raise the limit on the size of files (ulimit -f), then the same command goes on"}
	case is[*pipeline.StorageError](err):
		return explanation{exitStorage, "when storage works again, the same command goes on"}
	case is[*pipeline.DoubtError](err):
		return explanation{exitStopped, "what is listed was exported, and nothing counts as vanished; the same command goes on when the listing " +
			"is whole again; if it is meant to be so, give --force listing once"}
	case is[*pruneError](err):
		return explanation{exitStopped, "check what vanished (vanished_at in files.parquet), and give --force prune if it is meant"}
	case errors.Is(err, errUnlisted):
		return explanation{exitIncomplete, "what they have is not part of the plan"}
	case errors.Is(err, errIncomplete):
		return explanation{exitIncomplete, "they are in the manifest with the reason, and the same command tries them again"}
	case is[*llamacloud.APIError](err):
		return explanation{exitStopped, "check the id, and that the key may use it"}
	case is[*llamacloud.PauseError](err):
		return explanation{exitStopped, "the same command goes on"}
	case is[*llamacloud.OutageError](err):
		return explanation{exitStopped, "check base_url and the network, then the same command goes on"}
	case is[*llamacloud.ListingError](err), is[*llamacloud.RequestError](err):
		return explanation{exitStopped, "check base_url and the network, then the same command goes on"}
	case is[*fs.PathError](err):
		return explanation{exitStorage, ""}
	}
	return explanation{exitInternal, ""}
}

func is[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}
