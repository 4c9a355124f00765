// Command limits shows how a rate is kept, and how one is found, by simulation: hours of requests take milliseconds.
//
//	go run ./internal/limits                 the table of docs/limits.md; a quarter of an hour on two cores
//	go run ./internal/limits -failed         with each case that does not reach its target
//	go run ./internal/limits -draw > docs/limits.svg
package main

import (
	"bufio"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"exporter/internal/llamacloud/governor/simulate"
)

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "limits:", err)
		os.Exit(1)
	}
}

func run(args []string, to io.Writer) error {
	fs := flag.NewFlagSet("limits", flag.ContinueOnError)
	seeds := fs.Int("seeds", 20, "simulate each case so often; the worst counts")
	failed := fs.Bool("failed", false, "print each case that does not reach its target")
	drawn := fs.Bool("draw", false, "draw some runs instead, as SVG")
	if err := fs.Parse(args); err != nil {
		return err
	}
	switch {
	case fs.NArg() > 0:
		return fmt.Errorf("unexpected argument %q", fs.Arg(0))
	case *seeds < 1:
		return fmt.Errorf("-seeds %d: want 1 at least", *seeds)
	case *drawn:
		return draw(to)
	}
	return writeTable(to, simulate.Table(*seeds), *failed)
}

// writeTable writes how many cases of each group reach their targets, as Markdown.
func writeTable(to io.Writer, groups []simulate.GroupResult, failed bool) error {
	w := bufio.NewWriter(to)
	fmt.Fprint(w, "| | cases | reached | target | |\n| --- | --- | ---: | ---: | --- |\n")
	for _, g := range groups {
		target, verdict := "", ""
		if g.Target > 0 {
			target, verdict = fmt.Sprint(g.Target), "reached"
			if g.Passed < g.Target {
				verdict = fmt.Sprintf("missed by %d", g.Target-g.Passed)
			}
		}
		fmt.Fprintf(w, "| (%s) | %s | %d of %d | %s | %s |\n", g.Name, g.About, g.Passed, g.Cases, target, verdict)
	}
	for _, g := range groups {
		if !failed || len(g.Failed) == 0 {
			continue
		}
		fmt.Fprintf(w, "\n(%s)\n\n", g.Name)
		for _, l := range g.Failed {
			fmt.Fprintf(w, "- %s: %.3f, %s\n", l.Name, l.Figure, l.More)
		}
	}
	return w.Flush()
}
