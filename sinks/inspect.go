package sinks

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"io"
	"slices"

	"github.com/cespare/xxhash/v2"

	"exporter/internal/store"
)

// ShardVisitor is told what a shard holds. Its methods are called by one goroutine, mostly in the order of the shard.
type ShardVisitor interface {
	// Claimed tells of each claim, once, whether the blob is there: err is nil, or says what is there instead.
	Claimed(c *Claim, err error)
	// Orphan tells of a member that nobody claims.
	Orphan(member string)
	// Damaged tells of damage that is around the blobs. c is the claim of the blob whose tar header it is, else nil.
	Damaged(c *Claim, err error)
}

// ShardReader is a shard, sealed or not, that is open to be compared with what rows claim of it.
type ShardReader struct {
	store  store.Reader
	name   string
	file   store.Object
	size   int64
	sealed bool
}

// OpenShard opens a shard by the path that it has or will have when it is sealed. A missing one is fs.ErrNotExist.
func OpenShard(ctx context.Context, r store.Reader, name string) (*ShardReader, error) {
	o, sealed, err := openShard(ctx, r, name)
	if err != nil {
		return nil, err
	}
	return &ShardReader{store: r, name: name, file: o, size: o.Size(), sealed: sealed}, nil
}

// Close closes the shard.
func (r *ShardReader) Close() error { return r.file.Close() }

// Inspect reads the shard once, from its beginning to its end, or where it is not sealed to the end of the last claim,
// and tells v of everything in it. It puts the claims in order. Damage in one place does not hide blobs in others, for
// the claims say where they are. Of a shard that a run has gone on with meanwhile, it tells nothing but of the claims. The error is the
// context's.
func (r *ShardReader) Inspect(ctx context.Context, claims []Claim, v ShardVisitor) error {
	slices.SortFunc(claims, comparePlaces)
	n := &inspection{ShardReader: r, visitor: v, claims: claims, end: r.size, sum: sha256.New(), buffer: make([]byte, 32<<10)}
	n.hasGrown = func() bool { return r.hasGrown(ctx) }
	if !r.sealed {
		n.end = min(r.size, committedEnd(claims))
	}
	if isCompressed(r.name) {
		return n.readFrames(ctx)
	}
	return n.readPlain(ctx)
}

// committedEnd returns how many bytes of a shard's file claims need.
func committedEnd(claims []Claim) int64 {
	end := int64(0)
	for i := range claims {
		end = max(end, claims[i].end())
	}
	return end
}

// errEarlyEnd says that the archive, or a frame, ends where a member is expected.
var errEarlyEnd = errors.New("the archive ends before it")

// inspection is one reading of a shard.
type inspection struct {
	*ShardReader
	// hasGrown is ShardReader.hasGrown.
	hasGrown func() bool
	visitor  ShardVisitor
	// claims are those still to come.
	claims []Claim
	// end is where in the file reading ends.
	end int64
	// problems counts what was found damaged.
	problems int
	// ending is how many bytes of the blocks that end the archive have been read.
	ending int64

	sum    hash.Hash
	buffer []byte
	// block is a tar header, and header what it says, until the next one is read.
	block  [tarBlock]byte
	header tar.Header
}

func (n *inspection) claimed(c *Claim, err error) {
	if err != nil {
		n.problems++
	}
	n.visitor.Claimed(c, err)
}

func (n *inspection) damaged(c *Claim, format string, args ...any) {
	n.problems++
	if c == nil && n.hasGrown() {
		return
	}
	n.visitor.Damaged(c, fmt.Errorf(format, args...))
}

// readPlain reads a shard that is not compressed.
func (n *inspection) readPlain(ctx context.Context) error {
	s := &stream{r: newReadAhead(n.file, n.end, aheadBytes)}
	if err := n.readEntries(ctx, s, n.claims); err != nil {
		return err
	}
	n.checkEnding()
	if n.problems == 0 && s.pos != n.end {
		n.damaged(nil, "%d bytes follow the end of the archive", n.end-s.pos)
	}
	return nil
}

// checkEnding complains if a sealed shard has not ended as it should, or another one has ended.
func (n *inspection) checkEnding() {
	want := int64(0)
	if n.sealed {
		want = tarEnd
	}
	if n.problems == 0 && n.ending != want {
		n.damaged(nil, "%d bytes of zeros end the archive, want %d", n.ending, want)
	}
}

