package where

import "unicode/utf8"

// likeness is true where a text is like a pattern: '%' stands for any characters, '_' for one, all else for itself.
type likeness struct {
	column  *column
	pattern string
}

func (l likeness) of(r Row) truth {
	v := l.column.of(r)
	if !v.Valid {
		return isUnknown
	}
	return truthOf(isLike(v.Text, l.pattern))
}

func (l likeness) appendText(b []byte) []byte { return l.appendWith(b, " like ") }

func (l likeness) appendWith(b []byte, word string) []byte {
	return appendQuoted(append(append(b, l.column.Name...), word...), l.pattern)
}

func (l likeness) eachColumn(f func(*column)) { f(l.column) }

// isLike matches greedily: where the rest does not fit, the last '%' takes one character more. Those before it need not be tried again.
func isLike(text, pattern string) bool {
	// retryText and retryPattern are where to go on then.
	retryText, retryPattern := "", ""
	canRetry := false
	for len(text) > 0 {
		if len(pattern) > 0 && pattern[0] == '%' {
			pattern = pattern[1:]
			retryText, retryPattern, canRetry = text, pattern, true
			continue
		}
		if restText, restPattern, ok := matchOne(text, pattern); ok {
			text, pattern = restText, restPattern
			continue
		}
		if !canRetry {
			return false
		}
		_, size := utf8.DecodeRuneInString(retryText)
		retryText = retryText[size:]
		text, pattern = retryText, retryPattern
	}
	for len(pattern) > 0 && pattern[0] == '%' {
		pattern = pattern[1:]
	}
	return pattern == ""
}

// matchOne takes a character off a text that is not empty, and what stands for it off the pattern.
func matchOne(text, pattern string) (restText, restPattern string, ok bool) {
	if pattern == "" {
		return "", "", false
	}
	t, textSize := utf8.DecodeRuneInString(text)
	p, patternSize := utf8.DecodeRuneInString(pattern)
	return text[textSize:], pattern[patternSize:], p == '_' || p == t
}
