package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"exporter/internal/config"
	"exporter/internal/human"
	"exporter/internal/llamacloud"
	"exporter/pipeline"
)

// fileFields are the fields of a directory file that a user can set.
type fileFields struct{ displayName, uniqueID, metadata string }

func (v *fileFields) addFlags(fs *pflag.FlagSet) {
	fs.StringVar(&v.displayName, "display-name", "", "the file's `NAME` in the directory")
	fs.StringVar(&v.uniqueID, "unique-id", "", "the file's unique `ID` in the directory")
	fs.StringVar(&v.metadata, "metadata", "", "the file's metadata, a `JSON` object, or @ and the name of a file that holds one")
}

// patch returns the fields whose flags were given.
func (v *fileFields) patch(a *app, fs *pflag.FlagSet) (patch llamacloud.DirectoryFilePatch, err error) {
	if fs.Changed("display-name") {
		patch.DisplayName = llamacloud.Value(v.displayName)
	}
	if fs.Changed("unique-id") {
		patch.UniqueID = llamacloud.Value(v.uniqueID)
	}
	if fs.Changed("metadata") {
		patch.Metadata, err = a.parseMetadata(v.metadata)
	}
	return patch, err
}

func newFilesAddCommand(a *app) *cobra.Command {
	c := &cobra.Command{
		Use:     "add DIRECTORY FILE_ID",
		Short:   "Put a file that is stored already into a directory",
		Example: `  exporter files add dir-abc123 182bd5e5-6e1a-4fe4-a799-aa6d9a6ab26e --display-name report.pdf --metadata '{"year": 2024}'`,
		Args:    cobra.ExactArgs(2),
	}
	f := a.newFilesCommand(c)
	f.addJSON(c.Flags())
	f.addYes(c.Flags())
	var fields fileFields
	fields.addFlags(c.Flags())
	c.RunE = func(c *cobra.Command, args []string) error {
		patch, err := fields.patch(a, c.Flags())
		if err != nil {
			return err
		}
		return f.withDirectory(c, args, func(ctx context.Context, client *llamacloud.Client, ids []pipeline.ID) error {
			if err := f.confirm("add file %s to directory %s", ids[1], ids[0]); err != nil {
				return err
			}
			return f.show(client.AddDirectoryFile(ctx, ids[0], llamacloud.NewDirectoryFile{
				FileID: ids[1], DisplayName: patch.DisplayName, UniqueID: patch.UniqueID, Metadata: patch.Metadata,
			}))
		})
	}
	return c
}

func newFilesUpdateCommand(a *app) *cobra.Command {
	c := &cobra.Command{
		Use:     "update DIRECTORY DIRECTORY_FILE_ID",
		Short:   "Rename, describe or move a file of a directory",
		Example: `  exporter files update dir-abc123 dfl-abc123 --display-name new.pdf --move-to dir-def456`,
		Args:    cobra.ExactArgs(2),
	}
	f := a.newFilesCommand(c)
	f.addJSON(c.Flags())
	f.addYes(c.Flags())
	var fields fileFields
	fields.addFlags(c.Flags())
	target := c.Flags().String("move-to", "", "move the file to this `DIRECTORY`, given by its id or its name")
	c.RunE = func(c *cobra.Command, args []string) error {
		patch, err := fields.patch(a, c.Flags())
		if err != nil {
			return err
		}
		changes := []string{"display-name", "unique-id", "metadata", "move-to"}
		if !slices.ContainsFunc(changes, c.Flags().Changed) {
			return usagef("nothing to update: give --display-name, --unique-id, --metadata or --move-to")
		}
		var to config.Reference
		if c.Flags().Changed("move-to") {
			if to, err = parseDirectory(*target, "--move-to"); err != nil {
				return err
			}
		}
		return f.withDirectory(c, args, func(ctx context.Context, client *llamacloud.Client, ids []pipeline.ID) error {
			if to != "" {
				id, err := f.findDirectory(ctx, client, to)
				if err != nil {
					return err
				}
				patch.TargetDirectoryID = llamacloud.Value(id)
			}
			if err := f.confirm("update file %s of directory %s", ids[1], ids[0]); err != nil {
				return err
			}
			return f.show(client.UpdateDirectoryFile(ctx, ids[0], ids[1], patch))
		})
	}
	return c
}

