package main

import "strings"

// breakCommands breaks command lines where they are wider than they may be, as a POSIX shell takes them: between words, behind a backslash.
func breakCommands(text string, width int) string {
	const more, indent = ` \`, "      "
	var b strings.Builder
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		margin := len(line) - len(strings.TrimLeft(line, " "))
		for words := shellWords(line[margin:]); len(words) > 0; {
			part := line[:margin] + words[0]
			words = words[1:]
			for len(words) > 0 {
				next := len([]rune(part + " " + words[0]))
				if len(words) > 1 {
					next += len(more)
				}
				if next > width {
					break
				}
				part += " " + words[0]
				words = words[1:]
			}
			if len(words) > 0 {
				part += more
			}
			b.WriteString(part + "\n")
			line, margin = indent, len(indent)
		}
	}
	return b.String()
}

// shellWords divides a command line at its spaces, but for those between quotes.
func shellWords(line string) []string {
	var quote rune
	return strings.FieldsFunc(line, func(r rune) bool {
		switch {
		case quote == 0 && (r == '\'' || r == '"'):
			quote = r
		case r == quote:
			quote = 0
		}
		return r == ' ' && quote == 0
	})
}

// reflow breaks text into lines of at most width letters. Lines that are indented are items: what follows a gap of two spaces in one is
// broken at the column where it begins.
func reflow(text string, width int) string {
	var b strings.Builder
	var indent, paragraph string
	flush := func() {
		if paragraph != "" {
			b.WriteString(hang(indent, paragraph, width))
		}
		indent, paragraph = "", ""
	}
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, " \n")
		margin := len(line) - len(strings.TrimLeft(line, " "))
		switch {
		case line == "":
			flush()
			b.WriteString("\n")
		case paragraph != "" && margin == len(indent):
			paragraph += " " + line[margin:]
		default:
			flush()
			indent, paragraph = line[:margin], line[margin:]
			if name, rest, ok := strings.Cut(paragraph, "  "); ok && margin > 0 {
				rest = strings.TrimLeft(rest, " ")
				indent += name + strings.Repeat(" ", len(paragraph)-len(name)-len(rest))
				paragraph = rest
			}
		}
	}
	flush()
	return b.String()
}

// hang returns text, broken into lines of at most width letters, of which the first begins with a prefix and the others are indented by
// as much.
func hang(prefix, text string, width int) string {
	var b strings.Builder
	line, empty := prefix, true
	for _, word := range strings.Fields(text) {
		if !empty && len([]rune(line))+1+len([]rune(word)) > width {
			b.WriteString(line + "\n")
			line, empty = strings.Repeat(" ", len(prefix)), true
		}
		if !empty {
			line += " "
		}
		line, empty = line+word, false
	}
	return b.String() + strings.TrimRight(line, " ") + "\n"
}
