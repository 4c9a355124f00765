package dataset

import (
	"fmt"
	"slices"
	"strings"

	"github.com/parquet-go/parquet-go"
)

// The names in the group of a picture.
const (
	imageName = "image"
	bytesName = "bytes"
	pathName  = "path"
)

// record is a group whose fields keep their order: the library's own sorts them.
type record struct {
	parquet.Group
	names []string
}

// field is a field of a record.
type field struct {
	name string
	node parquet.Node
}

func newRecord(fields []field) record {
	r := record{Group: parquet.Group{}}
	for _, f := range fields {
		r.Group[f.name] = f.node
		r.names = append(r.names, f.name)
	}
	return r
}

// Fields implements parquet.Node.
func (r record) Fields() []parquet.Field {
	fields := r.Group.Fields()
	slices.SortFunc(fields, func(a, b parquet.Field) int {
		return slices.Index(r.names, a.Name()) - slices.Index(r.names, b.Name())
	})
	return fields
}

// imageField is the group of a picture, but for its bytes. Every field of the schema is optional, so that a reader that compares it with
// its own finds it the same.
func imageField() field {
	return field{imageName, parquet.Optional(newRecord([]field{{pathName, nodeOf(String)}}))}
}

// newParquetSchema returns the schema of rows that have a name, and what a sample has.
func newParquetSchema(name field, s *Schema) *parquet.Schema {
	fields := []field{name}
	for _, c := range s.Columns {
		fields = append(fields, field{c.Name, nodeOf(c.Type)})
	}
	if s.HasObjects {
		lists := []field{{boxesName, listOf(listOf(nodeOf(Float64)))}}
		for _, f := range objectFields {
			lists = append(lists, field{f.name, listOf(nodeOf(f.typeName))})
		}
		fields = append(fields, field{objectsName, parquet.Optional(newRecord(lists))})
	}
	return parquet.NewSchema("sample", newRecord(fields))
}

func listOf(n parquet.Node) parquet.Node { return parquet.Optional(parquet.List(n)) }

// nodeOf returns the leaf for a type. Texts have dictionaries: most of them stand in many rows, and the others cost a few bits a row.
func nodeOf(t Type) parquet.Node {
	switch t {
	case Int32:
		return parquet.Optional(parquet.Leaf(parquet.Int32Type))
	case Int64:
		return parquet.Optional(parquet.Leaf(parquet.Int64Type))
	case Float64:
		return parquet.Optional(parquet.Leaf(parquet.DoubleType))
	case Bool:
		return parquet.Optional(parquet.Leaf(parquet.BooleanType))
	case Timestamp:
		return parquet.Optional(parquet.Timestamp(parquet.Microsecond))
	default:
		return parquet.Optional(parquet.Encoded(parquet.String(), &parquet.RLEDictionary))
	}
}

// featuresJSON is what the library datasets keeps in a file's metadata under "huggingface": the types of its columns. That image is a picture
// is known by it alone. A type that is not quite that of the column is ignored, with all that it says. Lists are called Sequence: version 3
// knows no List, and later ones take both.
func featuresJSON(s *Schema) string {
	var b strings.Builder
	fmt.Fprintf(&b, `{"info": {"features": {%q: {"_type": "Image"}`, imageName)
	for _, c := range s.Columns {
		fmt.Fprintf(&b, `, %q: %s`, c.Name, featureOf(c.Type))
	}
	if s.HasObjects {
		fmt.Fprintf(&b, `, %q: {%q: %s`, objectsName, boxesName, sequenceOf(sequenceOf(featureOf(Float64))))
		for _, f := range objectFields {
			fmt.Fprintf(&b, `, %q: %s`, f.name, sequenceOf(featureOf(f.typeName)))
		}
		b.WriteString("}")
	}
	b.WriteString("}}}")
	return b.String()
}

func sequenceOf(feature string) string {
	return fmt.Sprintf(`{"feature": %s, "_type": "Sequence"}`, feature)
}

func featureOf(t Type) string {
	name := string(t)
	if t == Timestamp {
		name = "timestamp[us, tz=UTC]"
	}
	return fmt.Sprintf(`{"dtype": %q, "_type": "Value"}`, name)
}
