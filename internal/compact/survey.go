package compact

import (
	"cmp"
	"context"
	"slices"

	"exporter/internal/store"
	"exporter/internal/verify"
	"exporter/pipeline"
	"exporter/sinks"
)

// shard is a sealed shard, and what rows say of it.
type shard struct {
	name string
	// size is that of its object; members, content and live are those that rows name, the bytes of these, and what they take in the
	// uncompressed archive; extent is what all take there, -1 where the shard does not say.
	size, members, content, live, extent int64
}

// isDead tells whether no row names a member.
func (s *shard) isDead() bool { return s.members == 0 }

// hasDead tells whether there may be a member that no row names.
func (s *shard) hasDead() bool { return s.extent != s.live }

// share is how much of the members is dead, from 0 to 1.
func (s *shard) share() float64 {
	if s.extent <= 0 {
		return 1
	}
	return 1 - float64(s.live)/float64(s.extent)
}

// smallParts is how many shards of the size that is just not small make a full one.
const smallParts = 4

// IsSmall tells whether a shard is so much smaller than it may be that it is to be made one with others.
func IsSmall(size, shardSize int64) bool { return size < shardSize/smallParts }

// Plan returns what Run would do with an export that is open for reading.
func Plan(ctx context.Context, from store.Reader, rows verify.Rows, o Options) (Result, error) {
	c := newCompaction(o)
	if err := c.findOrphans(ctx, verify.Options{Export: from, Rows: rows}, c.Found, func([]string) error { return nil }); err != nil {
		return c.result, err
	}
	p, err := c.survey(ctx, from, rows)
	for _, s := range p.removed {
		c.result.Removed++
		c.result.Freed += s.size
	}
	for _, s := range p.repacked {
		c.result.Repacked++
		c.result.Members += s.members
		c.result.Bytes += s.content
		c.result.Freed += int64(s.share() * float64(s.size))
	}
	return c.result, err
}

// plan says which sealed shards are to be removed, and which to be repacked.
type plan struct{ removed, repacked []*shard }

// survey compares the shards with the rows.
func (o *Options) survey(ctx context.Context, from store.Reader, rows verify.Rows) (p plan, err error) {
	shards := map[string]*shard{}
	for e, err := range from.List(ctx, sinks.ShardDir+"/") {
		if err != nil {
			return p, err
		}
		if !e.Irregular && sinks.IsShard(e.Key) {
			shards[e.Key] = &shard{name: e.Key, size: e.Size}
		}
	}
	if err := countLive(ctx, shards, rows); err != nil {
		return p, err
	}
	for _, s := range shards {
		if s.isDead() {
			p.removed = append(p.removed, s)
			continue
		}
		if s.extent, err = sinks.ShardExtent(ctx, from, s.name); err != nil {
			return p, err
		}
		if s.hasDead() && s.share() >= o.LeastDead || IsSmall(s.size, o.Archive.ShardSize) {
			p.repacked = append(p.repacked, s)
		}
	}
	if len(p.repacked) == 1 && !p.repacked[0].hasDead() {
		// It would become another one like it.
		p.repacked = nil
	}
	byName := func(a, b *shard) int { return cmp.Compare(a.name, b.name) }
	slices.SortFunc(p.removed, byName)
	slices.SortFunc(p.repacked, byName)
	return p, nil
}

// countLive counts the members that rows name.
func countLive(ctx context.Context, shards map[string]*shard, rows verify.Rows) error {
	for row, err := range rows.Rows(ctx) {
		if err != nil {
			return err
		}
		if row.Status != pipeline.Stored || row.Location.Shard == nil {
			continue
		}
		s := shards[row.Location.Path]
		if s == nil {
			continue
		}
		extent, err := sinks.MemberExtent(row.Location.Shard.Member, row.Content.Size, row.FetchedAt)
		if err != nil {
			// No shard has such a member: what it has instead is found out when it is read.
			extent = 0
		}
		s.members++
		s.content += row.Content.Size
		s.live += extent
	}
	return nil
}
