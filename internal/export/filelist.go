package export

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"exporter/internal/config"
	"exporter/internal/filelist"
	"exporter/internal/llamacloud"
	"exporter/internal/store"
	"exporter/internal/store/place"
	"exporter/pipeline"
)

// fileList is a list that takes the place of the listings.
type fileList struct {
	at      string
	options place.Options
	header  filelist.Header
}

// openList reads what the list of the run says of itself; nil where there is none.
func (r *run) openList(ctx context.Context) error {
	at := r.Config.Run.List
	if at == "" {
		return nil
	}
	if r.Config.Run.Since != "" {
		return usagef("--list and --since: a list has all files, whenever they were updated (leave out --since)")
	}
	l := &fileList{at: at, options: r.placeOptions()}
	from, err := l.open(ctx)
	if err != nil {
		return l.explain(err)
	}
	l.header, err = filelist.ReadHeader(from)
	if err := errors.Join(err, from.Close()); err != nil {
		return l.explain(err)
	}
	r.list = l
	return nil
}

// open opens the list for reading from its beginning.
func (l *fileList) open(ctx context.Context) (io.ReadCloser, error) {
	o, err := place.OpenObject(ctx, l.at, l.options)
	if err != nil {
		return nil, err
	}
	return struct {
		io.Reader
		io.Closer
	}{io.NewSectionReader(o, 0, o.Size()), o}, nil
}

// explain says which list it is that cannot be read, and what to do.
func (l *fileList) explain(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, fs.ErrNotExist):
		return usagef("there is no list %q: %w (write it with exporter plan --write-list)", l.at, err)
	case Is[*filelist.Error](err):
		return usagef("the list %q is damaged or none: %w (write it anew with exporter plan --write-list; what this run has stored is kept)", l.at, err)
	case errors.Is(err, store.ErrNotRegular):
		return usagef("the list %q cannot be read more than once: %w (name a file)", l.at, err)
	}
	return listError("read", l.at, err)
}

// listSettings are those that a list depends on: all that identifies the source, but for what each run leaves out of the listed files by itself.
func listSettings(source map[string]string) map[string]string {
	settings := maps.Clone(source)
	for _, path := range []string{partPath, "source.include", "source.exclude"} {
		delete(settings, path)
	}
	return settings
}

// checkList refuses a list of another source than that of the run.
func (r *run) checkList() error {
	if r.list == nil {
		return nil
	}
	was, is := r.list.header.Settings, listSettings(r.Source)
	var differences []string
	for _, path := range slices.Sorted(maps.Keys(union(was, is))) {
		if was[path] != is[path] {
			differences = append(differences, fmt.Sprintf("%s is %.80q, not %.80q", path, is[path], was[path]))
		}
	}
	if len(differences) == 0 {
		return nil
	}
	return usagef("the list %q is of another source: %s (give what it was written with, or write another)", r.list.at, firstFew(differences))
}

// union has the keys of both.
func union(a, b map[string]string) map[string]string {
	all := maps.Clone(a)
	if all == nil {
		all = map[string]string{}
	}
	maps.Copy(all, b)
	return all
}

// listIDs are the ids that the list has for what a path of the settings names.
func (r *run) listIDs(path string) []string {
	if r.list == nil {
		return nil
	}
	return strings.Split(r.list.header.Settings[path], ",")
}

// sourceOf returns what gives the files of the run.
func (r *run) sourceOf(client *llamacloud.Client, files llamacloud.Selection) pipeline.Source {
	source := pipeline.Source(llamacloud.NewSource(client, files))
	var takes func(pipeline.FileKey) bool
	if r.part != nil {
		takes = r.part.takes
	}
	switch {
	case r.list != nil:
		return &filelist.Source{Source: source, Header: r.list.header, Open: func(ctx context.Context) (io.ReadCloser, error) {
			from, err := r.list.open(ctx)
			return from, r.list.explain(err)
		}, Takes: takes}
	case takes != nil:
		return partSource{source, takes}
	}
	return source
}

// listedAt returns when the listings were made that the run goes by; zero where it makes them itself. It repeats them where the export has taken in some
// that were made then, or later.
func (r *run) listedAt() (at time.Time, repeats bool) {
	if r.list == nil {
		return time.Time{}, false
	}
	at = r.list.header.ListedAt
	return at, !at.After(r.last.ListedAt)
}

// explainList makes what is wrong with the list an error that says so.
func (r *run) explainList(err error) error {
	if Is[*filelist.Error](err) {
		return r.list.explain(err)
	}
	return err
}

// newestListing returns when the newest complete listings were made that the export has taken in.
func (r *run) newestListing(c Counts, err error) time.Time {
	if err != nil && !errors.Is(err, ErrIncomplete) || !c.Files.ListingDone {
		return r.last.ListedAt
	}
	at, _ := r.listedAt()
	if at.IsZero() {
		at = r.started.UTC().Truncate(time.Microsecond)
	}
	if at.Before(r.last.ListedAt) {
		at = r.last.ListedAt
	}
	return at
}

// ListReport is what WriteList wrote. Its JSON is the answer of plan --write-list --json.
type ListReport struct {
	List     string             `json:"list"`
	Files    int64              `json:"files"`
	ListedAt time.Time          `json:"listed_at"`
	Requests int64              `json:"requests"`
	Unlisted []IncompleteSource `json:"incomplete_sources,omitempty"`
}

