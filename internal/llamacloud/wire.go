package llamacloud

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

const (
	// maxJSONBody bounds a JSON answer, in bytes: a listing is held in memory.
	maxJSONBody = 64 << 20
	// maxJSONDepth bounds the nesting of a JSON answer.
	maxJSONDepth = 64
)

// errTooLarge says that a JSON answer is larger than its bound.
var errTooLarge = errors.New("answer is larger")

// fetch does the call and decodes the body of its answer, which is JSON.
func fetch[T any](ctx context.Context, k *call, decode func([]byte) (T, error)) (T, error) {
	var result T
	err := k.do(ctx, func(a *answer) error {
		defer a.body.Close()
		most := k.client.maxJSON
		raw, err := io.ReadAll(io.LimitReader(a.body, most+1))
		if err != nil {
			return err
		}
		if int64(len(raw)) > most {
			return a.fail(ClassMalformed, fmt.Errorf("%w than %d bytes", errTooLarge, most))
		}
		if result, err = decode(raw); err != nil {
			return a.fail(ClassMalformed, fmt.Errorf("decode answer: %w", err))
		}
		return nil
	})
	return result, err
}

// parseJSON checks an answer, and removes its white space.
func parseJSON(raw []byte) (value, error) {
	if err := checkJSON(raw); err != nil {
		return nil, err
	}
	var compact bytes.Buffer
	compact.Grow(len(raw))
	err := json.Compact(&compact, raw)
	if err != nil {
		// Some servers write numbers that JSON does not have.
		if finite := withoutInfinities(raw); finite != nil {
			compact.Reset()
			err = json.Compact(&compact, finite)
		}
	}
	return compact.Bytes(), err
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
				return fmt.Errorf("nested more than %d deep", maxJSONDepth)
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return nil
}

// decodeList decodes an array of items. The API's word for none may be null, for which it returns nil.
func decodeList[T any](raw []byte, decode func(*object, value) T) ([]T, error) {
	v, err := parseJSON(raw)
	if err != nil {
		return nil, err
	}
	if v.isNull() {
		return nil, nil
	}
	return decodeItems(v, decode)
}

// decodeItems decodes the items of an array.
func decodeItems[T any](v value, decode func(*object, value) T) ([]T, error) {
	if !v.is('[') {
		return nil, v.isNot("an array")
	}
	list := []T{}
	var o object
	for item := range v.elements() {
		list = append(list, decode(&o, item))
	}
	return list, nil
}
