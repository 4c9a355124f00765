package manifest

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"

	"exporter/internal/testmain"
)

// Coded batches are read back as they were, whatever is null, and whatever was read before.
func TestBatchCoder_Decode_ReadsWhatWasCoded(t *testing.T) {
	testmain.Long(t)
	for kind := range kinds {
		s := seriesOf(kind)
		rng := rand.New(rand.NewPCG(uint64(kind), 7))
		coder, decoder := newBatchCoder(s.schema, 1), newBatchCoder(s.schema, 1)
		from := nullColumns(len(coder.kinds), readBatch)
		in := &codeReader{}
		for n := range 200 {
			count := 1 + rng.IntN(readBatch)
			for c := range from {
				drawColumn(rng, coder, from[c][:count], c)
			}
			text := coder.code(nil, batch{columns: from, end: count})
			in.rest, in.arena = text, in.arena[:0]
			got, err := decoder.decode(in)
			if err != nil || len(in.rest) > 0 || got.count() != count {
				t.Fatalf("kind %d, batch %d: %v, %d bytes left, %d rows, want %d", kind, n, err, len(in.rest), got.count(), count)
			}
			for i := range count {
				g, w := fmt.Sprintf("%+v", valuesOf(got.row(i))), fmt.Sprintf("%+v", valuesOf(row{columns: from, number: i}))
				if g != w {
					t.Fatalf("kind %d, batch %d, row %d: got\n%s, want\n%s", kind, n, i, g, w)
				}
			}
			// Cut short it is an error, and never a panic.
			end := rng.IntN(len(text))
			if _, err := newBatchCoder(s.schema, 1).decode(&codeReader{rest: text[:end]}); err == nil {
				t.Fatalf("kind %d: the first %d of %d bytes are a batch", kind, end, len(text))
			}
		}
	}
}

// drawColumn draws the values of a column, which are often the same.
func drawColumn(rng *rand.Rand, c *batchCoder, into []parquet.Value, column int) {
	level, form := c.levels[column], rng.IntN(4)
	for i := range into {
		if form == 1 && i > 0 {
			into[i] = into[0]
			continue
		}
		if level == 1 && (form == 0 || form == 2 && rng.IntN(2) == 0) {
			into[i] = parquet.Value{}.Level(0, 0, column)
			continue
		}
		var v parquet.Value
		switch c.kinds[column] {
		case parquet.ByteArray:
			v = parquet.ByteArrayValue([]byte(fmt.Sprintf("%s/%d", strings.Repeat("é", rng.IntN(9)), rng.IntN(3)))[rng.IntN(2):])
		case parquet.Boolean:
			v = parquet.BooleanValue(rng.IntN(2) == 0)
		case parquet.Int32:
			v = parquet.Int32Value(int32(rng.Uint32()))
		case parquet.Double:
			v = parquet.DoubleValue(rng.Float64())
		default:
			v = parquet.Int64Value(int64(rng.Uint64()))
		}
		into[i] = v.Level(0, level, column)
	}
}
