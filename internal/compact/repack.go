package compact

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"exporter/internal/verify"
	"exporter/pipeline"
	"exporter/sinks"
)

// member is a blob that is to leave its shard. There is one for each of a shard's, so that it has no more than is needed.
type member struct {
	// ordinal is the place of its row in the sequence of all rows.
	ordinal   uint32
	at        pipeline.ShardLocation
	size      int64
	sum       [sha256.Size]byte
	fetchedAt int64
	// to is where it is when it has moved; nil before.
	to *pipeline.Location
}

func newMember(ordinal uint32, row *pipeline.Row) *member {
	return &member{
		ordinal: ordinal, at: *row.Location.Shard, size: row.Content.Size, sum: row.Content.SHA256, fetchedAt: row.FetchedAt.Unix(),
	}
}

func (m *member) content() pipeline.Content { return pipeline.Content{Size: m.size, SHA256: m.sum} }

// repack moves the members of shards, and then removes these.
func (c *compaction) repack(ctx context.Context, ledger Ledger, group []*shard) error {
	if c.sink == nil {
		sink, err := c.openSink(ctx, ledger)
		if err != nil {
			return err
		}
		c.sink = sink
	}
	members, damaged, err := c.collect(ctx, ledger, group)
	if err != nil {
		return err
	}
	var repacked []*shard
	var moved []*member
	for _, s := range group {
		lost, err := c.inspect(ctx, s.name, members[s.name])
		if err != nil {
			return err
		}
		if len(lost) > 0 || damaged[s.name] {
			c.result.Kept++
			if err := c.tell(ctx, ledger, s.name, lost); err != nil {
				return err
			}
			continue
		}
		if err := c.move(ctx, s.name, members[s.name]); err != nil {
			return err
		}
		repacked, moved = append(repacked, s), append(moved, members[s.name]...)
	}
	if len(repacked) == 0 {
		return nil
	}
	if err := c.commit(ctx, ledger, moved); err != nil {
		return err
	}
	if err := ledger.Compact(ctx); err != nil {
		return err
	}
	return c.remove(ctx, repacked)
}

// collect returns the members of shards that rows name. A row that leads nowhere in its shard is damage.
func (c *compaction) collect(ctx context.Context, rows verify.Rows, group []*shard) (map[string][]*member, map[string]bool, error) {
	members, damaged, ordinal := map[string][]*member{}, map[string]bool{}, uint32(0)
	for _, s := range group {
		members[s.name] = make([]*member, 0, s.members)
	}
	for row, err := range rows.Rows(ctx) {
		if err != nil {
			return nil, nil, err
		}
		name := row.Location.Path
		if known, ok := members[name]; ok && row.Status == pipeline.Stored && row.Location.Shard != nil {
			if _, err := sinks.NewClaim(ordinal, row); err != nil {
				// The survey of the rows has told of it.
				damaged[name] = true
			}
			members[name] = append(known, newMember(ordinal, row))
		}
		ordinal++
	}
	for _, of := range members {
		slices.SortFunc(of, func(a, b *member) int { return cmp.Compare(a.at.Offset, b.at.Offset) })
		shareFrames(of)
	}
	return members, damaged, nil
}

// shareFrames makes members of one frame have it once.
func shareFrames(members []*member) {
	var last *pipeline.Frame
	for _, m := range members {
		if last != nil && m.at.Frame != nil && *m.at.Frame == *last {
			m.at.Frame = last
		}
		last = m.at.Frame
	}
}

// losses are the members of a shard that are damaged, by the ordinals of their rows.
type losses map[uint32]error

var _ sinks.ShardVisitor = losses{}

// Claimed implements sinks.ShardVisitor.
func (l losses) Claimed(c *sinks.Claim, err error) {
	if err != nil {
		l[c.Ordinal] = err
	}
}

// Orphan implements sinks.ShardVisitor. What no row names is left behind.
func (l losses) Orphan(string) {}

// Damaged implements sinks.ShardVisitor. What is around members is made anew.
func (l losses) Damaged(*sinks.Claim, error) {}

