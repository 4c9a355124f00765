package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"exporter/internal/llamacloud"
)

func newSourcesCommand(a *app) *cobra.Command {
	c := &cobra.Command{
		Use:   "sources",
		Short: "List what the key can see: projects, directories, indexes, pipelines, parse jobs, batches",
		Long: `sources lists what there is to export, with the ids that run takes: the projects that the key can see, and of the key's project,
or of that of --project-id, the directories, indexes and pipelines, and the parse jobs and batches of late. A kind that the API does
not offer, or not to this key, is said in a line, and the others are listed.`,
		Example: `  exporter sources
  exporter sources --kind directory --files
  exporter sources --kind parse-job,batch --created-within 24h --json`,
		Args: cobra.NoArgs,
	}
	s := &sourcesCommand{clientCommand: a.newClientCommand(c)}
	names := make([]string, len(sourceKinds))
	for i, k := range sourceKinds {
		names[i] = k.name
	}
	fs := c.Flags()
	fs.StringSliceVar(&s.names, "kind", names, "list only these `KINDS`")
	fs.DurationVar(&s.within, "created-within", 7*24*time.Hour, "list parse jobs and batches that were created so `LONG` ago at most")
	fs.BoolVar(&s.files, "files", false, "count the files of each directory, for which they are listed")
	fs.BoolVar(&s.asJSON, "json", false, "print JSON, a line for each of them")
	c.RunE = func(c *cobra.Command, _ []string) error {
		kinds, err := s.kinds(names)
		if err != nil {
			return err
		}
		return s.withClient(c, func(ctx context.Context, client *llamacloud.Client, _ *slog.Logger) error {
			return s.list(ctx, client, kinds)
		})
	}
	return c
}

// sourcesCommand is the command with its flags.
type sourcesCommand struct {
	*clientCommand
	names  []string
	within time.Duration
	files  bool
	asJSON bool
}

// kinds returns the kinds that were asked for, each once and in the order of all.
func (s *sourcesCommand) kinds(all []string) ([]sourceKind, error) {
	for _, name := range s.names {
		if !slices.Contains(all, name) {
			return nil, usagef("--kind %q: there are %s", name, strings.Join(all, ", "))
		}
	}
	if len(s.names) == 0 {
		return nil, usagef("--kind is empty: there are %s", strings.Join(all, ", "))
	}
	if s.within <= 0 {
		return nil, usagef("--created-within %v: want a positive duration such as 24h", s.within)
	}
	return slices.DeleteFunc(slices.Clone(sourceKinds), func(k sourceKind) bool { return !slices.Contains(s.names, k.name) }), nil
}

// errOddSources says that not everything that was to be listed is.
var errOddSources = errors.New("not everything could be listed")

// list prints the kinds one after the other. The error is why none could be listed, where that is so.
func (s *sourcesCommand) list(ctx context.Context, client *llamacloud.Client, kinds []sourceKind) error {
	var first, odd error
	listed := false
	for i, kind := range kinds {
		p := s.newPrinter(kind)
		p.begin(i == 0)
		err := kind.list(ctx, client, s, p.row)
		if llamacloud.EndsAll(err) {
			return errors.Join(err, p.end(""))
		}
		if first == nil {
			first = err
		}
		listed = listed || err == nil
		note, isOdd := sourceNote(err)
		if isOdd || p.odd {
			odd = errOddSources
		}
		if err := p.end(note); err != nil {
			return err
		}
	}
	if !listed {
		return first
	}
	return odd
}

// sourceNote says for people why a kind is not listed. What the API does not offer, or not to this key, is not odd.
func sourceNote(err error) (note string, isOdd bool) {
	refused, answered := errors.AsType[*llamacloud.APIError](err)
	switch {
	case err == nil:
		return "", false
	case llamacloud.IsAbsent(err):
		return fmt.Sprintf("not offered here: %v", err), false
	case answered && refused.Status == http.StatusForbidden:
		return fmt.Sprintf("not for this key: %v", err), false
	}
	return fmt.Sprintf("could not be listed: %v", err), true
}
