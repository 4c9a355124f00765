package main

import (
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf16"
)

// printable returns text with an escape in place of every character that does not print, line ends included: what controls
// a terminal, changes the direction of writing or cannot be seen. Names, and errors that hold them, come from others.
//
// The escape is that of JSON, which Go has in its strings as well: JSON stays what it is, and so do quoted strings.
func printable(text string) string {
	// A single byte may control a terminal as well.
	text = strings.ToValidUTF8(text, "\ufffd")
	if strings.IndexFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) < 0 {
		return text
	}
	var b strings.Builder
	for _, r := range text {
		switch high, low := utf16.EncodeRune(r); {
		case unicode.IsPrint(r):
			b.WriteRune(r)
		case r > 0xffff:
			fmt.Fprintf(&b, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}

// printableWriter does the same to what is written through it, but leaves line ends alone. A write must not end within a
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
		lines[i] = printable(line)
	}
	return strings.Join(lines, "\n")
}
