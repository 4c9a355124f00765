package human

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf16"
)

// Printable returns text with an escape in place of every character that does not print, line ends included: what controls
// a terminal, changes the direction of writing or cannot be seen. Names, and errors that hold them, come from others.
//
// The escape is that of JSON, which Go has in its strings as well: JSON stays what it is, and so do quoted strings.
func Printable(text string) string {
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
