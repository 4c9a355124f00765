package manifest

import (
	"bytes"
	"testing"

	"exporter/internal/store"
	"exporter/internal/store/storetest"
)

// Rows that were kept for a merge, and are not what was written, end it.
func TestRuns_DamagedSpool_IsAnError(t *testing.T) {
	for kind := range kinds {
		s := seriesOf(kind)
		st := storetest.NewMemory(nil)
		spool, err := st.Spool()
		if err != nil {
			t.Fatal(err)
		}
		r, err := newRuns(&s, 0, spool)
		if err != nil {
			t.Fatal(err)
		}
		columns := nullColumns(len(s.schema.Fields()), readBatch)
		rows := func(yield func(batch, error) bool) {
			for range 9 {
				if !yield(batch{columns: columns, end: readBatch}, nil) {
					return
				}
			}
		}
		if err := r.add(rows); err != nil {
			t.Fatal(err)
		}
		read := func() (count int, err error) {
			for b, err := range r.all() {
				if err != nil {
					return count, err
				}
				count += b.count()
			}
			return count, nil
		}
		if n, err := read(); n != 9*readBatch || err != nil {
			t.Fatalf("kind %d: %d rows, %v", kind, n, err)
		}
		var whole bytes.Buffer
		if _, err := spool.WriteTo(&whole); err != nil {
			t.Fatal(err)
		}
		for at := range whole.Len() {
			r.spool = damagedSpool{spool, flipped(whole.Bytes(), at)}
			if n, err := read(); err == nil {
				t.Fatalf("kind %d: with a bit of byte %d changed there are %d rows, and no error", kind, at, n)
			}
		}
		r.close()
	}
}

// damagedSpool reads something else than what was written.
type damagedSpool struct {
	store.Spool
	content []byte
}

// ReadAt implements store.Content.
func (d damagedSpool) ReadAt(p []byte, at int64) (int, error) {
	return store.Bytes(d.content).ReadAt(p, at)
}
