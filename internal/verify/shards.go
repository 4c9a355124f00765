package verify

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"runtime"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"exporter/pipeline"
	"exporter/sinks"
)

// errMissing says that there is no shard where there has to be one.
var errMissing = errors.New("the shard is missing")

// checkShards checks all shards, those that are there as well as those of which rows claim members.
func (v *Verification) checkShards(ctx context.Context, members *claims) error {
	shards, others, err := sinks.ListShards(ctx, v.Export)
	if err != nil {
		if failed := unreadable("list the shards", err); failed != nil {
			return failed
		}
		v.found(Finding{Path: sinks.ShardDir, Err: err})
	}
	for _, name := range others {
		v.found(Finding{Path: name})
	}
	shards = slices.Concat(shards, members.shards)
	slices.Sort(shards)
	shards = slices.Compact(shards)
	missing, err := sinks.MissingShards(ctx, v.Export, shards)
	if err != nil {
		return &pipeline.StorageError{Op: "look for missing shards", Err: err}
	}
	for _, name := range missing {
		v.found(Finding{Path: name, Err: errMissing})
	}
	var problems problems
	g, checking := errgroup.WithContext(ctx)
	// Decoding and hashing keep a processor busy for each shard.
	g.SetLimit(runtime.GOMAXPROCS(0))
	err = v.checkEach(checking, g, shards, members, &problems)
	if failed := g.Wait(); failed != nil {
		return failed
	}
	if err != nil {
		return err
	}
	return v.report(ctx, problems.take(0))
}

// checkEach lets g check each shard: first those that have claims, then the others.
func (v *Verification) checkEach(ctx context.Context, g *errgroup.Group, shards []string, members *claims, p *problems) error {
	for of, err := range members.byShard() {
		if err != nil {
			return &pipeline.StorageError{Op: "read what is to be verified", Err: err}
		}
		g.Go(func() error { return v.checkShard(ctx, of.shard, of.claims, p) })
		if err := v.report(ctx, p.take(v.groupSize)); err != nil {
			return err
		}
	}
	for _, name := range shards {
		if _, claimed := members.numbers[name]; !claimed {
			g.Go(func() error { return v.checkShard(ctx, name, nil, p) })
		}
	}
	return nil
}

func (v *Verification) checkShard(ctx context.Context, name string, claims []sinks.Claim, p *problems) error {
	visitor := &visitor{Verification: v, path: name, problems: p}
	shard, err := sinks.OpenShard(ctx, v.Export, name)
	if err != nil {
		if failed := unreadable("verify a shard", err); failed != nil {
			return failed
		}
		if errors.Is(err, fs.ErrNotExist) {
			err = errMissing
		}
		visitor.missing(claims, err)
		return nil
	}
	defer shard.Close()
	if v.Quick {
		shard.Glance(ctx, claims, visitor)
		return nil
	}
	return shard.Inspect(ctx, claims, visitor)
}

// problems are findings whose rows have to be looked up.
type problems struct {
	mu   sync.Mutex
	list []problem
}

type problem struct {
	ordinal uint32
	lost    bool
	err     error
}

func (p *problems) add(one problem) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.list = append(p.list, one)
}

// take returns all problems, and forgets them; none where they are fewer than so many.
func (p *problems) take(least int) []problem {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.list) < least {
		return nil
	}
	list := p.list
	p.list = nil
	return list
}

// report finds the rows of problems and reports them.
func (v *Verification) report(ctx context.Context, list []problem) error {
	if len(list) == 0 {
		return nil
	}
	slices.SortFunc(list, func(a, b problem) int { return cmp.Compare(a.ordinal, b.ordinal) })
	ordinal := uint32(0)
	for row, err := range v.Rows.Rows(ctx) {
		if err != nil {
			return err
		}
		for ; len(list) > 0 && list[0].ordinal == ordinal; list = list[1:] {
			v.found(Finding{Path: row.Location.Path, Row: row, Lost: list[0].lost, Err: list[0].err})
		}
		if len(list) == 0 {
			return nil
		}
		ordinal++
	}
	return nil
}

// visitor takes what is found in a shard.
type visitor struct {
	*Verification
	path     string
	problems *problems
}

var _ sinks.ShardVisitor = (*visitor)(nil)

// Claimed implements sinks.ShardVisitor.
func (s *visitor) Claimed(c *sinks.Claim, err error) {
	s.checked(c.Size())
	if err != nil {
		s.problems.add(problem{ordinal: c.Ordinal, lost: true, err: err})
	}
}

// Orphan implements sinks.ShardVisitor.
func (s *visitor) Orphan(member string) { s.found(Finding{Path: s.path, Member: member}) }

// Damaged implements sinks.ShardVisitor.
func (s *visitor) Damaged(c *sinks.Claim, err error) {
	if c == nil {
		s.found(Finding{Path: s.path, Err: err})
		return
	}
	s.problems.add(problem{ordinal: c.Ordinal, err: err})
}

// missing says that a shard cannot be opened. One that is gone although nobody claims anything of it was not there: a run
// removes what it cannot go on with.
func (s *visitor) missing(claims []sinks.Claim, err error) {
	if len(claims) > 0 || !errors.Is(err, errMissing) {
		s.Damaged(nil, err)
	}
	for i := range claims {
		s.Claimed(&claims[i], err)
	}
}
