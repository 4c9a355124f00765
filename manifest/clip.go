package manifest

import "github.com/parquet-go/parquet-go"

// boundsBytes is how much of the least and the largest text of a page its column index has: the library's default.
const boundsBytes = parquet.DefaultColumnIndexSizeLimit

// clipped is a schema for writing. Of the bounds of each page the library keeps all bytes until the file is complete, and then writes
// the first few, so that it is given no more of a long text than it takes to cut it the same.
type clipped struct{ parquet.Node }

// Fields implements parquet.Node.
func (n clipped) Fields() []parquet.Field {
	fields := n.Node.Fields()
	for i, f := range fields {
		if f.Leaf() && f.Type().Kind() == parquet.ByteArray {
			fields[i] = clippedField{f}
		}
	}
	return fields
}

type clippedField struct{ parquet.Field }

// Type implements parquet.Node.
func (f clippedField) Type() parquet.Type { return clippedType{f.Field.Type()} }

type clippedType struct{ parquet.Type }

// NewColumnIndexer implements parquet.Type.
func (t clippedType) NewColumnIndexer(limit int) parquet.ColumnIndexer {
	return clippedIndexer{t.Type.NewColumnIndexer(limit)}
}

type clippedIndexer struct{ parquet.ColumnIndexer }

// IndexPage implements parquet.ColumnIndexer.
func (i clippedIndexer) IndexPage(numValues, numNulls int64, least, largest parquet.Value) {
	i.ColumnIndexer.IndexPage(numValues, numNulls, clip(least), clip(largest))
}

// clip returns a text, or so much of it that it can be seen that there was more. It is text, in which no byte is the largest that
// there is: then the library, which rounds up what it cuts off, would need more of it.
func clip(v parquet.Value) parquet.Value {
	if v.IsNull() || len(v.ByteArray()) <= boundsBytes {
		return v
	}
	return parquet.ByteArrayValue(v.ByteArray()[:boundsBytes+1])
}
