package sinks

import (
	"archive/tar"
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/cespare/xxhash/v2"

	"exporter/pipeline"
)

// Claim is what a stored row says of its member of a shard. It takes 80 bytes: there is one for every blob of an archive.
type Claim struct {
	// Ordinal is the caller's, to find the row again.
	Ordinal uint32

	frameSize               uint32
	frameOffset, frameStart int64
	// offset is the place of the blob's first byte in the uncompressed shard.
	offset, size int64
	// member is a hash of the member's name.
	member uint64
	sum    [sha256.Size]byte
}

// NewClaim returns the claim of a stored row whose Location has a Shard. It fails if that leads nowhere in any shard.
func NewClaim(ordinal uint32, row *pipeline.Row) (Claim, error) {
	name, at := row.Location.Path, row.Location.Shard
	if !IsShard(name) {
		return Claim{}, fmt.Errorf("%q is not the path of a shard", name)
	}
	c := Claim{
		Ordinal: ordinal, offset: at.Offset, size: row.Content.Size, member: xxhash.Sum64String(at.Member), sum: row.Content.SHA256,
	}
	if c.offset < tarBlock || c.size < 0 || c.size > math.MaxInt64-tarBlock-c.offset {
		return Claim{}, fmt.Errorf("no shard has %d bytes at byte %d", c.size, c.offset)
	}
	if isCompressed(name) != (at.Frame != nil) {
		return Claim{}, errors.New("compressed shards have frames, and only they")
	}
	if f := at.Frame; f != nil {
		if f.Offset < 0 || f.Size < 1 || f.Size > math.MaxUint32 || f.Start < 0 || f.Start >= c.offset {
			return Claim{}, fmt.Errorf("no shard has the frame %+v", *f)
		}
		c.frameOffset, c.frameSize, c.frameStart = f.Offset, uint32(f.Size), f.Start
	}
	return c, nil
}

// ClaimSize is how many bytes a claim takes outside memory.
const ClaimSize = 4 + 4 + 5*8 + sha256.Size

// Put writes a claim for ClaimOf to read.
func (c *Claim) Put(to *[ClaimSize]byte) {
	b := binary.LittleEndian.AppendUint32(to[:0], c.Ordinal)
	b = binary.LittleEndian.AppendUint32(b, c.frameSize)
	for _, n := range [...]uint64{uint64(c.frameOffset), uint64(c.frameStart), uint64(c.offset), uint64(c.size), c.member} {
		b = binary.LittleEndian.AppendUint64(b, n)
	}
	copy(to[len(b):], c.sum[:])
}

// ClaimOf is the inverse of Put.
func ClaimOf(from *[ClaimSize]byte) Claim {
	c := Claim{Ordinal: binary.LittleEndian.Uint32(from[0:]), frameSize: binary.LittleEndian.Uint32(from[4:])}
	number := func(place int) int64 { return int64(binary.LittleEndian.Uint64(from[8+8*place:])) }
	c.frameOffset, c.frameStart, c.offset, c.size, c.member = number(0), number(1), number(2), number(3), uint64(number(4))
	copy(c.sum[:], from[ClaimSize-sha256.Size:])
	return c
}

// comparePlaces orders claims as a shard has their members.
func comparePlaces(a, b Claim) int {
	return cmp.Or(cmp.Compare(a.frameOffset, b.frameOffset), cmp.Compare(a.offset, b.offset))
}

// Size returns the blob's size in bytes.
func (c *Claim) Size() int64 { return c.size }

func (c *Claim) frame() pipeline.Frame {
	return pipeline.Frame{Offset: c.frameOffset, Size: int64(c.frameSize), Start: c.frameStart}
}

// end returns how many bytes of the shard's file the claim needs.
func (c *Claim) end() int64 {
	if c.frameSize > 0 {
		return c.frameOffset + int64(c.frameSize)
	}
	return c.offset + c.size + padding(c.size)
}

// checkHeader compares a tar header, behind which the body begins at place, with the claim.
func (c *Claim) checkHeader(h *tar.Header, place int64) error {
	switch {
	case place != c.offset:
		return fmt.Errorf("the body of %q begins at byte %d, not at byte %d", h.Name, place, c.offset)
	case xxhash.Sum64String(h.Name) != c.member:
		return fmt.Errorf("it is that of %q", h.Name)
	case h.Size != c.size:
		return fmt.Errorf("it is that of %d bytes, not of %d", h.Size, c.size)
	case h.Typeflag != tar.TypeReg:
		return fmt.Errorf("it has the type %q", h.Typeflag)
	}
	return nil
}

// padding returns how many bytes behind a body of a tar archive fill up its last block.
func padding(size int64) int64 { return -size & (tarBlock - 1) }
