package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"exporter/internal/llamacloud"
	"exporter/pipeline"
)

func newFilesCommand(a *app) *cobra.Command {
	c := &cobra.Command{
		Use:   "files",
		Short: "A directory's files: ls, get, add, upload, update, rm",
		Long: `files lists and changes the files of a directory, which is given by its id or its name. The commands that change something ask first, or take --yes; they are
the only ones of exporter that send anything but GET requests.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(newFilesLsCommand(a), newFilesGetCommand(a), newFilesAddCommand(a), newFilesUploadCommand(a),
		newFilesUpdateCommand(a), newFilesRmCommand(a))
	return c
}

// filesCommand is what the commands below files share: a client, an output, and a question before changes.
type filesCommand struct {
	*clientCommand
	asJSON bool
	yes    bool
	// logger is there while there is a client.
	logger *slog.Logger
}

func (a *app) newFilesCommand(c *cobra.Command) *filesCommand {
	return &filesCommand{clientCommand: a.newClientCommand(c)}
}

func (f *filesCommand) addJSON(fs *pflag.FlagSet) {
	fs.BoolVar(&f.asJSON, "json", false, "print JSON, a line for each file")
}
func (f *filesCommand) addYes(fs *pflag.FlagSet) {
	fs.BoolVarP(&f.yes, "yes", "y", false, "do it without asking first")
}

// confirm asks whether to go on, unless --yes was given.
func (f *filesCommand) confirm(format string, args ...any) error {
	if f.yes {
		return nil
	}
	fmt.Fprintf(f.stderr, format+"? [y/N] ", args...)
	answer, err := bufio.NewReader(f.input(f.stdin, stdinName)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("read the answer: %w", err)
	}
	switch strings.ToLower(strings.TrimSpace(answer)) {
	case "y", "yes":
		return nil
	}
	if errors.Is(err, io.EOF) {
		fmt.Fprintln(f.stderr)
	}
	return usagef("not confirmed, nothing was changed (answer y, or give --yes)")
}

// show prints what a request answered with.
func (f *filesCommand) show(file llamacloud.DirectoryFile, err error) error {
	if err != nil {
		return err
	}
	return f.newPrinter().print(&file)
}

// filePrinter prints files one after the other, so that listings of any length can be printed.
type filePrinter struct {
	w      io.Writer
	asJSON bool
	rows   int
}

func (f *filesCommand) newPrinter() *filePrinter { return &filePrinter{w: f.stdout, asJSON: f.asJSON} }

const fileColumns = "%-36s  %-36s  %-27s  %-9s  %s\n"

func (p *filePrinter) print(f *llamacloud.DirectoryFile) error {
	if p.asJSON {
		return json.NewEncoder(printableWriter{p.w}).Encode(f)
	}
	if p.rows == 0 {
		if _, err := fmt.Fprintf(p.w, fileColumns, "id", "file_id", "updated_at", "state", "display_name"); err != nil {
			return err
		}
	}
	p.rows++
	updated := "-"
	if t, ok := f.UpdatedAt.Get(); ok {
		updated = t.Format("2006-01-02T15:04:05.999999Z")
	}
	state := "-"
	if _, deleted := f.DeletedAt.Get(); deleted {
		state = "deleted"
	}
	_, err := fmt.Fprintf(p.w, fileColumns, plainOrQuoted(f.ID), plainOrQuoted(f.FileID.Or("-")), updated, state,
		fmt.Sprintf("%q", f.DisplayName.Or("")))
	return err
}

func (p *filePrinter) flush() error {
	if p.asJSON || p.rows > 0 {
		return nil
	}
	_, err := fmt.Fprintln(p.w, "no files")
	return err
}

// plainOrQuoted returns an id as it is, and quotes what is none.
func plainOrQuoted(id string) string {
	if _, err := pipeline.ParseID(id); err != nil {
		return fmt.Sprintf("%q", id)
	}
	return id
}

// parseMetadata checks that a flag's text, or that of the file that it names after @, is a JSON object, or null.
func (a *app) parseMetadata(text string) (llamacloud.Optional[json.RawMessage], error) {
	var none llamacloud.Optional[json.RawMessage]
	if path, ok := strings.CutPrefix(text, "@"); ok {
		content, err := a.readInput(path)
		if err != nil {
			return none, usagef("--metadata: %w", err)
		}
		text = string(content)
	}
	if strings.TrimSpace(text) == "null" {
		return llamacloud.Null[json.RawMessage](), nil
	}
	var object map[string]json.RawMessage
	if err := json.Unmarshal([]byte(text), &object); err != nil {
		return none, usagef("--metadata: want a JSON object such as '{\"year\": 2024}': %w", err)
	}
	return llamacloud.Value(json.RawMessage(text)), nil
}

// shellQuote returns text so that a POSIX shell takes it for one word.
func shellQuote(text string) string {
	plain := func(r rune) bool {
		return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("_-./:@%+=,", r)
	}
	if text != "" && strings.IndexFunc(text, func(r rune) bool { return !plain(r) }) < 0 {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}
