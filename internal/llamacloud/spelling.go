package llamacloud

import (
	"bytes"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// What the API sends in a JSON string need not be Unicode: a byte may belong to no character, and an escape may be one half
// of a surrogate pair. Nothing that holds text takes such: Parquet, JSON, a terminal. So texts are spelled: each byte of what
// is no Unicode becomes a character of its own, from U+10F780 for 0x80 to U+10F7FF for 0xFF, which are for private use. A
// half of a pair is spelled as the three bytes that UTF-8 would have for it, and a character of that range as its four, so
// that texts that differ stay different, and the way back is unspell. All other text is as it was.
const (
	spelled      = 0x10F700
	firstSpelled = spelled + 0x80
	lastSpelled  = spelled + 0xFF
)

func isSpelled(r rune) bool { return firstSpelled <= r && r <= lastSpelled }

// appendSpelled appends the characters that stand for bytes.
func appendSpelled(to []byte, raw ...byte) []byte {
	for _, b := range raw {
		to = utf8.AppendRune(to, spelled+rune(b))
	}
	return to
}

// appendHalf appends the spelling of one half of a surrogate pair.
func appendHalf(to []byte, half rune) []byte {
	return appendSpelled(to, 0xE0|byte(half>>12), 0x80|byte(half>>6)&0x3F, 0x80|byte(half)&0x3F)
}

// spellRune appends the character at the start of text, spelled, and returns how many bytes of text it has.
func spellRune(to, text []byte) ([]byte, int) {
	r, size := utf8.DecodeRune(text)
	if r == utf8.RuneError && size <= 1 || isSpelled(r) {
		return appendSpelled(to, text[:size]...), size
	}
	return append(to, text[:size]...), size
}

// unspell returns the bytes that the API sent.
func unspell(text string) string {
	if !strings.ContainsFunc(text, isSpelled) {
		return text
	}
	var b strings.Builder
	for _, r := range text {
		if isSpelled(r) {
			b.WriteByte(byte(r - spelled))
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// isPlain tells whether JSON needs no spelling: it is UTF-8, and has neither halves of pairs nor characters that are spelled.
func isPlain(text []byte) bool {
	if isASCII(text) {
		if bytes.IndexByte(text, '\\') < 0 {
			return true
		}
	} else if !utf8.Valid(text) || bytes.Contains(text, []byte("\xf4\x8f\x9e")) || bytes.Contains(text, []byte("\xf4\x8f\x9f")) {
		return false
	}
	for rest := text; ; {
		i := bytes.IndexByte(rest, '\\')
		switch {
		case i < 0:
			return true
		case rest[i+1] == 'u' && (rest[i+2] == 'd' || rest[i+2] == 'D'):
			return false
		}
		rest = rest[i+2:]
	}
}

func isASCII(text []byte) bool {
	for _, c := range text {
		if c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// spellDocument returns a copy of JSON that is known to be valid and has no white space, with its texts spelled. All else stays
// as it was sent, escapes included.
func spellDocument(text []byte) []byte {
	if isPlain(text) {
		return bytes.Clone(text)
	}
	return spell(text, func(to []byte, _ rune, escape []byte) []byte { return append(to, escape...) })
}

// spellString returns the text of a JSON string that is known to be valid, spelled.
func spellString(quoted []byte) string {
	text := quoted[1 : len(quoted)-1]
	if bytes.IndexByte(text, '\\') < 0 && isPlain(text) {
		return string(text)
	}
	return string(spell(text, func(to []byte, r rune, _ []byte) []byte { return utf8.AppendRune(to, r) }))
}

// spell returns text that may have escapes, spelled. An escape that needs no spelling is appended by plain, which gets what it
// stands for and how it was sent.
func spell(text []byte, plain func(to []byte, r rune, escape []byte) []byte) []byte {
	spelling := make([]byte, 0, len(text)+16)
	for i := 0; i < len(text); {
		if text[i] != '\\' {
			var size int
			spelling, size = spellRune(spelling, text[i:])
			i += size
			continue
		}
		r, size := unescape(text[i:])
		switch {
		case utf16.IsSurrogate(r):
			spelling = appendHalf(spelling, r)
		case isSpelled(r):
			spelling = appendSpelled(spelling, []byte(string(r))...)
		default:
			spelling = plain(spelling, r, text[i:i+size])
		}
		i += size
	}
	return spelling
}

// unescape returns what a valid escape at the start of text stands for, and its length. Two that are a surrogate pair are one;
// a half without its other is returned as it is.
func unescape(text []byte) (rune, int) {
	switch c := text[1]; c {
	case 'u':
	case 'b':
		return '\b', 2
	case 'f':
		return '\f', 2
	case 'n':
		return '\n', 2
	case 'r':
		return '\r', 2
	case 't':
		return '\t', 2
	default:
		return rune(c), 2
	}
	r := hexRune(text[2:6])
	if utf16.IsSurrogate(r) && len(text) >= 12 && text[6] == '\\' && text[7] == 'u' {
		if pair := utf16.DecodeRune(r, hexRune(text[8:12])); pair != utf8.RuneError {
			return pair, 12
		}
	}
	return r, 6
}

// hexRune returns the number that four digits are.
func hexRune(digits []byte) rune {
	n, _ := strconv.ParseUint(string(digits), 16, 16) // the JSON was checked
	return rune(n)
}
