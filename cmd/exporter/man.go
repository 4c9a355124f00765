package main

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"exporter/internal/export"
)

// newManCommand returns the command that packages are made with. Nobody else needs it, so that no list has it. The pages have the date of
// SOURCE_DATE_EPOCH, as what else is made reproducibly, or none.
func newManCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:    "man FOLDER",
		Short:  "Write the manual pages of all commands into a folder, which is made where it is not there",
		Args:   cobra.ExactArgs(1),
		Hidden: true,
		RunE: func(c *cobra.Command, args []string) error {
			if err := os.MkdirAll(args[0], 0o755); err != nil {
				return err
			}
			root := c.Root()
			return manPages{date: sourceDate(a.environ)}.write(root, args[0])
		},
	}
}

// sourceDate returns the day of SOURCE_DATE_EPOCH, nothing where that is not set.
func sourceDate(environ []string) string {
	for _, v := range environ {
		if text, ok := strings.CutPrefix(v, "SOURCE_DATE_EPOCH="); ok {
			if seconds, err := strconv.ParseInt(text, 10, 64); err == nil {
				return time.Unix(seconds, 0).UTC().Format(time.DateOnly)
			}
		}
	}
	return ""
}

// manPages are the pages of all commands, of one date.
type manPages struct{ date string }

// write writes the pages of a command and of those below it.
func (m manPages) write(c *cobra.Command, dir string) error {
	if c != c.Root() && !c.IsAvailableCommand() {
		return nil
	}
	page := filepath.Join(dir, manName(c)+".1")
	if err := os.WriteFile(page, []byte(m.page(c)), 0o644); err != nil {
		return err
	}
	for _, sub := range c.Commands() {
		if err := m.write(sub, dir); err != nil {
			return err
		}
	}
	return nil
}

// widestManLine is how wide a line is that stays as it is: man indents it by seven columns, and a terminal has eighty at least.
const widestManLine = 72

// manName returns the name of the page of a command.
func manName(c *cobra.Command) string { return strings.ReplaceAll(c.CommandPath(), " ", "-") }

// page returns the page of a command, as man(7) has it, made of what its --help says.
func (m manPages) page(c *cobra.Command) string {
	c.InitDefaultHelpFlag()
	var b strings.Builder
	fmt.Fprintf(&b, ".TH %s 1 %s %s \"User Commands\"\n", manQuoted(strings.ToUpper(manName(c))), `"`+m.date+`"`,
		manQuoted("exporter "+export.Version()))
	fmt.Fprintf(&b, ".SH NAME\n%s \\- %s\n", manEscape(manName(c)), manEscape(c.Short))
	fmt.Fprintf(&b, ".SH SYNOPSIS\n%s\n", manEscape(c.UseLine()))
	if c.HasAvailableSubCommands() {
		fmt.Fprintf(&b, ".br\n%s \\fICOMMAND\\fR\n", manEscape(c.CommandPath()))
	}
	b.WriteString(".SH DESCRIPTION\n" + manText(cmp.Or(c.Long, c.Short)))
	if c.HasAvailableSubCommands() {
		b.WriteString(".SH COMMANDS\n")
		for _, sub := range c.Commands() {
			if sub.IsAvailableCommand() {
				fmt.Fprintf(&b, ".TP\n.B %s\n%s\n", manEscape(sub.Use), manEscape(sub.Short))
			}
		}
	}
	b.WriteString(manFlags(c))
	if c.Example != "" {
		b.WriteString(".SH EXAMPLES\n.nf\n" + manLines(breakCommands(c.Example, widestManLine)) + ".fi\n")
	}
	var related []string
	for _, r := range manRelated(c) {
		related = append(related, fmt.Sprintf(".BR %s (1)", manEscape(manName(r))))
	}
	if len(related) > 0 {
		b.WriteString(".SH SEE ALSO\n" + strings.Join(related, " ,\n") + "\n")
	}
	return b.String()
}

// manRelated returns the commands above and below a command.
func manRelated(c *cobra.Command) (related []*cobra.Command) {
	if c.HasParent() {
		related = append(related, c.Parent())
	}
	for _, sub := range c.Commands() {
		if sub.IsAvailableCommand() {
			related = append(related, sub)
		}
	}
	return related
}

// manFlags returns the section of the flags, in the groups of --help.
func manFlags(c *cobra.Command) string {
	var b strings.Builder
	b.WriteString(".SH OPTIONS\n")
	groups := flagGroups(c)
	for _, g := range groups {
		if len(groups) > 1 {
			b.WriteString(".SS " + manQuoted(g.title) + "\n")
		}
		for _, f := range g.flags {
			name, text := flagUsage(f)
			var words []string
			for word := range strings.FieldsSeq(name) {
				font := `\fI`
				if strings.HasPrefix(word, "-") {
					font = `\fB`
				}
				words = append(words, font+manEscape(word)+`\fR`)
			}
			fmt.Fprintf(&b, ".TP\n%s\n%s\n", strings.Join(words, " "), manEscape(text))
		}
	}
	return b.String()
}

// manText returns a text whose paragraphs are filled anew, but for lines that are indented: those stay as they are.
func manText(text string) string {
	var b strings.Builder
	filled := true
	fill := func(want bool) {
		if filled != want {
			b.WriteString(map[bool]string{true: ".fi\n", false: ".nf\n"}[want])
		}
		filled = want
	}
	for line := range strings.SplitSeq(strings.TrimSpace(text), "\n") {
		if strings.TrimSpace(line) == "" {
			fill(true)
			b.WriteString(".PP\n")
			continue
		}
		fill(line == strings.TrimLeft(line, " \t"))
		b.WriteString(manEscape(line) + "\n")
	}
	fill(true)
	return b.String()
}

// manLines returns lines that stay as they are.
func manLines(text string) string {
	var b strings.Builder
	for line := range strings.SplitSeq(strings.Trim(text, "\n"), "\n") {
		b.WriteString(manEscape(line) + "\n")
	}
	return b.String()
}

// manEscape returns a text in which nothing means something to roff. A minus is one, and neither a hyphen nor a place to break a line.
func manEscape(text string) string {
	text = strings.NewReplacer(`\`, `\e`, "-", `\-`, "`", `\(ga`, "^", `\(ha`, "~", `\(ti`).Replace(text)
	if strings.HasPrefix(text, ".") || strings.HasPrefix(text, "'") {
		text = `\&` + text
	}
	return text
}

// manQuoted returns a text as one argument of a macro.
func manQuoted(text string) string {
	return `"` + strings.ReplaceAll(manEscape(text), `"`, `\(dq`) + `"`
}
