package llamacloud

import (
	"bytes"
	"encoding/json"
)

// Optional is a JSON value that may be absent, null or there; the zero Optional is absent. In a struct it needs the tag
// option omitzero, so that what is absent stays absent.
type Optional[T any] struct {
	value T
	state optionalState
}

type optionalState uint8

const (
	absent optionalState = iota
	null
	present
)

// Value returns an Optional that is there.
func Value[T any](v T) Optional[T] { return Optional[T]{value: v, state: present} }

// Null returns an Optional that is null.
func Null[T any]() Optional[T] { return Optional[T]{state: null} }

// Get returns the value; ok is false where it is absent or null.
func (o Optional[T]) Get() (value T, ok bool) { return o.value, o.state == present }

// Ptr returns the value, or nil where it is absent or null.
func (o Optional[T]) Ptr() *T {
	if o.state != present {
		return nil
	}
	// A copy of its own takes no more than the value.
	value := o.value
	return &value
}

// Or returns the value, or other where it is absent or null.
func (o Optional[T]) Or(other T) T {
	if o.state != present {
		return other
	}
	return o.value
}

// IsNull tells whether it is null, which is not absent.
func (o Optional[T]) IsNull() bool { return o.state == null }

// IsZero tells whether it is absent; omitzero asks for it.
func (o Optional[T]) IsZero() bool { return o.state == absent }

// MarshalJSON writes the value, or null.
func (o Optional[T]) MarshalJSON() ([]byte, error) {
	if o.state != present {
		return []byte("null"), nil
	}
	return json.Marshal(o.value)
}

// UnmarshalJSON is not called for what is absent.
func (o *Optional[T]) UnmarshalJSON(data []byte) error {
	if bytes.Equal(data, []byte("null")) {
		*o = Null[T]()
		return nil
	}
	// A key that comes twice counts as the last one.
	*o = Optional[T]{}
	if err := decodeValue(data, &o.value); err != nil {
		*o = Optional[T]{}
		return err
	}
	o.state = present
	return nil
}

// decodeValue decodes one value of JSON that is known to be valid, which json.Unmarshal would check once more.
func decodeValue(data []byte, into any) error {
	if u, ok := into.(json.Unmarshaler); ok {
		return u.UnmarshalJSON(data)
	}
	return json.Unmarshal(data, into)
}
