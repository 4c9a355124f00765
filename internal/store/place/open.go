package place

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"exporter/internal/proxy"
	"exporter/internal/store"
	"exporter/internal/store/az"
	"exporter/internal/store/bucket"
	"exporter/internal/store/gs"
	"exporter/internal/store/s3"
	"exporter/internal/store/wire"
)

// Options says how a place is opened for writing. The zero value is what most need.
type Options struct {
	// Folders are those into which blobs are to go: in a directory none of them may be a mount of another file system.
	Folders []string
	// Scratch is the folder for what grows before it is put into a bucket; "" is the system's temporary one.
	Scratch string
	// SingleWriter says that nobody else writes to the bucket, so that the store need not know conditions.
	SingleWriter bool
	// Repair says that the log of an export in a bucket begins anew where it is damaged.
	Repair bool
	// Above is how many folders above the place the export is of which it holds a part; 0 where it holds none.
	Above int
	// Log is told what takes long; nil is told nothing.
	Log *slog.Logger

	// Beat and Patience are for tests, as those of bucket.Options.
	Beat, Patience time.Duration
}

// Owner opens a place for writing, as Own does.
type Owner func(ctx context.Context, text string, o Options) (store.Store, error)

// direct returns the prefixes, in exports and in datasets in a bucket, of objects that are large and as good as never replaced, and of what
// tells of a run alone; what is in parts/ has logs of its own. They are part of the format: docs/buckets.md.
func direct() []string {
	return []string{"blobs/", "shards/", "pages/", "figures/", "runs/", ".exporter/running.json", "parts/", "parts.json"}
}

// userAgent is what requests to a bucket say of the program.
const userAgent = "exporter"

// client is one of a bucket, with its connections.
type client interface {
	bucket.Client
	Close()
}

// unique returns those of them under which no two objects ever have one key: blobs have the generation of their writer in their names, and
// shards are numbered.
func unique() []string { return []string{"blobs/", "shards/"} }

// newClient returns a client of a bucket, where it is and with which credentials the environment of the process says. What is wrong there is
// an *Error.
func newClient(ctx context.Context, p Place, log *slog.Logger) (client, error) {
	proxies, err := proxy.Parse(os.Getenv)
	if err != nil {
		return nil, &Error{Problem: err.Error(), Err: err}
	}
	var c client
	line := wire.Options{Proxy: proxies.For, UserAgent: userAgent, Log: log}
	switch p.scheme {
	case gsScheme:
		c, err = gs.New(ctx, gs.Options{Bucket: p.bucket, Line: line, Log: log})
	case azScheme:
		c, err = az.New(ctx, az.Options{Container: p.bucket, Line: line, Log: log})
	default:
		c, err = s3.New(ctx, s3.Options{Bucket: p.bucket, Proxy: line.Proxy, UserAgent: line.UserAgent, Log: log})
	}
	if err == nil {
		return c, nil
	}
	if _, ok := errors.AsType[*bucket.Error](err); ok || ctx.Err() != nil {
		return nil, err
	}
	return nil, &Error{Problem: err.Error(), Err: err}
}

// reader and writer are what a bucket has, with the connections to it.
type (
	reader struct {
		*bucket.Reader
		client client
	}
	writer struct {
		*bucket.Bucket
		client client
	}
)

// Close implements io.Closer.
func (r *reader) Close() error {
	defer r.client.Close()
	return r.Reader.Close()
}

// Close implements io.Closer.
func (w *writer) Close() error {
	defer w.client.Close()
	return w.Bucket.Close()
}

// Open opens what is at a place for reading, and changes nothing there. A directory has to exist; a bucket may be empty below the prefix. The log is
// told what is waited for; nil is told nothing.
func Open(ctx context.Context, text string, log *slog.Logger) (store.ReadCloser, error) {
	return open(ctx, text, log, false)
}

// OpenDamaged is Open that reads what is left where the log of a bucket is damaged.
func OpenDamaged(ctx context.Context, text string, log *slog.Logger) (store.ReadCloser, error) {
	return open(ctx, text, log, true)
}

func open(ctx context.Context, text string, log *slog.Logger, repair bool) (store.ReadCloser, error) {
	p, err := Parse(text)
	switch {
	case err != nil:
		return nil, err
	case !p.IsBucket():
		return store.OpenDir(p.path)
	}
	r, err := openBucket(ctx, p, log, repair)
	if err != nil {
		return nil, err
	}
	return r, nil
}

func openBucket(ctx context.Context, p Place, log *slog.Logger, repair bool) (*reader, error) {
	client, err := newClient(ctx, p, log)
	if err != nil {
		return nil, err
	}
	r, err := bucket.Open(ctx, client, p.prefix, bucket.Options{Direct: direct(), Repair: repair, Log: log})
	if err != nil {
		client.Close()
		return nil, err
	}
	return &reader{r, client}, nil
}

// Own opens what is at a place for writing. A directory is made where it is missing. While another has it, that is store.ErrOwned.
func Own(ctx context.Context, text string, o Options) (store.Store, error) {
	p, err := Parse(text)
	switch {
	case err != nil:
		return nil, err
	case !p.IsBucket():
		return store.OwnDir(p.path, o.Folders...)
	}
	if err := checkScratch(o.Scratch); err != nil {
		return nil, err
	}
	client, err := newClient(ctx, p, o.Log)
	if err != nil {
		return nil, err
	}
	b, err := bucket.Own(ctx, client, p.prefix, bucket.Options{
		Direct: direct(), Unique: unique(), Scratch: o.Scratch, SingleWriter: o.SingleWriter, Repair: o.Repair, Above: o.Above, Log: o.Log, Beat: o.Beat, Patience: o.Patience,
	})
	if err != nil {
		client.Close()
		return nil, err
	}
	return &writer{b, client}, nil
}

// checkScratch refuses a folder for what grows that is none.
func checkScratch(folder string) error {
	if folder == "" {
		return nil
	}
	if info, err := os.Stat(folder); err != nil || !info.IsDir() {
		return &Error{
			Problem: fmt.Sprintf("the scratch folder %s is no directory", quote(folder)), Remedy: "make it, or name another one with --scratch",
		}
	}
	return nil
}

// IsNew tells whether nobody has owned what is at a place before. It changes nothing.
func IsNew(ctx context.Context, text string) (isNew bool, err error) {
	p, err := Parse(text)
	switch {
	case err != nil:
		return false, err
	case !p.IsBucket():
		return store.IsNew(p.path), nil
	}
	r, err := openBucket(ctx, p, nil, false)
	if err != nil {
		return false, err
	}
	return r.IsNew(), r.Close()
}

// IsOwned tells whether somebody has what is at a place open for writing. It changes nothing. What is in a bucket counts as owned for some
// minutes after its writer was killed.
func IsOwned(ctx context.Context, text string) (owned bool, err error) {
	p, err := Parse(text)
	switch {
	case err != nil:
		return false, err
	case !p.IsBucket():
		return store.IsOwned(p.path)
	}
	r, err := openBucket(ctx, p, nil, false)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	return r.IsOwned(ctx)
}
