package main

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"exporter/internal/parts"
	"exporter/internal/store"
	"exporter/manifest"
	"exporter/pipeline"
)

const (
	// makePartsCommand and compactCommand make this program one that writes the tables of an export, or of its parts, and one that merges the commit log
	// of an export as a run does at its end.
	makePartsCommand, compactCommand = "make-parts", "compact"
	// assetsOfFile is how many assets each file of these has, and commitFiles how many files are committed at once.
	assetsOfFile, commitFiles = 10, 1000
)

// runMakeParts writes tables of files without blobs: those of so many parts, or where that is 1, of one export with all of its rows in the commit log.
func runMakeParts(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet(makePartsCommand, flag.ContinueOnError)
	out := flags.String("out", "", "directory of the export")
	count := flags.Int("parts", 1, "parts")
	files := flags.Int("files", 1000, "files")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *count == 1 {
		return commitFilesOf(ctx, *out, 1, 0, *files, false)
	}
	if err := os.MkdirAll(*out, 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(*out, parts.PlanName), parts.New(*count).Encode(), 0o644); err != nil {
		return err
	}
	for i := range *count {
		if err := commitFilesOf(ctx, filepath.Join(*out, filepath.FromSlash(parts.Path(i))), *count, i, *files, true); err != nil {
			return err
		}
	}
	return nil
}

// commitFilesOf commits the files of a part, and merges its tables where that is wanted. The ids of the parts interleave.
func commitFilesOf(ctx context.Context, out string, count, part, files int, merge bool) (err error) {
	st, ledger, err := openLedger(ctx, out)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, ledger.Close(), st.Close()) }()
	var rows pipeline.Rows
	for n := part; n < files; n += count {
		rows.Files, rows.Assets = append(rows.Files, benchFile(n)), append(rows.Assets, benchAssets(n)...)
		if len(rows.Files) < commitFiles && n+count < files {
			continue
		}
		if err := ledger.Commit(ctx, rows); err != nil {
			return err
		}
		rows = pipeline.Rows{}
	}
	if !merge {
		return nil
	}
	if err := ledger.Compact(ctx); err != nil {
		return err
	}
	report, err := json.Marshal(map[string]any{"version": "bench", "started_at": time.Unix(0, 0), "exit_code": 0})
	if err != nil {
		return err
	}
	return store.PutBytes(ctx, st, "run.json", report)
}

// runCompact merges the commit log of an export.
func runCompact(ctx context.Context, args []string) (err error) {
	if len(args) != 1 {
		return errors.New("name the directory of an export")
	}
	st, ledger, err := openLedger(ctx, args[0])
	if err != nil {
		return err
	}
	return errors.Join(ledger.Compact(ctx), ledger.Close(), st.Close())
}

// openLedger opens the ledger of the export in a directory.
func openLedger(ctx context.Context, out string) (*store.Dir, *manifest.Ledger, error) {
	st, err := store.OwnDir(out)
	if err != nil {
		return nil, nil, err
	}
	ledger, err := manifest.Open(ctx, st, benchInfo())
	if err != nil {
		return nil, nil, errors.Join(err, st.Close())
	}
	return st, ledger, nil
}

func benchInfo() manifest.Info {
	return manifest.Info{Version: "bench", Source: `{"source.project":"true"}`, Sink: `{"output.sink":"local"}`}
}

// benchID returns the id of a file, which comes anywhere among others.
func benchID(n int) string {
	sum := sha256.Sum256(binary.LittleEndian.AppendUint64(nil, uint64(n)))
	return fmt.Sprintf("%x-%x-%x-%x-%x", sum[:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16])
}

func benchFile(n int) *pipeline.FileRow {
	row := &pipeline.FileRow{File: pipeline.File{
		ID: benchID(n), DirectoryID: benchID(-1), DirectoryFileID: "dfl-" + benchID(n), ProjectID: benchID(-2),
		DisplayName: new(fmt.Sprintf("report %d.pdf", n)), CreatedAt: benchTime(n), UpdatedAt: benchTime(n + 1),
	}, Status: pipeline.Complete, ListedAt: benchTime(n + 2), AskedAt: benchTime(n + 2), Sources: []pipeline.SourceKey{"project"}}
	row.Stored, row.Bytes = assetsOfFile, assetsOfFile*100_000
	return row
}

func benchTime(n int) time.Time { return time.Unix(1_700_000_000+int64(n), 0).UTC() }

// benchAssets returns the rows of the assets of a file: half of them screenshots, half of them figures.
func benchAssets(n int) (rows []*pipeline.Row) {
	id := benchID(n)
	file := &pipeline.File{ID: id, DirectoryID: benchID(-1), DisplayName: new(fmt.Sprintf("report %d.pdf", n)), UpdatedAt: benchTime(n + 1)}
	for i := range assetsOfFile {
		page := int32(i / 2)
		row := &pipeline.Row{
			Asset: pipeline.Asset{FileID: pipeline.ID(id), Kind: pipeline.Screenshot, Origin: pipeline.OriginFile, PageIndex: page, ListedSize: new(int64(100_000 + i))},
			File:  file, Status: pipeline.Stored, Attempts: 1, FetchedAt: benchTime(n + i),
			Content: pipeline.Content{
				Size: int64(100_000 + i), SHA256: sha256.Sum256(fmt.Appendf(nil, "%d %d", n, i)), MediaType: "image/jpeg", Width: 816, Height: 1056,
			},
			Location: pipeline.Location{Path: fmt.Sprintf("blobs/%s/%s/page_screenshots/%d.jpg", id[:2], id, page)},
		}
		if i%2 == 1 {
			row.Kind, row.FigureName = pipeline.Figure, fmt.Sprintf("page_%d_figure_1.jpg", page+1)
			row.Confidence, row.IsLikelyNoise, row.Metadata = new(float64(i)/assetsOfFile), new(i > 5), json.RawMessage(`{"origin":"layout"}`)
			row.Location.Path = fmt.Sprintf("blobs/%s/%s/page-figures/%d/page_%d_figure_1.jpg", id[:2], id, page, page+1)
		}
		rows = append(rows, row)
	}
	return rows
}
