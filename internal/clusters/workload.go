package main

import (
	"encoding/binary"
	"encoding/hex"
	"math"
	"math/rand/v2"

	"exporter/internal/parts"
	"exporter/pipeline"
)

// workload says what there is to export.
type workload struct {
	// files is how many files there are, and pictures how many each has on average, in spread: the standard deviation of the logarithm
	// of their number, 0 where all have as many.
	files            int
	pictures, spread float64
	// largest is how many pictures one file more has.
	largest int64
}

// share is what one part has of a workload.
type share struct {
	files, pictures int64
}

// divide returns the shares of so many parts.
func (w workload) divide(count int, random *rand.Rand) []share {
	plan := parts.Plan{Count: count, Salt: hex.EncodeToString(binary.BigEndian.AppendUint64(nil, random.Uint64()))}
	shares := make([]share, count)
	take := func(pictures int64) {
		s := &shares[plan.Of(pipeline.FileKey{FileID: newID(random)})]
		s.files++
		s.pictures += pictures
	}
	for range w.files {
		// The mean of a lognormal distribution is exp(mu + spread²/2).
		take(int64(math.Round(w.pictures * math.Exp(w.spread*random.NormFloat64()-w.spread*w.spread/2))))
	}
	if w.largest > 0 {
		take(w.largest)
	}
	return shares
}

// newID returns an id as files have one: a UUID of version 4.
func newID(random *rand.Rand) string {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], random.Uint64())
	binary.BigEndian.PutUint64(b[8:], random.Uint64())
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	text := hex.EncodeToString(b[:])
	return text[:8] + "-" + text[8:12] + "-" + text[12:16] + "-" + text[16:20] + "-" + text[20:]
}
