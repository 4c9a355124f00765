package dataset

import (
	"bytes"
	"encoding/json"
	"math"
	"strconv"
	"time"
)

// sampleJSON encodes what is told of samples. Each has every key of the schema, in its order, with null where there is no value: readers know
// the keys by the first samples.
type sampleJSON struct {
	schema *Schema
	buffer bytes.Buffer
	texts  *json.Encoder
}

func newSampleJSON(s *Schema) *sampleJSON {
	j := &sampleJSON{schema: s}
	j.texts = json.NewEncoder(&j.buffer)
	j.texts.SetEscapeHTML(false)
	return j
}

// encode returns a JSON object that is valid until the next call.
func (j *sampleJSON) encode(s *Sample) ([]byte, error) {
	j.buffer.Reset()
	j.buffer.WriteByte('{')
	for i, c := range j.schema.Columns {
		j.key(i, c.Name)
		if err := j.value(c.Of(s), c.Type); err != nil {
			return nil, err
		}
	}
	if j.schema.HasObjects {
		j.key(len(j.schema.Columns), objectsName)
		if err := j.objects(s.Objects); err != nil {
			return nil, err
		}
	}
	j.buffer.WriteByte('}')
	return j.buffer.Bytes(), nil
}

// objects appends lists that have a value for every object.
func (j *sampleJSON) objects(objects []Object) error {
	j.buffer.WriteByte('{')
	j.key(0, boxesName)
	err := j.list(len(objects), func(i int) error {
		box := &objects[i].Box
		return j.list(len(box), func(k int) error { return j.value(Value{Valid: true, Float: box[k]}, Float64) })
	})
	if err != nil {
		return err
	}
	for f := range objectFields {
		j.key(1+f, objectFields[f].name)
		err := j.list(len(objects), func(i int) error { return j.value(objectFields[f].of(&objects[i]), objectFields[f].typeName) })
		if err != nil {
			return err
		}
	}
	j.buffer.WriteByte('}')
	return nil
}

func (j *sampleJSON) list(count int, element func(int) error) error {
	j.buffer.WriteByte('[')
	for i := range count {
		if i > 0 {
			j.buffer.WriteByte(',')
		}
		if err := element(i); err != nil {
			return err
		}
	}
	j.buffer.WriteByte(']')
	return nil
}

// key appends the name of a column, which needs no escapes.
func (j *sampleJSON) key(i int, name string) {
	if i > 0 {
		j.buffer.WriteByte(',')
	}
	j.buffer.WriteByte('"')
	j.buffer.WriteString(name)
	j.buffer.WriteString(`":`)
}

// value appends a value. Timestamps are texts: JSON has none.
func (j *sampleJSON) value(v Value, t Type) error {
	b := j.buffer.AvailableBuffer()
	switch {
	case !v.Valid:
		b = append(b, "null"...)
	case t == Bool:
		b = strconv.AppendBool(b, v.Bool)
	case t == Int32 || t == Int64:
		b = strconv.AppendInt(b, v.Int, 10)
	case t == Float64:
		b = appendFloat(b, v.Float)
	case t == Timestamp:
		b = time.UnixMicro(v.Int).UTC().AppendFormat(append(b, '"'), "2006-01-02T15:04:05.000000Z")
		b = append(b, '"')
	default:
		return j.text(v.Text)
	}
	_, err := j.buffer.Write(b)
	return err
}

// text appends a text. What is not UTF-8 in it is replaced.
func (j *sampleJSON) text(s string) error {
	if err := j.texts.Encode(s); err != nil {
		return err
	}
	// The encoder ends it with a new line.
	j.buffer.Truncate(j.buffer.Len() - 1)
	return nil
}

// appendFloat appends a number that readers take for a float, whatever it is: those of Python tell 1 and 1.0 apart. JSON has none that is not
// finite.
func appendFloat(b []byte, f float64) []byte {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return append(b, "null"...)
	}
	start := len(b)
	b = strconv.AppendFloat(b, f, 'g', -1, 64)
	if !bytes.ContainsAny(b[start:], ".e") {
		b = append(b, ".0"...)
	}
	return b
}
