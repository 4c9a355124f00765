package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"exporter/internal/report"
	"exporter/internal/store"
	"exporter/internal/store/bucket"
	"exporter/internal/store/place"
)

// reportFile is where a report goes: a file, or an object of a bucket.
type reportFile struct {
	// flag names it, and elsewhere says what to do where it cannot be.
	flag, name, elsewhere string
	// log is told what is waited for; nil is told nothing.
	log *slog.Logger
}

// A run waits for a bucket that does not answer for so long before its first request, and for so long at its end.
const (
	patienceBefore = 10 * time.Second
	patienceAfter  = 5 * time.Minute
)

// errSilent says that the place of a report did not answer in time.
var errSilent = errors.New("it did not answer in time")

// mayPass tells whether what keeps a bucket from taking a report may be over by the end of a run: it is not reached, or does not answer as it should. That
// no host or bucket has the name, that it refuses, or cannot prove who it is, is so until somebody sees to it.
func mayPass(err error) bool {
	if failed, ok := errors.AsType[*bucket.Error](err); ok && !errors.Is(err, errSilent) {
		return failed.Temporary || failed.Status >= 500 && failed.Status != http.StatusNotImplemented || errors.Is(err, syscall.ECONNREFUSED)
	}
	// Credentials may be asked for elsewhere.
	if dns, ok := errors.AsType[*net.DNSError](err); ok {
		return !dns.IsNotFound
	}
	op, ok := errors.AsType[*net.OpError](err)
	return errors.Is(err, errSilent) || ok && (op.Op == "dial" || op.Op == "proxyconnect")
}

// check refuses, before anything is done, a place where no report can be written, or that has something which is no report.
func (f reportFile) check(ctx context.Context) error {
	at, err := place.Parse(f.name)
	if err != nil {
		return usagef("%s: %w", f.flag, err)
	}
	if !at.IsBucket() {
		if err := f.checkPath(); err != nil {
			return err
		}
	} else if folders, err := at.Folders(); err != nil || len(folders) == 0 {
		return usagef("%s %q names a bucket, and no object in it (write %s/NAME)", f.flag, f.name, at)
	}
	return f.checkReplaced(ctx)
}

// checkPath refuses a path at which no file can be made.
func (f reportFile) checkPath() error {
	target := f.target()
	folder := filepath.Dir(target)
	switch info, err := os.Stat(folder); {
	case errors.Is(err, fs.ErrNotExist):
		return f.refuse("there is no folder %q: make it first, or "+f.elsewhere, folder)
	case err != nil:
		return f.refuse("%w: "+f.elsewhere, err)
	case !info.IsDir():
		return f.refuse("%q is no folder: "+f.elsewhere, folder)
	}
	switch info, err := os.Stat(target); {
	case err == nil && !info.Mode().IsRegular(), os.IsPathSeparator(target[len(target)-1]):
		return f.refuse("it is no regular file: " + f.elsewhere)
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return f.refuse("%w: "+f.elsewhere, err)
	}
	probe, err := os.CreateTemp(folder, ".exporter-*")
	if err != nil {
		return f.refuse("no file can be made in %q: %w: "+f.elsewhere, folder, errors.Unwrap(err))
	}
	return errors.Join(probe.Close(), os.Remove(probe.Name()))
}

// checkReplaced refuses to replace anything but a report, or what is empty.
func (f reportFile) checkReplaced(ctx context.Context) error {
	there, err := place.OpenObject(ctx, f.target(), place.Options{Log: f.log})
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return f.unread(err)
	}
	defer there.Close()
	head, err := readHead(there)
	if err != nil {
		return f.unread(err)
	}
	if len(head) > 0 && !report.IsReport(head) {
		return f.refuse("what is there is no report, and is not replaced: move it away, or " + f.elsewhere)
	}
	return nil
}

func readHead(o store.Object) ([]byte, error) {
	return io.ReadAll(io.NewSectionReader(o, 0, min(o.Size(), report.HeadSize)))
}

// unread says that what is there cannot be read. What a bucket says has a remedy of its own.
func (f reportFile) unread(err error) error {
	if place.IsBucket(f.name) {
		return fmt.Errorf("%s %q: read what is there: %w", f.flag, f.name, err)
	}
	return f.refuse("what is there cannot be read, and is not replaced: %w: "+f.elsewhere, err)
}

func (f reportFile) refuse(format string, args ...any) error {
	return usagef("%s %q: "+format, append([]any{f.flag, f.name}, args...)...)
}

// target returns the place itself: of a symbolic link, what it leads to.
func (f reportFile) target() string {
	if info, err := os.Lstat(f.name); err == nil && info.Mode().Type() == fs.ModeSymlink && !place.IsBucket(f.name) {
		return place.Real(f.name)
	}
	return f.name
}

// write replaces the file as a whole.
func (f reportFile) write(ctx context.Context, text []byte) error {
	// Something may have come there since it was checked.
	if err := f.check(ctx); err != nil {
		return err
	}
	err := place.WriteObject(ctx, f.target(), func(w io.Writer) error {
		_, err := w.Write(text)
		return err
	}, place.Options{Log: f.log})
	if err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	return nil
}
