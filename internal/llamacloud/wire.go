package llamacloud

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
)

const (
	// maxJSONBody bounds in bytes a JSON answer of which all is in memory, and a single item of any.
	maxJSONBody = 64 << 20
	// maxJSONDepth bounds the nesting of a JSON answer.
	maxJSONDepth = 64
)

// errTooLarge says that a JSON answer is larger than its bound.
var errTooLarge = errors.New("answer is larger")

// errTooDeep says that JSON is nested more deeply than any that is known.
var errTooDeep = fmt.Errorf("nested more than %d deep", maxJSONDepth)

// stream does the call, and has the body of its answer, which is JSON and has so many bytes at most, taken apart while it comes. An
// attempt that fails may be followed by another one.
func (k *call) stream(ctx context.Context, most int64, take func(*stream) error) error {
	return k.do(ctx, func(a *answer) error {
		defer a.body.Close()
		s := newStream(a.body, a.length, most)
		err := take(s)
		if err == nil {
			err = s.end()
		}
		switch {
		case err == nil:
			return nil
		case s.failed != nil:
			return s.failed
		}
		return a.fail(ClassMalformed, fmt.Errorf("decode answer: %w", err))
	})
}

// compactJSON appends JSON without its white space.
func compactJSON(to *bytes.Buffer, raw []byte) error {
	to.Grow(len(raw))
	err := json.Compact(to, raw)
	if err != nil {
		// Some servers write numbers that JSON does not have.
		if finite := withoutInfinities(raw); finite != nil {
			to.Reset()
			err = json.Compact(to, finite)
		}
	}
	return err
}

// withoutInfinities returns the text with null in place of NaN and of the infinities, or nil where it has none.
func withoutInfinities(raw []byte) []byte {
	var text []byte
	kept := 0
	for i := 0; i < len(raw); i++ {
		switch raw[i] {
		case '"':
			for i++; i < len(raw) && raw[i] != '"'; i++ {
				if raw[i] == '\\' {
					i++
				}
			}
		case 'N', 'I', '-':
			for _, number := range [...]string{"NaN", "Infinity", "-Infinity"} {
				if bytes.HasPrefix(raw[i:], []byte(number)) {
					text = append(append(text, raw[kept:i]...), "null"...)
					i += len(number) - 1
					kept = i + 1
					break
				}
			}
		}
	}
	if text == nil {
		return nil
	}
	return append(text, raw[kept:]...)
}

// checkJSON refuses text that is nested too deeply; whether it is JSON remains to be seen.
func checkJSON(text []byte) error {
	depth, inString := 0, false
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case inString && c == '\\':
			i++
		case c == '"':
			inString = !inString
		case inString:
		case c == '{' || c == '[':
			if depth++; depth > maxJSONDepth {
				return errTooDeep
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return nil
}

// decodeList decodes an array of items. The API's word for none may be null, for which it returns nil.
func decodeList[T any](s *stream, decode func(*object, value) T) (list []T, err error) {
	err = s.items(func(o *object, v value) error {
		list = append(list, decode(o, v))
		return nil
	}, func() { list = []T{} })
	return list, err
}

// items takes an array of items, unless null stands in its place: then begin is not called.
func (s *stream) items(each func(*object, value) error, begin func()) error {
	if c, err := s.need(); err != nil || c == 'n' {
		v, err := s.value()
		if err == nil && !v.isNull() {
			err = v.isNot("an array")
		}
		return err
	}
	begin()
	var o object
	return s.elements(func(v value) error { return each(&o, v) })
}