// inspect reads a shard, and returns which of its members are damaged.
func (c *compaction) inspect(ctx context.Context, name string, members []*member) (lost losses, err error) {
	claims := make([]sinks.Claim, 0, len(members))
	for _, m := range members {
		row := pipeline.Row{Content: m.content(), Location: pipeline.Location{Path: name, Shard: &m.at}}
		if claim, err := sinks.NewClaim(m.ordinal, &row); err == nil {
			claims = append(claims, claim)
		}
	}
	shard, err := sinks.OpenShard(ctx, c.Export, name)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, shard.Close()) }()
	lost = losses{}
	return lost, shard.Inspect(ctx, claims, lost)
}

// tell tells of the rows of damaged members.
func (c *compaction) tell(ctx context.Context, rows verify.Rows, name string, lost losses) error {
	ordinal := uint32(0)
	for row, err := range rows.Rows(ctx) {
		if err != nil {
			return err
		}
		if damage, ok := lost[ordinal]; ok {
			c.Found(verify.Finding{Path: name, Row: row, Lost: true, Err: damage})
		}
		ordinal++
	}
	return nil
}

// inMemory is the size, in bytes, up to which a blob is read at once.
const inMemory = 1 << 20

// inBuffer returns what a reader has, read into a buffer where it is no more than that holds.
func inBuffer(body *io.SectionReader, buffer []byte) (io.ReaderAt, error) {
	if body.Size() > int64(len(buffer)) {
		return body, nil
	}
	n, err := io.ReadFull(body, buffer[:body.Size()])
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, err
	}
	return bytes.NewReader(buffer[:n]), nil
}

// move copies members of a shard into new ones.
func (c *compaction) move(ctx context.Context, name string, members []*member) (err error) {
	from, err := sinks.NewUnpacker(ctx, c.Export, name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, from.Close()) }()
	sum, buffer := sha256.New(), make([]byte, inMemory)
	for _, m := range members {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		body, err := from.Blob(&m.at, m.size)
		if err != nil {
			return err
		}
		content, err := inBuffer(body, buffer)
		if err != nil {
			return fmt.Errorf("read %s: %w", name, err)
		}
		blob := pipeline.NewBlob(m.content(), content, nil)
		sum.Reset()
		if _, err := blob.WriteTo(sum); err != nil {
			return fmt.Errorf("read %s: %w", name, err)
		}
		if err := sinks.CompareSum(sum, m.sum); err != nil {
			// It was sound when it was read before.
			return &pipeline.DamageError{Path: name, Err: err}
		}
		blob.FetchedAt = time.Unix(m.fetchedAt, 0)
		if m.to, err = c.sink.Adopt(ctx, m.at.Member, blob); err != nil {
			return err
		}
	}
	return nil
}

// commit makes what has moved durable, and then its rows.
func (c *compaction) commit(ctx context.Context, ledger Ledger, moved []*member) error {
	batch, err := c.sink.Cut(ctx)
	if err != nil {
		return err
	}
	if err := batch.Sync(ctx); err != nil {
		return err
	}
	slices.SortFunc(moved, func(a, b *member) int { return cmp.Compare(a.ordinal, b.ordinal) })
	ordinal, pending := uint32(0), []*pipeline.Row(nil)
	for row, err := range ledger.Rows(ctx) {
		if err != nil {
			return err
		}
		if len(moved) > 0 && moved[0].ordinal == ordinal {
			c.count(moved[0])
			row.Location = *moved[0].to
			pending, moved = append(pending, row), moved[1:]
		}
		if ordinal++; len(pending) < rowsAtOnce {
			continue
		}
		if err := ledger.Commit(ctx, pipeline.Rows{Assets: pending}); err != nil {
			return err
		}
		pending = nil
	}
	return ledger.Commit(ctx, pipeline.Rows{Assets: pending})
}

// count counts a member that has moved.
func (c *compaction) count(m *member) {
	c.result.Members++
	c.result.Bytes += m.size
	c.written[m.to.Path] = true
}
