package llamacloud

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"time"
	"unicode/utf8"
)

const (
	// maxJSONBody bounds a JSON answer, in bytes: a listing is held in memory.
	maxJSONBody = 64 << 20
	// maxJSONDepth bounds the nesting of a JSON answer.
	maxJSONDepth = 64
)

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
			return a.fail(ClassMalformed, fmt.Errorf("answer is larger than %d bytes", most))
		}
		if result, err = decode(raw); err != nil {
			return a.fail(ClassMalformed, fmt.Errorf("decode answer: %w", err))
		}
		return nil
	})
	return result, err
}

// decodeJSON decodes an answer. Raw values in it come out compacted and as valid UTF-8.
func decodeJSON(raw []byte, into any) error {
	if err := checkJSON(raw); err != nil {
		return err
	}
	var compact bytes.Buffer
	compact.Grow(len(raw))
	if err := json.Compact(&compact, raw); err != nil {
		return err
	}
	text := compact.Bytes()
	if !utf8.Valid(text) {
		text = bytes.ToValidUTF8(text, []byte("\ufffd"))
	}
	return json.Unmarshal(text, into)
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

// decodeList decodes an array; null is none.
func decodeList[T any](raw []byte) ([]T, error) {
	var list []T
	if err := decodeJSON(raw, &list); err != nil {
		return nil, err
	}
	if list == nil {
		return nil, errors.New("want an array, not null")
	}
	return list, nil
}

// integer is a JSON number without a fraction; it may be written with one, as in 1.0.
type integer int64

func (n *integer) UnmarshalJSON(data []byte) error {
	if i, err := strconv.ParseInt(string(data), 10, 64); err == nil {
		*n = integer(i)
		return nil
	}
	// Up to 2^53 every integer is a float64.
	const most = 1 << 53
	f, err := strconv.ParseFloat(string(data), 64)
	if err != nil || f != math.Trunc(f) || math.Abs(f) > most {
		return fmt.Errorf("want an integer, not %.40q", data)
	}
	*n = integer(f)
	return nil
}

// pageIndex is an integer that fits int32.
type pageIndex int32

func (p *pageIndex) UnmarshalJSON(data []byte) error {
	var n integer
	if err := n.UnmarshalJSON(data); err != nil {
		return fmt.Errorf("page_index: %w", err)
	}
	if n < math.MinInt32 || n > math.MaxInt32 {
		return fmt.Errorf("page_index: %d does not fit 32 bits", n)
	}
	*p = pageIndex(n)
	return nil
}

// Timestamp is a point in time as the API writes it, in UTC.
type Timestamp struct{ time.Time }

// UnmarshalJSON reads RFC 3339 with or without fractions of a second. A time without a zone is taken for UTC.
func (t *Timestamp) UnmarshalJSON(data []byte) error {
	var text string
	if err := json.Unmarshal(data, &text); err != nil {
		return err
	}
	for _, layout := range [...]string{time.RFC3339, "2006-01-02T15:04:05"} {
		parsed, err := time.Parse(layout, text)
		// A zone may shift a time out of the years that can be written.
		if parsed = parsed.UTC(); err == nil && parsed.Year() >= 1 && parsed.Year() <= 9999 {
			t.Time = parsed
			return nil
		}
	}
	return fmt.Errorf("%.40q is not a time of RFC 3339", text)
}
