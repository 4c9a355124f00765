package manifest

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/parquet-go/parquet-go"
)

// A coded row is what sorted rows are kept as between two merges: in a tenth of the time of Parquet, and about as long. Of each it has two numbers,
// of which each bit stands for a column: whether its value is that of the row before, and whether it is null. The values of the others follow: of a
// text how many bytes it begins like the one before with, how many bytes follow, and these.

// mostColumns is how many columns a coded row may have.
const mostColumns = 64

// errRowCode says that what should be a coded row is none.
var errRowCode = errors.New("rows that were kept for a merge are not what was written")

// rowCoder codes the rows of one block, or reads them. Its zero value knows no row before.
type rowCoder struct {
	kinds    []parquet.Kind
	optional []bool
	// last is the row before.
	last []parquet.Value
	// texts has place for those of last, where they are coded.
	texts [][]byte
	// hasLast says that there was a row before.
	hasLast bool
}

// newRowCoder returns a coder of rows of a schema, behind whose columns there are some more of numbers.
func newRowCoder(schema *parquet.Schema, more int) *rowCoder {
	c := &rowCoder{}
	for _, field := range schema.Fields() {
		c.kinds, c.optional = append(c.kinds, field.Type().Kind()), append(c.optional, field.Optional())
	}
	for range more {
		c.kinds, c.optional = append(c.kinds, parquet.Int32), append(c.optional, false)
	}
	if len(c.kinds) > mostColumns {
		panic(fmt.Sprintf("a row has %d columns, and a coded one %d", len(c.kinds), mostColumns))
	}
	c.last, c.texts = make([]parquet.Value, len(c.kinds)), make([][]byte, len(c.kinds))
	return c
}

// reset begins another block.
func (c *rowCoder) reset() { c.hasLast = false }

// code appends a row.
func (c *rowCoder) code(to []byte, r row) []byte {
	var same, null uint64
	for i := range c.kinds {
		v := r.value(i)
		switch bit := uint64(1) << i; {
		case c.hasLast && c.isLast(i, v):
			same |= bit
		case v.IsNull():
			null |= bit
		}
	}
	to = binary.AppendUvarint(binary.AppendUvarint(to, same), null)
	for i, kind := range c.kinds {
		if same&(1<<i) != 0 {
			continue
		}
		v := r.value(i)
		if !v.IsNull() {
			to = c.codeValue(to, i, kind, v)
		}
		if kind == parquet.ByteArray && !v.IsNull() {
			c.texts[i] = append(c.texts[i][:0], v.ByteArray()...)
			v = parquet.ByteArrayValue(c.texts[i])
		}
		c.last[i] = v
	}
	c.hasLast = true
	return to
}

// isLast tells whether a value is that of the row before.
func (c *rowCoder) isLast(column int, v parquet.Value) bool {
	last := c.last[column]
	if v.IsNull() || last.IsNull() {
		return v.IsNull() && last.IsNull()
	}
	switch c.kinds[column] {
	case parquet.ByteArray:
		return bytes.Equal(v.ByteArray(), last.ByteArray())
	case parquet.Boolean:
		return v.Boolean() == last.Boolean()
	case parquet.Int32:
		return v.Int32() == last.Int32()
	case parquet.Double:
		return v.Uint64() == last.Uint64()
	default:
		return v.Int64() == last.Int64()
	}
}

func (c *rowCoder) codeValue(to []byte, column int, kind parquet.Kind, v parquet.Value) []byte {
	switch kind {
	case parquet.ByteArray:
		text, shared := v.ByteArray(), 0
		if last := c.last[column]; c.hasLast && !last.IsNull() {
			shared = commonPrefix(text, last.ByteArray())
		}
		to = binary.AppendUvarint(binary.AppendUvarint(to, uint64(shared)), uint64(len(text)-shared))
		return append(to, text[shared:]...)
	case parquet.Boolean:
		if v.Boolean() {
			return append(to, 1)
		}
		return append(to, 0)
	case parquet.Int32:
		return binary.AppendVarint(to, int64(v.Int32()))
	case parquet.Double:
		return binary.LittleEndian.AppendUint64(to, math.Float64bits(v.Double()))
	default:
		return binary.AppendVarint(to, v.Int64())
	}
}

// commonPrefix returns how many bytes two texts begin alike with.
func commonPrefix(a, b []byte) int {
	n := min(len(a), len(b))
	for i := range n {
		if a[i] != b[i] {
			return i
		}
	}
	return n
}

// decode reads a row into place number at of some columns, and returns what follows it. Texts lie in what it reads, or in the arena, which it returns.
func (c *rowCoder) decode(from, arena []byte, columns [][]parquet.Value, at int) (rest, grown []byte, err error) {
	in := codeReader{rest: from}
	same, null := in.uvarint(), in.uvarint()
	if !c.hasLast && same != 0 {
		return nil, arena, errRowCode
	}
	for i, kind := range c.kinds {
		bit := uint64(1) << i
		if same&bit == 0 {
			level := 0
			var v parquet.Value
			if null&bit == 0 {
				v, arena = c.decodeValue(&in, arena, i, kind)
				if c.optional[i] {
					level = 1
				}
			}
			c.last[i] = v.Level(0, level, i)
		}
		columns[i][at] = c.last[i]
	}
	c.hasLast = true
	return in.rest, arena, in.err
}

func (c *rowCoder) decodeValue(in *codeReader, arena []byte, column int, kind parquet.Kind) (parquet.Value, []byte) {
	switch kind {
	case parquet.ByteArray:
		shared := in.uvarint()
		text := in.bytes(in.uvarint())
		if shared == 0 {
			return parquet.ByteArrayValue(text), arena
		}
		last := c.last[column].ByteArray()
		if shared > uint64(len(last)) {
			in.err = errRowCode
			return parquet.Value{}, arena
		}
		start := len(arena)
		arena = append(append(arena, last[:shared]...), text...)
		return parquet.ByteArrayValue(arena[start:len(arena):len(arena)]), arena
	case parquet.Boolean:
		b := in.bytes(1)
		return parquet.BooleanValue(len(b) > 0 && b[0] != 0), arena
	case parquet.Int32:
		return parquet.Int32Value(int32(in.varint())), arena
	case parquet.Double:
		b := in.bytes(8)
		if len(b) < 8 {
			return parquet.Value{}, arena
		}
		return parquet.DoubleValue(math.Float64frombits(binary.LittleEndian.Uint64(b))), arena
	default:
		return parquet.Int64Value(in.varint()), arena
	}
}

// codeReader reads numbers and bytes. After an error it reads zeros.
type codeReader struct {
	rest []byte
	err  error
}

func (r *codeReader) uvarint() uint64 {
	n, size := binary.Uvarint(r.rest)
	return numberOf(r, n, size)
}

func (r *codeReader) varint() int64 {
	n, size := binary.Varint(r.rest)
	return numberOf(r, n, size)
}

func numberOf[N int64 | uint64](r *codeReader, n N, size int) N {
	if size <= 0 {
		r.rest, r.err = nil, errRowCode
		return 0
	}
	r.rest = r.rest[size:]
	return n
}

func (r *codeReader) bytes(count uint64) []byte {
	if count > uint64(len(r.rest)) {
		r.rest, r.err = nil, errRowCode
		return nil
	}
	b := r.rest[:count:count]
	r.rest = r.rest[count:]
	return b
}
