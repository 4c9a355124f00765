package manifest

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"

	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go"

	"exporter/internal/store"
)

const (
	// runBlock is about how many bytes of coded rows are compressed at once. Who merges runs holds some two blocks of each.
	runBlock = 64 << 10
	// mostRuns is how many runs are merged at once.
	mostRuns = 64
	// runBuffer is how much of a run is read at once, at least.
	runBuffer = 16 << 10
	// mostRunBlock bounds a block that is read: a row has no more.
	mostRunBlock = 1 << 30
)

// runs are sorted rows that lie one run after the other in a spool, in compressed blocks with checksums. More is said of each row in columns of numbers
// behind those of the series.
type runs struct {
	series  *series
	more    int
	spool   store.Spool
	spans   []span
	rows    int64
	encoder *zstd.Encoder
	decoder *zstd.Decoder
}

// newRuns returns none, for rows of a series. The spool is the caller's.
func newRuns(s *series, more int, spool store.Spool) (*runs, error) {
	encoder, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1))
	if err != nil {
		return nil, err
	}
	decoder, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(mostRunBlock))
	if err != nil {
		return nil, err
	}
	return &runs{series: s, more: more, spool: spool, encoder: encoder, decoder: decoder}, nil
}

func (r *runs) close() { r.decoder.Close() }

// add writes sorted rows as the next run.
func (r *runs) add(rows batches) error {
	first := r.spool.Size()
	out := bufio.NewWriterSize(r.spool, 4*runBlock)
	coder := newRowCoder(r.series.schema, r.more)
	var block, compressed []byte
	flush := func() error {
		if len(block) == 0 {
			return nil
		}
		compressed = r.encoder.EncodeAll(block, compressed[:0])
		var length [binary.MaxVarintLen64]byte
		_, err := out.Write(length[:binary.PutUvarint(length[:], uint64(len(compressed)))])
		if err == nil {
			_, err = out.Write(compressed)
		}
		block = block[:0]
		coder.reset()
		return err
	}
	for b, err := range rows {
		if err != nil {
			return err
		}
		for i := range b.count() {
			if block = coder.code(block, b.row(i)); len(block) < runBlock {
				continue
			}
			if err := flush(); err != nil {
				return err
			}
		}
		r.rows += int64(b.count())
	}
	if err := flush(); err != nil {
		return err
	}
	if err := out.Flush(); err != nil {
		return err
	}
	r.spans = append(r.spans, between(first, r.spool.Size()))
	return nil
}

// read yields the rows of a run.
func (r *runs) read(at span) batches {
	return func(yield func(batch, error) bool) {
		in := bufio.NewReaderSize(io.NewSectionReader(r.spool, at.first, at.count), runBuffer)
		coder := newRowCoder(r.series.schema, r.more)
		columns := nullColumns(len(coder.kinds), readBatch)
		var compressed, block, arena []byte
		for {
			length, err := binary.ReadUvarint(in)
			if errors.Is(err, io.EOF) {
				return
			}
			if err == nil && length > uint64(at.count) {
				err = errRowCode
			}
			if err == nil {
				compressed = append(compressed[:0], make([]byte, length)...)
				_, err = io.ReadFull(in, compressed)
			}
			if err == nil {
				block, err = r.decoder.DecodeAll(compressed, block[:0])
			}
			if err != nil {
				yield(batch{}, err)
				return
			}
			coder.reset()
			if arena = arena[:0]; !yieldBlock(coder, block, &arena, columns, yield) {
				return
			}
		}
	}
}

// yieldBlock yields the rows of a block, and tells whether more is wanted.
func yieldBlock(coder *rowCoder, block []byte, arena *[]byte, columns [][]parquet.Value, yield func(batch, error) bool) bool {
	for len(block) > 0 {
		b := batch{columns: columns}
		for b.end < readBatch && len(block) > 0 {
			var err error
			if block, *arena, err = coder.decode(block, *arena, columns, b.end); err != nil {
				yield(batch{}, err)
				return false
			}
			b.end++
		}
		if !yield(b, nil) {
			return false
		}
	}
	return true
}

// all yields the rows of all runs, sorted. As long as there are too many for one merge, it merges some into longer ones first.
func (r *runs) all() batches {
	return func(yield func(batch, error) bool) {
		for len(r.spans) > mostRuns {
			before := r.spans
			r.spans, r.rows = nil, 0
			for len(before) > 0 {
				count := min(mostRuns, len(before))
				if err := r.add(r.merged(before[:count])); err != nil {
					yield(batch{}, err)
					return
				}
				before = before[count:]
			}
		}
		r.merged(r.spans)(yield)
	}
}

func (r *runs) merged(spans []span) batches {
	inputs := make([]batches, len(spans))
	for i, at := range spans {
		inputs[i] = r.read(at)
	}
	return interleave(inputs, r.series.compare)
}
