// Package dataset makes training data of exports: Parquet with pictures inside, WebDataset's tar shards, or folders of pictures, each with a
// card, a Croissant document and a report. docs/datasets.md specifies what it writes.
//
// It works offline and reads exports through their tables and the blobs that these name. The same exports and the same options give the same
// bytes on every machine. Rows are read twice, in the order of their keys: first to decide what becomes of each (choose.go), which needs the
// whole; then shard after shard (write.go), several at a time. A shard has its name only when it is complete.
package dataset
