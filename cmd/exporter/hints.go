package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"syscall"

	"exporter/internal/config"
	"exporter/internal/export"
	"exporter/internal/llamacloud"
	"exporter/internal/store/bucket"
	"exporter/pipeline"
)

// hint is a line of a table of faults: what is to be done about those of a kind.
type hint struct {
	is   func(error) bool
	text string
}

// goesOn ends the hint of what needs somebody's help, and then goes on by itself.
const goesOn = ", then the same command goes on"

// find returns the text of the first hint of a table that is one of the error, or "".
func find(table []hint, err error) string {
	for _, h := range table {
		if h.is(err) {
			return h.text
		}
	}
	return ""
}

// errno tells whether an error is one of the operating system's.
func errno(numbers ...syscall.Errno) func(error) bool {
	return func(err error) bool {
		for _, n := range numbers {
			if errors.Is(err, n) {
				return true
			}
		}
		return false
	}
}

// has tells whether an error has one of type E in it that is of some kind.
func has[E error](of func(E) bool) func(error) bool {
	return func(err error) bool {
		e, ok := errors.AsType[E](err)
		return ok && of(e)
	}
}

func anyFault(error) bool { return true }

// outOfFiles tells whether this process, or this machine, could open no more files, of which connections are some.
func outOfFiles(err error) bool {
	return errno(syscall.EMFILE, syscall.ENFILE)(lastError(err))
}

// storageHints says what to do about an error of storage: what the operating system has run out of or does not allow.
func storageHints() []hint {
	return []hint{
		{has(func(e *bucket.Error) bool { return e.Temporary }), "when the object store answers again, the same command goes on"},
		{has(func(*bucket.Error) bool { return true }), "look at what the object store says" + goesOn},
		{errno(syscall.ENOSPC), "make room" + goesOn},
		{errno(syscall.EDQUOT), "the disk quota of this user or group is used up: raise it or make room" + goesOn},
		{errno(syscall.EFBIG), "raise the limit on the size of files (ulimit -f)" + goesOn},
		{outOfFiles, "raise the limit on open files (ulimit -n) or lower --concurrency" + goesOn},
		{errno(syscall.EXDEV), "a folder of the export is a mount of another file system: mount the whole export directory there" + goesOn},
		{errno(syscall.EROFS), "the file system is mounted read-only: mount it for writing" + goesOn},
		{errno(syscall.ESTALE, syscall.ENOTCONN, syscall.EHOSTDOWN), "the server of the file system is away: mount it again" + goesOn},
		{func(err error) bool { return errors.Is(err, fs.ErrPermission) }, "this user may not do that: check the owner and the permissions; " +
			"a group that shares an export needs umask 002 and folders with its setgid bit (chmod g+rws)"},
		{errno(syscall.EIO), "the disk or its connection is at fault, and the system's log may say how: when storage works again, the same command goes on"},
		{anyFault, "when storage works again, the same command goes on"},
	}
}

// liarHint says what to do about an object store that does not do what an export needs.
func liarHint(err error) string {
	if liar, ok := errors.AsType[*bucket.LiarError](err); ok && liar.Unsafe {
		return "export to another store, or to a directory"
	}
	return "export to another store; where you know that nobody else ever writes to this export, give --single-writer"
}

// outageHints says what to do where the API cannot be reached.
func outageHints() []hint {
	const network = "check base_url and the network" + goesOn
	return []hint{
		{outOfFiles, "raise the limit on open files (ulimit -n) or lower --concurrency" + goesOn},
		{has(func(e *net.DNSError) bool { return e.IsNotFound }), "no host has this name: " + network},
		{has(func(e *net.DNSError) bool { return true }), "names are not resolved: " + network},
		{errno(syscall.ECONNREFUSED), "nothing listens there: " + network},
		{errno(syscall.ENETUNREACH, syscall.EHOSTUNREACH), "there is no way there: " + network},
		{func(err error) bool {
			return errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded)
		},
			"where only a proxy leads out, name it in HTTPS_PROXY; else " + network},
		{anyFault, network},
	}
}

