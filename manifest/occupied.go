package manifest

import (
	"maps"

	"github.com/parquet-go/parquet-go"

	"exporter/pipeline"
)

// Occupied is what the rows of a table need of a shard.
type Occupied struct {
	// Members counts blobs, Bytes sums up their sizes.
	Members, Bytes int64
}

// Occupied returns for each shard what the rows need of it; nil unless Compact has merged them anew.
func (l *Ledger) Occupied() map[string]Occupied { return maps.Clone(l.occupied) }

// occupancy counts what rows need of shards.
type occupancy struct {
	status, shard, size int
	byShard             map[string]*Occupied
	// last is what lies in the shard lastName, which mostly the next row needs, too.
	last     *Occupied
	lastName string
}

func newOccupancy(schema *parquet.Schema) *occupancy {
	return &occupancy{
		status: columnOf(schema, "status"), shard: columnOf(schema, "shard"), size: columnOf(schema, "size"), byShard: map[string]*Occupied{},
	}
}

// columns are those that add needs.
func (o *occupancy) columns() []int { return []int{o.status, o.shard, o.size} }

func (o *occupancy) add(r row) {
	shard := r.value(o.shard)
	if shard.IsNull() || string(r.value(o.status).ByteArray()) != string(pipeline.Stored) {
		return
	}
	known := o.of(shard.ByteArray())
	known.Members++
	if size := r.value(o.size); !size.IsNull() {
		known.Bytes += size.Int64()
	}
}

// of returns what lies in a shard.
func (o *occupancy) of(name []byte) *Occupied {
	if o.last != nil && o.lastName == string(name) {
		return o.last
	}
	o.lastName = string(name)
	if o.last = o.byShard[o.lastName]; o.last == nil {
		o.last = &Occupied{}
		o.byShard[o.lastName] = o.last
	}
	return o.last
}

func (o *occupancy) shards() map[string]Occupied {
	all := make(map[string]Occupied, len(o.byShard))
	for name, occupied := range o.byShard {
		all[name] = *occupied
	}
	return all
}