// readEntries goes over tar entries until the stream or the archive ends, and finds the claims among them.
func (n *inspection) readEntries(ctx context.Context, s *stream, claims []Claim) error {
	for {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		begin := s.pos
		header, err := n.nextHeader(s)
		for err == nil && len(claims) > 0 && claims[0].offset < s.pos {
			n.claimed(&claims[0], fmt.Errorf("no member begins at byte %d", claims[0].offset))
			claims = claims[1:]
		}
		switch {
		case errors.Is(err, io.EOF) && len(claims) == 0:
			n.ending += s.pos - begin
			return nil
		case errors.Is(err, io.EOF):
			n.member(s, &claims[0], nil, errEarlyEnd)
			claims = claims[1:]
		case err == nil && (len(claims) == 0 || s.pos+header.Size < claims[0].offset):
			n.orphan(s, header)
		case len(claims) == 0 && s.hasFailed():
			// Who reads the frame says so, unless the members that it costs have.
			return nil
		case len(claims) == 0:
			n.damaged(nil, "tar header at byte %d: %w", begin, err)
			return nil
		default:
			n.member(s, &claims[0], header, err)
			claims = claims[1:]
		}
	}
}

// orphan passes over a member that nobody claims.
func (n *inspection) orphan(s *stream, h *tar.Header) {
	n.visitor.Orphan(h.Name)
	if _, err := io.CopyN(io.Discard, s, h.Size); err != nil {
		n.damaged(nil, "member %q: %w", h.Name, unexpected(err))
		return
	}
	n.readPadding(s, h.Size)
}

// member compares a member with its claim. Where its header cannot be used, as err or the header itself says, the claim
// leads to the blob and to what follows it.
func (n *inspection) member(s *stream, c *Claim, h *tar.Header, err error) {
	if err == nil {
		err = c.checkHeader(h, s.pos)
	}
	if lost := n.checkBody(s, c); lost != nil {
		n.claimed(c, lost)
		// Where this fails, so does all that follows, which says so.
		_ = s.skipTo(c.offset + c.size + padding(c.size))
		return
	}
	n.claimed(c, nil)
	if err != nil {
		n.damaged(c, "tar header: %w", err)
	}
	n.readPadding(s, c.size)
}

func (n *inspection) checkBody(s *stream, c *Claim) error {
	if err := s.skipTo(c.offset); err != nil {
		return err
	}
	n.sum.Reset()
	for left := c.size; left > 0; {
		read, err := io.ReadFull(s, n.buffer[:min(left, int64(len(n.buffer)))])
		// A hash never fails.
		_, _ = n.sum.Write(n.buffer[:read])
		if left -= int64(read); err != nil {
			return fmt.Errorf("%d of %d bytes can be read: %w", c.size-left, c.size, unexpected(err))
		}
	}
	return CompareSum(n.sum, c.sum)
}

// CompareSum returns an error unless the sum of h, which is of SHA-256, is the wanted one.
func CompareSum(h hash.Hash, want [sha256.Size]byte) error {
	if got := [sha256.Size]byte(h.Sum(nil)); got != want {
		return fmt.Errorf("the SHA-256 is %x, want %x", got, want)
	}
	return nil
}

// readPadding reads what fills up the last block of a body.
func (n *inspection) readPadding(s *stream, size int64) {
	pad, at := n.buffer[:padding(size)], s.pos
	if _, err := io.ReadFull(s, pad); err != nil {
		n.damaged(nil, "padding at byte %d: %w", at, unexpected(err))
		return
	}
	if !isZero(pad) {
		n.damaged(nil, "padding at byte %d: it is not zero", at)
	}
}

func isZero(b []byte) bool {
	for ; len(b) >= 8; b = b[8:] {
		if binary.LittleEndian.Uint64(b) != 0 {
			return false
		}
	}
	for _, one := range b {
		if one != 0 {
			return false
		}
	}
	return true
}

// stream is the uncompressed shard, or one frame of it. Of a frame, an error is final.
type stream struct {
	r   io.Reader
	err error
	// pos is the place of the next byte in the uncompressed shard.
	pos int64
	// hash is of the bytes read; nil where nobody wants to know.
	hash *xxhash.Digest
}

func (s *stream) Read(p []byte) (int, error) {
	if s.err != nil {
		return 0, s.err
	}
	n, err := s.r.Read(p)
	s.pos += int64(n)
	if s.hash != nil {
		// A hash never fails.
		_, _ = s.hash.Write(p[:n])
	}
	if _, plain := s.r.(io.Seeker); !plain {
		s.err = err
	}
	return n, err
}

// hasFailed tells whether no more can be read though more should follow.
func (s *stream) hasFailed() bool { return s.err != nil && !errors.Is(s.err, io.EOF) }

// skipTo goes on at another place. Where the shard is not compressed, bytes that cannot be read are no obstacle; where it
// is, the place must not be behind.
func (s *stream) skipTo(place int64) error {
	if plain, ok := s.r.(io.Seeker); ok {
		s.pos = place
		_, err := plain.Seek(place, io.SeekStart)
		return err
	}
	if place < s.pos {
		return errEarlyEnd
	}
	_, err := io.CopyN(io.Discard, s, place-s.pos)
	return unexpected(err)
}

// unexpected says of an end that it came too early.
func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
