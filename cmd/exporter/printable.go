package main

import (
	"io"
	"strings"

	"exporter/internal/human"
)

// printableWriter makes printable what is written through it, and leaves line ends alone. A write must not end within a
// character.
type printableWriter struct{ w io.Writer }

func (p printableWriter) Write(text []byte) (int, error) {
	if _, err := io.WriteString(p.w, printableLines(string(text))); err != nil {
		return 0, err
	}
	return len(text), nil
}

// printableLines makes each line of a text printable.
func printableLines(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		lines[i] = human.Printable(line)
	}
	return strings.Join(lines, "\n")
}
