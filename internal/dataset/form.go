package dataset

import "io"

// Schema is what every sample of a configuration has beside its picture.
type Schema struct {
	Columns []*Column
	// HasObjects tells whether there is a column of objects.
	HasObjects bool
}

// shardForm is a form of which the pictures lie in shards, each of them one file.
type shardForm interface {
	// extension is that of shards, with its dot.
	extension() string
	// newShard begins a shard, which is written to w from its first byte to its last.
	newShard(w io.Writer, s *Schema) shardWriter
}

// shardWriter writes one shard. What it writes depends on nothing but the schema and the samples.
type shardWriter interface {
	// add appends a sample and its picture, of which the bytes are checked. It keeps neither.
	add(s *Sample, picture []byte) error
	// close ends the shard, and returns what is to be stored beside it in a file with the same name up to its first dot; nil for nothing.
	close() (side *sideFile, err error)
}

// sideFile is what is stored beside a shard.
type sideFile struct {
	// extension has its dot.
	extension string
	data      []byte
}

// shardFormOf returns the form of a name, which is one of shards.
func shardFormOf(name string) shardForm {
	if name == FormWebDataset {
		return tarForm{}
	}
	return parquetForm{}
}
