package manifest

import (
	"sync"

	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go/compress"
	parquetzstd "github.com/parquet-go/parquet-go/compress/zstd"
)

// codec compresses pages with zstd. Most of what is written are hashes in hex digits, in which the encoder finds nothing that
// repeats, and then leaves bytes as they are unless it is told to code them all the same: half of them.
type codec struct {
	parquetzstd.Codec
	encoders sync.Pool
}

var _ compress.Codec = (*codec)(nil)

// compression keeps its encoders for the next file.
var compression = codec{encoders: sync.Pool{New: func() any { return newPageEncoder() }}}

// encoderWindow is how far back an encoder looks, in bytes: all of a page but the largest. It keeps twice as many in memory.
const encoderWindow = 512 << 10

// newPageEncoder returns an encoder of the fastest level, which is the smallest in memory.
func newPageEncoder() *zstd.Encoder {
	e, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1), zstd.WithEncoderCRC(false),
		zstd.WithZeroFrames(true), zstd.WithAllLitEntropyCompression(true), zstd.WithWindowSize(encoderWindow))
	if err != nil {
		// The options are valid.
		panic(err)
	}
	return e
}

// Encode implements compress.Codec.
func (c *codec) Encode(dst, src []byte) ([]byte, error) {
	e := c.encoders.Get().(*zstd.Encoder)
	defer c.encoders.Put(e)
	return e.EncodeAll(src, dst[:0]), nil
}
