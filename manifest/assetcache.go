package manifest

import (
	"slices"
	"sort"
	"sync"

	"exporter/pipeline"
)

const (
	// leastBlock is how many rows are read at once for an owner that was searched, and mostBlock for one that comes next after others: to
	// decode the pages of a row takes as long as to read hundreds.
	leastBlock, mostBlock = 32, 1024
	// blocksKept is how many blocks are kept of each table: several ask at once, in nearly the same order.
	blocksKept = 2
)

// assetCache keeps the rows of assets that were read last. It is safe for concurrent use.
type assetCache struct {
	mu     sync.Mutex
	blocks map[*table][]*assetBlock
}

// assetBlock is some rows of a table one after the other. It begins with the first row of an owner.
type assetBlock struct {
	first int64
	rows  []*assetRow
	// isLast says that no row follows.
	isLast bool
}

// rowsOf returns the rows that a table, of which no row is lost, has of an owner. Whether isWhole, they are all; else they are too many.
func (c *assetCache) rowsOf(s *series, t *table, of pipeline.Owner) (rows []*assetRow, isWhole bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, b := range c.blocks[t] {
		rows, next := b.find(of)
		switch {
		case next < 0:
			return rows, true, nil
		case next == b.first:
			return nil, false, nil
		case next < b.first+int64(len(b.rows)):
			return c.load(s, t, span{next, min(4*int64(len(b.rows)), mostBlock)}, of)
		}
	}
	at, err := s.find(t, rowOf(s.schema, wantedOwner(of)), ownerParts)
	if err != nil || at.count == 0 || at.count >= leastBlock {
		return nil, at.count == 0, err
	}
	return c.load(s, t, span{at.first, leastBlock}, of)
}

// find returns the rows of an owner, and -1 where these are all that there are. Else it returns where its rows begin if that is in the block, and
// what is behind the block otherwise.
func (b *assetBlock) find(of pipeline.Owner) (rows []*assetRow, next int64) {
	end := b.first + int64(len(b.rows))
	if of.Compare(b.rows[0].owner()) < 0 {
		return nil, end
	}
	i := sort.Search(len(b.rows), func(i int) bool { return b.rows[i].owner().Compare(of) >= 0 })
	j := sort.Search(len(b.rows), func(i int) bool { return b.rows[i].owner().Compare(of) > 0 })
	switch {
	case j < len(b.rows) || b.isLast:
		return b.rows[i:j], -1
	case i < j:
		return nil, b.first + int64(i)
	}
	return nil, end
}

// load reads the block that begins with the first row of an owner, and returns the rows of the owner.
func (c *assetCache) load(s *series, t *table, rows span, of pipeline.Owner) (found []*assetRow, isWhole bool, err error) {
	rows = rows.and(t.all())
	b := &assetBlock{first: rows.first, isLast: rows.end() == t.all().end()}
	for row, err := range decoded[assetRow](t.rows(rows)) {
		if err != nil {
			return nil, false, err
		}
		b.rows = append(b.rows, row)
	}
	if c.blocks == nil {
		c.blocks = map[*table][]*assetBlock{}
	}
	kept := append([]*assetBlock{b}, c.blocks[t]...)
	c.blocks[t] = kept[:min(len(kept), blocksKept)]
	found, next := b.find(of)
	return found, next < 0, nil
}

// newestOf returns the newest row of each key among those of several tables, the oldest first, in the order of keys.
func newestOf(tables [][]*assetRow) []*assetRow {
	switch len(tables) {
	case 0:
		return nil
	case 1:
		return tables[0]
	}
	newest := map[pipeline.AssetKey]*assetRow{}
	for _, rows := range tables {
		for _, row := range rows {
			newest[row.key()] = row
		}
	}
	var rows []*assetRow
	for _, row := range newest {
		rows = append(rows, row)
	}
	slices.SortFunc(rows, func(a, b *assetRow) int { return a.key().Compare(b.key()) })
	return rows
}
