package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strconv"

	"github.com/spf13/cobra"

	"exporter/internal/config"
	"exporter/internal/store"
	"exporter/manifest"
	"exporter/pipeline"
	"exporter/sinks"
)

func newCatCommand(a *app) *cobra.Command {
	c := &cobra.Command{
		Use:   "cat FILE_ID PAGE [FIGURE_NAME]",
		Short: "Write one stored blob to standard output",
		Long: `cat finds a blob by its file, its page index and, for a figure, its name as it was listed, and writes its bytes to standard
output, from a plain file or from a shard, also while an export is running. It checks the SHA-256 while it writes.`,
		Example: `  exporter cat 182bd5e5-6e1a-4fe4-a799-aa6d9a6ab26e 0 > page.jpg
  exporter cat --out export 182bd5e5-6e1a-4fe4-a799-aa6d9a6ab26e 3 page_4_figure_1.jpg > figure.jpg`,
		Args: cobra.RangeArgs(2, 3),
	}
	load := a.withConfig(c, config.SectionOutput)
	c.RunE = func(c *cobra.Command, args []string) (err error) {
		cfg, err := load()
		if err != nil {
			return err
		}
		key, err := parseAssetKey(args)
		if err != nil {
			return err
		}
		if isTerminal(a.stdout) {
			return usagef("a picture would garble the terminal: redirect standard output, as in exporter cat … > page.jpg")
		}
		ctx, cancel := a.interruptible(c.Context())
		defer cancel()
		dir, err := openExport(cfg.Output.Dir)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, dir.Close()) }()
		row, err := findRow(ctx, dir, key)
		if err != nil {
			return err
		}
		if row.Status != pipeline.Stored {
			return usagef("the asset is %s (%s), so there is nothing to show", row.Status, row.Reason)
		}
		return copyBlob(ctx, a.stdout, dir, row)
	}
	return c
}

func parseAssetKey(args []string) (pipeline.AssetKey, error) {
	id, err := pipeline.ParseID(args[0])
	if err != nil {
		return pipeline.AssetKey{}, usagef("FILE_ID: %w", err)
	}
	page, err := strconv.ParseInt(args[1], 10, 32)
	if err != nil {
		return pipeline.AssetKey{}, usagef("PAGE %q: want a page index such as 0", args[1])
	}
	key := pipeline.AssetKey{FileID: id, Kind: pipeline.Screenshot, PageIndex: int32(page)}
	if len(args) == 3 {
		key.Kind, key.FigureName = pipeline.Figure, args[2]
	}
	return key, nil
}

func findRow(ctx context.Context, dir store.Reader, key pipeline.AssetKey) (row *pipeline.Row, err error) {
	snapshot, err := manifest.OpenSnapshot(ctx, dir)
	if err != nil {
		return nil, storageError("read the ledger", err)
	}
	defer func() { err = errors.Join(err, snapshot.Close()) }()
	rows, err := snapshot.Assets(ctx, key.FileID)
	if err != nil {
		return nil, storageError("read the ledger", err)
	}
	for _, row := range rows {
		if row.Key() == key {
			return row, nil
		}
	}
	if len(rows) == 0 {
		return nil, usagef("the export has no asset of file %s", key.FileID)
	}
	return nil, usagef("the export has %d assets of file %s, but no %s", len(rows), key.FileID, describeKey(key))
}

func describeKey(key pipeline.AssetKey) string {
	if key.Kind == pipeline.Figure {
		return fmt.Sprintf("figure %q of page %d", key.FigureName, key.PageIndex)
	}
	return fmt.Sprintf("screenshot of page %d", key.PageIndex)
}

// copyBlob writes a stored blob to w. What differs from the manifest is a *pipeline.DamageError.
func copyBlob(ctx context.Context, w io.Writer, dir store.Reader, row *pipeline.Row) error {
	r, err := sinks.Open(ctx, dir, row.Location, row.Content.Size)
	if errors.Is(err, fs.ErrPermission) {
		return err
	}
	if err != nil {
		return &pipeline.DamageError{Path: row.Location.Path, Err: err}
	}
	defer r.Close()
	hash := sha256.New()
	written := &writeError{w: w}
	_, err = io.Copy(written, io.TeeReader(r, hash))
	if written.err != nil {
		return fmt.Errorf("write to standard output: %w", written.err)
	}
	if err == nil && [sha256.Size]byte(hash.Sum(nil)) != row.Content.SHA256 {
		err = fmt.Errorf("the SHA-256 of %s is not that of the manifest", describeKey(row.Key()))
	}
	if err != nil {
		return &pipeline.DamageError{Path: row.Location.Path, Err: err}
	}
	return nil
}

// writeError keeps the error of a writer apart from that of a reader.
type writeError struct {
	w   io.Writer
	err error
}

func (w *writeError) Write(p []byte) (n int, err error) {
	n, w.err = w.w.Write(p)
	return n, w.err
}