// certificateHints says what to do where a server cannot prove who it is.
func certificateHints() []hint {
	return []hint{
		{has(func(tls.RecordHeaderError) bool { return true }), "check base_url: what answers there does not speak TLS"},
		{has(func(x509.HostnameError) bool { return true }), "check base_url: the certificate is one of other hosts"},
		{has(func(e x509.CertificateInvalidError) bool { return e.Reason == x509.Expired }), "check the clock of this machine; where it is right, " +
			"the server, or a proxy, needs a new certificate"},
		{anyFault, "check base_url; where the server, or a proxy, has a certificate of an authority of its own, name that authority's file in " +
			"SSL_CERT_FILE or with --ca-cert FILE"},
	}
}

// lastError returns what ended an outage, or the error itself.
func lastError(err error) error {
	if outage, ok := errors.AsType[*llamacloud.OutageError](err); ok && outage.Last != nil {
		return outage.Last
	}
	return err
}

// outageHint says what to do where the API, or the proxy before it, cannot be reached.
func outageHint(err error) string {
	last := lastError(err)
	failed, ok := errors.AsType[*llamacloud.RequestError](last)
	if !ok || failed.Proxy == "" || outOfFiles(last) {
		return find(outageHints(), last)
	}
	if op, ok := errors.AsType[*net.OpError](last); ok && op.Op == "proxyconnect" {
		return fmt.Sprintf("the proxy at %s cannot be reached: check %s%s", failed.Proxy, proxyVariables, goesOn)
	}
	return fmt.Sprintf("the proxy at %s could not do it: check base_url and the network%s", failed.Proxy, goesOn)
}

const proxyVariables = "HTTPS_PROXY, HTTP_PROXY or ALL_PROXY"

// proxyHint says what to do where a proxy refuses; its name may be unknown.
func proxyHint(proxy string) string {
	at := "check the proxy in " + proxyVariables
	if proxy != "" {
		at = fmt.Sprintf("check the proxy at %s, which %s names", proxy, proxyVariables)
	}
	return at + ", with the user and the password that it may want, or name the host in NO_PROXY"
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

// blockedHint says what to do where every request to a host would fail alike.
func blockedHint(err error) string {
	if failed, ok := errors.AsType[*llamacloud.RequestError](err); ok && failed.Class == llamacloud.ClassProxy {
		return proxyHint(failed.Proxy)
	}
	return find(certificateHints(), err)
}

// refusedHint says what to do about an answer that is an error.
func refusedHint(refused *llamacloud.APIError) string {
	switch refused.Status {
	case http.StatusProxyAuthRequired:
		return proxyHint(refused.Proxy)
	case http.StatusPaymentRequired:
		return "the account has no credits left, or its plan does not include this"
	case http.StatusForbidden:
		return "the key belongs to another project or organization (api.project_id, api.organization_id), or its role may not read this"
	case http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusGone:
		path := ""
		if refused.BasePath != "" {
			path = fmt.Sprintf("; base_url has the path %q, below which the API was asked: leave it out where the API is not there", refused.BasePath)
		}
		return "check the id and the region (base_url): exporter sources lists what the key can see; what was removed, or whose retention is over, " +
			"does not come back" + path
	case http.StatusUnprocessableEntity:
		return "the API does not take the id: check that it is one of what was asked for, copied as a whole"
	}
	return "check the id, and that the key may use it"
}

// explainRefusal explains what ends a command because nothing could be listed, or nothing done. What was refused is refused until
// somebody does something about it; all else goes on by itself.
func explainRefusal(err error) explanation {
	refused, answered := errors.AsType[*llamacloud.APIError](err)
	switch final := allFinal(err); {
	case final && !answered:
		return explanation{exitRefused, blockedHint(err)}
	case !answered:
		return explanation{exitStopped, outageHint(err)}
	case !final && !export.Is[*pipeline.HopelessError](err):
		return explanation{exitStopped, "check base_url and the network" + goesOn}
	}
	return explanation{exitRefused, refusedHint(refused)}
}
