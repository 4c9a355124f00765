package llamacloud

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
)

const (
	// minStreamBuffer is the least buffer of a stream, and streamBuffer that of an answer of which nothing else is known, in bytes.
	minStreamBuffer = 4 << 10
	streamBuffer    = 64 << 10
)

// errMoreFollows says that an answer does not end where its JSON does.
var errMoreFollows = errors.New("something follows the end of the JSON")

// stream takes a JSON answer apart while it comes: of what it has no more is in memory than one value, and what whoever takes the
// values keeps of them.
type stream struct {
	from io.Reader
	// length is that of the answer in bytes; negative where it is not known.
	length int64
	// text[at:] has been read, and not been taken.
	text []byte
	at   int
	// most bounds the answer in bytes, but for what others account for; counted is how much has been read of it.
	most, counted int64
	// sent is how many bytes the value had as it was sent that was taken last.
	sent int
	// depth is how many arrays and objects have been entered.
	depth   int
	compact bytes.Buffer
	// failed is why the answer could not be read, or is not wanted any more, whatever its JSON is.
	failed error
}

// newStream returns a stream of an answer of so many bytes; negative where that is not known.
func newStream(from io.Reader, length, most int64) *stream {
	s := &stream{from: from, length: length, most: most}
	s.text = make([]byte, 0, s.room(streamBuffer))
	return s
}

// room returns how large a buffer becomes that is to have so many bytes: room for all, where that is not much more. With one byte more
// than there are the end shows without growing.
func (s *stream) room(bytes int) int {
	if s.length < 0 || s.length > 4*int64(bytes) {
		return bytes
	}
	return max(minStreamBuffer, int(s.length)+1)
}

// fill reads on. At the end of the answer it returns io.EOF.
func (s *stream) fill() error {
	s.text = s.text[:copy(s.text, s.text[s.at:])]
	s.at = 0
	if len(s.text) == cap(s.text) {
		s.text = append(make([]byte, 0, max(cap(s.text)+1, s.room(2*cap(s.text)))), s.text...)
	}
	for {
		n, err := s.from.Read(s.text[len(s.text):cap(s.text)])
		s.text = s.text[:len(s.text)+n]
		if s.counted += int64(n); s.counted > s.most {
			return fmt.Errorf("%w than %d bytes", errTooLarge, s.most)
		}
		if n > 0 {
			return nil
		}
		if err != nil && err != io.EOF {
			s.failed = err
		}
		if err != nil {
			return err
		}
	}
}

// peek returns the next byte that is no white space, and leaves it there. At the end of the answer it returns io.EOF.
func (s *stream) peek() (byte, error) {
	for {
		for s.at < len(s.text) && isSpace(s.text[s.at]) {
			s.at++
		}
		if s.at < len(s.text) {
			return s.text[s.at], nil
		}
		if err := s.fill(); err != nil {
			return 0, err
		}
	}
}

func isSpace(c byte) bool { return c == ' ' || c == '\n' || c == '\t' || c == '\r' }

// need is peek where something has to come.
func (s *stream) need() (byte, error) {
	c, err := s.peek()
	return c, notYet(err)
}

// notYet returns the error for an answer that ends where it should go on.
func notYet(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// raw takes the next value as it was sent, or what stands in its place. It is valid until something else is taken.
func (s *stream) raw() ([]byte, error) {
	if _, err := s.need(); err != nil {
		return nil, err
	}
	text, depth, inText := s.text[s.at:], s.depth, false
	for i := 0; ; i++ {
		for i >= len(text) {
			err := s.fill()
			if err == io.EOF && depth == s.depth && !inText {
				return s.take(len(text)), nil
			}
			if err != nil {
				return nil, notYet(err)
			}
			text = s.text
		}
		c := text[i]
		switch {
		case inText && c == '\\':
			i++
		case inText:
			if inText = c != '"'; !inText && depth == s.depth {
				return s.take(i + 1), nil
			}
		case c == '{' || c == '[':
			if depth++; depth > maxJSONDepth {
				return nil, errTooDeep
			}
		case (c == '}' || c == ']') && depth > s.depth:
			if depth--; depth == s.depth {
				return s.take(i + 1), nil
			}
		case depth > s.depth:
			inText = c == '"'
		case c == '"' && i == 0:
			inText = true
		case c == '"' || c == '}' || c == ']' || c == ',' || c == ':' || isSpace(c):
			return s.take(i), nil
		}
	}
}

func (s *stream) take(length int) []byte {
	taken := s.text[s.at:][:length]
	s.at += length
	s.sent = length
	return taken
}

// value takes the next value. It is valid until the next one is taken.
func (s *stream) value() (value, error) {
	raw, err := s.raw()
	if err != nil {
		return nil, err
	}
	s.compact.Reset()
	err = compactJSON(&s.compact, raw)
	return s.compact.Bytes(), err
}

// keep returns the value that was taken last, valid for ever.
func (s *stream) keep(v value) value {
	s.compact = bytes.Buffer{}
	return v
}

// sequence takes what is between two brackets and separated by commas, each by a call of part.
func (s *stream) sequence(first, last byte, what string, part func() error) error {
	c, err := s.need()
	if err != nil {
		return err
	}
	if c != first {
		v, err := s.value()
		return cmp.Or(err, v.isNot(what))
	}
	s.at++
	if s.depth++; s.depth > maxJSONDepth {
		return errTooDeep
	}
	defer func() { s.depth-- }()
	if c, err = s.need(); err != nil || c == last {
		s.at++
		return err
	}
	for {
		if err = part(); err != nil {
			return err
		}
		if c, err = s.need(); err != nil {
			return err
		}
		s.at++
		switch c {
		case last:
			return nil
		case ',':
		default:
			return fmt.Errorf("want a comma or %q, not %q", last, c)
		}
	}
}

// elements takes an array, and calls each with its elements, which are valid until it returns.
func (s *stream) elements(each func(value) error) error {
	return s.sequence('[', ']', "an array", func() error {
		v, err := s.value()
		if err != nil {
			return err
		}
		return each(v)
	})
}

// members takes an object, and calls each with the names of its members as JSON has them, to take their values.
func (s *stream) members(each func(name value) error) error {
	return s.sequence('{', '}', "an object", func() error {
		v, err := s.value()
		if err != nil {
			return err
		}
		if !v.is('"') {
			return v.isNot("a name")
		}
		name := s.keep(v)
		c, err := s.need()
		if err == nil && c != ':' {
			err = fmt.Errorf("want a colon, not %q", c)
		}
		if err != nil {
			return err
		}
		s.at++
		return each(name)
	})
}

// end says what is wrong where something follows.
func (s *stream) end() error {
	switch _, err := s.peek(); err {
	case io.EOF:
		return nil
	case nil:
		return errMoreFollows
	default:
		return err
	}
}
