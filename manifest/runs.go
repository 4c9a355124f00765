package manifest

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"

	"github.com/cespare/xxhash/v2"
	"github.com/klauspost/compress/zstd"

	"exporter/internal/store"
)

const (
	// runBlock is about how many bytes of coded rows are written at once. Who merges runs holds some two blocks of each.
	runBlock = 64 << 10
	// mostRuns is how many runs are merged at once.
	mostRuns = 64
	// runHeader is the size of what is before a block: its checksum, and its length.
	runHeader = 8 + 4
)

// runs are sorted rows that lie one run after the other in a spool, in blocks of coded batches with checksums. Blocks of pages, which are long texts, are
// compressed; of other rows there is little to save.
type runs struct {
	series *series
	// more is how many columns of numbers there are behind those of the series.
	more  int
	spool store.Spool
	spans []span
	// encoder and decoder are nil where blocks are not compressed.
	encoder *zstd.Encoder
	decoder *zstd.Decoder
}

// newRuns returns none, for rows of a series. The spool is the caller's.
func newRuns(s *series, more int, spool store.Spool) (r *runs, err error) {
	r = &runs{series: s, more: more, spool: spool}
	if s.name != PagesName {
		return r, nil
	}
	if r.encoder, err = zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1)); err != nil {
		return nil, err
	}
	r.decoder, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1))
	return r, err
}

func (r *runs) close() {
	if r.decoder != nil {
		r.decoder.Close()
	}
}

// add writes sorted rows as the next run.
func (r *runs) add(rows batches) error {
	first := r.spool.Size()
	out := bufio.NewWriterSize(r.spool, 2*runBlock)
	coder := newBatchCoder(r.series.schema, r.more)
	var block, compressed []byte
	flush := func() error {
		content := block
		if r.encoder != nil {
			compressed = r.encoder.EncodeAll(block, compressed[:0])
			content = compressed
		}
		var header [runHeader]byte
		binary.LittleEndian.PutUint64(header[:], xxhash.Sum64(content))
		binary.LittleEndian.PutUint32(header[8:], uint32(len(content)))
		// A writer keeps its first error for Flush.
		_, _ = out.Write(header[:])
		_, err := out.Write(content)
		block = block[:0]
		return err
	}
	for b, err := range rows {
		if err != nil {
			return err
		}
		if block = coder.code(block, b); len(block) < runBlock {
			continue
		}
		if err := flush(); err != nil {
			return err
		}
	}
	if len(block) > 0 {
		if err := flush(); err != nil {
			return err
		}
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
		in := io.NewSectionReader(r.spool, at.first, at.count)
		coder := newBatchCoder(r.series.schema, r.more)
		var content, decoded []byte
		code := &codeReader{}
		for {
			var header [runHeader]byte
			_, err := io.ReadFull(in, header[:])
			if errors.Is(err, io.EOF) {
				return
			}
			if err == nil {
				content, err = r.readBlock(in, content, header)
			}
			block := content
			if err == nil && r.decoder != nil {
				decoded, err = r.decoder.DecodeAll(content, decoded[:0])
				block = decoded
			}
			if err != nil {
				yield(batch{}, err)
				return
			}
			for code.rest, code.arena = block, code.arena[:0]; len(code.rest) > 0; {
				b, err := coder.decode(code)
				if !yield(b, err) || err != nil {
					return
				}
			}
		}
	}
}

// readBlock reads the block of a header, into the room of the one before.
func (r *runs) readBlock(in *io.SectionReader, room []byte, header [runHeader]byte) ([]byte, error) {
	length := int64(binary.LittleEndian.Uint32(header[8:]))
	if length > in.Size() {
		return room, errBatchCode
	}
	content := append(room[:0], make([]byte, length)...)
	if _, err := io.ReadFull(in, content); err != nil {
		return content, err
	}
	if xxhash.Sum64(content) != binary.LittleEndian.Uint64(header[:]) {
		return content, errBatchCode
	}
	return content, nil
}

// all yields the rows of all runs, sorted. As long as there are too many for one merge, it merges some into longer ones first.
func (r *runs) all() batches {
	return func(yield func(batch, error) bool) {
		for len(r.spans) > mostRuns {
			before := r.spans
			r.spans = nil
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
