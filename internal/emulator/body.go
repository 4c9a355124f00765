package emulator

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
)

// maxBody bounds the JSON bodies, and the small fields of multipart bodies, that are read, in bytes.
const maxBody = 1 << 20

// fields reads the members of a JSON body, or the fields of a form, and collects what is wrong with them.
type fields struct {
	values object
	errs   []fieldError
}

func (f *fields) fail(name, message, kind string) {
	f.errs = append(f.errs, fieldError{[]string{"body", name}, message, kind})
}

// readBody parses a JSON body, which has to be an object.
func readBody(x *exchange) (*fields, *reply) {
	fail := func(message, kind string) (*fields, *reply) {
		r := unprocessable([]fieldError{{[]string{"body"}, message, kind}})
		return nil, &r
	}
	raw, err := io.ReadAll(http.MaxBytesReader(x.w, x.r.Body, maxBody))
	var tooLong *http.MaxBytesError
	switch {
	case errors.As(err, &tooLong):
		r := detail(http.StatusRequestEntityTooLarge, "Request body is too large")
		return nil, &r
	case err != nil:
		return fail("The body could not be read", "json_invalid")
	case len(raw) == 0:
		return fail("Field required", "missing")
	case !json.Valid(raw):
		return fail("JSON decode error", "json_invalid")
	}
	o, err := parseObject(raw)
	if err != nil {
		return fail("Input should be a valid dictionary or object to extract fields from", "model_attributes_type")
	}
	return &fields{values: o}, nil
}

// text returns nil when the field is absent or null, and fails for what is no string or empty.
func (f *fields) text(name string) *string {
	raw := f.values.get(name)
	if raw == nil || string(raw) == "null" {
		return nil
	}
	var s string
	if json.Unmarshal(raw, &s) != nil {
		f.fail(name, "Input should be a valid string", "string_type")
		return nil
	}
	if s == "" {
		f.fail(name, "String should have at least 1 character", "string_too_short")
		return nil
	}
	return &s
}

// required is text for a field that must be there.
func (f *fields) required(name string) string {
	if f.values.get(name) == nil {
		f.fail(name, "Field required", "missing")
		return ""
	}
	s := f.text(name)
	if s == nil {
		if string(f.values.get(name)) == "null" {
			f.fail(name, "Input should be a valid string", "string_type")
		}
		return ""
	}
	return *s
}

// metadata returns nil when the field is absent or null. Values are strings, numbers, booleans, nulls and lists of
// strings; what they are spelled like is kept.
func (f *fields) metadata() json.RawMessage {
	raw := f.values.get("metadata")
	if raw == nil || string(raw) == "null" {
		return nil
	}
	o, err := parseObject(raw)
	if err != nil {
		f.fail("metadata", "Input should be a valid dictionary", "dict_type")
		return nil
	}
	for _, m := range o {
		var list []string
		switch m.value[0] {
		case '{':
			err = errNotObject
		case '[':
			err = json.Unmarshal(m.value, &list)
		}
		if err != nil {
			f.errs = append(f.errs, fieldError{
				[]string{"body", "metadata", m.name}, "Input should be a valid metadata value", "value_error",
			})
			return nil
		}
	}
	return compact(raw)
}
