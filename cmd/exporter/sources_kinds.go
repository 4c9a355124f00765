package main

import (
	"context"
	"fmt"
	"iter"
	"strconv"
	"time"

	"exporter/internal/llamacloud"
	"exporter/pipeline"
)

// sourceKind is a kind of what there is to export.
type sourceKind struct {
	// name is that of the flag, and title that of its table.
	name, title string
	// columns are the names of the cells of its rows.
	columns []string
	// list gives a row of each.
	list func(ctx context.Context, c *llamacloud.Client, s *sourcesCommand, give func(sourceRow) error) error
}

// sourceRow is one of what there is to export.
type sourceRow struct {
	// item is what JSON has of it.
	item any
	// malformed says why it cannot be told from others; nil where it can.
	malformed error
	// files is how many there are in it; nil where that is not counted, or for the reason that uncounted is.
	files     *int64
	uncounted error
	cells     []string
}

// sourceKinds are all kinds, in the order in which they are listed.
var sourceKinds = []sourceKind{
	{"project", "projects", []string{"id", "default", "name"},
		func(ctx context.Context, c *llamacloud.Client, _ *sourcesCommand, give func(sourceRow) error) error {
			return giveRows(c.Projects(ctx, llamacloud.ProjectsQuery{}), give, func(p *llamacloud.Project) (sourceRow, error) {
				isDefault := "-"
				if p.IsDefault.Or(false) {
					isDefault = "yes"
				}
				return sourceRow{item: p, malformed: p.Malformed, cells: []string{plainOrQuoted(p.ID), isDefault, nameCell(p.Name)}}, nil
			})
		}},
	{"directory", "directories", []string{"id", "type", "files", "expires_at", "name"}, listDirectories},
	{"index", "indexes", []string{"id", "export_config_id", "status", "source_directory_id", "output_directory_id", "name"},
		func(ctx context.Context, c *llamacloud.Client, _ *sourcesCommand, give func(sourceRow) error) error {
			return giveRows(c.Indexes(ctx, llamacloud.IndexesQuery{}), give, func(i *llamacloud.Index) (sourceRow, error) {
				return sourceRow{item: i, malformed: i.Malformed, cells: []string{
					plainOrQuoted(i.ID), cell(i.ExportConfigID), cell(i.Status()), cell(i.SourceDirectoryID),
					cell(i.OutputDirectoryID), nameCell(i.Name),
				}}, nil
			})
		}},
	{"pipeline", "pipelines", []string{"id", "type", "status", "name"},
		func(ctx context.Context, c *llamacloud.Client, _ *sourcesCommand, give func(sourceRow) error) error {
			return giveRows(c.Pipelines(ctx, llamacloud.PipelinesQuery{}), give, func(p *llamacloud.Pipeline) (sourceRow, error) {
				return sourceRow{item: p, malformed: p.Malformed, cells: []string{
					plainOrQuoted(p.ID), cell(p.Type.Or("")), cell(p.Status.Or("")), nameCell(p.Name),
				}}, nil
			})
		}},
	{"parse-job", "parse jobs", []string{"id", "status", "created_at", "tier", "name"},
		func(ctx context.Context, c *llamacloud.Client, s *sourcesCommand, give func(sourceRow) error) error {
			q := llamacloud.ParseJobsQuery{CreatedAtOnOrAfter: time.Now().Add(-s.within)}
			return giveRows(c.ParseJobs(ctx, q), give, func(j *llamacloud.ParseJob) (sourceRow, error) {
				return sourceRow{item: j, malformed: j.Malformed, cells: []string{
					plainOrQuoted(j.ID), cell(j.Status), timeCell(j.CreatedAt), cell(j.Tier.Or("")), nameCell(j.Name),
				}}, nil
			})
		}},
	{"batch", "batches", []string{"id", "status", "created_at", "job", "source_directory_id"},
		func(ctx context.Context, c *llamacloud.Client, s *sourcesCommand, give func(sourceRow) error) error {
			q := llamacloud.BatchesQuery{CreatedAtOnOrAfter: time.Now().Add(-s.within)}
			return giveRows(c.Batches(ctx, q), give, func(b *llamacloud.Batch) (sourceRow, error) {
				return sourceRow{item: b, malformed: b.Malformed, cells: []string{
					plainOrQuoted(b.ID), cell(b.Status), timeCell(b.CreatedAt), cell(b.JobType.Or("")), cell(b.SourceDirectoryID),
				}}, nil
			})
		}},
}

func listDirectories(ctx context.Context, c *llamacloud.Client, s *sourcesCommand, give func(sourceRow) error) error {
	directories := c.Directories(ctx, llamacloud.DirectoriesQuery{})
	return giveRows(directories, give, func(d *llamacloud.Directory) (sourceRow, error) {
		row := sourceRow{item: d, malformed: d.Malformed}
		files := "-"
		if s.files && d.Malformed == nil {
			n, err := countFiles(ctx, c, d.ID)
			if llamacloud.EndsAll(err) {
				return row, err
			}
			if row.uncounted, files = err, "?"; err == nil {
				row.files, files = &n, strconv.FormatInt(n, 10)
			}
		}
		row.cells = []string{plainOrQuoted(d.ID), cell(d.Type.Or("")), files, timeCell(d.ExpiresAt), nameCell(d.Name)}
		return row, nil
	})
}

// countFiles returns how many files a directory has.
func countFiles(ctx context.Context, c *llamacloud.Client, directory string) (n int64, err error) {
	for _, err := range c.DirectoryFiles(ctx, pipeline.ID(directory), llamacloud.DirectoryFilesQuery{}) {
		if err != nil {
			return n, fmt.Errorf("count the files of directory %s: %w", plainOrQuoted(directory), err)
		}
		n++
	}
	return n, nil
}

// giveRows gives a row of each item of a listing.
func giveRows[T any](items iter.Seq2[T, error], give func(sourceRow) error, row func(*T) (sourceRow, error)) error {
	for item, err := range items {
		if err != nil {
			return err
		}
		r, err := row(&item)
		if err != nil {
			return err
		}
		if err := give(r); err != nil {
			return err
		}
	}
	return nil
}

// nameCell quotes a name, which may be any text.
func nameCell(name llamacloud.Optional[string]) string {
	text, ok := name.Get()
	if !ok {
		return "-"
	}
	return fmt.Sprintf("%q", text)
}

// cell is plainOrQuoted of an id, or of one of the API's words, that need not be there.
func cell(text string) string {
	if text == "" {
		return "-"
	}
	return plainOrQuoted(text)
}

func timeCell(t llamacloud.Optional[llamacloud.Timestamp]) string {
	at, ok := t.Get()
	if !ok {
		return "-"
	}
	return at.UTC().Format(time.RFC3339)
}