func newFilesRmCommand(a *app) *cobra.Command {
	c := &cobra.Command{
		Use:     "rm DIRECTORY DIRECTORY_FILE_ID...",
		Short:   "Remove files from a directory",
		Example: `  exporter files rm dir-abc123 dfl-abc123 --yes`,
		Args:    cobra.MinimumNArgs(2),
	}
	f := a.newFilesCommand(c)
	f.addYes(c.Flags())
	c.RunE = func(c *cobra.Command, args []string) error {
		return f.withDirectory(c, args, func(ctx context.Context, client *llamacloud.Client, ids []pipeline.ID) error {
			if err := f.confirm("remove %d files from directory %s", len(ids)-1, ids[0]); err != nil {
				return err
			}
			for _, id := range ids[1:] {
				if err := client.DeleteDirectoryFile(ctx, ids[0], id); err != nil {
					return err
				}
				if _, err := fmt.Fprintf(f.stdout, "removed %s\n", id); unlessUnread(err) != nil {
					return err
				}
			}
			return nil
		})
	}
	return c
}

func newFilesUploadCommand(a *app) *cobra.Command {
	c := &cobra.Command{
		Use:   "upload DIRECTORY PATH...",
		Short: "Upload files from disk into a directory",
		Long: `upload sends files from disk, one after the other, and puts each into the directory. --metadata is that of all of them; a name or
an id is one file's only. Without --display-name and --unique-id the API derives them from the file's name and --external-file-id.`,
		Example: `  exporter files upload dir-abc123 report.pdf --yes
  exporter files upload dir-abc123 q1.pdf --display-name 'First quarter' --unique-id q1 --metadata '{"year": 2024}'
  exporter files upload dir-abc123 *.pdf --metadata @common.json`,
		Args: cobra.MinimumNArgs(2),
	}
	f := a.newFilesCommand(c)
	f.addJSON(c.Flags())
	f.addYes(c.Flags())
	var fields fileFields
	fields.addFlags(c.Flags())
	externalID := c.Flags().String("external-file-id", "", "an `ID` that the file has elsewhere")
	c.RunE = func(c *cobra.Command, args []string) error {
		patch, err := fields.patch(a, c.Flags())
		if err != nil {
			return err
		}
		u := llamacloud.FileUpload{DisplayName: patch.DisplayName, UniqueID: patch.UniqueID, Metadata: patch.Metadata}
		if c.Flags().Changed("external-file-id") {
			u.ExternalFileID = llamacloud.Value(*externalID)
		}
		if err := checkOneUpload(c.Flags(), len(args)-1); err != nil {
			return err
		}
		total, err := checkUploads(args[1:])
		if err != nil {
			return err
		}
		return f.withDirectory(c, args[:1], func(ctx context.Context, client *llamacloud.Client, ids []pipeline.ID) error {
			if err := f.confirm("upload %d files (%s) into directory %s", len(args)-1, human.Bytes(total), ids[0]); err != nil {
				return err
			}
			p := f.newPrinter()
			for _, path := range args[1:] {
				file, err := f.upload(ctx, client, ids[0], path, u)
				if err != nil {
					return err
				}
				if err := p.print(&file); err != nil {
					return err
				}
			}
			return p.flush()
		})
	}
	return c
}

// checkOneUpload refuses flags that name one file where there are several.
func checkOneUpload(fs *pflag.FlagSet, files int) error {
	for _, flag := range []string{"display-name", "unique-id", "external-file-id"} {
		if files > 1 && fs.Changed(flag) {
			return usagef("--%s is for one file, and %d are given: upload it by itself", flag, files)
		}
	}
	return nil
}

// checkUploads finds out before the first upload whether all can be made, and how many bytes they are.
func checkUploads(paths []string) (total int64, err error) {
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil {
			return 0, usagef("%w", err)
		}
		if !info.Mode().IsRegular() {
			return 0, usagef("%q is not a file", path)
		}
		total += info.Size()
	}
	return total, nil
}

// upload streams a file with the fields of u, and shows how far it is where standard error is a terminal.
func (f *filesCommand) upload(
	ctx context.Context, client *llamacloud.Client, directory pipeline.ID, path string, u llamacloud.FileUpload,
) (llamacloud.DirectoryFile, error) {
	info, err := os.Stat(path)
	if err != nil {
		return llamacloud.DirectoryFile{}, usagef("%w", err)
	}
	track := func(r io.ReadCloser) io.ReadCloser { return r }
	if f.log.Format == config.LogText && isTerminal(f.stderr) {
		console, err := f.openConsole(f.log)
		if err != nil {
			return llamacloud.DirectoryFile{}, err
		}
		p := &uploadProgress{name: filepath.Base(path), size: info.Size()}
		defer console.showProgress(p)()
		track = p.track
	}
	u.Name, u.Size = filepath.Base(path), info.Size()
	u.Open = func() (io.ReadCloser, error) {
		file, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		return track(file), nil
	}
	return client.UploadDirectoryFile(ctx, directory, u)
}
