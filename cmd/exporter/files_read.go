package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"exporter/internal/llamacloud"
	"exporter/pipeline"
)

func newFilesLsCommand(a *app) *cobra.Command {
	c := &cobra.Command{
		Use:   "ls DIRECTORY",
		Short: "List the files of a directory",
		Example: `  exporter files ls dir-abc123
  exporter files ls 'Invoices 2026' --display-name-contains invoice --json`,
		Args: cobra.ExactArgs(1),
	}
	f := a.newFilesCommand(c)
	f.addJSON(c.Flags())
	var filter fileFilter
	filter.addFlags(c.Flags())
	c.RunE = func(c *cobra.Command, args []string) error {
		query, err := filter.query()
		if err != nil {
			return err
		}
		return f.withDirectory(c, args, func(ctx context.Context, client *llamacloud.Client, ids []pipeline.ID) error {
			p := f.newPrinter()
			var odd error
			for file, err := range client.DirectoryFiles(ctx, ids[0], query) {
				if err != nil {
					return err
				}
				if file.Malformed != nil {
					odd = errOddFiles
					if err := f.note(fmt.Sprintf("a file cannot be read: %v", file.Malformed)); err != nil {
						return err
					}
					continue
				}
				if err := p.print(&file); err != nil {
					return err
				}
			}
			return errors.Join(p.flush(), odd)
		})
	}
	return c
}

// errOddFiles says that a listing has files that cannot be read.
var errOddFiles = errors.New("some files of the listing cannot be read")

// fileFilter are the filters that the API has for listings.
type fileFilter struct {
	llamacloud.DirectoryFilesQuery
	after, before string
}

func (f *fileFilter) addFlags(fs *pflag.FlagSet) {
	fs.StringVar(&f.DisplayName, "display-name", "", "only files of this `NAME`")
	fs.StringVar(&f.DisplayNameContains, "display-name-contains", "", "only files whose name contains this `TEXT`")
	fs.StringVar(&f.UniqueID, "unique-id", "", "only the file of this unique `ID`")
	fs.StringVar(&f.FileID, "file-id", "", "only the file of this file `ID`")
	fs.BoolVar(&f.IncludeDeleted, "include-deleted", false, "files that were soft-deleted too")
	fs.StringVar(&f.after, "updated-at-on-or-after", "", "only files updated at this `TIME` or later (RFC 3339)")
	fs.StringVar(&f.before, "updated-at-on-or-before", "", "only files updated at this `TIME` or earlier (RFC 3339)")
	addExpand(fs, &f.Expand)
}

func addExpand(fs *pflag.FlagSet, expand *[]string) {
	fs.StringSliceVar(expand, "expand", nil, "fill in these `FIELDS` too, such as download_url (shown with --json, without the query that signs it)")
}

func (f *fileFilter) query() (llamacloud.DirectoryFilesQuery, error) {
	for _, bound := range []struct {
		flag, text string
		to         *time.Time
	}{
		{"--updated-at-on-or-after", f.after, &f.UpdatedAtOnOrAfter},
		{"--updated-at-on-or-before", f.before, &f.UpdatedAtOnOrBefore},
	} {
		if bound.text == "" {
			continue
		}
		t, err := time.Parse(time.RFC3339, bound.text)
		if err != nil {
			return f.DirectoryFilesQuery, usagef("%s %q: want a time such as 2024-06-13T12:00:00Z", bound.flag, bound.text)
		}
		*bound.to = t
	}
	return f.DirectoryFilesQuery, nil
}

func newFilesGetCommand(a *app) *cobra.Command {
	c := &cobra.Command{
		Use:     "get DIRECTORY DIRECTORY_FILE_ID",
		Short:   "Show one file of a directory",
		Example: `  exporter files get dir-abc123 dfl-abc123 --json --expand download_url`,
		Args:    cobra.ExactArgs(2),
	}
	f := a.newFilesCommand(c)
	f.addJSON(c.Flags())
	var expand []string
	addExpand(c.Flags(), &expand)
	c.RunE = func(c *cobra.Command, args []string) error {
		return f.withDirectory(c, args, func(ctx context.Context, client *llamacloud.Client, ids []pipeline.ID) error {
			return f.show(client.DirectoryFile(ctx, ids[0], ids[1], expand...))
		})
	}
	return c
}
