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
	}, func() error {
		list = []T{}
		return nil
	})
	return list, err
}

// items takes an array of items, unless null stands in its place: then begin is not called.
func (s *stream) items(each func(*object, value) error, begin func() error) error {
	if c, err := s.need(); err != nil || c == 'n' {
		return s.null("an array", err)
	}
	if err := begin(); err != nil {
		return err
	}
	var o object
	return s.elements(func(v value) error { return each(&o, v) })
}

// listIn takes an object apart: of the array that one of its members is, each of the elements, and the other members. Where the
// object or the array is null, or the object has no such member, there are none. A member may come twice: each time begin is called
// before its elements, with isList false, and once more where it is an array.
func (s *stream) listIn(of string, each func(*object, value) error, begin func(isList bool) error) (others object, err error) {
	if c, err := s.need(); err != nil || c == 'n' {
		return others, s.null("an object", err)
	}
	err = s.members(func(name value) error {
		if spellString(name) == of {
			if err := begin(false); err != nil {
				return err
			}
			return s.items(each, func() error { return begin(true) })
		}
		v, err := s.value()
		if err != nil {
			return err
		}
		others.members = append(others.members, member{name, s.keep(v)})
		return nil
	})
	return others, err
}

// null takes null, and says otherwise that it is not what was wanted. The error is why there is no next byte.
func (s *stream) null(what string, err error) error {
	if err != nil {
		return err
	}
	v, err := s.value()
	if err == nil && !v.isNull() {
		err = v.isNot(what)
	}
	return err
}

// one does the call, whose answer is one item, and returns it. One that is malformed is an error.
func one[T any, P listItem[T]](ctx context.Context, k *call, decode func(*object, value) T) (t T, err error) {
	err = k.stream(ctx, k.client.maxJSON, func(s *stream) error {
		v, err := s.value()
		if err != nil {
			return err
		}
		var o object
		t = decode(&o, v)
		return P(&t).item().Malformed
	})
	k.client.cleanItem(P(&t).item())
	return t, err
}