// WriteList writes the list of all files of the source to a place, for runs to take them from there. It asks for no asset, and changes nothing else. A
// listing that ended early is in the list as such.
func WriteList(ctx context.Context, o Options, to string) (*ListReport, error) {
	ctx, cancel := Interruptible(ctx, o.Stop)
	defer cancel()
	if err := checkListable(&o.Config.Run); err != nil {
		return nil, err
	}
	r := startRun(o)
	if err := checkListPlace(ctx, to, r.placeOptions()); err != nil {
		return nil, err
	}
	if err := r.recallAround(ctx); err != nil {
		return nil, err
	}
	client, err := Connect(r.Config, r.Log, nil, r.observer)
	if err != nil {
		return nil, err
	}
	defer client.Close()
	report, err := r.writeList(ctx, client, to)
	if report == nil && r.foundName(ctx, client, &err) {
		report, err = r.writeList(ctx, client, to)
	}
	return report, err
}

// checkListable refuses what would leave files out of a list.
func checkListable(c *config.Run) error {
	for _, f := range []struct {
		flag    string
		isGiven bool
	}{
		{"part", !c.Part.IsZero() || c.Part.Auto}, {"limit", c.Limit > 0}, {"sample", c.Sample > 0}, {"files-from", c.FilesFrom != ""},
		{"since", c.Since != ""}, {"list", c.List != ""},
	} {
		if f.isGiven {
			return usagef("--write-list and --%s: a list is of all files of the source, for every part (leave out --%s)", f.flag, f.flag)
		}
	}
	return nil
}

// checkListPlace refuses to put a list in the place of what is none: what people have there, a device, a pipe.
func checkListPlace(ctx context.Context, to string, o place.Options) error {
	if to == "-" {
		return usagef("--write-list -: a list is written whole or not at all, so not to standard output (name a file; one that is called so is ./-)")
	}
	at, err := place.Parse(to)
	if err != nil {
		return &UsageError{fmt.Errorf("--write-list: %w", err)}
	}
	if !at.IsBucket() {
		info, err := os.Lstat(to)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil
		case err != nil:
			return storageError("write the list "+to, err)
		case info.Mode().Type() == fs.ModeSymlink:
			return usagef("--write-list: %q is a link, which is not replaced (name the file that it leads to)", to)
		case !info.Mode().IsRegular():
			return usagef("--write-list: %q is no file: it is %s (name a file)", to, kindOf(info.Mode()))
		}
	}
	object, err := place.OpenObject(ctx, to, o)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return listError("write", to, err)
	}
	_, err = filelist.ReadHeader(io.NewSectionReader(object, 0, object.Size()))
	err = errors.Join(err, object.Close())
	if Is[*filelist.Error](err) {
		return usagef("--write-list: %q is there, and is no list that this program has written, so that it is not replaced: %w (name another one, or remove it)", to, err)
	}
	return listError("write", to, err)
}

// kindOf says what a file is that is none like others.
func kindOf(mode fs.FileMode) string {
	switch {
	case mode.IsDir():
		return "a directory"
	case mode&fs.ModeDevice != 0:
		return "a device"
	case mode&fs.ModeNamedPipe != 0:
		return "a pipe"
	}
	return "of another kind"
}

// recallAround completes the configuration by what a plain export at its place remembers. One that is in parts remembers nothing by itself.
func (r *run) recallAround(ctx context.Context) error {
	err := refuseParts(ctx, r.Config.Output.Dir, r.placeOptions())
	if err == nil {
		return r.recallSettings(ctx)
	}
	if !Is[*UsageError](err) {
		return err
	}
	return r.Config.ValidateSource()
}

func (r *run) writeList(ctx context.Context, client *llamacloud.Client, to string) (*ListReport, error) {
	if err := r.identify(ctx, client); err != nil {
		return nil, err
	}
	source := llamacloud.NewSource(client, selection(&r.Config.Source, r.Config.Run.Wait, r.expiries))
	defer r.Watcher.Transfer(r.counter.snapshot)()
	listedAt := r.started.UTC().Truncate(time.Microsecond)
	header := func() filelist.Header {
		return filelist.Header{
			Program: Version(), ListedAt: listedAt, Watermark: r.listingTime(r.counter.snapshot()), Settings: listSettings(r.Source),
		}
	}
	var s filelist.Summary
	err := place.WriteObject(ctx, to, func(w io.Writer) (err error) {
		s, err = filelist.Write(ctx, w, header, source.Listings(ctx), func(f *pipeline.File) {
			r.observer.Observe(pipeline.FileListed{File: f, ExpiresAt: f.ExpiresAt})
		})
		return err
	}, r.placeOptions())
	if err != nil {
		return nil, listError("write", to, err)
	}
	report := &ListReport{List: to, Files: s.Files, ListedAt: listedAt, Requests: r.counter.snapshot().Requests.Sent}
	for _, ended := range s.Unlisted {
		report.Unlisted = append(report.Unlisted, IncompleteSource{Source: ended.Key, Error: ended.Error()})
	}
	return report, nil
}

// listError says which list could not be read or written, where that is what failed.
func listError(op, at string, err error) error {
	switch {
	case Is[*place.Error](err):
		return &UsageError{err}
	case Is[*fs.PathError](err), errors.Is(err, store.ErrUnreadable):
		return storageError(op+" the list "+at, err)
	}
	return err
}
