package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"exporter/internal/config"
	"exporter/internal/export"
	"exporter/internal/view"
	"exporter/pipeline"
)

// viewMemory is what the heap of a command that looks at an export takes, unless a picture is larger: garbage is collected before it takes more.
const viewMemory = 64 << 20

func newViewCommand(a *app) *cobra.Command {
	c := &cobra.Command{
		Args:  cobra.MaximumNArgs(1),
		Use:   "view [EXPORT]",
		Short: "Look at an export in a browser",
		Long: `view serves a page on loopback that shows the export EXPORT, or that of --out: its documents, each page beside its figures with their
places on it, and a wall of all pictures, with filters, keys, and an address for each picture. Failed and skipped ones are shown as such. It reads
what is looked at and no more, from a directory or a bucket, also while a run is under way: as of its last commit, when the page is
loaded. It changes nothing, and asks the API for nothing.

The address that it prints has a random token, without which nobody on this machine can read the export. It serves until it is
interrupted.

With --static DIR it writes a folder in place of that, with the page, thumbnails and pictures, which opens by itself: index.html. It
takes 20,000 pictures at most, and as many documents; --where leaves some.`,
		Example: `  exporter view export
  exporter view s3://my-bucket/scans --listen 127.0.0.1:8080
  exporter view export --static wall --where "kind = 'figure' and not is_likely_noise"`,
	}
	load := a.withConfig(c, config.SectionOutput)
	hideFlags(c, "sink", "checkpoint", "scratch", "single-writer")
	listen := c.Flags().String("listen", "127.0.0.1:0", "loopback `ADDRESS` to listen on; port 0 takes a free one")
	o := view.StaticOptions{}
	c.Flags().StringVar(&o.Dir, "static", "", "write a folder that opens by itself into `DIR`, which is to be new, empty, or what such a command left half-written")
	c.Flags().StringVar(&o.Where, "where", "", "with --static: leave pictures for which a `CONDITION` holds, as ls --where takes it")
	c.RunE = func(c *cobra.Command, args []string) error {
		if err := exportArgument(c, args); err != nil {
			return err
		}
		cfg, err := load()
		if err != nil {
			return err
		}
		isStatic := c.Flags().Changed("static")
		switch {
		case isStatic && c.Flags().Changed("listen"):
			return usagef("--static writes a folder, and serves nothing: leave out --listen")
		case !isStatic && c.Flags().Changed("where"):
			return usagef("--where is for --static: the page has filters of its own")
		}
		defer a.boundMemory(viewMemory)()
		ctx, cancel := export.Interruptible(c.Context(), a.stop)
		defer cancel()
		open := a.viewOpener(cfg.Output.Dir)
		if isStatic {
			if scheme, _, isURL := strings.Cut(o.Dir, "://"); isURL {
				return usagef("--static %q: a folder is written on this machine, and not to a URL: name a local folder, and copy it from there", scheme+"://…")
			}
			if err := outsideOf(cfg.Output.Dir, "--static", o.Dir); err != nil {
				return err
			}
			return a.writeView(ctx, open, o)
		}
		return a.serveView(ctx, open, *listen)
	}
	return c
}

// viewOpener returns what opens an export to be looked at. It says on standard error which parts are missing or not complete, when that is so first, and when it
// has changed. It is called by one goroutine at a time.
func (a *app) viewOpener(path string) func(context.Context) (*view.Export, error) {
	said := ""
	return func(ctx context.Context) (*view.Export, error) {
		parts, err := export.PartsState(ctx, path)
		if err != nil {
			return nil, err
		}
		e, err := openView(ctx, path, a.plainLog())
		if err != nil {
			return nil, err
		}
		own := e.State
		e.AsOf = besideParts(own, func(context.Context) (string, error) { return parts, nil })
		e.State = besideParts(own, func(ctx context.Context) (string, error) { return export.PartsState(ctx, path) })
		note, err := partsNote(ctx, path)
		if note != "" {
			e.Notes = append(e.Notes, note)
		}
		if err == nil && note != said && note != "" {
			err = a.note(strings.ToLower(note[:1]) + strings.TrimSuffix(note[1:], "."))
		}
		if err != nil {
			return nil, errors.Join(err, e.Close())
		}
		said = note
		return e, nil
	}
}

// besideParts returns what tells a state, and that of parts.
func besideParts(state, parts func(context.Context) (string, error)) func(context.Context) (string, error) {
	return func(ctx context.Context) (string, error) {
		own, err := state(ctx)
		if err != nil {
			return "", err
		}
		ofParts, err := parts(ctx)
		return own + ofParts, err
	}
}

// openView opens an export to be looked at.
func openView(ctx context.Context, path string, log *slog.Logger) (*view.Export, error) {
	b, err := export.Browse(ctx, path, log)
	if err != nil {
		return nil, err
	}
	return &view.Export{Inventory: b.Inventory, Name: path, Blobs: b.Blobs(), State: b.State, Asset: b.Asset, Close: b.Close}, nil
}

// serveView serves the page until it is interrupted.
func (a *app) serveView(ctx context.Context, open func(context.Context) (*view.Export, error), listen string) (err error) {
	s, err := view.New(ctx, view.Options{Open: open})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	server, err := serveLoopback("--listen", listen, loopbackHostOnly(s))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.close()) }()
	if _, err := fmt.Fprintf(a.stdout, "look at %s%s\n", server.url, s.Path); err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}

// writeView writes a folder.
func (a *app) writeView(ctx context.Context, open func(context.Context) (*view.Export, error), o view.StaticOptions) (err error) {
	e, err := open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, e.Close()) }()
	written, err := view.WriteStatic(ctx, e, o)
	if _, ok := errors.AsType[*view.UsageError](err); ok {
		return &export.UsageError{Err: err}
	}
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(a.stdout, "written %d pictures to %s\n", written.Pictures, filepath.Join(o.Dir, "index.html")); err != nil {
		return err
	}
	if written.Unreadable > 0 {
		err := &pipeline.DamageError{Path: e.Name, Err: fmt.Errorf("%d of these pictures are missing or damaged, and the page says so in their places", written.Unreadable)}
		return export.BlobInParts(ctx, err, e.Name, written.FirstUnreadable)
	}
	if written.Damage != nil {
		return fmt.Errorf("%w: texts and sizes of pages are missing in it", written.Damage)
	}
	return nil
}

// outsideOf refuses what a flag says is to be written where that is in an export, or in the one of which that is a part, as it is no part of it.
func outsideOf(export, flag, name string) error {
	if around, ok := config.InExport(name, export); ok {
		return usagef("%s %q is in the export %q, and no part of it: name something outside of it", flag, name, around)
	}
	return nil
}
