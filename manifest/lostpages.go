package manifest

import (
	"context"
	"encoding/binary"
	"errors"
	"slices"

	"github.com/parquet-go/parquet-go/format"

	"exporter/pipeline"
)

// LostPages returns a *pipeline.DamageError where there are no pages at all, although rows of files or jobs say that some were recorded; nil where that is
// not so. Where the footers of the tables say that no row does, it reads no rows.
func (s *Snapshot) LostPages(ctx context.Context) error {
	if len(s.pages.tables()) > 0 || !slices.ContainsFunc(s.files.tables(), (*table).mayHavePages) {
		return nil
	}
	lost, err := s.findLostPages(ctx)
	if lost != nil {
		return lost
	}
	return err
}

// findLostPages is LostPages by the rows alone, whatever footers say.
func (s *Snapshot) findLostPages(ctx context.Context) (*pipeline.DamageError, error) {
	if len(s.pages.tables()) > 0 {
		return nil, nil
	}
	for row, err := range decoded[fileRow](s.files.all(ctx)) {
		if err != nil {
			return nil, err
		}
		if zeroIfNil(row.Pages) > 0 {
			return &pipeline.DamageError{Path: PagesName, Err: errors.New("it is missing, although text of pages was recorded")}, nil
		}
	}
	return nil, nil
}

// mayHavePages tells whether a row of a table of files may have pages, by its footer.
func (t *table) mayHavePages() bool {
	for _, group := range t.parquet.Metadata().RowGroups {
		for i := range group.Columns {
			c := &group.Columns[i].MetaData
			if slices.Equal(c.PathInSchema, []string{"pages"}) && mayBePositive(c) {
				return true
			}
		}
	}
	return false
}

// mayBePositive tells whether a column of integers may have one above zero, by its statistics, which what another program wrote may lack.
func mayBePositive(c *format.ColumnMetaData) bool {
	most := c.Statistics.MaxValue
	if len(most) != 8 {
		return c.Statistics.NullCount != c.NumValues
	}
	return int64(binary.LittleEndian.Uint64(most)) > 0
}
