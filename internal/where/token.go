package where

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// tokenKind is what a token is.
type tokenKind int

const (
	tokenEnd tokenKind = iota
	tokenWord
	tokenNumber
	tokenText
	tokenSymbol
)

// token is a word, a value or a symbol of a condition.
type token struct {
	kind tokenKind
	// text is what it says: that of a text without its quotes, and of a symbol that may be spelt in two ways, one of them.
	text string
	// at and end are where it is, in bytes.
	at, end int
}

// symbols are those that there are, longer ones before what they begin with, and how they are spelt otherwise.
var symbols = []struct{ spelling, text string }{
	{"==", "="}, {"<>", "!="}, {"!=", "!="}, {"<=", "<="}, {">=", ">="}, {"=", "="}, {"<", "<"}, {">", ">"}, {"(", "("}, {")", ")"}, {",", ","},
}

// source is the text of a condition. Its errors say where they are.
type source string

func (s source) errorf(at int, format string, args ...any) error {
	return fmt.Errorf("character %d: %w", utf8.RuneCountInString(string(s[:at]))+1, fmt.Errorf(format, args...))
}

// of returns a token as it was written, or what of it can be shown.
func (s source) of(t token) string {
	const most = 60
	text := string(s[t.at:t.end])
	short := text
	for i := range text {
		if i > most {
			short = text[:i] + "…"
			break
		}
	}
	if strings.ContainsFunc(short, func(r rune) bool { return !strconv.IsPrint(r) }) {
		return strconv.Quote(short)
	}
	return short
}

// tokens returns the tokens, the last of which is a tokenEnd.
func (s source) tokens() (tokens []token, err error) {
	for at := 0; at < len(s); {
		if strings.ContainsRune(" \t\r\n", rune(s[at])) {
			at++
			continue
		}
		t, err := s.token(at)
		if err != nil {
			return nil, err
		}
		tokens = append(tokens, t)
		at = t.end
	}
	return append(tokens, token{at: len(s), end: len(s)}), nil
}

// token returns the token that begins somewhere.
func (s source) token(at int) (token, error) {
	c := s[at]
	switch {
	case c == '\'':
		return s.quoted(at)
	case isLetter(c):
		return s.while(tokenWord, at, at, func(c byte) bool { return isLetter(c) || isDigit(c) }), nil
	case isDigit(c), c == '.', c == '-', c == '+':
		return s.number(at)
	case c == '"', c == '`':
		return token{}, s.errorf(at, "texts are in single quotes, as in category = 'table', and columns in none")
	}
	for _, symbol := range symbols {
		if strings.HasPrefix(string(s[at:]), symbol.spelling) {
			return token{tokenSymbol, symbol.text, at, at + len(symbol.spelling)}, nil
		}
	}
	_, size := utf8.DecodeRuneInString(string(s[at:]))
	return token{}, s.errorf(at, "unexpected %s", s.of(token{at: at, end: at + size}))
}

// while returns a token that has all bytes from at to the first, from some on, of which a function says no.
func (s source) while(kind tokenKind, at, from int, is func(byte) bool) token {
	for from < len(s) && is(s[from]) {
		from++
	}
	return token{kind, string(s[at:from]), at, from}
}

// number returns a number, which may have a sign, a fraction and an exponent.
func (s source) number(at int) (token, error) {
	part := func(c byte) bool { return isDigit(c) || isLetter(c) || c == '.' }
	t := s.while(tokenNumber, at, at+1, part)
	if strings.HasSuffix(strings.ToLower(t.text), "e") && t.end < len(s) && (s[t.end] == '-' || s[t.end] == '+') {
		t = s.while(tokenNumber, at, t.end+1, part)
	}
	if strings.Trim(t.text, "0123456789.eE+-") != "" {
		return token{}, s.errorf(at, "%s is no number", s.of(t))
	}
	if _, err := strconv.ParseFloat(t.text, 64); err != nil {
		return token{}, s.errorf(at, "%s is no number, or too large", s.of(t))
	}
	return t, nil
}

// quoted returns a text.
func (s source) quoted(at int) (token, error) {
	var text strings.Builder
	for rest := at + 1; ; {
		length := strings.IndexByte(string(s[rest:]), '\'')
		if length < 0 {
			return token{}, s.errorf(at, "the text has no second quote (one inside is written twice: 'it''s')")
		}
		text.WriteString(string(s[rest : rest+length]))
		rest += length + 1
		if rest == len(s) || s[rest] != '\'' {
			return token{tokenText, text.String(), at, rest}, nil
		}
		text.WriteByte('\'')
		rest++
	}
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isLetter(c byte) bool { return c == '_' || 'a' <= c|0x20 && c|0x20 <= 'z' }
