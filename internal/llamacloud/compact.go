package llamacloud

// compacting goes over JSON once, and takes it over without its white space: most of what a run without anything new computes is this, for which
// encoding/json takes several times as long.
type compacting struct {
	text []byte
	at   int
	// to has what was taken over; text[from:at] is still to be.
	to   []byte
	from int
}

// appendCompact appends one JSON value without its white space, and says true. It says false, and nothing more, of what is no JSON, and of what
// encoding/json may know better.
func appendCompact(to, text []byte) ([]byte, bool) {
	c := compacting{text: text, to: to}
	c.skipSpace()
	if !c.value(0) {
		return to, false
	}
	c.skipSpace()
	if c.at < len(text) {
		return to, false
	}
	return append(c.to, text[c.from:]...), true
}

// next returns the next byte; 0, which no JSON has outside of a string, at the end.
func (c *compacting) next() byte {
	if c.at < len(c.text) {
		return c.text[c.at]
	}
	return 0
}

func (c *compacting) skipSpace() {
	if !isSpace(c.next()) {
		return
	}
	c.to = append(c.to, c.text[c.from:c.at]...)
	for isSpace(c.next()) {
		c.at++
	}
	c.from = c.at
}

// value goes over a value, and over white space in it alone.
func (c *compacting) value(depth int) bool {
	switch b := c.next(); {
	case b == '"':
		return c.string()
	case (b == '{' || b == '[') && depth < maxJSONDepth:
		return c.sequence(b, depth+1)
	case b == '-' || isDigit(b):
		return c.number()
	}
	return c.word("null") || c.word("true") || c.word("false")
}

func (c *compacting) word(word string) bool {
	if len(c.text)-c.at < len(word) || string(c.text[c.at:c.at+len(word)]) != word {
		return false
	}
	c.at += len(word)
	return true
}

// sequence goes over an array or an object.
func (c *compacting) sequence(first byte, depth int) bool {
	last := first + 2 // As ASCII has them.
	c.at++
	c.skipSpace()
	if c.next() == last {
		c.at++
		return true
	}
	for {
		if first == '{' && !c.name() {
			return false
		}
		if !c.value(depth) {
			return false
		}
		c.skipSpace()
		b := c.next()
		c.at++
		switch b {
		case last:
			return true
		case ',':
			c.skipSpace()
		default:
			return false
		}
	}
}

// name goes over the name of a member, and to its value.
func (c *compacting) name() bool {
	if c.next() != '"' || !c.string() {
		return false
	}
	c.skipSpace()
	if c.next() != ':' {
		return false
	}
	c.at++
	c.skipSpace()
	return true
}

func (c *compacting) string() bool {
	for i := c.at + 1; i < len(c.text); i++ {
		switch b := c.text[i]; {
		case b == '"':
			c.at = i + 1
			return true
		case b < ' ':
			return false
		case b == '\\':
			i++
			if i == len(c.text) || !isEscape(c.text[i:]) {
				return false
			}
		}
	}
	return false
}

// isEscape tells whether a text begins with what may stand behind a backslash.
func isEscape(text []byte) bool {
	switch text[0] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return true
	case 'u':
	default:
		return false
	}
	if len(text) < 5 {
		return false
	}
	for _, b := range text[1:5] {
		if !isDigit(b) && (b|0x20 < 'a' || b|0x20 > 'f') {
			return false
		}
	}
	return true
}

func (c *compacting) number() bool {
	if c.next() == '-' {
		c.at++
	}
	if c.next() == '0' {
		c.at++
	} else if !c.digits() {
		return false
	}
	if c.next() == '.' {
		c.at++
		if !c.digits() {
			return false
		}
	}
	if c.next()|0x20 != 'e' {
		return true
	}
	c.at++
	if b := c.next(); b == '+' || b == '-' {
		c.at++
	}
	return c.digits()
}

// digits goes over digits, of which there has to be one.
func (c *compacting) digits() bool {
	first := c.at
	for isDigit(c.next()) {
		c.at++
	}
	return c.at > first
}

func isDigit(b byte) bool { return '0' <= b && b <= '9' }
