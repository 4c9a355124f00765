package llamacloud

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"

	"exporter/pipeline"
)

// Item is what every item of a listing has: what could not be read of it.
type Item struct {
	// Odd are the optional fields whose values are none that the reference knows; they count as null.
	Odd []pipeline.Oddity `json:"-"`
	// Malformed says what is missing or cannot be read of an item that cannot be told from others without it; nil where
	// nothing is.
	Malformed error `json:"-"`
	// identity stands for the item among those of its listing.
	identity string
}

func (i *Item) item() *Item { return i }

// value is JSON that is known to be valid and has no white space.
type value []byte

// end returns the end of the value that begins at i.
func (v value) end(i int) int {
	depth := 0
	for ; i < len(v); i++ {
		switch v[i] {
		case '"':
			if i = v.endOfText(i) - 1; depth == 0 {
				return i + 1
			}
		case '[', '{':
			depth++
		case ']', '}':
			if depth--; depth == 0 {
				return i + 1
			} else if depth < 0 {
				return i
			}
		case ',':
			if depth == 0 {
				return i
			}
		}
	}
	return i
}

// endOfText returns the end of the string that begins at i.
func (v value) endOfText(i int) int {
	for i++; v[i] != '"'; i++ {
		if v[i] == '\\' {
			i++
		}
	}
	return i + 1
}

func (v value) is(first byte) bool { return len(v) > 0 && v[0] == first }
func (v value) isNull() bool       { return string(v) == "null" }

// integer returns a number without a fraction; it may be written with one, as in 1.0.
func (v value) integer() (int64, error) {
	if i, err := strconv.ParseInt(string(v), 10, 64); err == nil {
		return i, nil
	}
	// Up to 2^53 every integer is a float64.
	const most = 1 << 53
	f, err := strconv.ParseFloat(string(v), 64)
	if err != nil || f != math.Trunc(f) || math.Abs(f) > most {
		return 0, v.isNot("an integer")
	}
	return int64(f), nil
}

// number returns one that a float64 can hold. JSON has neither infinities nor hexadecimal numbers.
func (v value) number() (float64, error) {
	f, err := strconv.ParseFloat(string(v), 64)
	if err != nil {
		return 0, v.isNot("a number")
	}
	return f, nil
}

func (v value) boolean() (bool, error) {
	if s := string(v); s == "true" || s == "false" {
		return s == "true", nil
	}
	return false, v.isNot("true or false")
}

func (v value) text() (string, error) {
	if !v.is('"') {
		return "", v.isNot("a string")
	}
	return spellString(v), nil
}

func (v value) timestamp() (Timestamp, error) {
	text, err := v.text()
	if err != nil {
		return Timestamp{}, err
	}
	return parseTimestamp(text)
}

func (v value) document() (json.RawMessage, error) { return spellDocument(v), nil }

func (v value) isNot(what string) error { return fmt.Errorf("want %s, not %s", what, v.start()) }

// start returns the beginning of the value for a message.
func (v value) start() string {
	const most = 40
	if len(v) > most {
		return printable(string(v[:most])) + "…"
	}
	return printable(string(v))
}

// object is a JSON object whose fields are read one by one: what is not asked for is not decoded. Of a key that comes twice the
// last value counts, and keys are compared as they are, in upper and lower case.
type object struct {
	members []member
	odd     []pipeline.Oddity
}

type member struct{ name, value value }

// parse takes the object apart. The error says that it is none.
func (o *object) parse(v value) error {
	o.members, o.odd = o.members[:0], nil
	if !v.is('{') {
		return v.isNot("an object")
	}
	for i := 1; i < len(v)-1; i++ {
		name := v.endOfText(i)
		end := v.end(name + 1)
		o.members = append(o.members, member{v[i:name:name], v[name+1 : end : end]})
		i = end
	}
	return nil
}

// get returns a member's value; nil where it is absent.
func (o *object) get(name string) value {
	for i := len(o.members) - 1; i >= 0; i-- {
		m := &o.members[i]
		plain := m.name[1 : len(m.name)-1]
		if string(plain) == name || bytes.IndexByte(plain, '\\') >= 0 && spellString(m.name) == name {
			return m.value
		}
	}
	return nil
}

// read returns a field's value. What cannot be read is an oddity, and null.
func read[T any](o *object, name string, as func(value) (T, error)) Optional[T] {
	v := o.get(name)
	switch {
	case v == nil:
		return Optional[T]{}
	case v.isNull():
		return Null[T]()
	}
	t, err := as(v)
	if err != nil {
		o.odd = append(o.odd, pipeline.Oddity{Field: name, Value: v.start()})
		return Null[T]()
	}
	return Value(t)
}

func (o *object) text(name string) Optional[string]    { return read(o, name, value.text) }
func (o *object) boolean(name string) Optional[bool]   { return read(o, name, value.boolean) }
func (o *object) number(name string) Optional[float64] { return read(o, name, value.number) }
func (o *object) integer(name string) Optional[int64]  { return read(o, name, value.integer) }
func (o *object) document(name string) Optional[json.RawMessage] {
	return read(o, name, value.document)
}

// timestamp takes an empty text for an absent time.
func (o *object) timestamp(name string) Optional[Timestamp] {
	if string(o.get(name)) == `""` {
		return Null[Timestamp]()
	}
	return read(o, name, value.timestamp)
}

// errAbsent says that a field is not there, or null.
var errAbsent = errors.New("it is missing")

// need returns a field's value, or an error that names it.
func need[T any](o *object, name string, as func(value) (T, error)) (T, error) {
	v := o.get(name)
	err := errAbsent
	if v != nil && !v.isNull() {
		var t T
		if t, err = as(v); err == nil {
			return t, nil
		}
	}
	var none T
	return none, fmt.Errorf("%s: %w", name, err)
}

// id returns the id that an object has to have.
func (o *object) id() (string, error) {
	id, err := need(o, "id", value.text)
	if id == "" && err == nil {
		err = errors.New("id is empty")
	}
	return id, err
}

// pageIndex returns an integer that fits int32.
func (v value) pageIndex() (int32, error) {
	n, err := v.integer()
	if err == nil && (n < math.MinInt32 || n > math.MaxInt32) {
		err = fmt.Errorf("%d does not fit 32 bits", n)
	}
	return int32(n), err
}

// finish completes what an item says of itself.
func (i *Item) finish(o *object, v value) {
	i.Odd = o.odd
	if i.Malformed != nil {
		i.Malformed = fmt.Errorf("%w in %s", i.Malformed, v.start())
	}
}

// cleanItem makes what an item repeats of the server's words fit for errors and logs.
func (c *Client) cleanItem(i *Item) {
	if i.Malformed != nil {
		i.Malformed = errors.New(c.clean(i.Malformed.Error()))
	}
	for n := range i.Odd {
		i.Odd[n].Value = c.clean(i.Odd[n].Value)
	}
}

// identify makes an id stand for an item in its listing. Where it has none, what was sent does.
func (i *Item) identify(v value, id string) {
	if i.identity = id; id == "" {
		sum := sha256.Sum256(v)
		i.identity = "malformed:" + hex.EncodeToString(sum[:16])
	}
}

// fileWithout says that it is not known which file an item is: its file_id cannot be read, or it has none and no id either.
func (o *object) fileWithout(fileID Optional[string], id string) error {
	if v := o.get("file_id"); v != nil && !v.isNull() && !v.is('"') {
		return fmt.Errorf("file_id: %w", v.isNot("a string"))
	}
	if fileID.Or("") == "" && id == "" {
		return fmt.Errorf("neither file_id nor id: %w", errAbsent)
	}
	return nil
}
