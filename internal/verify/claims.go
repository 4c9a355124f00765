package verify

import (
	"bufio"
	"cmp"
	"encoding/binary"
	"errors"
	"io"
	"iter"
	"slices"

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
	// counts are how many claims there are on each shard.
	counts []int
	held   []shardClaim
	file   store.Spool
	// ends are the places where the runs end.
	ends []int64
}

// shardClaim is a claim on the shard of a number.
type shardClaim struct {
	shard uint32
	sinks.Claim
}

func newClaims(spool func() (store.Spool, error), most int) *claims {
	return &claims{spool: spool, most: most, numbers: map[string]uint32{}}
}

func (c *claims) add(shard string, claim sinks.Claim) error {
	number, known := c.numbers[shard]
	if !known {
		number = uint32(len(c.shards))
		c.numbers[shard] = number
		c.shards, c.counts = append(c.shards, shard), append(c.counts, 0)
	}
	c.counts[number]++
	if c.held = append(c.held, shardClaim{number, claim}); len(c.held) < c.most {
		return nil
	}
	return c.spill()
}

// sort sorts what is held by shard.
func (c *claims) sort() {
	slices.SortStableFunc(c.held, func(a, b shardClaim) int { return cmp.Compare(a.shard, b.shard) })
}

// spill moves what is held to the spool.
func (c *claims) spill() (err error) {
	if c.file == nil {
		if c.file, err = c.spool(); err != nil {
			return err
		}
	}
	c.sort()
	out := bufio.NewWriterSize(c.file, 64<<10)
	var record [claimRecord]byte
	for _, claim := range c.held {
		binary.LittleEndian.PutUint32(record[:], claim.shard)
		claim.Claim.Put((*[sinks.ClaimSize]byte)(record[4:]))
		// A writer keeps its first error for Flush.
		_, _ = out.Write(record[:])
	}
	c.ends = append(c.ends, c.file.Size()+int64(out.Buffered()))
	c.held = c.held[:0]
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
		c.sort()
		var runs []*bufio.Reader
		begin := int64(0)
		for _, end := range c.ends {
			runs = append(runs, bufio.NewReaderSize(io.NewSectionReader(c.file, begin, end-begin), 16<<10))
			begin = end
		}
		for number, name := range c.shards {
			of := claimed{shard: name, claims: make([]sinks.Claim, 0, c.counts[number])}
			for _, run := range runs {
				if err := of.take(run, uint32(number)); err != nil {
					yield(claimed{}, err)
					return
				}
			}
			for len(c.held) > 0 && c.held[0].shard == uint32(number) {
				of.claims = append(of.claims, c.held[0].Claim)
				c.held = c.held[1:]
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
