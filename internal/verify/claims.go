package verify

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"iter"

	"exporter/internal/store"
	"exporter/sinks"
)

// claims are those on all shards, collected in one pass over the rows and given back by shard. As many as most are in memory; the others
// are in a spool, in runs that are sorted by shard.
type claims struct {
	spool func() (store.Spool, error)
	most  int
	// shards are the paths of shards in the order of their first claim, and numbers their places there.
	shards  []string
	numbers map[string]uint32
	// held are the claims in memory, by shard, and count is how many they are; spilled is how many of each shard are in the spool.
	held    [][]sinks.Claim
	count   int
	spilled []int
	file    store.Spool
	// ends are the places where the runs end.
	ends []int64
}

func newClaims(spool func() (store.Spool, error), most int) *claims {
	return &claims{spool: spool, most: most, numbers: map[string]uint32{}}
}

func (c *claims) add(shard string, claim sinks.Claim) error {
	number, known := c.numbers[shard]
	if !known {
		number = uint32(len(c.shards))
		c.numbers[shard] = number
		c.shards, c.held, c.spilled = append(c.shards, shard), append(c.held, nil), append(c.spilled, 0)
	}
	c.held[number] = append(c.held[number], claim)
	if c.count++; c.count < c.most {
		return nil
	}
	return c.spill()
}

// spill moves what is held to the spool.
func (c *claims) spill() (err error) {
	if c.file == nil {
		if c.file, err = c.spool(); err != nil {
			return err
		}
	}
	out := bufio.NewWriterSize(c.file, 64<<10)
	var record [claimRecord]byte
	for number, of := range c.held {
		binary.LittleEndian.PutUint32(record[:], uint32(number))
		for i := range of {
			of[i].Put((*[sinks.ClaimSize]byte)(record[4:]))
			// A writer keeps its first error for Flush.
			_, _ = out.Write(record[:])
		}
		c.spilled[number] += len(of)
		c.held[number] = nil
	}
	c.ends = append(c.ends, c.file.Size()+int64(out.Buffered()))
	c.count = 0
	return out.Flush()
}

// claimRecord is the size of a claim in the spool: the number of its shard, and the claim.
const claimRecord = 4 + sinks.ClaimSize

// claimed is a shard and all claims on it.
type claimed struct {
	shard  string
	claims []sinks.Claim
}

// byShard yields the shards that have claims. It is called once, when all have been added.
func (c *claims) byShard() iter.Seq2[claimed, error] {
	return func(yield func(claimed, error) bool) {
		var runs []*bufio.Reader
		begin := int64(0)
		for _, end := range c.ends {
			runs = append(runs, bufio.NewReaderSize(io.NewSectionReader(c.file, begin, end-begin), 16<<10))
			begin = end
		}
		for number, name := range c.shards {
			of := claimed{shard: name, claims: c.held[number]}
			c.held[number] = nil
			if spilled := c.spilled[number]; spilled > 0 {
				last := of.claims
				of.claims = make([]sinks.Claim, 0, spilled+len(last))
				for _, run := range runs {
					if err := of.take(run, uint32(number)); err != nil {
						yield(claimed{}, err)
						return
					}
				}
				of.claims = append(of.claims, last...)
			}
			if !yield(of, nil) {
				return
			}
		}
	}
}

// take adds the claims on the shard of a number with which a run goes on.
func (of *claimed) take(run *bufio.Reader, number uint32) error {
	for {
		record, err := run.Peek(claimRecord)
		if errors.Is(err, io.EOF) && len(record) == 0 {
			return nil
		}
		if err != nil {
			return err
		}
		if binary.LittleEndian.Uint32(record) != number {
			return nil
		}
		of.claims = append(of.claims, sinks.ClaimOf((*[sinks.ClaimSize]byte)(record[4:])))
		// As many have been seen.
		_, _ = run.Discard(claimRecord)
	}
}

func (c *claims) close() error {
	if c.file == nil {
		return nil
	}
	return c.file.Close()
}
