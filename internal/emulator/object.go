package emulator

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
)

// object is a JSON object that keeps the order of its members and the spelling of their values.
type object []member

type member struct {
	name  string
	value json.RawMessage
}

var errNotObject = errors.New("not a JSON object")

func parseObject(raw []byte) (object, error) {
	dec := json.NewDecoder(bytes.NewReader(raw))
	if t, err := dec.Token(); err != nil {
		return nil, fmt.Errorf("parse object: %w", err)
	} else if t != json.Delim('{') {
		return nil, errNotObject
	}
	var o object
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return nil, fmt.Errorf("parse object: %w", err)
		}
		m := member{name: name.(string)}
		if err := dec.Decode(&m.value); err != nil {
			return nil, fmt.Errorf("parse member %q: %w", m.name, err)
		}
		o = append(o, m)
	}
	if _, err := dec.Token(); err != nil {
		return nil, fmt.Errorf("parse object: %w", err)
	}
	if dec.More() {
		return nil, errors.New("parse object: more JSON follows it")
	}
	return o, nil
}

// get returns a member's value, or nil when there is none.
func (o object) get(name string) json.RawMessage {
	for _, m := range o {
		if m.name == name {
			return m.value
		}
	}
	return nil
}

// orNull is get with JSON's null for a missing member.
func (o object) orNull(name string) json.RawMessage {
	if v := o.get(name); v != nil {
		return v
	}
	return json.RawMessage("null")
}

// set replaces a member in its place, or appends it.
func (o object) set(name string, value json.RawMessage) object {
	for i := range o {
		if o[i].name == name {
			o[i].value = value
			return o
		}
	}
	return append(o, member{name, value})
}

// appendTo appends the object's compact text. Values are copied as they are.
func (o object) appendTo(b []byte) []byte {
	b = append(b, '{')
	for i, m := range o {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, quote(m.name)...)
		b = append(b, ':')
		b = append(b, m.value...)
	}
	return append(b, '}')
}

func (o object) bytes() json.RawMessage { return o.appendTo(nil) }

// quote returns s as a JSON string, '<', '>' and '&' as they are. Invalid UTF-8 becomes U+FFFD.
func quote(s string) json.RawMessage {
	if isPlain(s) {
		return append(append(append(make([]byte, 0, len(s)+2), '"'), s...), '"')
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // a string can always be encoded
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// isPlain tells whether a string is ASCII that JSON has no escapes for.
func isPlain(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}

// quoteOrNull is quote with null for the empty string.
func quoteOrNull(s string) json.RawMessage {
	if s == "" {
		return json.RawMessage("null")
	}
	return quote(s)
}

// marshal returns the JSON of a value that can always be encoded.
func marshal(v any) json.RawMessage {
	b, err := json.Marshal(v)
	if err != nil {
		panic("emulator: " + err.Error())
	}
	return b
}

// rawOrNull returns raw, or null where there is none.
func rawOrNull(raw json.RawMessage) json.RawMessage {
	if raw == nil {
		return json.RawMessage("null")
	}
	return raw
}

// compact returns raw without insignificant white space, or as it is when it is not JSON.
func compact(raw []byte) json.RawMessage {
	var b bytes.Buffer
	if json.Compact(&b, raw) != nil {
		return raw
	}
	return b.Bytes()
}

// appendArray appends a JSON array of the given values, which are copied as they are.
func appendArray(b []byte, values []json.RawMessage) []byte {
	b = append(b, '[')
	for i, v := range values {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, v...)
	}
	return append(b, ']')
}
