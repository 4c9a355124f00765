package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"syscall"

	"exporter/internal/config"
	"exporter/internal/dataset"
	"exporter/internal/export"
	"exporter/internal/llamacloud"
	"exporter/internal/store"
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
	text := "exporter: " + err.Error()
	if e.hint != "" {
		text += "; " + e.hint
	}
	if export.Is[*export.UsageError](err) {
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
	case errors.Is(err, dataset.ErrDamaged):
		return explanation{exitDamage, "left-out.jsonl names them; exporter run --repair fetches them again, and then the same command takes them"}
	case export.Is[*pipeline.DamageError](err):
		return explanation{exitDamage, "exporter verify says what is lost, and exporter run --repair fetches it again"}
	case errors.Is(err, export.ErrDamaged):
		return explanation{exitDamage, "exporter run --repair with the same --out fetches it again"}
	case errors.Is(err, dataset.ErrBusy):
		return explanation{exitOwned, "wait for it to end, or give another directory"}
	case errors.Is(err, store.ErrOwned):
		return explanation{exitOwned, "wait for it to end, or export to another --out"}
	case errors.Is(err, store.ErrDangling):
		return explanation{exitStorage, "mount what it leads to, or remove the link"}
	case errors.Is(err, store.ErrNotRegular):
		return explanation{exitStorage, "remove what is there: links are not followed"}
	case export.IsFull(err), export.Is[*pipeline.StorageError](err):
		return explanation{exitStorage, storageHint(err)}
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
	case errors.Is(err, errUnlisted):
		return explanation{exitIncomplete, "what they have is not part of the plan"}
	case errors.Is(err, export.ErrIncomplete):
		return explanation{exitIncomplete, "they are in the manifest with the reason, and the same command tries them again"}
	case export.Is[*pipeline.HopelessError](err), export.Is[*pipeline.SourceError](err), export.Is[*pipeline.SourcesError](err):
		return explainRefusal(err)
	case export.Is[*llamacloud.PauseError](err):
		return explanation{exitStopped, "the same command goes on"}
	case export.Is[*llamacloud.OutageError](err) && outOfFiles(err):
		return explanation{exitStopped, openFilesHint}
	case export.Is[*llamacloud.OutageError](err):
		return explanation{exitStopped, "check base_url and the network, then the same command goes on"}
	case export.Is[*llamacloud.ListingError](err), export.Is[*llamacloud.RequestError](err), export.Is[*llamacloud.APIError](err):
		return explainRefusal(err)
	case export.Is[*fs.PathError](err):
		return explanation{exitStorage, storageHint(err)}
	}
	return explanation{exitInternal, ""}
}

// keyHint says what to do where the key is refused. What was asked may be a region that it is not of.
func keyHint(err error) string {
	const check = "check the key in LLAMA_CLOUD_API_KEY or api.api_key_file, and that it is one for this base_url"
	refused, ok := errors.AsType[*llamacloud.APIError](err)
	if !ok || config.RegionOf(refused.Host) == "" {
		return check
	}
	hint := check + "; a key of one region gets 401 in the other"
	for _, r := range config.Regions() {
		asked := ""
		if config.RegionOf(refused.Host) == r {
			asked = ", which was asked"
		}
		hint += fmt.Sprintf("; --region %s is %s%s", r, r.Host(), asked)
	}
	return hint
}

// outOfFiles tells whether this process, or this machine, could open no more files, of which connections are some.
func outOfFiles(err error) bool {
	if outage, ok := errors.AsType[*llamacloud.OutageError](err); ok {
		err = outage.Last
	}
	return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE)
}

const openFilesHint = "raise the limit on open files (ulimit -n) or lower --concurrency, then the same command goes on"

// storageHint says what to do about an error of storage. It names what the operating system has run out of or does not allow.
func storageHint(err error) string {
	const goesOn = ", then the same command goes on"
	switch {
	case errors.Is(err, syscall.ENOSPC):
		return "make room" + goesOn
	case errors.Is(err, syscall.EDQUOT):
		return "the disk quota of this user or group is used up: raise it or make room" + goesOn
	case errors.Is(err, syscall.EFBIG):
		return "raise the limit on the size of files (ulimit -f)" + goesOn
	case outOfFiles(err):
		return openFilesHint
	case errors.Is(err, syscall.EXDEV):
		return "a folder of the export is a mount of another file system: mount the whole export directory there" + goesOn
	case errors.Is(err, syscall.EROFS):
		return "the file system is mounted read-only: mount it for writing" + goesOn
	case errors.Is(err, fs.ErrPermission):
		return "this user may not do that: check the owner and the permissions; a group that shares an export needs umask 002 " +
			"and folders with its setgid bit (chmod g+rws)"
	}
	return "when storage works again, the same command goes on"
}

// explainRefusal explains what ends a command because nothing could be listed, or nothing done. What was refused is refused until
// somebody does something about it; all else goes on by itself.
func explainRefusal(err error) explanation {
	refused, answered := errors.AsType[*llamacloud.APIError](err)
	switch final := allFinal(err); {
	case final && !answered:
		return explanation{exitRefused, connectionHint(err)}
	case !answered || !final && !export.Is[*pipeline.HopelessError](err):
		return explanation{exitStopped, "check base_url and the network, then the same command goes on"}
	}
	hint := "check the id, and that the key may use it"
	switch refused.Status {
	case http.StatusProxyAuthRequired:
		hint = proxyHint
	case http.StatusPaymentRequired:
		hint = "the account has no credits left, or its plan does not include this"
	case http.StatusForbidden:
		hint = "the key belongs to another project or organization (api.project_id, api.organization_id), or its role may not read this"
	case http.StatusNotFound, http.StatusGone:
		hint = "check the id and the region (base_url): exporter sources lists what the key can see; what was removed, or whose retention is over, does not come back"
	case http.StatusUnprocessableEntity:
		hint = "the API does not take the id: check that it is one of what was asked for, copied as a whole"
	}
	return explanation{exitRefused, hint}
}

const proxyHint = "check the proxy in HTTPS_PROXY or HTTP_PROXY, with the user and the password that it may want, or name the host in NO_PROXY"

// connectionHint says what to do where nothing that is sent can reach the API.
func connectionHint(err error) string {
	failed, ok := errors.AsType[*llamacloud.RequestError](err)
	switch {
	case ok && failed.Class == llamacloud.ClassProxy:
		return proxyHint
	case export.Is[tls.RecordHeaderError](err):
		return "check base_url: what answers there does not speak TLS"
	}
	return "check base_url; where the server, or a proxy, has a certificate of an authority of its own, name that authority's file in SSL_CERT_FILE"
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
