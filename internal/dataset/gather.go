package dataset

import "io"

const (
	// gatherBytes is how much is gathered before it is written, and directBytes how much at once is not copied.
	gatherBytes = 64 << 10
	directBytes = 4 << 10
)

// gatherer writes a shard in few and large writes: small pieces together, pictures as they are, without a copy of them.
type gatherer struct {
	to      io.Writer
	pending []byte
	// taken is how many bytes it was given, which is where the next one will be in the shard.
	taken int64
}

// Write implements io.Writer.
func (g *gatherer) Write(p []byte) (int, error) {
	if len(p) >= directBytes || len(g.pending)+len(p) > gatherBytes {
		if err := g.flush(); err != nil {
			return 0, err
		}
	}
	if len(p) < directBytes {
		g.pending = append(g.pending, p...)
	} else if _, err := g.to.Write(p); err != nil {
		return 0, err
	}
	g.taken += int64(len(p))
	return len(p), nil
}

// flush writes what is left.
func (g *gatherer) flush() error {
	if len(g.pending) == 0 {
		return nil
	}
	_, err := g.to.Write(g.pending)
	g.pending = g.pending[:0]
	return err
}
